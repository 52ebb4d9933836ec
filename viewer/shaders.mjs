// An esbuild plugin: of three.js's shaders only those of some materials are bundled, without their comments.
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";

const bare = (glsl) => glsl.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "").replace(/^\s+|[ \t]+$/gm, "");

// `folder` is three.js's own folder of shaders; `materials` are names of files in its ShaderLib.
export function onlyShaders(folder, materials) {
  const chunks = new Set();
  const include = (path) => {
    for (const [, name] of readFileSync(path, "utf8").matchAll(/(?:#include <|ShaderChunk\[ ')(\w+)/g)) {
      const chunk = `${folder}/ShaderChunk/${name}.glsl.js`;
      if (!existsSync(chunk)) throw new Error(`${path} includes ${name}, which is not in ${folder}/ShaderChunk`);
      if (chunks.has(name)) continue;
      chunks.add(name);
      include(chunk);
    }
  };
  for (const material of materials) include(`${folder}/ShaderLib/${material}.glsl.js`);
  // It puts a few chunks into every shader.
  include(`${folder}/../webgl/WebGLProgram.js`);
  const load = (kept, nothing) => ({ path }) => ({
    contents: kept(basename(path, ".glsl.js"))
      ? readFileSync(path, "utf8").replace(/\/\* glsl \*\/\s*`([^`]*)`/g, (_, glsl) => `\`${bare(glsl)}\``)
      : nothing,
  });
  return {
    name: "only-shaders",
    setup({ onLoad }) {
      onLoad({ filter: /shaders\/ShaderChunk\/\w+\.glsl\.js$/ }, load((name) => chunks.has(name), 'export default "";'));
      onLoad({ filter: /shaders\/ShaderLib\/\w+\.glsl\.js$/ },
        load((name) => materials.includes(name), 'export const vertex = "", fragment = "";'));
    },
  };
}
