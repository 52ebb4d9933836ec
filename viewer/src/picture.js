// The camera's image beside the 3D picture: the figures' points where they are in it, in 2D.
import { element, fitted, FONT } from "./element.js";
import { paint } from "./theme.js";

const [THICK_PX, THIN_PX] = [4, 2];

export class Picture {
  constructor(parent, recording) {
    this.recording = recording;
    const [width, height] = recording.image;
    this.box = element("div", "image", parent);
    this.box.style.setProperty("--image", `${width} / ${height}`);
    this.canvas = element("canvas", "picture", this.box);
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${recording.title}: in the camera's image`);
  }

  draw({ frame, colours, dimmed }) {
    const { context, width, height } = fitted(this.canvas);
    const [wide, high] = this.recording.image;
    const scale = Math.min(width / wide, height / high);
    const [left, top] = [(width - wide * scale) / 2, (height - high * scale) / 2];
    context.fillStyle = colours.paper;
    context.fillRect(left, top, wide * scale, high * scale);
    context.save();
    context.beginPath();
    context.rect(left, top, wide * scale, high * scale);
    context.clip();
    context.lineCap = "round";
    for (const figure of this.recording.figures) {
      if (figure.shown && figure.flat) this.drawFigure(context, figure, frame, colours, dimmed, (x, y) => [left + x * scale, top + y * scale]);
    }
    context.restore();
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 0.5, wide * scale - 1, high * scale - 1);
    context.fillStyle = colours.soft;
    context.font = FONT;
    context.fillText("in the image", left + 10, top + 18);
  }

  drawFigure(context, figure, frame, colours, dimmed, place) {
    const [a, b] = [[0, 0], [0, 0]];
    context.strokeStyle = paint(figure, colours);
    context.lineWidth = figure.radii ? THICK_PX : THIN_PX;
    for (const side of [1, 0]) {
      context.globalAlpha = (side ? 0.5 : 1) * (dimmed ? 0.35 : 1);
      context.beginPath();
      figure.lines.forEach(([from, to], line) => {
        if (figure.right[line] !== side || !figure.flat.read(frame, from, a) || !figure.flat.read(frame, to, b)) return;
        context.moveTo(...place(...a));
        context.lineTo(...place(...b));
      });
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}
