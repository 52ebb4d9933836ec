"""What is done in which action, under the standard names of TotalCapture; "floor" is for training alone."""

import zlib

import numpy as np
from jaxtyping import Float

from blaze2cap.data.sources.sample import activity, gait, gesture, stretch
from blaze2cap.data.sources.sample.activity import Activity
from blaze2cap.data.sources.sample.curve import Number
from blaze2cap.data.sources.sample.embodiment import Take, embody
from blaze2cap.data.sources.sample.performance import SIDES, Performance
from blaze2cap.data.sources.sample.room import FLOOR_M
from blaze2cap.data.sources.sample.subject import Subject

T_POSE_S = 1.0
# Share of the floor that people use.
_ROAMING = {"walking": 1.0, "acting": 0.85, "freestyle": 0.6, "rom": 0.2, "floor": 0.6}
_LIVELINESS = {"walking": 0.12, "acting": 0.6, "freestyle": 0.8, "floor": 0.8}
_SPEED = {
    "walking": (1.0, 1.45),
    "acting": (0.95, 1.4),
    "freestyle": (0.8, 1.3),
    "rom": (0.6, 0.8),
    "floor": (0.8, 1.3),
}


def walk(performance: Performance, kind: str) -> None:
    """Walk a few metres in curves; sometimes sideways or backwards."""
    if kind != "walking" and performance.chance(0.2):
        direction = float(performance.rng.choice((90, -90, 180)))
        gait.shift(performance, performance.uniform(0.4, 1.0), direction, performance.uniform(0.35, 0.55))
    many = int(performance.rng.integers(8, 16)) if kind == "walking" else int(performance.rng.integers(2, 5))
    speed = performance.uniform(*_SPEED[kind]) * performance.subject.style.speed
    gait.walk_to(performance, _waypoints(performance, many, _ROAMING[kind]), speed)


def _waypoints(performance: Performance, many: int, roaming: float) -> Float[np.ndarray, "many 2"]:
    """Places (x, z) [m] to go to, each on another side of the floor."""
    bearing = np.arctan2(*(performance.place[:2] / FLOOR_M)) + np.pi
    points = []
    for _ in range(many):
        bearing += performance.rng.normal(0, 0.7)
        distance = roaming * performance.uniform(0.6, 1.0)
        points.append(distance * FLOOR_M * (np.sin(bearing), np.cos(bearing)))
        bearing += float(performance.rng.choice((-1, 1))) * performance.uniform(1.2, 2.4)
    return np.array(points)


def _on_the_spot(performance: Performance) -> None:
    gait.turn(performance, float(performance.rng.choice((-1, 1))) * performance.uniform(50, 180))


_REPERTOIRE: dict[str, dict[Activity, Number]] = {
    "rom": {activity.trunk: 2, activity.lift_leg: 4, activity.squat: 3, activity.lunge: 2, activity.stand: 1},
    "acting": {activity.stand: 4, activity.bend_down: 0.5, activity.squat: 0.4, activity.sit: 0.5, activity.trunk: 0.5},
    "freestyle": {
        activity.stand: 1.2, activity.bend_down: 1, activity.squat: 1, activity.sit: 0.6, activity.trunk: 1,
        activity.lunge: 1, activity.lift_leg: 1, activity.kneel: 0.8, activity.on_all_fours: 1.2,
        activity.lie_down: 1, activity.fold: 1.2,
    },
    "floor": {
        activity.stand: 0.3, activity.bend_down: 1, activity.squat: 1, activity.sit: 1, activity.trunk: 0.5,
        activity.lunge: 0.5, activity.lift_leg: 0.3, activity.kneel: 1, activity.on_all_fours: 2,
        activity.lie_down: 2, activity.fold: 2, stretch.straddle: 4, stretch.deep_step: 3, stretch.bow: 2,
        stretch.arch: 1.5,
    },
}  # fmt: skip
_WALKING_SHARE = {"walking": 1.0, "acting": 0.55, "freestyle": 0.4, "rom": 0.0, "floor": 0.15}


def perform(subject: Subject, action: str, seconds: float, seed: int) -> Take:
    """One take: T-pose, then what the action is made of, until the time is over."""
    rng = np.random.default_rng([seed, 3, int(subject.name[1:]), zlib.crc32(action.encode())])
    kind = action.rstrip("0123456789")
    performance = Performance(subject, seconds, rng)
    _open_in_t_pose(performance)
    while performance.now < seconds:
        if performance.chance(_WALKING_SHARE[kind]):
            walk(performance, kind)
            if kind == "walking":
                continue
        if performance.chance(0.2) and kind != "rom":
            _on_the_spot(performance)
        activity.choose(performance, _REPERTOIRE[kind])(performance)
    for start, end in performance.free_stretches():
        if kind == "rom":
            gesture.exercise(performance, start, end)
        else:
            gesture.look_about(performance, start, end)
            gesture.gesticulate(performance, start, end, _LIVELINESS[kind])
    return embody(performance)


def _open_in_t_pose(performance: Performance) -> None:
    body = performance.body
    for side in SIDES:
        spread = performance.uniform(84, 94)
        performance.arm(side, -1.0, 0.5, spread=spread, elbow=performance.uniform(4, 14), flex=0.0)
        performance.rest_arm(side, T_POSE_S + performance.uniform(0, 0.1), performance.tempo(0.9, 1.1))
    body.move(T_POSE_S, 0.8, bend=performance.subject.style.stoop_deg)
    performance.now = T_POSE_S + 0.7
