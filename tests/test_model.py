"""Laws of the network: causality, nothing across an anchor, streaming = whole clip, finite at a clip's start."""

import pytest
import torch
from torch import Tensor

from blaze2cap.body.landmark import LANDMARKS
from blaze2cap.body.motion import Motion, motion_to_slots
from blaze2cap.learning.base_pose import BasePose
from blaze2cap.learning.features import anchor_frames, landmark_features
from blaze2cap.learning.model import ModelParams, PoseModel, State

INTRINSICS = torch.tensor([0.7, 1.25, 0.5, 0.5])
BACKBONES = ["transformer", "tcn", "recurrent", "frame", "none"]
every_backbone = pytest.mark.parametrize("backbone", BACKBONES)


# A standing person seen from the front, half of it: right side by mirror [m].
LEFT_SIDE = {
    "nose": (0, -0.62, -0.12), "ear": (0.07, -0.63, -0.02), "shoulder": (0.17, -0.47, 0),
    "elbow": (0.27, -0.23, 0.03), "wrist": (0.3, 0.0, -0.05),
    "pinky": (0.31, 0.08, -0.06), "index": (0.29, 0.09, -0.09), "thumb": (0.27, 0.05, -0.09),
    "hip": (0.1, 0, 0), "knee": (0.11, 0.4, -0.03), "ankle": (0.12, 0.78, 0.04), "heel": (0.12, 0.82, 0.08),
    "foot_index": (0.14, 0.84, -0.08),
}  # fmt: skip


def standing() -> Tensor:
    """World positions [25, 3] of the person above."""
    rows = []
    for name in LANDMARKS:
        side, _, part = name.partition("_")
        x, y, z = LEFT_SIDE[part or side]
        rows.append((-x if side == "right" else x, y, z))
    return torch.tensor(rows)


def plausible_landmarks(frames: int, seed: int, batch: int = 1) -> Tensor:
    """Landmarks that drift randomly around a standing figure: tracked throughout, an anchor first."""
    generator = torch.Generator().manual_seed(seed)
    place = standing() + torch.randn(batch, 1, 25, 3, generator=generator) * 0.02
    drift = torch.randn(batch, frames, 25, 3, generator=generator).cumsum(1) * 0.002
    world = place + drift
    screen = 0.5 + 0.1 * world[..., :2] + torch.randn(batch, frames, 1, 2, generator=generator).cumsum(1) * 0.002
    visibility = torch.rand(batch, frames, 25, 1, generator=generator)
    tracked = torch.ones(batch, frames, 25, 1)
    tracked[:, 0] = 0
    return torch.cat((world, screen, visibility, tracked), dim=-1)


def with_gap(landmarks: Tensor, start: int, end: int) -> Tensor:
    """Nobody detected from `start` on; detected again, an anchor, at `end`."""
    landmarks = landmarks.clone()
    landmarks[:, start:end] = 0
    landmarks[:, end, :, 6] = 0
    return landmarks


def make_model(**changes: object) -> PoseModel:
    torch.manual_seed(3)
    small = {"width": 32, "layers": 3, "feed_forward": 64, "look_back": 5, **changes}
    model = PoseModel(ModelParams(**small)).eval()  # type: ignore[arg-type]
    # Away from its start near zero, so that every head matters.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "head" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.03)
    return model


@torch.no_grad()
def run(model: PoseModel, landmarks: Tensor, dt: Tensor | None = None, chunks: list[int] | None = None) -> Motion:
    """Run in chunks (default: all at once), state handed on."""
    dt = torch.ones(landmarks.shape[:2]) if dt is None else dt
    state: State | None = None
    parts = []
    sizes = chunks or [landmarks.shape[1]]
    for piece, times in zip(landmarks.split(sizes, 1), dt.split(sizes, 1), strict=True):
        motion, state = model(piece, INTRINSICS.expand(len(landmarks), 4), times, state)
        parts.append(motion)
    return Motion(*(torch.cat(part, 1) for part in zip(*parts, strict=True)))


def assert_equal(a: Motion, b: Motion, tolerance: float = 1e-5) -> None:
    assert torch.equal(a.valid, b.valid)
    for name in ("rotation", "delta_position", "delta_rotation", "deviation"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    "changes",
    [
        *({"backbone": name} for name in BACKBONES),
        {"base": "none"},
        {"delay_frames": 3},
        {"backbone": "none", "smoother": "window"},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_a_stream_equals_the_whole_clip_however_it_is_cut(changes: dict[str, object]) -> None:
    model = make_model(**changes)
    landmarks = with_gap(with_gap(plausible_landmarks(150, seed=1), 40, 45), 100, 101)
    landmarks[:, 70, :, 6] = 0  # re-anchored without a gap
    dt = torch.randint(1, 4, (1, 150)).float()
    whole = run(model, landmarks, dt)
    assert_equal(whole, run(model, landmarks, dt, [1] * 150))
    assert_equal(whole, run(model, landmarks, dt, [64, 64, 22]))
    assert_equal(whole, run(model, landmarks, dt, [2, 3, 65, 4, 1, 75]))


@every_backbone
@torch.no_grad()
def test_step_equals_the_whole_clip(backbone: str) -> None:
    model = make_model(backbone=backbone)
    landmarks = with_gap(plausible_landmarks(90, seed=2), 40, 44)
    whole = run(model, landmarks)
    state = model.start(1)
    for frame in range(90):
        motion, state = model.step(landmarks[:, frame], INTRINSICS[None], torch.ones(1), state)
        assert_equal(whole.at(slice(None), frame), motion)


@every_backbone
def test_a_changed_frame_changes_nothing_before_it(backbone: str) -> None:
    model = make_model(backbone=backbone)
    landmarks = plausible_landmarks(120, seed=4)
    changed = landmarks.clone()
    changed[:, 80:, :, :5] += 0.1
    before, after = run(model, landmarks), run(model, changed)
    torch.testing.assert_close(before.rotation[:, :80], after.rotation[:, :80], atol=1e-6, rtol=0)
    assert (before.rotation[:, 80:] - after.rotation[:, 80:]).abs().amax((2, 3, 4)).min() > 1e-4


@every_backbone
def test_nothing_crosses_an_anchor(backbone: str) -> None:
    model = make_model(backbone=backbone)
    landmarks = plausible_landmarks(120, seed=5)
    landmarks[:, 60, :, 6] = 0
    changed = landmarks.clone()
    changed[:, :60, :, :5] *= 1.5
    before, after = run(model, landmarks), run(model, changed)
    torch.testing.assert_close(before.rotation[:, 60:], after.rotation[:, 60:], atol=1e-6, rtol=0)
    torch.testing.assert_close(before.delta_position[:, 60:], after.delta_position[:, 60:], atol=1e-6, rtol=0)


@pytest.mark.parametrize("backbone", ["transformer", "tcn", "frame"])
def test_a_frame_sees_as_far_as_the_receptive_field_but_for_the_smoother(backbone: str) -> None:
    model = make_model(backbone=backbone, smoother="none", base="none")
    landmarks = plausible_landmarks(60, seed=6)
    changed = landmarks.clone()
    changed[:, 10, :, :3] += 0.2
    moved = (run(model, landmarks).rotation - run(model, changed).rotation).abs().amax((0, 2, 3, 4)) > 1e-7
    # Frame 11's differences hold frame 10 too.
    assert moved.nonzero().max() == 11 + model.backbone.receptive_field() - 1


def test_an_open_gate_says_what_each_frame_shows_and_a_closed_one_holds_the_pose() -> None:
    gated, alone = make_model(smoother_stages=1), make_model(smoother="none")
    weights = gated.state_dict()
    alone.load_state_dict({name: weights[name] for name in alone.state_dict()})
    landmarks = plausible_landmarks(40, seed=23)
    shown = run(alone, landmarks).rotation
    with torch.no_grad():
        gated.gate_head.weight.zero_()
        gated.gate_head.bias.fill_(30.0)
        torch.testing.assert_close(run(gated, landmarks).rotation, shown, atol=1e-5, rtol=0)
        gated.gate_head.bias.fill_(-30.0)
        gated.change_head.weight.zero_()
        gated.change_head.bias.zero_()
    body = run(gated, landmarks).rotation[:, :, 1:]
    torch.testing.assert_close(body, body[:, :1].expand_as(body))
    assert (shown[:, 1:, 1:] - body[:, 1:]).abs().amax() > 1e-3


def test_gap_frames_hold_the_last_pose_and_are_not_valid() -> None:
    motion = run(make_model(), with_gap(plausible_landmarks(60, seed=7), 20, 30))
    assert motion.valid[0].tolist() == [True] * 20 + [False] * 10 + [True] * 30
    assert torch.equal(motion.rotation[0, 20:30], motion.rotation[0, 19:20].expand(10, -1, -1, -1))
    assert torch.equal(motion.deviation[0, 20:30], motion.deviation[0, 19:20].expand(10, -1))
    assert motion.delta_position[0, 20:31].abs().max() == 0


@every_backbone
def test_no_nan_at_the_start_without_anybody_and_gradients_are_finite(backbone: str) -> None:
    model = make_model(backbone=backbone)
    landmarks = plausible_landmarks(40, seed=8)
    landmarks[:, :5] = 0
    landmarks[:, 5, :, 6] = 0
    motion, _ = model(landmarks, INTRINSICS[None], torch.ones(1, 40))
    assert all(torch.isfinite(part).all() for part in motion)
    (motion.rotation.square().sum() + motion.delta_position.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@every_backbone
def test_clips_of_a_batch_do_not_see_each_other(backbone: str) -> None:
    model = make_model(backbone=backbone)
    landmarks = plausible_landmarks(70, seed=9, batch=3)
    landmarks[1, 30, :, 6] = 0
    together = run(model, landmarks)
    for clip in range(3):
        alone = run(model, landmarks[clip : clip + 1])
        assert_equal(together.at(slice(clip, clip + 1)), alone)


@every_backbone
def test_25_landmarks_of_18_features_become_22_slots_of_6(backbone: str) -> None:
    model, landmarks = make_model(backbone=backbone), plausible_landmarks(7, seed=11, batch=2)
    inputs = model.inputs(landmarks[:, 1:], landmarks[:, 0], INTRINSICS.expand(2, 4), torch.ones(2, 6))
    known = anchor_frames(landmarks)
    body = BasePose.of(landmarks, INTRINSICS.expand(2, 4), model.params).body[:, 1:]
    features = landmark_features(landmarks, INTRINSICS.expand(2, 4), body, known[0] & ~known[1])
    assert features.shape == (2, 6, 25, 18)
    assert torch.equal(inputs[..., : 25 * 18], features.flatten(-2))
    slots, root = motion_to_slots(run(model, landmarks))
    assert (slots.shape, root.shape) == ((2, 7, 22, 6), (2, 7, 6))


@pytest.mark.parametrize("backbone", BACKBONES[:-1])
def test_the_default_size_keeps_its_promise(backbone: str) -> None:
    parameters = sum(p.numel() for p in PoseModel(ModelParams(backbone=backbone)).parameters())
    assert 2_200_000 <= parameters <= 2_700_000


def test_a_delayed_model_answers_for_an_earlier_frame() -> None:
    model = make_model(delay_frames=4)
    landmarks = with_gap(plausible_landmarks(50, seed=10), 20, 25)
    motion = run(model, landmarks)
    detected = [True] * 20 + [False] * 5 + [True] * 25
    assert motion.valid[0].tolist() == [False] * 4 + detected[:-4]


def test_the_deviation_is_learned_without_touching_the_rest() -> None:
    model = make_model()
    motion, _ = model(plausible_landmarks(30, seed=21), INTRINSICS[None], torch.ones(1, 30))
    motion.deviation.log().sum().backward()
    touched = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert touched == {"deviation_head.weight", "deviation_head.bias"}


def test_an_untrained_network_says_one_deviation_and_nobody_yet_none() -> None:
    landmarks = with_gap(plausible_landmarks(20, seed=22), 0, 5)
    motion = run(PoseModel(ModelParams(width=32, layers=1, feed_forward=32)), landmarks)
    assert (motion.deviation[:, :5] == torch.pi).all()
    assert 0.2 < motion.deviation[:, 5:].min() <= motion.deviation[:, 5:].max() < 0.45
