// Bundles src/ and the parts of three.js that it needs into the package, as one script without addresses or comments.
// The same sources and versions give the same bytes on every machine; tests/test_viewer_bundle.py compares them.
//
//     npm ci && npm run build          writes ../src/blaze2cap/runtime/viewer.min.js
//     node build.mjs FILE              writes FILE instead
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onlyShaders } from "./shaders.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = process.argv[2] ?? here("../src/blaze2cap/runtime/viewer.min.js");
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");

// What the bundle depends on; the test hashes the same files in the same order.
const sources = ["build.mjs", "package-lock.json", "package.json", "shaders.mjs"].concat(
  readdirSync(here("src")).filter((name) => name.endsWith(".js")).sort().map((name) => `src/${name}`),
);
const three = here("node_modules/three/src/Three.js");
const { outputFiles } = await build({
  absWorkingDir: here("."),
  entryPoints: ["src/main.js"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "none",
  write: false,
  plugins: [
    { name: "three", setup: ({ onResolve }) => onResolve({ filter: /^three$/ }, () => ({ path: three, sideEffects: false })) },
    onlyShaders(here("node_modules/three/src/renderers/shaders"), ["meshbasic", "meshlambert"]),
  ],
});
const script = outputFiles[0].text;
// Either would end or swallow the script element that the page puts it into.
if (/<\/script|<!--/i.test(script)) throw new Error("the bundle holds </script or <!--, which a page cannot inline");
const licence = readFileSync(here("node_modules/three/LICENSE"), "utf8").trim();
const stamp = `sources ${sha256(...sources.map((name) => readFileSync(here(name))))} script ${sha256(script)}`;
writeFileSync(target, `/* Built by viewer/build.mjs: change viewer/src instead. ${stamp}\nIt holds parts of three.js:\n${licence} */\n${script}`);
console.log(`${target}: ${(script.length / 1000).toFixed(0)} kB`);
