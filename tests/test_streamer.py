"""Laws of streams: frame by frame as over the whole clip, at any rate, with a state that does not grow."""

import gc
import itertools
import weakref
from collections import deque
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config
from test_checkpoint import checkpoint
from test_model import BACKBONES, INTRINSICS, make_model, plausible_landmarks, run, with_gap
from torch import Tensor

from blaze2cap.body.landmark import KEPT_FROM_RAW, KEPT_RAW_CHANNELS, RAW_CHANNELS, RAW_LANDMARKS, TRACKED
from blaze2cap.body.motion import Motion
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.errors import UserError
from blaze2cap.learning.model import PoseModel
from blaze2cap.runtime.retiming import filled, thinned
from blaze2cap.runtime.streamer import FrameError, StreamedPose, Streamer
from blaze2cap.runtime.torch_network import TorchNetwork

# A model of each backbone, some with a look-ahead.
MODELS = [*((name, 0) for name in BACKBONES), ("transformer", 1), ("recurrent", 3), ("tcn", 2)]
START_S = 1.7e9  # as of a clock


@cache
def model_of(backbone: str, delay: int) -> PoseModel:
    return make_model(backbone=backbone, delay_frames=delay)


@cache
def streamer_of(backbone: str, delay: int) -> Streamer:
    # While a step is recorded, sizes are tensors, which those who check signatures do not expect.
    config.update("jaxtyping_disable", True)
    try:
        return Streamer(TorchNetwork(model_of(backbone, delay)), INTRINSICS.numpy(), fps=30.0)
    finally:
        config.update("jaxtyping_disable", False)


def direct(model: PoseModel, fps: float = 30.0) -> Streamer:
    """A stream whose network's step is not recorded."""
    return Streamer(TorchNetwork(model, record=False), INTRINSICS.numpy(), fps=fps)


def plain(fps: float = 30.0, **changes: object) -> Streamer:
    """A stream that needs no recording of a small model, so that it is there at once."""
    return direct(make_model(**changes), fps)


def pushed(streamer: Streamer, landmarks: Tensor | np.ndarray, time_s: Tensor | np.ndarray) -> list[StreamedPose]:
    return [streamer.push(np.asarray(frame), float(time)) for frame, time in zip(landmarks, time_s, strict=True)]


def as_motion(poses: list[StreamedPose], like: Motion) -> Motion:
    """What a stream says of the root's turn is its rotations."""
    return Motion(
        torch.from_numpy(np.stack([pose.rotation for pose in poses])),
        torch.from_numpy(np.stack([pose.delta_position for pose in poses])),
        like.delta_rotation,
        torch.tensor([pose.valid for pose in poses]),
        torch.from_numpy(np.stack([pose.deviation for pose in poses])),
    )


def assert_same(poses: list[StreamedPose], motion: Motion, tolerance: float = 1e-5) -> None:
    got = as_motion(poses, motion)
    assert torch.equal(got.valid, motion.valid)
    for name in ("rotation", "delta_position", "deviation"):
        torch.testing.assert_close(getattr(got, name), getattr(motion, name), atol=tolerance, rtol=0)


KINDS = st.lists(
    st.sampled_from(["tracked"] * 8 + ["anchor", "nobody", "nobody"]).flatmap(
        lambda kind: st.tuples(st.just(kind), st.integers(1, 3), st.integers(1, 3))
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize(("backbone", "delay"), MODELS)
@settings(max_examples=5, derandomize=True)
@given(runs=KINDS, seed=st.integers(0, 99), cuts=st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_streaming_is_the_whole_clip_however_it_is_cut(
    backbone: str, delay: int, runs: list[tuple[str, int, int]], seed: int, cuts: list[int]
) -> None:
    # Runs of frames at one stride each: tracked on, anchored anew in the first of them, or with nobody.
    frames = sum(length for _, length, _ in runs)
    landmarks = plausible_landmarks(frames, seed)
    dt = torch.tensor([float(stride) for _, length, stride in runs for _ in range(length)])[None]
    # Before the first frame there is no time to count: that of the camera's rate.
    dt[0, 0] = 2
    end, nobody_before = 0, True
    for kind, length, _ in runs:
        start, end = end, end + length
        if kind == "nobody":
            landmarks[:, start:end] = 0
        elif kind == "anchor" or nobody_before:
            landmarks[:, start, :, TRACKED] = 0
        nobody_before = kind == "nobody"
    streamer = streamer_of(backbone, delay)
    streamer.reset()
    poses = pushed(streamer, landmarks[0], START_S + dt[0].double().cumsum(0) / 60)
    # Stamps of today resolve a ten-thousandth of the interval.
    assert_same(poses, run(model_of(backbone, delay), landmarks, dt).at(0))
    sizes = list(itertools.islice(itertools.cycle(cuts), frames))
    sizes = [
        size for size, before in zip(sizes, itertools.accumulate(sizes, initial=0), strict=False) if before < frames
    ]
    sizes[-1] -= sum(sizes) - frames
    assert_same(poses, run(model_of(backbone, delay), landmarks, dt, sizes).at(0))


@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("fps", [60.0, 30.0, 25.0, 20.0])
def test_a_stream_answers_what_a_checkpoint_answers_for_a_file(fps: float, delay: int) -> None:
    saved = checkpoint(delay_frames=delay)
    landmarks = with_gap(plausible_landmarks(60, seed=2), 20, 27)[0]
    streamer = direct(saved.model, fps)
    late = torch.cat((landmarks, torch.zeros(delay, 25, 7)))
    poses = pushed(streamer, late, torch.arange(len(late)).double() / fps)
    assert_same(poses[delay:], saved.system()(landmarks, INTRINSICS, 60 / fps))
    assert [pose.time_s for pose in poses[delay:]] == pytest.approx((torch.arange(60).double() / fps).tolist())
    assert all(np.array_equal(pose.landmarks, seen) for pose, seen in zip(poses[delay:], landmarks, strict=True))


def test_recording_changes_nothing() -> None:
    landmarks = with_gap(plausible_landmarks(80, seed=3), 30, 33)[0]
    time = torch.arange(80).double() / 30
    recorded = streamer_of("recurrent", 3)
    recorded.reset()
    other = direct(model_of("recurrent", 3))
    for one, same in zip(pushed(recorded, landmarks, time), pushed(other, landmarks, time), strict=True):
        assert one.valid == same.valid
        for name in ("rotation", "delta_position", "deviation", "landmarks", "image_position"):
            np.testing.assert_allclose(getattr(one, name), getattr(same, name), atol=1e-6, rtol=0)


@pytest.mark.parametrize("times", [2, 3])
def test_faster_frames_are_passed_over_and_what_they_broke_is_broken(times: int) -> None:
    landmarks = with_gap(plausible_landmarks(120, seed=4), 61, 62)
    landmarks[0, 31, :, TRACKED] = 0
    poses = pushed(plain(fps=60.0), landmarks[0], torch.arange(120).double() / (60 * times))
    kept = thinned(landmarks[0].numpy(), times)
    assert_same(poses[::times], run(make_model(), torch.from_numpy(kept)[None]).at(0))
    assert all(poses[frame] is poses[frame - frame % times] for frame in range(120))
    assert [float(pose.landmarks[0, TRACKED]) for pose in poses[::times]] == kept[:, 0, TRACKED].tolist()


@pytest.mark.parametrize(("fps", "times"), [(12.0, 2), (10.0, 2), (4.0, 5)])
def test_slower_frames_are_filled_up_as_files_are(fps: float, times: int) -> None:
    landmarks = with_gap(plausible_landmarks(40, seed=5), 20, 22)[0]
    landmarks[30, :, TRACKED] = 0
    poses = pushed(plain(fps=fps * times), landmarks, torch.arange(40).double() / fps)
    seen = torch.from_numpy(filled(landmarks.numpy(), times))
    motion = run(make_model(), seen[None], torch.full((1, len(seen)), 60 / (fps * times))).at(0)
    way = motion.delta_position.cumsum(0)[::times]
    assert_same(poses, motion.at(slice(None, None, times))._replace(delta_position=way.diff(dim=0, prepend=way[:1])))
    shown = np.stack([pose.landmarks for pose in poses])
    assert np.array_equal(shown[..., :TRACKED], landmarks[..., :TRACKED])


def test_after_a_pause_the_person_starts_anew() -> None:
    landmarks = plausible_landmarks(60, seed=6)[0]
    streamer, other = plain(), plain()
    pushed(streamer, landmarks[:30], torch.arange(30) / 30)
    after = pushed(streamer, landmarks[30:], 1.6 + torch.arange(30) / 30)
    afresh = pushed(other, landmarks[30:], torch.arange(30) / 30)
    assert float(after[0].landmarks[0, TRACKED]) == 0
    assert not after[0].delta_position.any()
    for one, new in zip(after, afresh, strict=True):
        np.testing.assert_allclose(one.rotation, new.rotation, atol=1e-5)
        np.testing.assert_allclose(one.delta_position, new.delta_position, atol=1e-5)


class Watched(PoseModel):
    """Remembers the intervals that it was told."""

    def solve(self, *arguments: Tensor) -> tuple:  # type: ignore[override]
        self.told = [*getattr(self, "told", []), float(arguments[2])]
        return super().solve(*arguments)


@settings(max_examples=4, derandomize=True)
@given(gaps=st.lists(st.floats(0.001, 0.9), min_size=5, max_size=20))
def test_whatever_the_stamps_the_network_is_told_intervals_that_it_knows(gaps: list[float]) -> None:
    model = Watched(make_model().params).eval()
    time = np.cumsum(gaps)
    poses = pushed(direct(model), plausible_landmarks(len(gaps), seed=7)[0], time)
    assert 0.9 <= min(model.told) <= max(model.told) <= 3.01
    assert all(pose.valid and np.isfinite(pose.rotation).all() for pose in poses)
    answered = [pose.time_s for pose in poses]
    assert (time - answered >= 0).all()
    assert (time - answered).max() < 1 / 60
    assert answered == sorted(answered)


def test_a_gap_holds_the_last_pose_standing_still() -> None:
    landmarks = with_gap(plausible_landmarks(40, seed=8), 20, 30)[0]
    poses = pushed(plain(), landmarks, torch.arange(40) / 30)
    assert [pose.valid for pose in poses] == [True] * 20 + [False] * 10 + [True] * 10
    for pose in poses[20:30]:
        assert np.array_equal(pose.rotation, poses[19].rotation)
        assert np.array_equal(pose.deviation, poses[19].deviation)
        assert not pose.delta_position.any()
    assert not np.array_equal(poses[30].rotation, poses[19].rotation)


def test_a_late_answer_carries_the_time_and_the_landmarks_of_its_frame() -> None:
    landmarks = plausible_landmarks(20, seed=9)[0]
    streamer = plain(fps=30.0, delay_frames=3)
    assert (streamer.latency_frames, streamer.latency_s) == (3, pytest.approx(0.1))
    time = 5 + torch.arange(20).double() / 25
    poses = pushed(streamer, landmarks, time)
    assert [pose.valid for pose in poses] == [False] * 3 + [True] * 17
    assert [pose.time_s for pose in poses[3:]] == time[:-3].tolist()
    assert [pose.time_s for pose in poses[:3]] == pytest.approx([5 - 3 / 30, 5 - 2 / 30, 5 - 1 / 30])
    assert np.array_equal(poses[10].landmarks[:, :TRACKED], landmarks[7, :, :TRACKED])
    assert streamer.latency_s == pytest.approx(3 / 25)


def raw_of(landmarks: Tensor) -> np.ndarray:
    raw = np.full((len(landmarks), len(RAW_LANDMARKS), RAW_CHANNELS), 0.3, np.float32)
    raw[np.ix_(range(len(raw)), KEPT_FROM_RAW, KEPT_RAW_CHANNELS)] = landmarks.numpy()
    return raw


def test_both_layouts_and_any_precision_are_one() -> None:
    landmarks = plausible_landmarks(10, seed=10)[0]
    time = torch.arange(10) / 30
    poses = pushed(plain(), landmarks, time)
    for other in (raw_of(landmarks), landmarks.double().numpy()):
        for one, same in zip(poses, pushed(plain(), other, time), strict=True):
            assert np.array_equal(one.rotation, same.rotation)


def test_whoever_is_flagged_as_tracked_after_nobody_starts_anew() -> None:
    landmarks = plausible_landmarks(20, seed=11)[0]
    landmarks[:, :, TRACKED] = 1
    landmarks[8:12] = 0
    poses = pushed(plain(), landmarks, torch.arange(20) / 30)
    assert [frame for frame, pose in enumerate(poses) if pose.valid and not pose.landmarks[0, TRACKED]] == [0, 12]


def test_reset_begins_a_new_stream() -> None:
    streamer, landmarks = plain(delay_frames=2), plausible_landmarks(30, seed=12)[0]
    first = pushed(streamer, landmarks, torch.arange(30) / 30)
    streamer.reset()
    again = pushed(streamer, landmarks, torch.arange(30) / 30)
    assert all(np.array_equal(a.rotation, b.rotation) and a.valid == b.valid for a, b in zip(first, again, strict=True))


def spoiled(frame: np.ndarray, *index: object, value: float) -> np.ndarray:
    frame = frame.copy()
    frame[index] = value
    return frame


FRAME = plausible_landmarks(1, seed=13)[0, 0].numpy()
FAULTS = {
    "nan": (lambda f: spoiled(f, 7, 1, value=np.nan), 9.0, r"frame 5: left_wrist holds NaN or infinity"),
    "infinity": (lambda f: spoiled(f, 0, 4, value=np.inf), 9.0, r"frame 5: nose holds NaN or infinity"),
    "raw": (lambda f: np.full((33, 10), np.inf), 9.0, r"frame 5: nose holds NaN"),
    "shape": (lambda f: f[:24], 9.0, r"frame 5: landmarks of shape \(24, 7\), expected \(25, 7\) or raw \(33, 10\)"),
    "frames": (lambda f: f[None], 9.0, r"landmarks of shape \(1, 25, 7\)"),
    "flag": (lambda f: spoiled(f, slice(None), 6, value=0.5), 9.0, r"flag must be 0 or 1"),
    "flags": (lambda f: spoiled(f, 3, 6, value=1 - f[3, 6]), 9.0, r"flag must be 0 or 1, one value"),
    "late": (lambda f: f, 0.1, r"frame 5: its time is 0.1 s, expected a number later than 0.133333 s, the one before"),
    "again": (lambda f: f, 4 / 30, r"later than 0.133333 s"),
    "no time": (lambda f: f, float("nan"), r"its time is nan s"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_frame_is_refused_in_a_sentence_and_the_stream_goes_on(fault: str) -> None:
    change, time_s, told = FAULTS[fault]
    landmarks = plausible_landmarks(8, seed=14)[0]
    streamer, undisturbed = plain(), pushed(plain(), landmarks, torch.arange(8).double() / 30)
    pushed(streamer, landmarks[:5], torch.arange(5).double() / 30)
    with pytest.raises(ValueError, match=told) as caught:
        streamer.push(change(FRAME), time_s)
    assert isinstance(caught.value, FrameError)
    assert isinstance(caught.value, UserError)
    after = pushed(streamer, landmarks[5:], torch.arange(5, 8).double() / 30)
    assert all(np.array_equal(a.rotation, b.rotation) for a, b in zip(after, undisturbed[5:], strict=True))


def held_numbers(streamer: Streamer) -> int:
    """Numbers in all arrays and tensors that a stream holds."""
    held = {name: value for name, value in vars(streamer).items() if name != "_network"}
    leaves, _ = torch.utils._pytree.tree_flatten(
        {name: list(value) if isinstance(value, deque) else value for name, value in held.items()}
    )
    return sum(np.asarray(leaf).size for leaf in leaves)


def grown(streamer: Streamer, frames: int) -> tuple[int, int]:
    """Numbers that a stream holds more, and objects of Python that there are more, after so many frames.

    Uneven stamps: passed over, as they are, filled up, after pauses; and nobody now and then.
    """
    rng = np.random.default_rng(15)
    landmarks = with_gap(plausible_landmarks(100, seed=15), 30, 40)[0].numpy()
    time_s = 0.0

    def go_on(frames: int) -> tuple[int, int]:
        nonlocal time_s
        for frame in range(frames):
            time_s += float(rng.choice([0.008, 0.02, 0.033, 0.1, 0.7], p=[0.3, 0.3, 0.35, 0.04, 0.01]))
            streamer.push(landmarks[frame % 100], time_s)
        gc.collect()
        return held_numbers(streamer), len(gc.get_objects())

    before, after = go_on(50), go_on(frames)
    return after[0] - before[0], after[1] - before[1]


def test_a_stream_does_not_grow() -> None:
    numbers, objects = grown(plain(delay_frames=2), 200)
    assert numbers == 0
    assert objects < 50


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_hours_leave_no_trace(backbone: str) -> None:
    streamer = streamer_of(backbone, 0)
    streamer.reset()
    numbers, objects = grown(streamer, 4000)
    assert numbers == 0
    assert objects < 200


def test_an_answer_that_nobody_keeps_is_gone() -> None:
    streamer, landmarks = plain(), plausible_landmarks(10, seed=17)[0]
    pose = weakref.ref(streamer.push(landmarks[0].numpy(), 0.0).rotation)
    pushed(streamer, landmarks[1:], torch.arange(1, 10) / 30)
    gc.collect()
    assert pose() is None


def test_answers_are_rotations() -> None:
    poses = pushed(plain(), plausible_landmarks(5, seed=16)[0], torch.arange(5) / 30)
    rotation = np.stack([pose.rotation for pose in poses])
    assert rotation.shape == (5, len(JOINTS), 3, 3)
    assert np.allclose(rotation @ rotation.mT, np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(rotation), 1, atol=1e-5)
