// The way of a figure's root over the ground, as a ribbon: strong as far as it has been walked, faint ahead.
import { BufferAttribute, BufferGeometry, Color, DoubleSide, Group, Mesh, MeshBasicMaterial } from "three";
import { paint } from "./theme.js";

const [WIDTH_M, STEP_M, JUMP_M, ABOVE_M] = [0.024, 0.05, 0.6, 0.004];
const [BEEN, AHEAD] = [0.75, 0.22];               // opacity

// Corners of a ribbon along the root's way [m], and for every frame how many of its pieces lie behind.
export function ribbon(track, frames) {
  const corners = [];
  const behind = new Int32Array(frames);
  const place = [0, 0, 0];
  let last = null;
  for (let frame = 0; frame < frames; frame++) {
    if (!track.read(frame, 0, place)) {
      last = null;
    } else {
      const [x, , z] = place;
      const moved = last ? Math.hypot(x - last[0], z - last[1]) : Infinity;
      if (moved > STEP_M && moved < JUMP_M) {
        const [across, along] = [(WIDTH_M / 2) * (z - last[1]) / moved, (WIDTH_M / 2) * (last[0] - x) / moved];
        corners.push(last[0] + across, 0, last[1] + along, last[0] - across, 0, last[1] - along,
          x + across, 0, z + along, x - across, 0, z - along);
      }
      if (moved > STEP_M) last = [x, z];
    }
    behind[frame] = corners.length / 12;
  }
  return { corners: new Float32Array(corners), behind };
}

export class Path {
  constructor(figure, frames, floor) {
    this.figure = figure;
    const { corners, behind } = ribbon(figure.space, frames);
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
