// Where the eye is: it turns about the person, comes nearer, and goes with the person if it follows.
import { PerspectiveCamera, Vector3 } from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";

const FIELD = 1.6;                                // focal length over the picture's height
const [NEAREST_M, FARTHEST_M, HOME_M, HEIGHT_M] = [0.4, 40, 3.6, 0.9];
const SMOOTH_S = 0.3;

// Where the first figure's root is over the ground, smoothed so that the picture does not shake; where it is hidden, its last place.
export function groundPath({ figures: [{ space, root }], frames, fps }) {
  const sums = [[0, 0]];
  const place = [0, 0, 0];
  let first = 0;
  while (first < frames && !space.readMiddle(first, root, place)) first++;
  for (let frame = 0; frame < frames; frame++) {
    if (frame > first) space.readMiddle(frame, root, place);
    const before = sums[frame];
    sums.push([before[0] + place[0], before[1] + place[2]]);
  }
  const reach = Math.round(SMOOTH_S * fps);
  return (frame) => {
    const [start, end] = [Math.max(0, frame - reach), Math.min(frames, frame + reach + 1)];
    return [0, 1].map((axis) => (sums[end][axis] - sums[start][axis]) / (end - start));
  };
}

export class Eye {
  // `alone`: the page has no other viewer, so the wheel and all fingers are the picture's.
  constructor(canvas, recording, alone, changed) {
    this.path = groundPath(recording);
    this.height = recording.floor + HEIGHT_M;
    [this.yaw, this.pitch] = recording.view;
    this.camera = new PerspectiveCamera(40, 1, 0.05, 120);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.minDistance = NEAREST_M;
    this.controls.maxDistance = FARTHEST_M;
    this.controls.zoomSpeed = 1.4;
    this.follow = true;
    this.middle = this.goal(recording.frames >> 1);
    this.centre = this.goal(0);
    if (!alone) {
      canvas.style.touchAction = "pan-y";
      // The wheel scrolls the page until somebody has clicked the picture.
      this.controls.enableZoom = false;
      canvas.parentElement.addEventListener("pointerdown", () => canvas.focus({ preventScroll: true }), { capture: true });
      canvas.addEventListener("focus", () => { this.controls.enableZoom = true; });
      canvas.addEventListener("blur", () => { this.controls.enableZoom = false; });
    }
    this.home();
    this.controls.addEventListener("change", changed);
  }

  goal(frame) {
    const [x, z] = this.path(frame);
    return [x, this.height, z];
  }

  home() {
    const [x, y, z] = this.centre;
    const level = Math.cos(this.pitch) * HOME_M;
    this.controls.target.set(x, y, z);
    this.camera.position.set(x + Math.sin(this.yaw) * level, y + Math.sin(this.pitch) * HOME_M, z + Math.cos(this.yaw) * level);
    this.controls.update();
  }

  // Goes where the person of a frame is, or stays in the middle of the recording.
  moveTo(frame) {
    const centre = this.follow ? this.goal(frame) : this.middle;
    const moved = new Vector3().fromArray(centre).sub(new Vector3().fromArray(this.centre));
    this.centre = centre;
    if (moved.lengthSq() === 0) return;
    this.controls.target.add(moved);
    this.camera.position.add(moved);
    this.controls.update();
  }

  turn(yaw, pitch) {
    this.controls.rotateLeft(-yaw);
    this.controls.rotateUp(pitch);
  }

  zoom(factor) {
    this.controls.dollyIn(factor);
  }

  // For a panel of this size: the whole person is in it, upright or wide.
  fit(width, height) {
    const focal = FIELD * Math.min(1.3 * width, height);
    this.camera.fov = (2 * Math.atan(height / 2 / focal) * 180) / Math.PI;
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
  }
}
