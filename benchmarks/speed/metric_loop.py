"""Every figure of an evaluation once more, frame by frame and joint by joint (formulas: docs/metrics.md).

For comparison of speed and of results: the sums of values and of weights of one clip, by key.
"""

import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from blaze2cap.body import skeleton
from blaze2cap.body.motion import Motion
from blaze2cap.body.skeleton import PARENTS
from blaze2cap.learning.measure import FEET, LIMBS, Reference

Totals = dict[str, tuple[float, float]]

_LIMBS, _FEET = skeleton.indices(*LIMBS), skeleton.indices(*FEET)


class _Clip:
    """Truth and prediction of a clip as NumPy arrays, positions by a walk over the joints of each frame."""

    def __init__(self, motion: Motion, truth: Reference) -> None:
        self.truth, self.fps = truth, truth.fps
        self.rotation, self.true_rotation = motion.rotation.numpy(), truth.rotation.numpy()
        self.way, self.turn = motion.delta_position.numpy(), motion.delta_rotation.numpy()
        self.scored, self.anchor = truth.scored.numpy(), truth.anchor.numpy()
        self.outlier, self.t_pose, self.planted = (
            part.numpy() for part in (truth.outlier, truth.t_pose, truth.planted)
        )
        self.frames = len(self.scored)
        offset, estimated = truth.offset.numpy(), truth.estimated_offset.numpy()
        walked = [_walk(rotation, offset) for rotation in self.rotation]
        self.position = np.array([position for position, _ in walked])
        self.orientation = np.array([orientation for _, orientation in walked])
        true = [_walk(rotation, offset) for rotation in self.true_rotation]
        self.true_position = np.array([position for position, _ in true])
        self.true_orientation = np.array([orientation for _, orientation in true])
        self.estimated = np.array([_walk(r, bones)[0] for r, bones in zip(self.rotation, estimated, strict=True)])

    def unbroken(self, frame: int, order: int) -> bool:
        """Whether the frames `order` back are all scored, and tracked on from one another."""
        if frame < order:
            return False
        chain = range(frame - order, frame + 1)
        return all(self.scored[f] for f in chain) and not any(self.anchor[f] for f in chain[1:])


def loop_totals(motion: Motion, truth: Reference) -> Totals:
    """Sum of weighted values and of weights of every key that a clip of full truth has."""
    clip = _Clip(motion, truth)
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for part in (_positions, _rotations, _root, _differences, _drift):
        for key, value, weight in part(clip):
            sums[key][0] += value * weight
            sums[key][1] += weight
    return {key: (value, weight) for key, (value, weight) in sums.items()}


_Terms = Iterator[tuple[str, float, float]]


def _positions(clip: _Clip) -> _Terms:
    for frame in np.flatnonzero(clip.scored):
        said, true = clip.position[frame], clip.true_position[frame]
        turned = clip.true_rotation[frame, 0] @ clip.rotation[frame, 0].T
        aligned, limbs = _procrustes(said, true), _procrustes(said[_LIMBS], true[_LIMBS])
        for joint in range(len(PARENTS)):
            yield "mpjpe_mm", _distance_mm(said[joint], true[joint]), 1
            yield "mpjpe_local_mm", _distance_mm(turned @ said[joint], true[joint]), 1
            yield "pa_mpjpe_mm", _distance_mm(aligned[joint], true[joint]), 1
            yield "mpjpe_estimated_bones_mm", _distance_mm(clip.estimated[frame, joint], true[joint]), 1
        for place, joint in enumerate(_LIMBS):
            yield "mpjpe_12_mm", _distance_mm(said[joint], true[joint]), 1
            yield "pa_mpjpe_12_mm", _distance_mm(limbs[place], true[joint]), 1


def _rotations(clip: _Clip) -> _Terms:
    at_rest = np.flatnonzero(clip.t_pose & clip.scored)
    rest = (
        [_mean_rotation(rotation[at_rest]) for rotation in (clip.rotation, clip.true_rotation)]
        if len(at_rest)
        else None
    )
    for frame in np.flatnonzero(clip.scored):
        for joint in range(len(PARENTS)):
            said, true, outlier = (
                clip.rotation[frame, joint],
                clip.true_rotation[frame, joint],
                clip.outlier[frame, joint],
            )
            yield (
                "mare_global_rad",
                _angle(clip.orientation[frame, joint], clip.true_orientation[frame, joint]),
                not outlier,
            )
            if joint == 0:
                yield "mare_root_rad", _angle(said, true), 1
                continue
            angle = _angle(said, true)
            yield "mare_rad", angle, not outlier
            yield "mare_outlier_rad", angle, outlier
            if rest:
                relative = _angle(rest[0][joint].T @ said, rest[1][joint].T @ true)
                yield "mare_tpose_rad", relative, not outlier


def _root(clip: _Clip) -> _Terms:
    integrated = np.eye(3)
    for frame in range(clip.frames):
        if not frame or (clip.scored[frame] and not clip.unbroken(frame, 1)):
            integrated = clip.true_rotation[frame, 0]
        else:
            integrated = integrated @ clip.turn[frame]
        if clip.scored[frame]:
            yield "mare_root_delta_rad", _angle(integrated, clip.true_rotation[frame, 0]), 1


def _differences(clip: _Clip) -> _Terms:
    for frame in range(clip.frames):
        for joint in range(len(PARENTS)):
            said, true = clip.position[:, joint], clip.true_position[:, joint]
            if clip.unbroken(frame, 2):
                error = said[frame - 2 : frame + 1] - true[frame - 2 : frame + 1]
                yield "acceleration_error_mm_per_frame2", 1000 * _norm(error[2] - 2 * error[1] + error[0]), 1
            if clip.unbroken(frame, 3):
                jitter, true_jitter = (_jitter(place[frame - 3 : frame + 1], clip.fps) for place in (said, true))
                true_jitter = max(true_jitter, 1e-12)
                yield "jitter_km_per_s3", jitter, 1
                yield "jitter_ratio", jitter / true_jitter, true_jitter
        if clip.unbroken(frame, 1):
            for place, foot in enumerate(_FEET):
                moved = clip.position[frame, foot] - clip.position[frame - 1, foot] + clip.way[frame]
                yield "foot_slide_mm_per_frame", 1000 * _norm(moved), clip.planted[frame, place]


def _drift(clip: _Clip) -> _Terms:
    true = clip.truth.root_delta.numpy()
    for seconds in (1, 5):
        frames = round(seconds * clip.fps)
        linked = 0
        for frame in range(clip.frames):
            linked = linked + 1 if clip.unbroken(frame, 1) else 0
            if linked >= frames:
                way = np.zeros(3)
                for past in range(frame - frames + 1, frame + 1):
                    way += clip.way[past] - true[past]
                yield f"root_drift_{seconds}s_mm", 1000 * _norm(way), 1


def _walk(local: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    position, rotation = [np.zeros(3, np.float32)], [local[0]]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        position.append(position[parent] + rotation[parent] @ offset[joint])
        rotation.append(rotation[parent] @ local[joint])
    return np.array(position), np.array(rotation)


def _procrustes(said: np.ndarray, true: np.ndarray) -> np.ndarray:
    x, y = said - said.mean(0), true - true.mean(0)
    u, s, vh = np.linalg.svd(y.T @ x)
    sign = np.array([1, 1, np.sign(np.linalg.det(u) * np.linalg.det(vh))])
    scale = (s * sign).sum() / (x * x).sum()
    return scale * x @ (u * sign @ vh).T + true.mean(0)


def _mean_rotation(rotation: np.ndarray) -> np.ndarray:
    means = []
    for matrix in rotation.mean(0):
        u, _, vh = np.linalg.svd(matrix)
        means.append(u * np.array([1, 1, np.sign(np.linalg.det(u) * np.linalg.det(vh))]) @ vh)
    return np.array(means)


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    relative = a.T @ b
    off = relative - relative.T
    return math.atan2(math.hypot(off[2, 1], off[0, 2], off[1, 0]), np.trace(relative) - 1)


def _jitter(place: np.ndarray, fps: float) -> float:
    return _norm(place[3] - 3 * place[2] + 3 * place[1] - place[0]) * fps**3 / 1000


def _distance_mm(a: np.ndarray, b: np.ndarray) -> float:
    return 1000 * _norm(a - b)


def _norm(vector: np.ndarray) -> float:
    return math.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2)
