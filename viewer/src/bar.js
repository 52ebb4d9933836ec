// The controls under a picture: play, timeline with its marked stretches, speed, loop, figures, views.
import { SPEEDS } from "./clock.js";
import { button, choice, element, fitted, toggle } from "./element.js";
import { paint } from "./theme.js";

const PLAY = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 2.5v11l9-5.5z"/></svg>';
const PAUSE = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 2.5h3v11H4zM9 2.5h3v11H9z"/></svg>';

export class Bar {
  // `acts`: what the controls do.
  constructor(parent, recording, acts) {
    this.recording = recording;
    const bar = element("div", "bar", parent);
    this.play = button(bar, "", "play or pause (space)", () => acts.play());
    this.play.className = "play";
    const time = element("div", "time", bar);
    this.marks = element("canvas", "", time);
    this.scrub = element("input", "", time);
    Object.assign(this.scrub, { type: "range", min: 0, max: recording.frames - 1, step: 1, value: 0 });
    this.scrub.setAttribute("aria-label", "frame");
    this.scrub.addEventListener("input", () => acts.seek(Number(this.scrub.value)));
    this.readout = element("output", "", bar);

    const tools = element("div", "tools", parent);
    const legend = element("div", "legend", tools);
    for (const figure of recording.figures) {
      const label = element("label", "", legend);
      figure.box = element("input", "", label);
      Object.assign(figure.box, { type: "checkbox", checked: true });
      figure.box.addEventListener("change", () => acts.show(figure, figure.box.checked));
      figure.swatch = element("i", "", label);
      element("span", "", label, figure.name);
      figure.said = element("span", "error", label);
    }
    const rest = element("div", "views", tools);
    this.speeds = choice(rest, "speed", SPEEDS.map((speed) => [speed, `${speed}×`]), (speed) => acts.speed(Number(speed)));
    this.toggles = {
      loop: toggle(rest, "Loop", "begin again at the end (l)", () => acts.toggle("loop")),
      follow: toggle(rest, "Follow", "go with the person (f)", () => acts.toggle("follow")),
      path: toggle(rest, "Path", "the way over the ground (p)", () => acts.toggle("path")),
    };
    if (recording.figures.filter((figure) => figure.inSpace).length > 1) {
      this.toggles.apart = toggle(rest, "Side by side", "or all in one place (o)", () => acts.toggle("apart"));
    }
    if (acts.graphs) this.toggles.graph = toggle(rest, "Graph", "a joint over time (g)", () => acts.toggle("graph"));
    button(rest, "Reset view", "as at first (r)", () => acts.home());
  }

  // What is on, and whether it plays.
  set(state, clock) {
    for (const [name, made] of Object.entries(this.toggles)) made.set(state[name]);
    if (this.playing !== clock.playing) {
      this.playing = clock.playing;
      this.play.innerHTML = clock.playing ? PAUSE : PLAY;
      this.play.setAttribute("aria-label", clock.playing ? "pause" : "play");
    }
    this.speeds.value = clock.speed;
  }

  show(frame) {
    const { recording } = this;
    this.scrub.value = frame;
    this.readout.textContent = `frame ${recording.number(frame)} · ${recording.second(frame).toFixed(2)} s`;
    for (const figure of recording.figures) {
      const error = figure.error_mm?.[frame] ?? null;
      figure.said.textContent = error === null ? "" : `${figure.error_name} ${error} mm`;
    }
  }

  draw(colours) {
    for (const figure of this.recording.figures) figure.swatch.style.background = paint(figure, colours);
    const { context, width, height } = fitted(this.marks);
    context.fillStyle = colours.shade;
    const { frames, notes } = this.recording;
    for (const [start, end] of notes) context.fillRect((start * width) / frames, 0, Math.max(1, ((end - start) * width) / frames), height);
  }
}
