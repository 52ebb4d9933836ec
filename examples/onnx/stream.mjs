// A stream of landmarks through an exported model: the same in a page and in node, whatever `ort` (onnxruntime-web) is.

// The 25 of MediaPipe's 33 landmarks that the model knows: all but eyes and mouth.
const KEPT = [0, 7, 8, ...Array.from({ length: 22 }, (_, index) => 11 + index)];

export class Stream {
  // Size of the camera's image and its horizontal field of view; without that the longer side is taken to span 70 degrees.
  constructor(ort, session, { width = 1280, height = 720, fovDeg = null, size = 1 } = {}) {
    Object.assign(this, { ort, session });
    const [side, degrees] = fovDeg ? [width, fovDeg] : [Math.max(width, height), 70];
    const focal = (0.5 * side) / Math.tan((degrees * Math.PI) / 360);
    this.camera = this.tensor([focal / width, focal / height, 0.5, 0.5], [1, 4]);
    this.size = this.tensor([size], [1]);
    this.restart();
  }

  tensor(values, shape) {
    return new this.ort.Tensor("float32", Float32Array.from(values), shape);
  }

  // A stream begins with zeros in all states; their shapes stand in the file, "batch" being 1 here.
  restart() {
    this.state = {};
    for (const { name, type, shape } of this.session.inputMetadata.filter((put) => put.name.startsWith("state."))) {
      const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
      const count = sizes.reduce((product, size) => product * size, 1);
      const zeros = type === "bool" ? new Uint8Array(count) : new Float32Array(count);
      this.state[name] = new this.ort.Tensor(type, zeros, sizes);
    }
  }

  // 25 x 7 numbers of a frame, seconds since the frame before -> rotation [21 x 3 x 3], joint_position [21 x 3], ...
  async push(landmarks, seconds) {
    const inputs = { landmarks: this.tensor(landmarks, [1, 25, 7]), intrinsics: this.camera, size: this.size };
    const outputs = await this.session.run({ ...inputs, dt: this.tensor([60 * seconds], [1]), ...this.state });
    for (const name of Object.keys(this.state)) this.state[name] = outputs[name.replace("state.", "next.")];
    return outputs;
  }
}

// What MediaPipe's pose landmarker says of one person; `tracked` is false where somebody has just come into view.
export function fromMediaPipe(world, image, tracked) {
  return KEPT.flatMap((k) => [world[k].x, world[k].y, world[k].z, image[k].x, image[k].y, image[k].visibility, +tracked]);
}
