"""GLB files say what the animation says: to another reader, to Khronos' validator, and to Blender."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from blender import documented_fbx, same_in_blender, seen_in_blender
from moving import tumbling

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.bvh import read_bvh, write_bvh
from blaze2cap.runtime.glb import write_glb
from blaze2cap.runtime.mannequin import mannequin
from blaze2cap.runtime.motion_files import write_motion
from blaze2cap.runtime.rotation import geodesic_angle, quaternion_to_matrix
from blaze2cap.runtime.skeleton_map import SKELETON_MAPS, SkeletonMap

MAPS = pytest.mark.parametrize("skeleton", SKELETON_MAPS.values(), ids=SKELETON_MAPS)
TYPES = {"SCALAR": (), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}
COMPONENTS = {5121: "u1", 5123: "<u2", 5126: "<f4"}

_VALIDATE = """
const validator = require(process.argv[1] + '/node_modules/gltf-validator');
const bytes = new Uint8Array(require('fs').readFileSync(process.argv[2]));
validator.validateBytes(bytes).then(report => console.log(JSON.stringify(report)));
"""


class Read(NamedTuple):
    """A GLB file as another library reads it.

    names, parents  of the nodes
    rest            their transforms in the parents' frames, [nodes, 4, 4]
    motion          the same in every frame, [N, nodes, 4, 4]
    time            of the frames [s]
    document        pygltflib's own
    """

    names: list[str]
    parents: list[int]
    rest: np.ndarray
    motion: np.ndarray
    time: np.ndarray
    document: Any

    def numbers(self, accessor: int) -> np.ndarray:
        return numbers(self.document, accessor)

    def in_world(self, local: np.ndarray) -> np.ndarray:
        """Transforms of all nodes in the world, [..., nodes, 4, 4]."""
        world: dict[int, np.ndarray] = {}

        def visit(node: int) -> np.ndarray:
            if node not in world:
                own = local[..., node, :, :]
                world[node] = own if self.parents[node] < 0 else visit(self.parents[node]) @ own
            return world[node]

        return np.stack([visit(node) for node in range(len(self.names))], axis=-3)


def numbers(document: Any, index: int) -> np.ndarray:
    accessor = document.accessors[index]
    view = document.bufferViews[accessor.bufferView]
    shape = (accessor.count, *TYPES[accessor.type])
    kind = np.dtype(COMPONENTS[accessor.componentType])
    data = document.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    return np.frombuffer(data, kind).reshape(shape)


def transform(translation: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    frames = np.broadcast_shapes(translation.shape[:-1], rotation.shape[:-1])
    matrix = np.zeros((*frames, 4, 4)) + np.eye(4)
    matrix[..., :3, :3] = quaternion_to_matrix(np.array(rotation, float))
    matrix[..., :3, 3] = translation
    return matrix


def read(path: Path) -> Read:
    pygltflib = pytest.importorskip("pygltflib", reason="pygltflib, a reader of glTF files, is not installed")
    document = pygltflib.GLTF2().load(str(path))
    nodes = document.nodes
    parents = [-1] * len(nodes)
    for parent, node in enumerate(nodes):
        for child in node.children or []:
            parents[child] = parent
    still = [(np.array(node.translation or (0, 0, 0)), np.array(node.rotation or (0, 0, 0, 1))) for node in nodes]
    moved = [list(transforms) for transforms in still]
    motion = document.animations[0]
    times = {sampler.input for sampler in motion.samplers}
    assert len(times) == 1
    for channel in motion.channels:
        part = ("translation", "rotation").index(channel.target.path)
        moved[channel.target.node][part] = numbers(document, motion.samplers[channel.sampler].output)
    time = numbers(document, times.pop())
    rest = np.stack([transform(*parts) for parts in still])
    moving = np.stack([np.broadcast_to(transform(*parts), (len(time), 4, 4)) for parts in moved], axis=1)
    return Read([node.name for node in nodes], parents, rest, moving, time, document)


def written(tmp_path: Path, animation: Animation, skeleton: SkeletonMap) -> Read:
    write_glb(tmp_path / "a.glb", animation, skeleton)
    return read(tmp_path / "a.glb")


def test_joints_and_end_sites_are_where_they_are_within_a_hundredth_of_a_millimetre(tmp_path: Path) -> None:
    animation = tumbling(200, seed=0)
    got = written(tmp_path, animation, SKELETON_MAPS["totalcapture"])
    place = got.in_world(got.motion)[..., :3, 3]
    joints = [got.names.index(name) for name in JOINTS]
    assert np.abs(place[:, joints] - animation.joint_positions()).max() < 1e-5
    assert {f"{name}_end" for name in END_JOINTS} <= set(got.names)


@MAPS
def test_bones_are_where_those_of_the_bvh_file_are_whatever_their_axes(skeleton: SkeletonMap, tmp_path: Path) -> None:
    animation = tumbling(100, seed=1)
    got = written(tmp_path, animation, skeleton)
    write_bvh(tmp_path / "a.bvh", animation, skeleton)
    bvh = read_bvh(tmp_path / "a.bvh")
    position, turned = bvh.forward_kinematics()
    world = got.in_world(got.motion)
    assert set(bvh.names) < set(got.names)
    axes = {bone.name: bone.rest for bone in (*skeleton.bones, *skeleton.toes)}
    for index, name in enumerate(bvh.names):
        node = got.names.index(name)
        assert np.abs(world[:, node, :3, 3] - position[:, index] / 100).max() < 5e-5, name
        if name in axes:
            assert np.abs(world[:, node, :3, :3] - turned[:, index] @ axes[name]).max() < 1e-4, name


@MAPS
def test_at_rest_the_skin_is_unmoved_and_stands_on_the_floor(skeleton: SkeletonMap, tmp_path: Path) -> None:
    got = written(tmp_path, tumbling(3, seed=2), skeleton)
    skin = got.document.skins[0]
    # Matrices are stored by columns.
    bind = got.numbers(skin.inverseBindMatrices).swapaxes(-1, -2)
    world = got.in_world(got.rest)[skin.joints]
    assert np.abs(world @ bind - np.eye(4)).max() < 1e-6
    vertex = got.numbers(got.document.meshes[0].primitives[0].attributes.POSITION)
    assert vertex[:, 1].min() == pytest.approx(0, abs=1e-6)
    assert vertex[:, 1].max() == pytest.approx(1.733, abs=0.01)
    # Facing +z with the right hand at -x: visor and toes are in front.
    at = {name: world[got.names.index(skeleton.bone_of(name)), :3, 3] for name in JOINTS}
    assert at["RightHand"][0] < at["RightArm"][0] < 0 < at["LeftArm"][0] < at["LeftHand"][0]
    assert at["RightFoot"][1] < at["Hips"][1] < at["Head"][1]
    dark = vertex[np.unique(got.numbers(got.document.meshes[0].primitives[1].indices))]
    assert dark[dark[:, 1] > at["Head"][1], 2].mean() > at["Head"][2] + 0.06
    assert dark[dark[:, 1] < at["LeftFoot"][1], 2].mean() > at["LeftFoot"][2] + 0.02


@MAPS
def test_the_skin_follows_the_bones(skeleton: SkeletonMap, tmp_path: Path) -> None:
    animation = tumbling(40, seed=3)
    got = written(tmp_path, animation, skeleton)
    attributes = got.document.meshes[0].primitives[0].attributes
    vertex, joint, weight = (
        got.numbers(index) for index in (attributes.POSITION, attributes.JOINTS_0, attributes.WEIGHTS_0)
    )
    assert np.abs(weight.sum(1) - 1).max() < 1e-6
    skin = got.document.skins[0]
    bind = got.numbers(skin.inverseBindMatrices).swapaxes(-1, -2)
    moved = got.in_world(got.motion)[:, skin.joints] @ bind
    at_rest = np.concatenate((vertex, np.ones_like(vertex[:, :1])), axis=1)
    place = np.einsum("vk,nvkij,vj->nvi", weight, moved[:, joint], at_rest)[..., :3]
    names = [got.names[node] for node in skin.joints]
    bones, ours = got.in_world(got.rest)[skin.joints], got.in_world(got.motion)[:, skin.joints]
    for name in ("Head", "LeftHand", "RightForeArm", "RightFoot", "LeftLeg"):
        bone = names.index(skeleton.bone_of(name))
        alone = ((joint == bone) & (weight > 0.999)).any(1)
        assert alone.sum() >= 100, name
        # Of what one bone moves, each point keeps its place in the bone's own axes.
        before = np.einsum("ji,vj->vi", bones[bone, :3, :3], vertex[alone] - bones[bone, :3, 3])
        after = np.einsum("nji,nvj->nvi", ours[:, bone, :3, :3], place[:, alone] - ours[:, bone, None, :3, 3])
        assert np.abs(after - before).max() < 1e-5, name


@pytest.mark.parametrize("fps", [29.97, 120.0])
def test_frames_lie_at_their_times_and_quaternions_take_the_short_way(fps: float, tmp_path: Path) -> None:
    animation = tumbling(500, seed=4, fps=fps, turns=8)
    got = written(tmp_path, animation, SKELETON_MAPS["mixamo"])
    assert got.time == pytest.approx(np.arange(500) / fps, abs=1e-6)
    motion = got.document.animations[0]
    assert motion.extras == {"fps": fps}
    assert {sampler.interpolation for sampler in motion.samplers} == {"LINEAR"}
    rotations = [channel for channel in motion.channels if channel.target.path == "rotation"]
    assert {got.names[channel.target.node] for channel in rotations} == set(SKELETON_MAPS["mixamo"].names)
    for channel in rotations:
        quaternion = got.numbers(motion.samplers[channel.sampler].output)
        assert np.abs(np.linalg.norm(quaternion, axis=-1) - 1).max() < 1e-6
        assert (quaternion[1:] * quaternion[:-1]).sum(-1).min() > 0
    translated = [got.names[channel.target.node] for channel in motion.channels if channel.target.path == "translation"]
    assert translated == ["mixamorig:Hips"]


def test_one_frame_makes_a_file(tmp_path: Path) -> None:
    got = written(tmp_path, tumbling(1, seed=5), SKELETON_MAPS["vrm"])
    assert got.time.tolist() == [0.0]


def test_the_mesh_is_closed_looks_outwards_and_is_light() -> None:
    figure = mannequin(tumbling(2, seed=6).offset)
    faces = np.concatenate(list(figure.faces.values()))
    assert 2000 < len(faces) < 5000
    edges = np.concatenate([faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    assert len(np.unique(edges, axis=0)) == len(edges)
    assert {(b, a) for a, b in edges.tolist()} == {(a, b) for a, b in edges.tolist()}
    # Of each closed part on its own: a positive volume is one whose triangles look outwards.
    part = np.arange(len(figure.position))
    while True:
        lower = part.copy()
        np.minimum.at(lower, edges[:, 0], part[edges[:, 1]])
        if (lower == part).all():
            break
        part = lower
    a, b, c = (figure.position[faces[:, corner]].astype(np.float64) for corner in range(3))
    volume = np.bincount(part[faces[:, 0]], (a * np.cross(b, c)).sum(-1) / 6)[np.unique(part)]
    assert len(volume) == 20
    assert volume.min() > 0
    assert volume.sum() == pytest.approx(0.065, abs=0.01), "a person of 1.73 m has some 65 litres"
    face = np.cross(b - a, c - a)
    for corner in range(3):
        assert ((figure.normal[faces[:, corner]] * face).sum(-1) > 0).all()
    assert np.linalg.norm(figure.normal, axis=-1) == pytest.approx(1, abs=1e-5)


def test_the_figure_grows_with_the_bones_and_has_two_like_sides() -> None:
    offset = tumbling(2, seed=7).offset
    figure, tall = mannequin(offset), mannequin(1.2 * offset)
    assert np.abs(1.2 * figure.position - tall.position).max() < 1e-5
    assert figure.position[:, 0].max() == pytest.approx(-figure.position[:, 0].min(), abs=1e-6)
    right, left = (figure.weight[:, JOINT_INDEX[f"{side}Hand"]].sum() for side in ("Right", "Left"))
    assert right == left > 100


def test_files_for_a_skeleton_are_whole_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    animation = tumbling(10, seed=8)
    outputs = [tmp_path / name for name in ("a.bvh", "a.glb", "a.npz")]
    write_motion(outputs, animation, skeleton="unreal")
    assert "pelvis" in read(outputs[1]).names
    assert read_bvh(outputs[0]).names[0] == "pelvis"
    assert np.load(outputs[2])["joint_names"].tolist() == list(JOINTS)
    with pytest.raises(UserError, match="no skeleton smpl; use totalcapture, mixamo, unreal, vrm"):
        write_motion([tmp_path / "b.glb"], animation, skeleton="smpl")
    assert not (tmp_path / "b.glb").exists()


def test_the_same_animation_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.glb", "b.glb"):
        write_glb(tmp_path / name, tumbling(20, seed=9))
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


@pytest.mark.slow
@MAPS
def test_the_validator_of_khronos_has_nothing_to_say(skeleton: SkeletonMap, tmp_path: Path) -> None:
    folder = os.environ.get("BLAZE2CAP_GLTF_VALIDATOR")
    if not folder or not shutil.which("node"):
        pytest.skip(
            "BLAZE2CAP_GLTF_VALIDATOR is not set, or node is absent: it names a folder in which"
            " `npm install gltf-validator` was run"
        )
    write_glb(tmp_path / "a.glb", tumbling(300, seed=10), skeleton)
    command = ["node", "-e", _VALIDATE, folder, str(tmp_path / "a.glb")]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)
    assert report["issues"]["messages"] == []
    assert report["info"]["animationCount"] == 1
    assert report["info"]["hasSkins"]


@pytest.mark.slow
@MAPS
def test_blender_shows_bones_and_skin_within_a_millimetre(skeleton: SkeletonMap, tmp_path: Path) -> None:
    animation = tumbling(60, seed=11, fps=30.0)
    got = written(tmp_path, animation, skeleton)
    frames = range(0, 60, 7)
    seen = seen_in_blender(tmp_path / "a.glb", 30.0, frames)
    world = got.in_world(got.motion)
    attributes = got.document.meshes[0].primitives[0].attributes
    vertex, joint, weight = (
        got.numbers(index) for index in (attributes.POSITION, attributes.JOINTS_0, attributes.WEIGHTS_0)
    )
    bind = got.numbers(got.document.skins[0].inverseBindMatrices).swapaxes(-1, -2)
    at_rest = np.concatenate((vertex, np.ones_like(vertex[:, :1])), axis=1)
    for frame, heads, skin in zip(frames, seen["heads"], seen["vertices"], strict=True):
        for name in (*skeleton.names, *(toe.name for toe in skeleton.toes)):
            head = world[frame, got.names.index(name), :3, 3]
            assert np.abs(np.array(heads[name]) - head).max() < 1e-3, name
        moved = world[frame, got.document.skins[0].joints] @ bind
        place = np.einsum("vk,vkij,vj->vi", weight, moved[joint], at_rest)[:, :3]
        # Blender has the vertices in an order of its own.
        assert np.abs(np.sort(skin, axis=0) - np.sort(place, axis=0)).max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("fps", [60.0, 29.97])
def test_the_documented_way_to_fbx_keeps_the_motion(fps: float, tmp_path: Path) -> None:
    animation = tumbling(60, seed=13, fps=fps)
    write_glb(tmp_path / "dance.glb", animation, SKELETON_MAPS["mixamo"])
    fbx = documented_fbx("skeletons.md", tmp_path, round(fps))
    assert same_in_blender(tmp_path / "dance.glb", fbx, round(fps), range(0, 60, 11), 1e-4)
    # A frame of Blender's lies between two of ours at 29.97.
    before, share = divmod(44 * fps / round(fps), 1)
    there = animation.root_position[int(before) : int(before) + 2]
    hips = seen_in_blender(fbx, round(fps), [44])["heads"][0]["mixamorig:Hips"]
    assert np.abs(hips - (1 - share) * there[0] - share * there[1]).max() < 1e-3


def test_rotations_of_the_file_are_those_of_the_animation(tmp_path: Path) -> None:
    animation = tumbling(30, seed=12)
    got = written(tmp_path, animation, SKELETON_MAPS["totalcapture"])
    joints = [got.names.index(name) for name in JOINTS]
    local = got.motion[:, joints, :3, :3]
    assert geodesic_angle(local, animation.rotation).max() < 1e-3
