// The keyboard of a viewer: what each key does, for the viewer that has the focus, or the only one of the page.
const [TURN_RAD, NEARER] = [0.1, 1 / 1.1];

export function listen(target, viewer) {
  const { clock, space, graph, recording } = viewer;
  const second = Math.round(recording.fps);
  const acts = {
    " ": () => viewer.play(),
    ArrowLeft: (shift) => viewer.seek(clock.frame - (shift ? second : 1)),
    ArrowRight: (shift) => viewer.seek(clock.frame + (shift ? second : 1)),
    Home: () => viewer.seek(0),
    End: () => viewer.seek(recording.frames - 1),
    a: () => space.eye.turn(-TURN_RAD, 0),
    d: () => space.eye.turn(TURN_RAD, 0),
    w: () => space.eye.turn(0, TURN_RAD),
    s: () => space.eye.turn(0, -TURN_RAD),
    "+": () => space.eye.zoom(NEARER),
    "-": () => space.eye.zoom(1 / NEARER),
    "[": () => viewer.speed(-1),
    "]": () => viewer.speed(1),
    r: () => viewer.home(),
    l: () => viewer.toggle("loop"),
    f: () => viewer.toggle("follow"),
    p: () => viewer.toggle("path"),
    o: () => viewer.toggle("apart"),
    g: () => viewer.toggle("graph"),
    j: (shift) => graph.exists && graph.step(shift ? -1 : 1),
  };
  target.addEventListener("keydown", (event) => {
    // AltGr, with which many layouts write brackets, is told as Ctrl and Alt by some systems.
    const shortcut = (event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph");
    if (shortcut || event.metaKey || event.target.tagName === "SELECT") return;
    // The space bar works the button or box that has the focus.
    if (event.key === " " && ["BUTTON", "INPUT", "SUMMARY"].includes(event.target.tagName) && event.target.type !== "range") return;
    const digit = Number(event.key);
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (digit >= 1 && digit <= recording.figures.length) recording.figures[digit - 1].box.click();
    else if (act) act(event.shiftKey);
    else return;
    event.preventDefault();
  });
}
