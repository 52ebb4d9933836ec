// One viewer: the element of class viewer holds a scene as JSON, and gets pictures, controls and a graph.
import { Bar } from "./bar.js";
import { Clock } from "./clock.js";
import { Graph } from "./graph.js";
import { listen } from "./keys.js";
import { Pace } from "./pace.js";
import { Picture } from "./picture.js";
import { Recording } from "./recording.js";
import { Space } from "./space.js";

const LONGEST_S = 0.25;                           // time that passes at most between two pictures, as after a pause of the page
const SAYING_MS = 70;

export class Viewer {
  // `page`: its stage, theme, whether this is its only viewer, and `wake`, which asks for the next picture.
  constructor(root, page) {
    Object.assign(this, { root, page, visible: false, before: null });
    const recording = this.recording = new Recording(root.querySelector("script").textContent);
    this.clock = new Clock(recording.frames, recording.fps);
    this.pace = new Pace();
    this.on = { loop: true, follow: true, path: recording.path, apart: recording.apart, graph: page.alone };
    if (recording.height) root.style.setProperty("--height", `${recording.height}px`);
    const redraw = () => this.redraw();
    const turned = () => {
      this.turned = true;
      page.wake();
    };
    this.space = new Space(root, recording, page, turned, (joint) => {
      this.graph.choose(joint);
      if (!this.on.graph) this.toggle("graph");
    });
    this.picture = recording.image && new Picture(root, recording);
    this.graph = new Graph(root, recording, (frame) => this.seek(frame), redraw);
    this.bar = new Bar(root, recording, {
      play: () => this.play(),
      seek: (frame) => this.seek(frame),
      show: (figure, shown) => { figure.shown = shown; this.redraw(); },
      speed: (speed) => { this.clock.speed = speed; },
      toggle: (name) => this.toggle(name),
      home: () => this.home(),
      graphs: this.graph.exists,
    });
    this.on.graph &&= this.graph.exists;
    root.classList.toggle("with-image", Boolean(this.picture));
    listen(page.alone ? document : root, this);
    new ResizeObserver(redraw).observe(root);
    new IntersectionObserver((seen) => {
      this.visible = seen.at(-1).isIntersecting;
      this.redraw();
    }).observe(root);
    this.clock.play(!matchMedia("(prefers-reduced-motion: reduce)").matches && recording.frames > 1);
    this.redraw();
  }

  play() {
    this.clock.play(!this.clock.playing);
    this.redraw();
  }

  seek(frame) {
    this.clock.play(false);
    this.clock.seek(frame);
    this.redraw();
  }

  // The next speed up (1) or down (-1).
  speed(direction) {
    this.clock.change(direction);
    this.redraw();
  }

  home() {
    this.space.eye.home();
    this.redraw();
  }

  toggle(name) {
    if (name === "graph" && !this.graph.exists) return;
    this.on[name] = !this.on[name];
    this.redraw();
  }

  // Everything is drawn again with the next picture, not only what moves.
  redraw() {
    this.stale = true;
    this.page.wake();
  }

  // One picture of the page, at a time in milliseconds; true if more will follow by themselves.
  tick(now) {
    const { clock } = this;
    const passed = this.before === null ? 0 : Math.min((now - this.before) / 1000, LONGEST_S);
    if (passed) this.pace.passed(1000 * passed);
    const moved = clock.playing && clock.advance(passed);
    // Somebody has stopped it, or it has come to its end.
    const stopped = this.before !== null && !clock.playing;
    if (stopped) this.pace.rest();
    this.before = clock.playing ? now : null;
    if (moved || stopped || this.stale || this.turned) this.draw(now);
    return clock.playing;
  }

  draw(now = performance.now()) {
    const { clock, on, recording, space } = this;
    const colours = this.page.theme.colours;
    const note = recording.note(clock.frame);
    clock.loop = on.loop;
    space.eye.follow = on.follow;
    const whole = this.stale;
    if (whole) {
      this.root.classList.toggle("with-graph", on.graph);
      this.bar.draw(colours);
      this.graph.draw(colours);
    }
    this.stale = false;
    this.root.dataset.frame = clock.frame;
    // While it plays, numbers change as often as somebody can read them.
    if (!clock.playing || whole || now - this.said > SAYING_MS) {
      this.said = now;
      this.bar.set(on, clock);
      this.bar.show(clock.frame);
      this.graph.show(clock.frame);
    }
    space.note.textContent = note;
    // With a graphics card, pixels are not what makes pictures late.
    const share = clock.playing && !this.page.stage.fine ? this.pace.share : 1;
    const look = { frame: clock.frame, colours, dimmed: note !== "", path: on.path, apart: on.apart, share };
    space.draw({ ...look, chosen: (figure) => (on.graph && figure.graphs.length ? figure.names.indexOf(this.graph.joint) : -1) });
    this.picture?.draw(look);
    // The eye has gone with the person: that is drawn.
    this.turned = false;
  }
}
