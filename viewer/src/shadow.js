// The shadow of a body, straight below: every limb as a strip on the ground, every ball as a disc.
import { BufferAttribute, BufferGeometry, DoubleSide, DynamicDrawUsage, EqualStencilFunc, IncrementStencilOp, Mesh, MeshBasicMaterial } from "three";

const CORNERS = 8;                                // of a disc
const CIRCLE = Array.from({ length: CORNERS }, (_, n) => [Math.cos((2 * Math.PI * n) / CORNERS), Math.sin((2 * Math.PI * n) / CORNERS)]);

// Dark once, however many limbs are above a place.
const material = new MeshBasicMaterial({
  color: 0, transparent: true, depthWrite: false, side: DoubleSide, stencilWrite: true, stencilFunc: EqualStencilFunc,
  stencilRef: 0, stencilZPass: IncrementStencilOp,
});

export const paintShadows = (dark) => { material.opacity = dark ? 0.42 : 0.16; };

export class Shadow {
  constructor(limbs, balls, height) {
    this.firstBall = 4 * limbs;
    this.place = new BufferAttribute(new Float32Array(3 * (this.firstBall + CORNERS * balls)), 3).setUsage(DynamicDrawUsage);
    for (let corner = 0; corner < this.place.count; corner++) this.place.setY(corner, height);
    const index = [];
    for (let limb = 0; limb < limbs; limb++) index.push(...[0, 1, 2, 2, 1, 3].map((corner) => 4 * limb + corner));
    for (let ball = 0; ball < balls; ball++) {
      const first = this.firstBall + CORNERS * ball;
      for (let n = 1; n + 1 < CORNERS; n++) index.push(first, first + n, first + n + 1);
    }
    this.mesh = new Mesh(new BufferGeometry().setIndex(index).setAttribute("position", this.place), material);
    this.mesh.frustumCulled = false;
  }

  put(corner, x, z) {
    this.place.setX(corner, x).setZ(corner, z);
  }

  limb(number, from, to, radius) {
    const [x, z] = [to.x - from.x, to.z - from.z];
    const length = Math.hypot(x, z) || 1;
    const [across, along] = [(radius * z) / length, (-radius * x) / length];
    [from, to].forEach((end, side) => [1, -1].forEach((sign, half) => {
      this.put(4 * number + 2 * side + half, end.x + sign * across, end.z + sign * along);
    }));
  }

  ball(number, { x, z }, radius) {
    CIRCLE.forEach(([c, s], n) => this.put(this.firstBall + CORNERS * number + n, x + radius * c, z + radius * s));
  }

  hideLimb(number) {
    for (let corner = 4 * number; corner < 4 * number + 4; corner++) this.put(corner, 0, 0);
  }

  hideBall(number) {
    this.ball(number, { x: 0, z: 0 }, 0);
  }

  moved() {
    this.place.needsUpdate = true;
  }
}
