// Brings a page to life: its viewers, one renderer and one theme for all.
import { Stage } from "./stage.js";
import { Theme } from "./theme.js";
import { Viewer } from "./viewer.js";

const roots = document.querySelectorAll(".viewer");
const viewers = [];
let asked = false;

function wake() {
  if (asked) return;
  asked = true;
  requestAnimationFrame((now) => {
    asked = false;
    let more = false;
    for (const viewer of viewers) {
      if (viewer.visible) more = viewer.tick(now) || more;
      else viewer.before = null;
    }
    if (more) wake();
  });
}

const redrawAll = (atOnce) => viewers.forEach((viewer) => {
  viewer.redraw();
  if (atOnce) viewer.draw();
});
const theme = new Theme(redrawAll);
const stage = new Stage();
stage.restored(() => redrawAll(false));
const page = { stage, theme, wake, alone: roots.length === 1 };
roots.forEach((root) => viewers.push(new Viewer(root, page)));
