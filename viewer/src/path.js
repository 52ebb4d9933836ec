// The way of a figure's root over the ground, as a ribbon: strong as far as it has been walked, faint ahead.
import { BufferAttribute, BufferGeometry, Color, DoubleSide, Group, Mesh, MeshBasicMaterial } from "three";
import { ribbon } from "./ribbon.js";
import { paint } from "./theme.js";

const ABOVE_M = 0.004;
const [BEEN, AHEAD] = [0.75, 0.22];               // opacity

export class Path {
  constructor(figure, frames, floor) {
    this.figure = figure;
    const { corners, behind } = ribbon(figure, frames);
    this.behind = behind;
    const index = new Uint32Array(corners.length / 2);
    for (let piece = 0; piece < corners.length / 12; piece++) {
      index.set([0, 1, 2, 2, 1, 3].map((corner) => 4 * piece + corner), 6 * piece);
    }
    const [places, order] = [new BufferAttribute(corners, 3), new BufferAttribute(index, 1)];
    [this.been, this.ahead] = [BEEN, AHEAD].map((opacity) => {
      const geometry = new BufferGeometry().setAttribute("position", places).setIndex(order);
      const look = { transparent: true, opacity, depthWrite: false, side: DoubleSide };
      const mesh = new Mesh(geometry, new MeshBasicMaterial(look));
      mesh.renderOrder = -1;
      mesh.frustumCulled = false;
      return mesh;
    });
    this.group = new Group().add(this.been, this.ahead);
    this.group.position.y = floor + ABOVE_M;
  }

  show(frame) {
    const split = 6 * this.behind[frame];
    this.been.geometry.setDrawRange(0, split);
    this.ahead.geometry.setDrawRange(split, Infinity);
  }

  paint(colours) {
    for (const mesh of [this.been, this.ahead]) mesh.material.color = new Color(paint(this.figure, colours));
  }
}
