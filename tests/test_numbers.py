"""Laws of the numbers: gradients that are right and finite, losses and metrics as their definitions say them, NaN and
infinity refused by frame and landmark, and training that does not depend on the precision it computes in."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from test_rotation import ANGLES, random_rotations, random_vectors, turns
from test_training import make_trainer, silent, train_params
from tiny import bones
from torch import Tensor

from blaze2cap.body.camera import ray_rotation
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import (
    CHANNELS,
    LANDMARKS,
    RAW_CHANNELS,
    RAW_LANDMARKS,
    RAW_TRACKED,
    RAW_TRACKED_COPY,
    TRACKED,
)
from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import (
    geodesic_angle,
    matrix_to_quaternion,
    matrix_to_rotation_6d,
    matrix_to_rotation_vector,
    quaternion_to_matrix,
    rotation_6d_to_matrix,
    rotation_vector_to_matrix,
)
from blaze2cap.body.skeleton import PARENTS
from blaze2cap.data.raw import sound_landmarks
from blaze2cap.errors import UserError
from blaze2cap.learning import metric, training
from blaze2cap.learning.loss import loss_sums, means

FRAMES = 20


def _six(count: int) -> Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (rotation_6d_to_matrix, (_six(8),)),
        (quaternion_to_matrix, (_six(8)[:, :4],)),
        (rotation_vector_to_matrix, (random_vectors(8),)),
        # Through the manifold, off which a matrix is no rotation.
        (lambda v: matrix_to_rotation_vector(rotation_vector_to_matrix(v)), (random_vectors(8),)),
        (lambda v: matrix_to_quaternion(rotation_vector_to_matrix(v)), (random_vectors(8),)),
        (lambda v, w: geodesic_angle(rotation_vector_to_matrix(v), rotation_vector_to_matrix(w)),
         (random_vectors(8), random_vectors(8, 4))),
        (lambda v, offset: forward_kinematics(rotation_vector_to_matrix(v), offset),
         (random_vectors(21)[None], bones().double()[None])),
        (ray_rotation, (torch.nn.functional.normalize(random_vectors(8) + torch.tensor([0, 0, 4.0]), dim=-1),)),
    ],
)  # fmt: skip
def test_gradients_are_those_of_the_function(function: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> None:
    """Against finite differences, in double precision."""
    assert torch.autograd.gradcheck(function, [value.clone().requires_grad_() for value in inputs])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("angle", ANGLES)
def test_gradients_are_finite_from_no_turn_to_half_a_turn(angle: float, dtype: torch.dtype) -> None:
    matrix = rotation_vector_to_matrix(turns(angle)).to(dtype).requires_grad_()
    to = random_rotations(len(matrix), seed=6).to(dtype)
    for function in (
        matrix_to_quaternion,
        matrix_to_rotation_vector,
        lambda m: geodesic_angle(m, torch.eye(3, dtype=dtype).expand_as(m)),
        lambda m: geodesic_angle(m, m.detach()),
        lambda m: geodesic_angle(to, m),
        lambda m: rotation_6d_to_matrix(matrix_to_rotation_6d(m)),
    ):
        value = function(matrix)
        (gradient,) = torch.autograd.grad(value.sum(), matrix)
        assert value.isfinite().all()
        assert gradient.isfinite().all()


@settings(max_examples=200, derandomize=True)
@given(
    exponent=st.floats(-12, 2),  # beyond, half precision has no such numbers
    second=st.sampled_from(["parallel", "opposite", "zero", "nearly parallel"]),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
    seed=st.integers(0, 1000),
)
def test_6d_near_where_it_is_degenerate_is_finite(exponent: float, second: str, dtype: torch.dtype, seed: int) -> None:
    """At any size and in any precision: two columns that say nearly one direction, or none."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, generator=generator, dtype=torch.float64)
    near = x + 10**exponent * torch.randn(3, generator=generator, dtype=torch.float64)
    y = {"parallel": x, "opposite": -x, "zero": 0 * x, "nearly parallel": near}[second]
    six = (torch.cat((x, y)) * 10**exponent).to(dtype).requires_grad_()
    matrix = rotation_6d_to_matrix(six)
    (gradient,) = torch.autograd.grad(matrix.sum(), six)
    assert matrix.isfinite().all()
    if dtype in (torch.float32, torch.float64):
        assert gradient.isfinite().all()
    assert matrix.abs().max() <= 1.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_off_by_its_own_rounding(dtype: torch.dtype) -> None:
    six = matrix_to_rotation_6d(random_rotations(500)).to(dtype)
    exact = rotation_6d_to_matrix(six.double())
    assert (rotation_6d_to_matrix(six).double() - exact).abs().max() < 8 * torch.finfo(dtype).eps


@settings(max_examples=60, derandomize=True)
@given(
    raw=st.booleans(), frame=st.integers(0, FRAMES - 1), data=st.data(),
    value=st.sampled_from([np.nan, np.inf, -np.inf, 2000.0]),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
)  # fmt: skip
def test_what_is_no_number_is_refused_by_frame_and_landmark(
    raw: bool, frame: int, data: st.DataObject, value: float, dtype: type
) -> None:
    names, channels = (RAW_LANDMARKS, RAW_CHANNELS) if raw else (LANDMARKS, CHANNELS)
    flags = (RAW_TRACKED, RAW_TRACKED_COPY) if raw else (TRACKED,)
    landmarks = np.ones((FRAMES, len(names), channels), dtype)
    sound_landmarks(Path("a.npy"), landmarks, names, *flags)
    landmark = data.draw(st.integers(0, len(names) - 1))
    landmarks[frame, landmark, data.draw(st.integers(0, channels - 1))] = value
    with pytest.raises(
        UserError, match=rf"a\.npy: 1 frames hold .*, first frame {frame}, {names[landmark]}: {value:g}$"
    ):
        sound_landmarks(Path("a.npy"), landmarks, names, *flags)


def _random_motion(seed: int) -> Motion:
    rotation = random_rotations(2 * FRAMES * 22, seed).view(2, FRAMES, 22, 3, 3)
    way = random_vectors(2 * FRAMES, seed).view(2, FRAMES, 3)
    valid = torch.rand(2, FRAMES, generator=torch.Generator().manual_seed(seed)) < 0.8
    deviation = 0.1 + random_vectors(2 * FRAMES * 7, seed).abs().view(2, FRAMES, 21)
    return Motion(rotation[:, :, :21], way, rotation[:, :, 21], valid, deviation)


def _six_of(matrix: np.ndarray) -> np.ndarray:
    return np.concatenate((matrix[:, 0], matrix[:, 1]))


def _walked(rotation: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and orientations of one frame, joint by joint."""
    place, turn = [np.zeros(3)], [rotation[0]]
    for joint, parent in list(enumerate(PARENTS))[1:]:
        place.append(place[parent] + turn[parent] @ offset[joint])
        turn.append(turn[parent] @ rotation[joint])
    return np.array(place), np.array(turn)


@pytest.mark.parametrize("seed", range(4))
def test_losses_equal_their_definitions_written_out_in_loops(seed: int) -> None:
    """In NumPy, frame by frame and joint by joint, over random motion and random doubts."""
    generator = torch.Generator().manual_seed(100 + seed)
    prediction, truth = _random_motion(10 + seed), _random_motion(20 + seed)
    offset = bones().double()[None].expand(2, 21, 3)
    together = torch.rand(2, FRAMES, generator=generator) < 0.8
    outlier = torch.rand(2, FRAMES + 1, 21, generator=generator) < 0.2
    known = torch.tensor([True, seed % 2 == 0])
    terms = means(loss_sums(prediction, truth, offset, together, outlier, known))
    p, t = ([part.numpy() for part in motion] for motion in (prediction, truth))
    doubted, valid = outlier[:, 1:].numpy(), t[3]
    doubted_before = outlier[:, 0].numpy()
    sums: dict[str, list[float]] = {name: [] for name in terms}
    for b in range(2):
        calm = [[not doubted[b, f, j] and not doubted[b, f, 0] for j in range(21)] for f in range(FRAMES)]
        before = [[not doubted_before[b, j] and not doubted_before[b, 0] for j in range(21)], *calm]
        steady = [[calm[f][j] and before[f][j] for j in range(21)] for f in range(FRAMES)]
        believed = [[bool(known[b]) if j == 0 else not doubted[b, f, j] for j in range(21)] for f in range(FRAMES)]
        posed = [[_walked(motion[0][b, f], offset[b].numpy()) for f in range(FRAMES)] for motion in (p, t)]
        error = [posed[0][f][0] - posed[1][f][0] for f in range(FRAMES)]

        def six(motion: list[np.ndarray], f: int, j: int, b: int = b) -> np.ndarray:
            return _six_of(motion[2][b, f] if j == 0 else motion[0][b, f, j])

        def absolute(f: int, j: int, b: int = b) -> np.ndarray:
            return _six_of(p[0][b, f, j]) - _six_of(t[0][b, f, j])

        for f in range(FRAMES):
            if f >= 1 and together[b, f]:
                sums["smooth"] += [
                    np.mean((absolute(f, j) - absolute(f - 1, j)) ** 2) for j in range(21) if steady[f][j]
                ]
            if f >= 2 and all(together[b, f - k] and steady[f - k][0] for k in range(2)):
                bend = error[f] - 2 * error[f - 1] + error[f - 2]
                sums["acceleration"].append(np.mean([math.hypot(*v) for v in bend[1:]]))
            if f >= 3 and all(together[b, f - k] and steady[f - k][0] for k in range(3)):
                jerk = error[f] - 3 * error[f - 1] + 3 * error[f - 2] - error[f - 3]
                sums["jerk"].append(np.mean([math.hypot(*v) for v in jerk[1:]]))
            if not valid[b, f]:
                continue
            sums["root"].append(np.mean(absolute(f, 0) ** 2))
            sums["position"].append(np.mean([math.hypot(*v) for v in error[f][1:]]))
            if steady[f][0]:
                sums["root_position"].append(math.dist(p[1][b, f], t[1][b, f]))
            for j in range(21):
                if steady[f][0] if j == 0 else believed[f][j]:
                    sums["rot"].append(np.mean((six(p, f, j) - six(t, f, j)) ** 2))
                chain, k = [], j
                while k > 0:
                    chain.append(k)
                    k = PARENTS[k]
                if all(believed[f][k] for k in chain):
                    difference = posed[0][f][1][j] - posed[1][f][1][j]
                    sums["orientation"].append(np.linalg.norm(difference) / math.sqrt(2))
                if believed[f][j]:
                    angle = Rotation.from_matrix(p[0][b, f, j].T @ t[0][b, f, j]).magnitude()
                    d = p[4][b, f, j]
                    sums["deviation"].append(math.log(d) + (angle / d) ** 2 / 2)
    for name, term in terms.items():
        assert sums[name], name
        assert term.item() == pytest.approx(np.mean(sums[name]), rel=1e-5), name


def test_metrics_equal_their_definitions_written_out_in_loops() -> None:
    rotation, other = (random_rotations(9 * 21, seed).view(9, 21, 3, 3) for seed in (7, 8))
    position, true = (random_vectors(9 * 21, seed).view(9, 21, 3) for seed in (7, 8))
    local = metric.mpjpe_local_mm(position, true, rotation[:, 0], other[:, 0])
    angle, jitter = metric.mare_rad(rotation, other), metric.jitter_km_per_s3(position, 60.0)
    drift = metric.root_drift_mm(position[:, 0], true[:, 0], 3)
    slide = metric.foot_slide_mm_per_frame(position[:, :2], true[:, 0])
    for f in range(9):
        for j in range(21):
            aligned = other[f, 0] @ rotation[f, 0].T @ position[f, j]
            assert local[f, j].item() == pytest.approx(1000 * math.dist(aligned, true[f, j]))
            turn = Rotation.from_matrix((rotation[f, j].T @ other[f, j]).numpy())
            assert angle[f, j].item() == pytest.approx(turn.magnitude())
            if f >= 3:
                third = position[f, j] - 3 * position[f - 1, j] + 3 * position[f - 2, j] - position[f - 3, j]
                assert jitter[f, j].item() == pytest.approx(math.hypot(*third) * 60**3 / 1000)
        if f >= 3:
            way = sum(position[k, 0] - true[k, 0] for k in (f - 2, f - 1, f))
            assert drift[f].item() == pytest.approx(1000 * math.hypot(*way))
        for j in range(2) if f else ():
            step = position[f, j] - position[f - 1, j] + true[f, 0]
            assert slide[f, j].item() == pytest.approx(1000 * math.hypot(*step))


# By what share of itself a loss may differ from that of single precision, anywhere in a short run.
CURVES = {torch.bfloat16: 0.03, torch.float16: 0.005}


def test_training_curves_agree_in_every_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fp16 needs a GPU in earnest; here the processor computes in it, without a scaler of gradients."""

    def curve(dtype: torch.dtype | None) -> np.ndarray:
        monkeypatch.setattr(training, "autocast_dtype", lambda precision, device: dtype)
        trainer = make_trainer(12, train_params(validate_every=1))
        trainer.run(tmp_path / str(dtype), 0, silent)
        return np.array([row["train_loss"] for row in trainer.curves])

    single = curve(None)
    assert single[-1] < single[0]
    for dtype, bound in CURVES.items():
        assert np.abs(curve(dtype) / single - 1).max() < bound
