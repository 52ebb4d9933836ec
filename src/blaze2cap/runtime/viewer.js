"use strict";
// Shows the scenes of a page: each element of class viewer holds one as JSON. Positions are metres, y up.
// A figure's points are whole numbers: position = middle + number * step, -32768 where it is not seen.
(() => {
  const HIDDEN = -32768;
  const SPEEDS = [0.1, 0.25, 0.5, 1, 2];
  const FIELD = 1.6;          // focal length over the panel's height
  const GRID_M = 0.5, GRID_REACH = 6;

  // Base64 of little-endian int16 -> numbers, NaN where hidden.
  function decode(packed, dimensions) {
    const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const values = new Float32Array(bytes.length / 2);
    for (let i = 0; i < values.length; i++) {
      const number = view.getInt16(2 * i, true);
      values[i] = number === HIDDEN ? NaN : packed.middle[i % dimensions] + number * packed.step;
    }
    return values;
  }

  function element(tag, className, parent, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--ink"), line: of("--line"), soft: of("--soft"), panel: of("--panel") };
  };

  class Viewer {
    constructor(root) {
      this.root = root;
      this.scene = JSON.parse(root.querySelector("script").textContent);
      this.figures = this.scene.figures.map((figure) => ({
        ...figure,
        shown: true,
        space: decode(figure.position, 3),
        image: figure.pixel ? decode(figure.pixel, 2) : null,
      }));
      this.time = 0;
      this.frame = 0;
      this.speed = 1;
      this.follow = true;
      this.apart = this.scene.apart;
      this.visible = false;
      this.targets = this.rootPath();
      this.home();
      this.build();
      this.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.listen();
      this.resize();
      this.show(0);
      this.setPlaying(this.playing);
    }

    // Where the first figure's root is, frame by frame; where it is hidden, its last place.
    rootPath() {
      const { space, points } = this.figures[0];
      const path = [];
      let last = null;
      for (let f = 0; f < this.scene.frames; f++) {
        const at = f * points * 3;
        if (!Number.isNaN(space[at])) last = [space[at], space[at + 1], space[at + 2]];
        path.push(last);
      }
      const first = path.find((place) => place) || [0, 1, 0];
      return path.map((place) => place || first);
    }

    home() {
      [this.yaw, this.pitch] = this.scene.view;
      this.distance = 3.6;
    }

    build() {
      const root = this.root;
      const stages = element("div", "stages", root);
      this.space = element("canvas", "space", element("div", "space", stages));
      this.space.tabIndex = 0;
      this.space.setAttribute("role", "img");
      this.space.setAttribute("aria-label", `${this.scene.title}: ${this.figures.map((f) => f.name).join(", ")}, in 3D`);
      if (this.scene.image) {
        this.image = element("canvas", "picture", element("div", "image", stages));
        this.image.setAttribute("role", "img");
        this.image.setAttribute("aria-label", `${this.scene.title}: in the camera's image`);
      }
      const bar = element("div", "bar", root);
      this.play = element("button", "play", bar);
      this.play.type = "button";
      this.scrub = element("input", "", bar);
      Object.assign(this.scrub, { type: "range", min: 0, max: this.scene.frames - 1, step: 1, value: 0 });
      this.scrub.setAttribute("aria-label", "frame");
      this.speeds = element("select", "", bar);
      this.speeds.setAttribute("aria-label", "speed");
      for (const speed of SPEEDS) element("option", "", this.speeds, `${speed} x`).value = speed;
      this.speeds.value = 1;
      this.layout = this.button(bar, "side by side", () => this.setApart(!this.apart));
      this.following = this.button(bar, "follow", () => this.setFollow(!this.follow));
      this.button(bar, "reset view", () => { this.home(); this.draw(); });
      this.readout = element("output", "", bar);
      const legend = element("div", "legend", root);
      for (const figure of this.figures) {
        const label = element("label", "", legend);
        figure.box = element("input", "", label);
        Object.assign(figure.box, { type: "checkbox", checked: true });
        figure.box.addEventListener("change", () => { figure.shown = figure.box.checked; this.draw(); });
        figure.swatch = element("i", "", label);
        element("span", "", label, figure.name);
        figure.said = element("span", "", label);
      }
      this.setApart(this.apart);
      this.setFollow(this.follow);
    }

    button(bar, text, act) {
      const made = element("button", "", bar, text);
      made.type = "button";
      made.addEventListener("click", act);
      return made;
    }

    setPlaying(playing) {
      this.playing = playing;
      this.play.textContent = playing ? "pause" : "play";
      if (playing) this.schedule();
    }

    setApart(apart) {
      this.apart = apart;
      this.layout.setAttribute("aria-pressed", apart);
      this.draw();
    }

    setFollow(follow) {
      this.follow = follow;
      this.following.setAttribute("aria-pressed", follow);
      this.draw();
    }

    listen() {
      this.play.addEventListener("click", () => this.setPlaying(!this.playing));
      this.scrub.addEventListener("input", () => { this.setPlaying(false); this.show(Number(this.scrub.value)); });
      this.speeds.addEventListener("change", () => { this.speed = Number(this.speeds.value); });
      this.root.addEventListener("keydown", (event) => this.key(event));
      const held = new Map();
      let spread = 0;
      this.space.addEventListener("pointerdown", (event) => {
        this.space.setPointerCapture(event.pointerId);
        held.set(event.pointerId, event);
        spread = 0;
      });
      this.space.addEventListener("pointermove", (event) => {
        const before = held.get(event.pointerId);
        if (!before) return;
        held.set(event.pointerId, event);
        if (held.size === 1) {
          this.turn((before.clientX - event.clientX) * 0.008, (event.clientY - before.clientY) * 0.008);
        } else {
          const [a, b] = [...held.values()];
          const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
          if (spread) this.zoom(spread / now);
          spread = now;
        }
      });
      for (const end of ["pointerup", "pointercancel"]) {
        this.space.addEventListener(end, (event) => held.delete(event.pointerId));
      }
      // The wheel scrolls the page until somebody has clicked the picture.
      this.space.addEventListener("wheel", (event) => {
        if (document.activeElement !== this.space) return;
        event.preventDefault();
        this.zoom(Math.exp(event.deltaY * 0.001));
      }, { passive: false });
      new ResizeObserver(() => this.resize()).observe(this.root);
      new IntersectionObserver((seen) => {
        this.visible = seen[seen.length - 1].isIntersecting;
        this.schedule();
      }).observe(this.root);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    }

    key(event) {
      if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "SELECT") return;
      const step = event.shiftKey ? Math.round(this.scene.fps) : 1;
      const digit = Number(event.key);
      const acts = {
        " ": () => this.setPlaying(!this.playing),
        ArrowLeft: () => { this.setPlaying(false); this.show(this.frame - step); },
        ArrowRight: () => { this.setPlaying(false); this.show(this.frame + step); },
        Home: () => this.show(0),
        End: () => this.show(this.scene.frames - 1),
        a: () => this.turn(-0.1, 0), d: () => this.turn(0.1, 0),
        w: () => this.turn(0, 0.1), s: () => this.turn(0, -0.1),
        "+": () => this.zoom(1 / 1.1), "-": () => this.zoom(1.1),
        o: () => this.setApart(!this.apart),
        f: () => this.setFollow(!this.follow),
        r: () => { this.home(); this.draw(); },
      };
      if (digit >= 1 && digit <= this.figures.length) {
        this.figures[digit - 1].box.click();
      } else if (event.key === " " && ["BUTTON", "INPUT"].includes(event.target.tagName)) {
        return;    // the space bar works the button or box that has the focus
      } else if (acts[event.key]) {
        acts[event.key]();
      } else {
        return;
      }
      event.preventDefault();
    }

    turn(yaw, pitch) {
      this.yaw += yaw;
      this.pitch = Math.min(1.5, Math.max(-1.5, this.pitch + pitch));
      this.draw();
    }

    zoom(factor) {
      this.distance = Math.min(20, Math.max(1.2, this.distance * factor));
      this.draw();
    }

    // Moves on by the time that has passed, only while playing and in sight.
    schedule() {
      if (!this.playing || !this.visible || this.asked) return;
      this.asked = true;
      let before = null;
      const tick = (now) => {
        this.asked = false;
        if (!this.playing || !this.visible) return;
        this.time += before === null ? 0 : Math.min(now - before, 250) / 1000 * this.speed;
        before = now;
        this.time %= this.scene.frames / this.scene.fps;
        const frame = Math.floor(this.time * this.scene.fps);
        if (frame !== this.frame) this.show(frame, true);
        this.asked = true;
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    }

    show(frame, running) {
      this.frame = Math.min(this.scene.frames - 1, Math.max(0, frame));
      if (!running) this.time = this.frame / this.scene.fps;
      this.scrub.value = this.frame;
      this.root.dataset.frame = this.frame;
      const number = this.scene.first_frame + this.frame * this.scene.stride;
      const seconds = this.scene.first_second + this.frame / this.scene.fps;
      const note = this.scene.notes[this.frame];
      this.readout.textContent = `frame ${number}, ${seconds.toFixed(2)} s${note ? `: ${note}` : ""}`;
      for (const figure of this.figures) {
        const error = figure.error_mm ? figure.error_mm[this.frame] : null;
        figure.said.textContent = error === null ? "" : `${figure.error_name} ${error} mm`;
      }
      this.draw();
    }

    resize() {
      const ratio = Math.min(window.devicePixelRatio || 1, 2);
      const fit = (canvas, height) => {
        const width = canvas.parentElement.clientWidth;
        canvas.style.height = `${height(width)}px`;
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height(width) * ratio);
      };
      fit(this.space, (width) => Math.round(Math.min(Math.max(width * 0.75, 240), this.scene.height)));
      if (this.image) fit(this.image, (width) => Math.round(width * this.scene.image[1] / this.scene.image[0]));
      this.ratio = ratio;
      this.draw();
    }

    draw() {
      if (!this.ratio) return;
      const colours = theme();
      const shown = this.figures.filter((figure) => figure.shown);
      for (const figure of this.figures) figure.swatch.style.background = this.paint(figure, colours);
      const context = this.space.getContext("2d");
      const { width, height } = this.space;
      context.clearRect(0, 0, width, height);
      const panels = this.apart ? shown.map((figure) => [figure]) : [shown];
      panels.forEach((figures, place) => this.drawSpace(context, figures, colours, {
        left: place * width / panels.length, width: width / panels.length, height,
      }));
      if (this.image) this.drawImage(shown, colours);
    }

    paint(figure, colours) {
      return figure.colour === "ink" ? colours.ink : figure.colour;
    }

    drawSpace(context, figures, colours, panel) {
      context.save();
      context.beginPath();
      context.rect(panel.left, 0, panel.width, panel.height);
      context.clip();
      const project = this.projection(panel);
      this.drawGround(context, project, colours);
      for (const figure of figures) {
        this.drawFigure(context, figure, figure.space, 3, colours, project, Math.max(1.5, panel.height / 170));
      }
      if (this.apart && figures.length) {
        context.fillStyle = colours.line;
        context.fillRect(panel.left - this.ratio / 2, 0, panel.left ? this.ratio : 0, panel.height);
        context.fillStyle = colours.soft;
        context.font = `${13 * this.ratio}px system-ui, sans-serif`;
        context.fillText(figures[0].name, panel.left + 10 * this.ratio, 20 * this.ratio, panel.width - 14 * this.ratio);
      }
      context.restore();
    }

    // World point -> pixels of a panel, null behind the eye.
    projection(panel) {
      const root = this.targets[this.follow ? this.frame : Math.floor(this.scene.frames / 2)];
      const target = [root[0], this.scene.floor + 0.9, root[2]];
      const [cy, sy, cp, sp] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
      const back = [sy * cp, sp, cy * cp], right = [cy, 0, -sy], up = [-sy * sp, cp, -cy * sp];
      const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
      const focal = FIELD * Math.min(panel.width * 1.3, panel.height);
      return (x, y, z) => {
        const p = [x - target[0], y - target[1], z - target[2]];
        const depth = this.distance - dot(p, back);
        if (depth < 0.1) return null;
        return [
          panel.left + panel.width / 2 + focal * dot(p, right) / depth,
          panel.height / 2 - focal * dot(p, up) / depth,
        ];
      };
    }

    drawGround(context, project, colours) {
      const root = this.targets[this.follow ? this.frame : Math.floor(this.scene.frames / 2)];
      const [x0, z0] = [root[0], root[2]].map((value) => Math.round(value / GRID_M) * GRID_M);
      const reach = GRID_M * GRID_REACH, y = this.scene.floor;
      context.strokeStyle = colours.line;
      context.lineWidth = this.ratio;
      context.beginPath();
      for (let n = -GRID_REACH; n <= GRID_REACH; n++) {
        const across = n * GRID_M;
        for (const ends of [[x0 + across, z0 - reach, x0 + across, z0 + reach], [x0 - reach, z0 + across, x0 + reach, z0 + across]]) {
          const a = project(ends[0], y, ends[1]), b = project(ends[2], y, ends[3]);
          if (a && b) { context.moveTo(...a); context.lineTo(...b); }
        }
      }
      context.stroke();
    }

    drawFigure(context, figure, values, dimensions, colours, project, thickness) {
      const start = this.frame * figure.points * dimensions;
      const at = (point) => {
        const place = values.subarray(start + point * dimensions, start + (point + 1) * dimensions);
        return Number.isNaN(place[0]) ? null : project(...place);
      };
      context.strokeStyle = this.paint(figure, colours);
      context.lineWidth = thickness;
      context.lineCap = "round";
      for (const side of [1, 0]) {
        context.globalAlpha = side ? 0.5 : 1;
        figure.lines.forEach(([from, to], number) => {
          if (figure.right[number] !== side) return;
          const a = at(from), b = at(to);
          if (!a || !b) return;
          context.beginPath();
          context.moveTo(...a);
          context.lineTo(...b);
          context.stroke();
        });
      }
      context.globalAlpha = 1;
    }

    drawImage(figures, colours) {
      const context = this.image.getContext("2d");
      context.clearRect(0, 0, this.image.width, this.image.height);
      const scale = this.image.width / this.scene.image[0];
      for (const figure of figures) {
        if (!figure.image) continue;
        this.drawFigure(context, figure, figure.image, 2, colours, (x, y) => [x * scale, y * scale], 2 * this.ratio);
      }
      context.fillStyle = colours.soft;
      context.font = `${13 * this.ratio}px system-ui, sans-serif`;
      context.fillText("in the image", 10 * this.ratio, 20 * this.ratio);
    }
  }

  for (const root of document.querySelectorAll(".viewer")) new Viewer(root);
})();
