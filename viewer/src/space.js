// The 3D picture of a viewer: panels side by side or one for all, their names, the chosen joint's name; a click chooses a joint.
import { Vector3 } from "three";
import { element } from "./element.js";
import { Eye } from "./eye.js";
import { SORRY } from "./stage.js";
import { World } from "./world.js";

const [STILL_PX, NEAR_PX] = [5, 26];              // how far a click may move, and be from a joint

export class Space {
  constructor(parent, recording, { stage, alone }, changed, choose) {
    Object.assign(this, { recording, stage, choose });
    this.box = element("div", "space", parent);
    this.canvas = element("canvas", "space", this.box);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${recording.title}: ${recording.figures.map((figure) => figure.name).join(", ")}, in 3D`);
    this.names = element("div", "names", this.box);
    this.label = element("b", "", this.box);
    this.note = element("p", "note", this.box);
    this.eye = new Eye(this.canvas, recording, alone, changed);
    if (!stage.works) {
      element("p", "sorry", this.box, SORRY);
      return;
    }
    this.world = new World(recording, this.eye, stage.fine);
    let pressed = null;
    this.canvas.addEventListener("pointerdown", (event) => { pressed = event.isPrimary ? event : null; });
    this.canvas.addEventListener("pointerup", (event) => {
      if (pressed && Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) < STILL_PX) this.pick(event);
      pressed = null;
    });
  }

  panels(apart) {
    // Figures that are seen in the image alone need no panel.
    const shown = this.recording.figures.filter((figure) => figure.shown && figure.inSpace);
    return apart && shown.length ? shown.map((figure) => [figure]) : [shown];
  }

  // `look`: frame, colours, dimmed, path, apart, share of the pixels, and `chosen(figure)`, the point that is chosen.
  draw(look) {
    const { eye, world } = this;
    eye.moveTo(look.frame);
    if (!world) return;
    const panels = this.panelsDrawn = this.panels(look.apart);
    this.stage.draw(this.canvas, panels.length, look.share, (panel, width, height) => {
      eye.fit(width, height);
      world.pose({ ...look, figures: panels[panel], centre: eye.centre });
      return { scene: world.scene, camera: eye.camera };
    });
    const names = look.apart ? panels.map(([figure]) => figure?.name ?? "") : [];
    if (names.join("\n") !== this.named) {
      this.named = names.join("\n");
      this.names.replaceChildren(...names.map((name) => element("span", "", null, name)));
    }
    this.nameJoint(look.chosen);
  }

  // The chosen joint's name stands beside it, at the first figure that has it.
  nameJoint(chosen) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const wide = width / this.panelsDrawn.length;
    let place = null;
    this.panelsDrawn.forEach((figures, panel) => {
      const figure = figures.find((one) => chosen(one) >= 0);
      if (place || !figure) return;
      place = this.onScreen(figure, chosen(figure), panel * wide, wide, height);
      this.label.textContent = figure.names[chosen(figure)];
    });
    this.label.hidden = !place;
    if (place) this.label.style.transform = `translate(${place[0] + 12}px, ${place[1] - 24}px)`;
  }

  // Where a point of a figure is in the canvas [CSS px], null if nowhere.
  onScreen(figure, point, left, width, height) {
    const body = this.world.bodies[this.recording.figures.indexOf(figure)];
    if (!body.seen[point]) return null;
    this.eye.fit(width, height);
    this.eye.camera.updateMatrixWorld();
    const place = new Vector3().copy(body.places[point]).project(this.eye.camera);
    return place.z > 1 ? null : [left + ((place.x + 1) / 2) * width, ((1 - place.y) / 2) * height];
  }

  pick(event) {
    const frame = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const wide = frame.width / this.panelsDrawn.length;
    const panel = Math.min(this.panelsDrawn.length - 1, Math.floor(x / wide));
    let [best, least] = [null, NEAR_PX];
    for (const figure of this.panelsDrawn[panel].filter(({ graphs }) => graphs.length)) {
      for (let point = 0; point < figure.graphs[0].joints; point++) {
        const place = this.onScreen(figure, point, panel * wide, wide, frame.height);
        const distance = place ? Math.hypot(place[0] - x, place[1] - y) : Infinity;
        if (distance < least) [best, least] = [figure.names[point], distance];
      }
    }
    if (best !== null) this.choose(best);
  }
}
