// Dark or light: as the system says until somebody presses the switch. On paper it is light.
import { button } from "./element.js";

const NAMES = ["ink", "soft", "line", "paper", "panel", "accent", "shade", "body"];

export class Theme {
  // `changed` is called when colours are others than before; with true if they are needed at once, for the printer.
  constructor(changed) {
    this.changed = changed;
    this.system = matchMedia("(prefers-color-scheme: dark)");
    this.chosen = null;
    this.system.addEventListener("change", () => this.apply());
    addEventListener("beforeprint", () => this.apply("light", true));
    addEventListener("afterprint", () => this.apply());
    const place = document.querySelector("main header") ?? document.body;
    this.switch = button(place, "", "dark or light", () => {
      this.chosen = this.dark ? "light" : "dark";
      this.apply();
    });
    this.switch.className = "theme";
    this.apply();
  }

  apply(name = this.chosen ?? (this.system.matches ? "dark" : "light"), atOnce = false) {
    const root = document.documentElement;
    this.dark = name === "dark";
    root.dataset.theme = name;
    this.switch.textContent = this.dark ? "Light" : "Dark";
    const style = getComputedStyle(root);
    this.colours = Object.fromEntries(NAMES.map((key) => [key, style.getPropertyValue(`--${key}`).trim()]));
    this.colours.dark = this.dark;
    this.changed(atOnce);
  }
}

// The colour that a figure has in this theme.
export const paint = (figure, colours) => (figure.colour === "ink" ? colours.ink : figure.colour);
