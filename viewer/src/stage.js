// One WebGL renderer for all viewers of a page, for browsers allow few; each viewer is handed its picture.
import { WebGLRenderer } from "three";
import { pixelRatio } from "./element.js";

export const SORRY = "No 3D picture: this browser has no WebGL 2, or it is switched off. Switch on hardware acceleration in " +
  "the browser's settings, or open the page in another browser.";

// Without a graphics card the processor draws, some thirty times slower: then smoothness goes before fine edges.
function onProcessor() {
  const context = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!context) return false;
  const names = context.getExtension("WEBGL_debug_renderer_info");
  const name = String(context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

export class Stage {
  constructor() {
    this.renderer = null;
    if (typeof OffscreenCanvas === "undefined") return;
    this.fine = !onProcessor();
    this.canvas = new OffscreenCanvas(1, 1);
    const context = this.canvas.getContext("webgl2", { antialias: this.fine, stencil: true, alpha: false });
    if (!context) return;
    this.renderer = new WebGLRenderer({ canvas: this.canvas, context });
    this.renderer.setScissorTest(true);
  }

  get works() {
    return this.renderer !== null;
  }

  // Calls `again` when a lost picture can be drawn again, as after the computer slept.
  restored(again) {
    this.canvas?.addEventListener("webglcontextrestored", again);
  }

  // Draws `count` panels side by side into a canvas; `prepare(panel, width, height)` gives each one's scene and camera.
  // `share`: how many of the pixels of width and height are drawn; the browser makes the others.
  draw(target, count, share, prepare) {
    const ratio = share * (this.fine ? pixelRatio() : 1);
    const [wide, high] = [target.clientWidth, target.clientHeight].map((size) => Math.round(size * ratio));
    if (!wide || !high) return;
    if (this.canvas.width !== wide || this.canvas.height !== high) this.renderer.setSize(wide, high, false);
    for (let panel = 0; panel < count; panel++) {
      const [left, right] = [panel, panel + 1].map((edge) => Math.round((edge * wide) / count));
      const { scene, camera } = prepare(panel, right - left, high);
      this.renderer.setViewport(left, 0, right - left, high);
      this.renderer.setScissor(left, 0, right - left, high);
      this.renderer.render(scene, camera);
    }
    target.getContext("bitmaprenderer").transferFromImageBitmap(this.canvas.transferToImageBitmap());
  }
}
