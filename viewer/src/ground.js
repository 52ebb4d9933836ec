// The ground: a soft disc with a grid that fades out, always under the figures.
import { BufferAttribute, BufferGeometry, CircleGeometry, Color, DoubleSide, Group, LineBasicMaterial, LineSegments, Mesh,
  MeshBasicMaterial } from "three";

const REACH_M = 6;
const [FINE_GRID, COARSE_GRID] = [{ cell: 0.5, pieces: 24 }, { cell: 1, pieces: 6 }];   // [m], pieces of a line
const [DISC, FINE, COARSE] = [0.5, 0.45, 1];      // how strong each part is in the middle

const fading = (x, z) => Math.max(0, 1 - Math.hypot(x, z) / REACH_M) ** 1.5;

function faded(geometry, strength) {
  const place = geometry.getAttribute("position");
  const colours = new Float32Array(place.count * 4).fill(1);
  for (let i = 0; i < place.count; i++) colours[4 * i + 3] = strength(i) * fading(place.getX(i), place.getZ(i));
  return geometry.setAttribute("color", new BufferAttribute(colours, 4));
}

function gridShape({ cell, pieces }) {
  const [places, strengths] = [[], []];
  const cells = Math.round(REACH_M / cell);
  for (let n = -cells; n <= cells; n++) {
    for (let piece = 0; piece < pieces; piece++) {
      const [a, b] = [piece, piece + 1].map((edge) => (2 * edge / pieces - 1) * REACH_M);
      const across = n * cell;
      places.push(across, 0, a, across, 0, b, a, 0, across, b, 0, across);
      for (let end = 0; end < 4; end++) strengths.push((n * cell) % 1 ? FINE : COARSE);
    }
  }
  const geometry = new BufferGeometry().setAttribute("position", new BufferAttribute(new Float32Array(places), 3));
  return faded(geometry, (i) => strengths[i]);
}

export class Ground {
  constructor(floor, fine) {
    const look = { vertexColors: true, transparent: true, depthWrite: false };
    const disc = faded(new CircleGeometry(REACH_M, 48).rotateX(-Math.PI / 2), () => DISC);
    this.disc = new Mesh(disc, new MeshBasicMaterial({ ...look, side: DoubleSide }));
    this.grid = new LineSegments(gridShape(fine ? FINE_GRID : COARSE_GRID), new LineBasicMaterial(look));
    this.disc.renderOrder = -3;
    this.grid.renderOrder = -2;
    this.disc.visible = fine;
    this.group = new Group().add(this.disc, this.grid);
    this.floor = floor;
  }

  // Under a place, by whole cells, so that the grid stands still under who walks.
  moveTo([x, , z]) {
    this.group.position.set(Math.round(x), this.floor, Math.round(z));
  }

  paint(colours) {
    this.grid.material.color = new Color(colours.line);
    this.disc.material.color = new Color(colours.paper);
  }
}
