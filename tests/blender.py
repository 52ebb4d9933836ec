"""Real Blender without a window: what it makes of a file that it imports, and scripts of ours."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Prints, as JSON, what Blender makes of a file: its frames per second and range of frames, heads of bones by name, and
# middle of the mesh's vertices, in metres, z up.
_LOOK = """
import json, sys
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
source, fps = sys.argv[1], float(sys.argv[3])
scene = bpy.context.scene
if source.endswith(".bvh"):
    bpy.ops.import_anim.bvh(filepath=source, global_scale=0.01, update_scene_fps=True)
elif source.endswith(".fbx"):
    scene.render.fps = round(fps)
    bpy.ops.import_scene.fbx(filepath=source, anim_offset=0)
else:
    # Blender turns seconds into frames at the scene's rate as the file comes in.
    scene.render.fps = round(fps)
    bpy.ops.import_scene.gltf(filepath=source)
figure = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
mesh = next((thing for thing in bpy.data.objects if thing.type == "MESH" and thing.parent == figure), None)
heads, vertices = [], []
first = int(figure.animation_data.action.frame_range[0])
for frame in map(int, sys.argv[4:]):
    scene.frame_set(first + frame)
    heads.append({bone.name: list(figure.matrix_world @ bone.head) for bone in figure.pose.bones})
    if mesh:
        seen = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
        vertices.append([list(seen.matrix_world @ vertex.co) for vertex in seen.data.vertices])
with open(sys.argv[2], "w") as file:
    json.dump({"fps": scene.render.fps / scene.render.fps_base, "heads": heads, "vertices": vertices}, file)
"""


def seen_in_blender(path: Path, fps: float, frames: Sequence[int]) -> dict[str, Any]:
    """What Blender shows of an animation file in some frames, y up as in our files: {"fps": ..., "heads": one
    {bone: [x, y, z]} a frame, "vertices": of the mesh, [V, 3] a frame, none of a BVH file}. Skips where it is absent.
    """
    answer = path.with_suffix(".json")
    run_in_blender(_LOOK, path.parent, str(path), str(answer), str(fps), *map(str, frames))
    seen = json.loads(answer.read_text())
    heads = [{name: _y_up(head) for name, head in frame.items()} for frame in seen["heads"]]
    return {"fps": seen["fps"], "heads": heads, "vertices": [_y_up(frame) for frame in seen["vertices"]]}


def documented_fbx(document: str, folder: Path, fps: int = 60) -> Path:
    """Make dance.fbx in a folder of the dance.bvh or dance.glb there, by the command that a document has for it, with
    another rate where it says 60.
    """
    text = (Path(__file__).parent.parent / "docs" / document).read_text()
    (script,) = re.findall(r'--python-expr "(.*?)"', text, re.DOTALL)
    run_in_blender(script.replace("\\\n", "").replace("fps = 60;", f"fps = {fps};"), folder)
    return folder / "dance.fbx"


def same_in_blender(one: Path, other: Path, fps: float, frames: Sequence[int], tolerance_m: float) -> bool:
    """Whether two files show the same bones in the same places."""
    shown = [seen_in_blender(path, fps, frames)["heads"] for path in (one, other)]
    assert len(shown[0]) == len(shown[1])
    return all(
        a.keys() == b.keys() and max(np.abs(a[name] - b[name]).max() for name in a) < tolerance_m
        for a, b in zip(*shown, strict=True)
    )


def run_in_blender(script: str, folder: Path, *arguments: str) -> None:
    """Run a script in Blender's Python, in a folder. Skips where it is absent."""
    python = os.environ.get("BLAZE2CAP_BPY_PYTHON")
    if not python:
        pytest.skip(
            "BLAZE2CAP_BPY_PYTHON is not set: it names a Python that has bpy, as `pip install bpy==5.0.1` makes"
        )
    subprocess.run([python, "-c", script, *arguments], cwd=folder, check=True, capture_output=True, timeout=600)


def _y_up(point: Sequence[Any]) -> np.ndarray:
    """Blender's z points up and its y away from who looks along it."""
    x, y, z = np.moveaxis(np.array(point), -1, 0)
    return np.stack((x, z, -y), axis=-1)
