// A body as one piece of geometry, for one call that draws it: limbs and balls whose corners are placed frame by frame.
// Instances of shapes would be shorter code, but processors that draw spend most of their time on calls.
import { BufferAttribute, BufferGeometry, DynamicDrawUsage, Vector3 } from "three";

// Radius of a limb along its way: fullest near its start, slender at its end.
const PROFILE = [[0, 0.88], [0.12, 0.97], [0.32, 1], [0.65, 0.94], [1, 0.82]];
const COARSE_PROFILE = [[0, 0.88], [0.3, 1], [1, 0.82]];
export const [START, END] = [PROFILE[0][1], PROFILE.at(-1)[1]];

export class Solid {
  constructor(limbs, balls, fine) {
    this.profile = fine ? PROFILE : COARSE_PROFILE;
    const [round, rows] = fine ? [16, 9] : [7, 5];
    this.circle = Array.from({ length: round }, (_, n) => [Math.cos((2 * Math.PI * n) / round), Math.sin((2 * Math.PI * n) / round)]);
    // Of a ball: rows from the lower pole to the upper one, each as height and radius.
    this.rows = Array.from({ length: rows }, (_, n) => [-Math.cos((Math.PI * n) / (rows - 1)), Math.sin((Math.PI * n) / (rows - 1))]);
    this.limbSize = round * this.profile.length;
    this.ballSize = round * rows;
    this.firstBall = limbs * this.limbSize;
    const corners = this.firstBall + balls * this.ballSize;
    const index = [];
    for (let limb = 0; limb < limbs; limb++) this.sheet(index, limb * this.limbSize, this.profile.length);
    for (let ball = 0; ball < balls; ball++) this.sheet(index, this.firstBall + ball * this.ballSize, rows);
    const attribute = () => new BufferAttribute(new Float32Array(3 * corners), 3);
    [this.place, this.normal, this.colour] = [attribute(), attribute(), attribute()];
    this.place.setUsage(DynamicDrawUsage);
    this.normal.setUsage(DynamicDrawUsage);
    this.geometry = new BufferGeometry().setIndex(index)
      .setAttribute("position", this.place).setAttribute("normal", this.normal).setAttribute("color", this.colour);
    this.axes = [new Vector3(), new Vector3(), new Vector3()];
  }

  // Triangles between rings of corners that follow each other, from `first` on.
  sheet(index, first, rings) {
    const round = this.circle.length;
    for (let ring = 0; ring + 1 < rings; ring++) {
      for (let n = 0; n < round; n++) {
        const [a, b] = [first + ring * round + n, first + ring * round + ((n + 1) % round)];
        index.push(a, a + round, b, b, a + round, b + round);
      }
    }
  }

  // Two directions across a way, each of length 1, and the way's own.
  across(way) {
    const [x, y, z] = this.axes;
    y.copy(way).normalize();
    x.set(Math.abs(y.x) < 0.7 ? 1 : 0, 0, Math.abs(y.x) < 0.7 ? 0 : 1).cross(y).normalize();
    z.crossVectors(x, y);
    return this.axes;
  }

  limb(number, from, to, radius) {
    const way = this.axes[1].subVectors(to, from);
    const length = way.length();
    const [x, y, z] = this.across(way);
    let corner = number * this.limbSize;
    for (const [share, size] of this.profile) {
      const [along, wide] = [share * length, size * radius];
      for (const [c, s] of this.circle) {
        const [nx, ny, nz] = [x.x * c + z.x * s, x.y * c + z.y * s, x.z * c + z.z * s];
        this.normal.setXYZ(corner, nx, ny, nz);
        this.place.setXYZ(corner++, from.x + y.x * along + nx * wide, from.y + y.y * along + ny * wide, from.z + y.z * along + nz * wide);
      }
    }
  }

  // A ball, longer by `stretch` along a way.
  ball(number, middle, radius, way, stretch = 1) {
    const [x, y, z] = this.across(way);
    let corner = this.firstBall + number * this.ballSize;
    for (const [height, size] of this.rows) {
      for (const [c, s] of this.circle) {
        const [a, b] = [c * size, s * size];
        const [nx, ny, nz] = [x.x * a + y.x * height + z.x * b, x.y * a + y.y * height + z.y * b, x.z * a + y.z * height + z.z * b];
        const longer = height * (stretch - 1);
        this.normal.setXYZ(corner, nx, ny, nz);
        this.place.setXYZ(corner++, middle.x + radius * (nx + y.x * longer), middle.y + radius * (ny + y.y * longer),
          middle.z + radius * (nz + y.z * longer));
      }
    }
  }

  // All corners of a limb or ball in one point: nothing is seen of it.
  hideLimb(number) {
    this.place.array.fill(0, 3 * number * this.limbSize, 3 * (number + 1) * this.limbSize);
  }

  hideBall(number) {
    const first = this.firstBall + number * this.ballSize;
    this.place.array.fill(0, 3 * first, 3 * (first + this.ballSize));
  }

  paintLimb(number, colour) {
    this.paint(number * this.limbSize, this.limbSize, colour);
  }

  paintBall(number, colour) {
    this.paint(this.firstBall + number * this.ballSize, this.ballSize, colour);
  }

  paint(first, count, { r, g, b }) {
    for (let corner = first; corner < first + count; corner++) this.colour.setXYZ(corner, r, g, b);
    this.colour.needsUpdate = true;
  }

  // After everything has been placed.
  moved() {
    this.place.needsUpdate = this.normal.needsUpdate = true;
  }
}
