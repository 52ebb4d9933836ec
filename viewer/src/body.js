// A figure as a body: a limb for every line, a ball at every point, a head; and its shadow straight below.
import { Color, Mesh, MeshLambertMaterial, Vector3 } from "three";
import { Shadow } from "./shadow.js";
import { END, Solid, START } from "./solid.js";

const STICK_M = 0.011;                            // radius of limbs where nobody says how thick they are
const SLIM = 0.5;                                 // thickness where several figures are in one place
const HEAD = { radius: 0.082, stretch: 1.4, middle: 0.09 };   // of usual size [m]
const [PALE, DIMMED] = [0.42, 0.72];              // how far colours go towards the ground's
const CHOSEN = 1.3;                               // how much thicker
const UP = new Vector3(0, 1, 0);

export class Body {
  // `ground`: height of the shadow [m].
  constructor(figure, ground, fine) {
    this.figure = figure;
    const { lines, points } = figure;
    this.radii = figure.radii ?? lines.map(() => STICK_M);
    // A ball is as thick as the limbs that meet there; ends of sticks need none.
    this.round = fine || Boolean(figure.radii);
    this.balls = new Array(points).fill(0);
    this.rightBalls = new Array(points).fill(false);
    lines.forEach(([from, to], line) => {
      this.balls[from] = Math.max(this.balls[from], this.radii[line] * START);
      this.balls[to] = Math.max(this.balls[to], this.radii[line] * END);
      this.rightBalls[to] ||= Boolean(figure.right[line]);
    });
    this.solid = new Solid(lines.length, this.round ? points + 1 : 0, fine);
    this.mesh = new Mesh(this.solid.geometry, new MeshLambertMaterial({ vertexColors: true }));
    this.mesh.frustumCulled = false;
    this.shadow = new Shadow(lines.length, this.round ? points + 1 : 0, ground);
    this.parts = [this.solid, this.shadow];
    this.places = Array.from({ length: points }, () => new Vector3());
    this.seen = new Array(points).fill(false);
  }

  // `slim`: other figures are in the same place; `chosen`: the point that stands out, -1 for none.
  pose(frame, slim, chosen) {
    const { figure, places, seen } = this;
    const thickness = slim ? SLIM : 1;
    const place = [0, 0, 0];
    for (let point = 0; point < figure.points; point++) {
      seen[point] = figure.space.read(frame, point, place);
      if (seen[point]) places[point].fromArray(place);
      const radius = this.balls[point] * thickness * (point === chosen ? CHOSEN : 1);
      for (const part of this.round ? this.parts : []) {
        if (seen[point]) part.ball(point, places[point], radius, UP);
        else part.hideBall(point);
      }
    }
    figure.lines.forEach(([from, to], line) => {
      for (const part of this.parts) {
        if (seen[from] && seen[to]) part.limb(line, places[from], places[to], this.radii[line] * thickness);
        else part.hideLimb(line);
      }
    });
    if (this.round) this.poseHead(slim ? 0.85 : 1);
    for (const part of this.parts) part.moved();
  }

  poseHead(size) {
    const { figure, places, seen } = this;
    if (!figure.head?.every((point) => seen[point])) return this.parts.forEach((part) => part.hideBall(figure.points));
    const [start, from, to] = figure.head.map((point) => places[point]);
    const way = new Vector3().subVectors(to, from).normalize();
    const middle = start.clone().addScaledVector(way, HEAD.middle);
    for (const part of this.parts) part.ball(figure.points, middle, HEAD.radius * size, way, HEAD.stretch);
  }

  // Colours of all parts; the right side is paler, what does not count is dimmed, the chosen joint has a colour of its own.
  paint(colours, dimmed, chosen) {
    const key = [colours.dark, colours.panel, dimmed, chosen].join();
    if (key === this.painted) return;
    this.painted = key;
    // Black would show no shape.
    const full = new Color(this.figure.colour === "ink" ? colours.body : this.figure.colour);
    const ground = new Color(colours.panel);
    const [left, right] = [0, PALE].map((pale) => full.clone().lerp(ground, pale).lerp(ground, dimmed ? DIMMED : 0));
    this.figure.lines.forEach((_, line) => this.solid.paintLimb(line, this.figure.right[line] ? right : left));
    if (!this.round) return;
    this.rightBalls.forEach((isRight, point) => this.solid.paintBall(point, isRight ? right : left));
    this.solid.paintBall(this.figure.points, left);
    if (chosen >= 0) this.solid.paintBall(chosen, new Color(colours.accent));
  }
}
