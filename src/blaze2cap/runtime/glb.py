"""glTF 2.0 in one binary file: a figure with a skeleton, and its motion.

Metres, seconds, y up; at rest a T-pose that faces +z, feet on the floor under the origin. The nodes are the bones and
their end sites, all of them joints of the skin. Every bone that moves has a rotation for every frame, the root a
translation as well; in between, programs interpolate linearly, the short way round. Sources: glTF 2.0 specification,
sections 3.6 (binary data), 3.7 (geometry, skins), 3.11 (animations), 4 (GLB).
"""

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from blaze2cap import __version__
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.continuous_quaternion import continuous_quaternions
from blaze2cap.runtime.mannequin import Mannequin, mannequin
from blaze2cap.runtime.rig import Rig, rigged
from blaze2cap.runtime.rotation import matrix_to_quaternion
from blaze2cap.runtime.skeleton_map import SKELETON_MAPS, SkeletonMap

_FLOAT, _UNSIGNED_BYTE, _UNSIGNED_SHORT = 5126, 5121, 5123
_COMPONENTS = {np.dtype("<f4"): _FLOAT, np.dtype("u1"): _UNSIGNED_BYTE, np.dtype("<u2"): _UNSIGNED_SHORT}
_TYPES = {(): "SCALAR", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
_VERTICES, _INDICES = 34962, 34963
_COLOURS = {"body": (0.66, 0.69, 0.74), "dark": (0.09, 0.11, 0.15)}
# A vertex may be moved by four joints.
_JOINTS_OF_VERTEX = 4


class _Buffer:
    """The binary chunk, and where in it which array lies."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, *, target: int | None = None, bounds: bool = False) -> int:
        """Append an array, one element a row; its accessor's index."""
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes}
        self.views.append(view if target is None else {**view, "target": target})
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1,
            "componentType": _COMPONENTS[array.dtype],
            "count": len(array),
            "type": _TYPES[array.shape[1:]],
        }
        if bounds:
            accessor |= {
                key: np.atleast_1d(value).tolist() for key, value in (("min", array.min(0)), ("max", array.max(0)))
            }
        self.accessors.append(accessor)
        self.data += array.tobytes()
        self.data += bytes(-len(self.data) % 4)
        return len(self.accessors) - 1

    def floats(self, array: np.ndarray, *, target: int | None = None, bounds: bool = False) -> int:
        """Append an array of real numbers."""
        return self.add(np.ascontiguousarray(array, "<f4"), target=target, bounds=bounds)


def write_glb(path: Path, animation: Animation, skeleton_map: SkeletonMap = SKELETON_MAPS["totalcapture"]) -> None:
    """Write an animation as a skinned figure with motion; bones have the names and axes of `skeleton_map`."""
    rig = rigged(animation, skeleton_map, own_axes=True)
    buffer = _Buffer()
    text = json.dumps(_document(buffer, rig, animation, skeleton_map), separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    with path.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(buffer.data)))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", len(buffer.data), b"BIN\0") + buffer.data)


def _document(buffer: _Buffer, rig: Rig, animation: Animation, skeleton_map: SkeletonMap) -> dict[str, Any]:
    """What the file says, all numbers put into the buffer."""
    figure = mannequin(animation.offset)
    height = -float(figure.position[:, 1].min())
    joints = len(rig.names) + len(rig.end_bones)
    bone_of = [rig.names.index(skeleton_map.bone_of(joint)) for joint in JOINTS]
    skin = {
        "name": skeleton_map.name,
        "inverseBindMatrices": buffer.floats(_inverse_bind_matrices(rig, height)),
        "skeleton": 0,
        "joints": list(range(joints)),
    }
    return {
        "asset": {"version": "2.0", "generator": f"Blaze2Cap {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0, joints]}],
        "nodes": [*_nodes(rig, height), {"name": "Mannequin", "mesh": 0, "skin": 0}],
        "meshes": [{"name": "Mannequin", "primitives": _primitives(buffer, figure, height, bone_of)}],
        "materials": [_material(name, colour) for name, colour in _COLOURS.items()],
        "skins": [skin],
        "animations": [_motion(buffer, rig, animation.fps)],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }


def _material(name: str, colour: Sequence[float]) -> dict[str, Any]:
    looks = {"baseColorFactor": [*colour, 1], "metallicFactor": 0, "roughnessFactor": 0.7}
    return {"name": name, "pbrMetallicRoughness": looks}


def _nodes(rig: Rig, height: float) -> list[dict[str, Any]]:
    """Bones in the rest pose, the root at some height, then end sites."""
    rotation = matrix_to_quaternion(rig.rest_rotation)
    nodes: list[dict[str, Any]] = []
    for bone, name in enumerate(rig.names):
        children = [child for child, parent in enumerate(rig.parents) if parent == bone]
        children += [len(rig.names) + end for end, last in enumerate(rig.end_bones) if last == bone]
        place = rig.offset[bone].tolist() if bone else [0.0, height, 0.0]
        node = {"name": name, "translation": place, "rotation": rotation[bone].tolist()}
        nodes.append(node | ({"children": children} if children else {}))
    for bone, end in zip(rig.end_bones, rig.end.tolist(), strict=True):
        nodes.append({"name": f"{rig.names[bone]}_end", "translation": end})
    return nodes


def _inverse_bind_matrices(rig: Rig, height: float) -> Float[np.ndarray, "J 4 4"]:
    """From the world of the rest pose into each bone's axes, then each end site's; stored by columns."""
    place = rig.rest_positions() + np.array([0.0, height, 0.0])
    last = list(rig.end_bones)
    tip = place[last] + (rig.rest[last] @ rig.end[..., None])[..., 0]
    axes, start = np.concatenate((rig.rest, rig.rest[last])), np.concatenate((place, tip))
    matrix = np.tile(np.eye(4), (len(start), 1, 1))
    matrix[:, :3, :3] = axes.mT
    matrix[:, :3, 3:] = -axes.mT @ start[..., None]
    return matrix.mT


def _primitives(buffer: _Buffer, figure: Mannequin, height: float, bone_of: Sequence[int]) -> list[dict[str, Any]]:
    weight = np.zeros((len(figure.weight), max(bone_of) + 1), np.float32)
    for joint, bone in enumerate(bone_of):
        weight[:, bone] += figure.weight[:, joint]
    heaviest = np.argsort(-weight, axis=1, kind="stable")[:, :_JOINTS_OF_VERTEX]
    share = np.take_along_axis(weight, heaviest, axis=1)
    vertices = {
        "POSITION": buffer.floats(figure.position + np.array([0, height, 0]), target=_VERTICES, bounds=True),
        "NORMAL": buffer.floats(figure.normal, target=_VERTICES),
        # A joint without weight has to be joint 0.
        "JOINTS_0": buffer.add(np.where(share > 0, heaviest, 0).astype("u1"), target=_VERTICES),
        "WEIGHTS_0": buffer.floats(share / share.sum(1, keepdims=True), target=_VERTICES),
    }
    return [
        {
            "attributes": vertices,
            "indices": buffer.add(figure.faces[name].reshape(-1).astype("<u2"), target=_INDICES),
            "material": material,
        }
        for material, name in enumerate(_COLOURS)
    ]


def _motion(buffer: _Buffer, rig: Rig, fps: float) -> dict[str, Any]:
    frames = np.arange(len(rig.rotation))
    time = buffer.floats(frames / fps, bounds=True)
    quaternion = continuous_quaternions(rig.rotation)
    tracks = [(0, "translation", rig.root_position)]
    tracks += [(bone, "rotation", quaternion[:, bone]) for bone, moves in enumerate(rig.moves) if moves]
    return {
        "name": "Motion",
        "samplers": [
            {"input": time, "output": buffer.floats(values), "interpolation": "LINEAR"} for _, _, values in tracks
        ],
        "channels": [
            {"sampler": sampler, "target": {"node": node, "path": path}}
            for sampler, (node, path, _) in enumerate(tracks)
        ],
        "extras": {"fps": fps},
    }
