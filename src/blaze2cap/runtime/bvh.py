"""BVH files: a skeleton with its motion, as text, in the form that Biovision gave it.

Centimetres and degrees; axes as in `animation`. The root has the channels Xposition Yposition Zposition Zrotation
Xrotation Yrotation, every other joint Zrotation Xrotation Yrotation: rotations apply in the order written, each about
the axes that the ones before have turned (`euler`). The root's OFFSET is zero, so its position channels are its place
in the world whether a program adds the two or not.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.euler import continuous_zxy, turn_about
from blaze2cap.runtime.rig import Rig, rigged
from blaze2cap.runtime.skeleton_map import SKELETON_MAPS, SkeletonMap
from blaze2cap.untrusted import read_text, shown

CM = 100.0
_ROTATIONS = ("Zrotation", "Xrotation", "Yrotation")
# No length or angle of a motion is as large, nor is a number of frames.
_MOST = 1e8
_POSITIONS = ("Xposition", "Yposition", "Zposition")


@dataclass(frozen=True, kw_only=True)
class Bvh:
    """What a BVH file says: joints and end sites in the order of the file, lengths in its own unit."""

    names: tuple[str, ...]
    """End sites have the name of their joint and "_end"."""
    parents: tuple[int, ...]
    offset: Float64[np.ndarray, "J 3"]
    channels: tuple[tuple[str, ...], ...]
    frame_time: float
    """[s]"""
    motion: Float64[np.ndarray, "N C"]

    def forward_kinematics(self) -> tuple[Float64[np.ndarray, "N J 3"], Float64[np.ndarray, "N J 3 3"]]:
        """Positions and global rotations of all joints and end sites, in the file's unit and axes."""
        frames, first = len(self.motion), 0
        position = np.zeros((frames, len(self.names), 3))
        rotation = np.zeros((frames, len(self.names), 3, 3)) + np.eye(3)
        for joint, (parent, channels) in enumerate(zip(self.parents, self.channels, strict=True)):
            own, move = np.eye(3), np.tile(self.offset[joint], (frames, 1))
            for channel, value in zip(channels, self.motion[:, first : first + len(channels)].T, strict=True):
                if channel in _POSITIONS:
                    move[:, "XYZ".index(channel[0])] += value
                else:
                    own = own @ turn_about(channel[0], np.radians(value))
            first += len(channels)
            if parent < 0:
                position[:, joint], rotation[:, joint] = move, own
            else:
                above = rotation[:, parent]
                position[:, joint] = position[:, parent] + (above @ move[..., None]).squeeze(-1)
                rotation[:, joint] = above @ own
        return position, rotation


def write_bvh(path: Path, animation: Animation, skeleton_map: SkeletonMap = SKELETON_MAPS["totalcapture"]) -> None:
    """Write an animation as BVH; angles have no jumps, lengths 0.001 mm, angles 0.0001 degrees.

    Bones have the names and the spine of `skeleton_map`, but not its axes: at rest all angles of a BVH file are zero.
    """
    rig = rigged(animation, skeleton_map, own_axes=False)
    angle = np.degrees(continuous_zxy(rig.rotation))
    # Depth first, as the hierarchy is written, which the order of the bones is.
    motion = np.concatenate((CM * rig.root_position[:, None], angle), axis=1).reshape(len(angle), -1)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("HIERARCHY\n")
        file.writelines(f"{line}\n" for line in _hierarchy(rig, 0, 0))
        file.write(f"MOTION\nFrames: {len(motion)}\nFrame Time: {1 / animation.fps:.10f}\n")
        np.savetxt(file, motion, fmt="%.4f")


def _hierarchy(rig: Rig, bone: int, depth: int) -> Iterator[str]:
    indent = "\t" * depth
    yield f"{indent}{'JOINT' if depth else 'ROOT'} {rig.names[bone]}"
    yield f"{indent}{{"
    yield f"{indent}\t{_offset(rig.offset[bone].tolist())}"
    channels = _ROTATIONS if depth else _POSITIONS + _ROTATIONS
    yield f"{indent}\tCHANNELS {len(channels)} {' '.join(channels)}"
    for child, parent in enumerate(rig.parents):
        if parent == bone:
            yield from _hierarchy(rig, child, depth + 1)
    if bone in rig.end_bones:
        end = rig.end[rig.end_bones.index(bone)].tolist()
        yield from (f"{indent}\tEnd Site", f"{indent}\t{{", f"{indent}\t\t{_offset(end)}", f"{indent}\t}}")
    yield f"{indent}}}"


def _offset(metres: list[float]) -> str:
    return "OFFSET " + " ".join(f"{CM * value:.6f}" for value in metres)


def read_bvh(path: Path) -> Bvh:
    """Read a BVH file of any skeleton and order of channels; UserError where it is none."""
    try:
        word = iter(read_text(path).split())
        joints = _joints(word)
        _expect(word, "Frames:")
        frames = _whole(next(word), 1)
        _expect(word, "Frame", "Time:")
        frame_time = float(next(word))
        channels = tuple(joint.channels for joint in joints)
        motion = np.array([float(value) for value in word]).reshape(frames, sum(map(len, channels)))
        offset = np.array([joint.offset for joint in joints])
        if not (0 < frame_time < math.inf and all((np.abs(part) <= _MOST).all() for part in (motion, offset))):
            raise ValueError(f"its numbers are not all finite and at most {_MOST:g}")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except StopIteration:
        raise UserError(f"{path}: not a readable BVH file (it ends early)") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable BVH file ({error})") from None
    return Bvh(
        names=tuple(joint.name for joint in joints),
        parents=tuple(joint.parent for joint in joints),
        offset=offset,
        channels=channels,
        frame_time=frame_time,
        motion=motion,
    )


class _Joint(NamedTuple):
    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: tuple[str, ...]


def _joints(word: Iterator[str]) -> list[_Joint]:
    """The joints and end sites of the hierarchy; ValueError where a word is not what it should be."""
    _expect(word, "HIERARCHY", "ROOT")
    joints: list[_Joint] = []
    open_joints: list[int] = []
    name, kind = next(word), "ROOT"
    while kind != "MOTION":
        if kind == "}":
            open_joints.pop()
        else:
            parent = open_joints[-1] if open_joints else -1
            _expect(word, "{", "OFFSET")
            offset = (float(next(word)), float(next(word)), float(next(word)))
            channels: tuple[str, ...] = ()
            if kind != "End":
                _expect(word, "CHANNELS")
                channels = tuple(islice(word, _whole(next(word), 0)))
                if not set(channels) <= {*_POSITIONS, *_ROTATIONS}:
                    raise ValueError(f"unknown channels {shown(' '.join(channels))}")
            open_joints.append(len(joints))
            joints.append(_Joint(name, parent, offset, channels))
        kind = next(word)
        if kind != "MOTION" and not open_joints:
            raise ValueError(f"{shown(kind)} after the end of the root")
        if kind == "JOINT":
            name = next(word)
        elif kind == "End":
            _expect(word, "Site")
            name = f"{joints[open_joints[-1]].name}_end"
        elif kind not in ("}", "MOTION"):
            raise ValueError(f"{shown(kind)} where a joint should begin or end")
    if open_joints or not any(joint.channels for joint in joints):
        raise ValueError("a joint has no end, or none moves")
    return joints


def _whole(word: str, least: int) -> int:
    number = int(word)
    if not least <= number <= _MOST:
        raise ValueError(f"{number} of something")
    return number


def _expect(word: Iterator[str], *wanted: str) -> None:
    for expected in wanted:
        found = next(word)
        if found != expected:
            raise ValueError(f"{found[:80]} instead of {expected}")
