// Elements of the page.
export function element(tag, className, parent, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

export function button(parent, text, title, act) {
  const made = element("button", "", parent, text);
  Object.assign(made, { type: "button", title });
  made.addEventListener("click", act);
  return made;
}

// A button that is on or off; `set(on)` shows which.
export function toggle(parent, text, title, act) {
  const made = button(parent, text, title, act);
  made.set = (on) => made.setAttribute("aria-pressed", on);
  return made;
}

// `options` are pairs of value and text.
export function choice(parent, label, options, act) {
  const made = element("select", "", parent);
  made.setAttribute("aria-label", label);
  for (const [value, text] of options) element("option", "", made, text).value = value;
  made.addEventListener("change", () => act(made.value));
  return made;
}

// Gives a canvas as many pixels as its element has on the screen; its 2D context, scaled to CSS pixels.
export function fitted(canvas) {
  const ratio = pixelRatio();
  const { clientWidth: width, clientHeight: height } = canvas;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

export const pixelRatio = () => Math.min(window.devicePixelRatio || 1, 2);

export const FONT = '12px system-ui, "Segoe UI", Roboto, sans-serif';
