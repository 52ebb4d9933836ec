// A number of one joint, or of the whole body, over time, for every figure that knows it; a click goes to a frame.
import { axisOf, trace } from "./curve.js";
import { choice, element, fitted, FONT } from "./element.js";
import { paint } from "./theme.js";

const WHOLE = "whole body";
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 12, 8, 8];

export class Graph {
  constructor(parent, recording, seek, chosen) {
    Object.assign(this, { recording, seek, chosen });
    const graphs = recording.figures.flatMap((figure) => figure.graphs);
    this.joints = recording.figures.find((figure) => figure.graphs.length)?.names.slice(0, graphs[0].joints) ?? [];
    this.quantities = [...new Map(graphs.map(({ name, unit }) => [name, unit]))];
    this.wholes = recording.figures.filter((figure) => figure.error_mm);
    this.box = element("div", "graph", parent);
    if (!this.exists) return;
    const head = element("div", "choices", this.box);
    const joints = [...(this.wholes.length ? [WHOLE] : []), ...this.joints];
    this.joint = this.joints.length ? this.joints[0] : WHOLE;
    this.jointChoice = choice(head, "joint", joints.map((name) => [name, name]), (name) => this.choose(name));
    this.jointChoice.value = this.joint;
    this.quantity = this.quantities[0]?.[0];
    this.quantityChoice = choice(head, "quantity", this.quantities.map(([name, unit]) => [name, `${name} [${unit}]`]), (name) => {
      this.quantity = name;
      this.gather();
      chosen();
    });
    this.values = element("output", "", head);
    const plot = element("div", "plot", this.box);
    this.canvas = element("canvas", "", plot);
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "graph over time; a click goes to a frame");
    this.cursor = element("i", "", plot);
    const go = (event) => {
      if (!event.buttons) return;
      const frame = this.canvas.getBoundingClientRect();
      this.seek(((event.clientX - frame.left - LEFT) / (frame.width - LEFT - RIGHT)) * (recording.frames - 1));
    };
    this.canvas.addEventListener("pointerdown", (event) => { this.canvas.setPointerCapture(event.pointerId); go(event); });
    this.canvas.addEventListener("pointermove", go);
    this.gather();
  }

  get exists() {
    return this.joints.length > 0 || this.wholes.length > 0;
  }

  choose(joint) {
    if (![...this.jointChoice.options].some((option) => option.value === joint)) return;
    this.joint = this.jointChoice.value = joint;
    this.gather();
    this.chosen();
  }

  // The next joint (1) or the one before (-1).
  step(direction) {
    const options = [...this.jointChoice.options].map((option) => option.value);
    this.choose(options[(options.indexOf(this.joint) + direction + options.length) % options.length]);
  }

  // The curves of what is chosen, each with its figure, unit and name.
  gather() {
    const { frames, figures } = this.recording;
    const whole = this.joint === WHOLE;
    this.quantityChoice.hidden = whole || this.quantities.length === 0;
    this.curves = whole
      ? this.wholes.map((figure) => ({ figure, unit: "mm", curve: Float32Array.from(figure.error_mm, (error) => error ?? NaN), said: figure.error_name }))
      : figures.flatMap((figure) => figure.graphs.filter(({ name }) => name === this.quantity).map(({ track, unit }) => {
        const point = figure.names.indexOf(this.joint);
        return { figure, unit, curve: Float32Array.from({ length: frames }, (_, frame) => track.value(frame, point)), said: "" };
      }));
  }

  draw(colours) {
    if (!this.exists || !this.box.clientHeight) return;
    const { context, width, height } = fitted(this.canvas);
    const [wide, high] = [width - LEFT - RIGHT, height - TOP - BOTTOM];
    const shown = this.curves.filter(({ figure }) => figure.shown);
    const axis = axisOf(shown.map(({ curve }) => curve));
    context.font = FONT;
    context.fillStyle = colours.shade;
    const across = (frame) => LEFT + (this.recording.frames > 1 ? (frame * wide) / (this.recording.frames - 1) : wide / 2);
    for (const [start, end] of this.recording.notes) {
      context.fillRect(across(start - 0.5), TOP, Math.max(1, across(end - 0.5) - across(start - 0.5)), high);
    }
    if (!axis) {
      context.fillStyle = colours.soft;
      context.fillText(shown.length ? "not known in any frame" : "no figure that is shown has this number", LEFT, height / 2);
      return;
    }
    const up = (value) => TOP + high - ((value - axis.low) / (axis.high - axis.low)) * high;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const tick of axis.ticks) {
      context.fillStyle = colours.line;
      context.fillRect(LEFT, up(tick), wide, 1);
      context.fillStyle = colours.soft;
      context.fillText(`${Number(tick.toPrecision(6))}`, LEFT - 7, up(tick));
    }
    context.lineWidth = 1.6;
    context.lineJoin = context.lineCap = "round";
    for (const { figure, curve } of shown) {
      context.strokeStyle = paint(figure, colours);
      context.beginPath();
      trace(curve, Math.floor(wide), (x, value) => context.moveTo(LEFT + x, up(value)), (x, value) => context.lineTo(LEFT + x, up(value)));
      context.stroke();
    }
  }

  show(frame) {
    if (!this.exists || !this.box.clientHeight) return;
    const share = this.recording.frames > 1 ? frame / (this.recording.frames - 1) : 0.5;
    this.cursor.style.left = `calc(${LEFT}px + ${share} * (100% - ${LEFT + RIGHT}px))`;
    this.values.textContent = this.curves.filter(({ figure }) => figure.shown).map(({ figure, curve, unit, said }) => {
      const value = curve[frame];
      return `${figure.name}${said ? `, ${said}` : ""}: ${Number.isNaN(value) ? "–" : `${value.toFixed(1)} ${unit}`}`;
    }).join("   ");
  }
}
