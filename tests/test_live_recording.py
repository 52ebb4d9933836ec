"""Laws of a live recording: what was shown, at a constant rate, of a bounded size, whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from moving import tumbling

from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.bvh import read_bvh
from blaze2cap.runtime.live_recording import MOST_FRAMES, Recording
from blaze2cap.runtime.rotation import geodesic_angle
from blaze2cap.runtime.world_pose import WorldPose


def recorded(animation: Animation, frames: list[int], valid: list[bool] | None = None, **options: object) -> Recording:
    """A recording of some frames of an animation, each at its own time."""
    recording = Recording([Path("take.bvh")], **options)  # type: ignore[arg-type]
    for number, frame in enumerate(frames):
        pose = WorldPose(
            frame / animation.fps, animation.rotation[frame], animation.root_position[frame],
            valid is None or valid[number], animation.deviation[frame],
        )  # fmt: skip
        recording.send(pose, animation.offset)
    return recording


def test_frames_that_come_evenly_are_the_rows() -> None:
    """More of them than a chunk, so that no seam shows."""
    animation = tumbling(2500, seed=0, fps=30.0)
    result = recorded(animation, list(range(2500))).animation(30.0, animation.end, 12.0)
    assert (result.fps, result.camera_tilt_deg, len(result.valid)) == (30.0, 12.0, 2500)
    assert geodesic_angle(result.rotation, animation.rotation).max() < 1e-3
    np.testing.assert_allclose(result.root_position, animation.root_position, atol=1e-6, rtol=0)
    np.testing.assert_allclose(result.deviation, animation.deviation)
    assert np.array_equal(result.offset, animation.offset)
    assert np.array_equal(result.end, animation.end)
    assert result.valid.all()


def test_frames_that_were_dropped_lie_on_the_shortest_way() -> None:
    """Of a smooth motion at 120 frames per second a third is kept, unevenly; rows at 120 are near all that was."""
    animation = tumbling(600, seed=1, fps=120.0, turns=1.0)
    kept = sorted({0, 599, *np.random.default_rng(0).choice(600, 200, replace=False).tolist()})
    result = recorded(animation, kept).animation(120.0, animation.end, 0.0)
    assert len(result.valid) == 600
    assert geodesic_angle(result.rotation[kept], animation.rotation[kept]).max() < 1e-3
    assert np.degrees(geodesic_angle(result.rotation, animation.rotation).mean()) < 1
    half = recorded(animation, [0, 2]).animation(120.0, animation.end, 0.0)
    middle = (animation.root_position[0] + animation.root_position[2]) / 2
    np.testing.assert_allclose(half.root_position[1], middle, atol=1e-6, rtol=0)
    turns = [geodesic_angle(half.rotation[one], half.rotation[one + 1]) for one in (0, 1)]
    np.testing.assert_allclose(turns[0], turns[1], atol=2e-3, rtol=0)


def test_gaps_hold_the_last_pose_and_the_time_before_anybody_the_first() -> None:
    animation = tumbling(10, seed=2, fps=30.0)
    seen = [False, False, True, True, False, False, True, True, True, True]
    result = recorded(animation, list(range(10)), seen).animation(30.0, animation.end, 0.0)
    assert result.valid.tolist() == seen
    shown = [2, 2, 2, 3, 3, 3, 6, 7, 8, 9]
    assert geodesic_angle(result.rotation, animation.rotation[shown]).max() < 1e-3


def test_a_long_pause_is_not_bridged() -> None:
    animation = tumbling(100, seed=2, fps=30.0)
    result = recorded(animation, [0, 1, 40, 41]).animation(30.0, animation.end, 0.0)
    assert len(result.valid) == 42
    assert geodesic_angle(result.rotation[1:40], np.broadcast_to(animation.rotation[1], (39, 21, 3, 3))).max() < 1e-3


def test_a_recording_has_a_bounded_size_and_says_what_it_leaves_out() -> None:
    animation = tumbling(30, seed=0, fps=30.0)
    recording = recorded(animation, list(range(30)), most_frames=20)
    assert (recording.frames, recording.left_out) == (20, 10)
    assert len(recording.animation(30.0, animation.end, 0.0).valid) == 20
    an_hour_of_30_frames_per_second = 3600 * 30
    assert an_hour_of_30_frames_per_second == MOST_FRAMES


@pytest.mark.parametrize("frames", [[], [0, 1, 2]])
def test_nobody_in_view_is_a_sentence_and_no_file(frames: list[int], tmp_path: Path) -> None:
    animation = tumbling(3, seed=0)
    recording = recorded(animation, frames, [False] * 3)
    recording.paths = [tmp_path / "take.bvh"]
    with pytest.raises(UserError, match=f"nobody was in view in any of {len(frames)} frames, so nothing is written"):
        recording.write(30.0, animation.end, 0.0)
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_what_was_kept(tmp_path: Path) -> None:
    animation = tumbling(40, seed=4, fps=25.0)
    recording = recorded(animation, list(range(40)))
    recording.paths = [tmp_path / "take.bvh", tmp_path / "take.npz"]
    recording.write(25.0, animation.end, 0.0)
    bvh = read_bvh(tmp_path / "take.bvh")
    assert (len(bvh.motion), bvh.frame_time) == (40, pytest.approx(0.04))
    position, _ = bvh.forward_kinematics()
    joints = [number for number, name in enumerate(bvh.names) if not name.endswith("_end")]
    np.testing.assert_allclose(position[:, joints] / 100, animation.joint_positions(), atol=1e-4)
    with np.load(tmp_path / "take.npz") as arrays:
        assert arrays["fps"] == 25
        np.testing.assert_allclose(arrays["joint_position"], animation.joint_positions(), atol=1e-4)


def test_ways_are_sized_by_the_bones_of_the_end() -> None:
    """While a person's size is not known yet, the frames are shown, and kept, with bones of another one."""
    animation = tumbling(3, seed=3, fps=30.0)
    recording = Recording([Path("take.bvh")])
    for frame, size in enumerate((1.0, 0.9, 0.8)):
        pose = WorldPose(
            frame / 30, animation.rotation[frame], size * animation.root_position[frame], True,
            animation.deviation[frame],
        )  # fmt: skip
        recording.send(pose, size * animation.offset)
    result = recording.animation(30.0, animation.end, 0.0)
    np.testing.assert_allclose(result.offset, 0.8 * animation.offset)
    np.testing.assert_allclose(result.root_position, 0.8 * animation.root_position, atol=1e-6)
