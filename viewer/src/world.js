// What is seen in 3D: bodies with their shadows and ways, on the ground, in light from above the eye.
import { Color, DirectionalLight, HemisphereLight, Scene } from "three";
import { Body } from "./body.js";
import { Ground } from "./ground.js";
import { Path } from "./path.js";
import { paintShadows } from "./shadow.js";

const SHADOW_ABOVE_M = 0.003;

export class World {
  constructor(recording, eye, fine) {
    this.recording = recording;
    this.scene = new Scene();
    this.ground = new Ground(recording.floor, fine);
    this.bodies = recording.figures.map((figure) => new Body(figure, recording.floor + SHADOW_ABOVE_M, fine));
    this.paths = null;                            // made when first shown
    this.sky = new HemisphereLight();
    const sun = new DirectionalLight(0xffffff, 1.5);
    sun.position.set(-1.5, 2.5, 1);
    // The sun goes with the eye: what is looked at is never in the dark.
    eye.camera.add(sun, sun.target);
    sun.target.position.set(0, 0, -3);
    for (const { mesh, shadow } of this.bodies) this.scene.add(mesh, shadow.mesh);
    this.scene.add(this.ground.group, this.sky, eye.camera);
  }

  // Makes ready what is drawn in one panel.
  pose({ frame, figures, colours, dimmed, chosen, path, centre }) {
    const { recording, scene } = this;
    scene.background = new Color(colours.panel);
    this.sky.color = new Color(0xffffff);
    this.sky.groundColor = new Color(colours.dark ? 0x8a8f98 : 0x9a9a94);
    this.sky.intensity = 2.1;
    this.ground.moveTo(centre);
    this.ground.paint(colours);
    paintShadows(colours.dark);
    const bodies = figures.filter((figure) => figure.radii).length;
    this.bodies.forEach((body, place) => {
      const shown = figures.includes(recording.figures[place]);
      body.mesh.visible = body.shadow.mesh.visible = shown;
      if (!shown) return;
      const point = chosen(recording.figures[place]);
      body.pose(frame, bodies > 1, point);
      body.paint(colours, dimmed, point);
    });
    if (path && !this.paths) {
      this.paths = recording.figures.map((figure) => new Path(figure, recording.frames, recording.floor));
      this.paths.forEach(({ group }) => scene.add(group));
    }
    this.paths?.forEach((way) => {
      // One way is enough where several figures go it together.
      way.group.visible = path && way.figure === figures[0];
      way.show(frame);
      way.paint(colours);
    });
  }
}
