"""What arms, hands and head do while the legs see to themselves."""

import numpy as np

from blaze2cap.data.sources.sample.curve import Number
from blaze2cap.data.sources.sample.performance import LIMITS_DEG, SIDES, Performance

# Held poses of one arm [deg], each reached within some degrees.
POSES = {
    "hip": {"lift": -22, "spread": 44, "rotate": 62, "elbow": 98, "flex": 20},
    "phone": {"lift": 42, "spread": 26, "rotate": 12, "elbow": 138, "pronate": 30},
    "chin": {"lift": 42, "spread": 6, "rotate": 42, "elbow": 130},
    "folded": {"lift": 32, "spread": 8, "rotate": 72, "elbow": 98},
    "forward": {"lift": 86, "spread": 8, "rotate": 15, "elbow": 8},
    "aside": {"lift": 5, "spread": 88, "rotate": 0, "elbow": 8},
    "up": {"lift": 158, "spread": 12, "rotate": 10, "elbow": 12, "shrug": 8},
    "back": {"lift": -38, "spread": 12, "rotate": 20, "elbow": 10},
    "behind_head": {"lift": 85, "spread": 98, "rotate": -30, "elbow": 125},
    "across": {"lift": 72, "spread": -20, "rotate": 30, "elbow": 20, "protract": 14},
    "wave": {"lift": 30, "spread": 82, "rotate": -78, "elbow": 70},
    "offer": {"lift": 38, "spread": 12, "rotate": -5, "elbow": 62, "pronate": -40},
    "point": {"lift": 80, "spread": 25, "rotate": 10, "elbow": 10},
    "belly": {"lift": 18, "spread": 12, "rotate": 55, "elbow": 85},
}
# Low poses stand twice: people hold them more often.
BOTH = ("hip", "folded", "offer", "belly", "back") * 2 + ("up", "forward", "aside", "behind_head")
ONE = ("hip", "phone", "chin", "offer", "belly", "back") * 2 + tuple(POSES)
_SCATTER = {"lift": 9, "spread": 8, "rotate": 9, "elbow": 12, "pronate": 24, "flex": 14, "deviate": 9}
# How often each kind of gesture is made.
_KINDS = {"pose": 0.34, "reach": 0.32, "wave": 0.07, "circle": 0.05, "strike": 0.06, "talk": 0.16}
# Exercises: a channel, its ends, and where the other channels of the arm are meanwhile.
_RANGES: tuple[tuple[str, tuple[float, float], dict[str, float]], ...] = (
    ("nod", (-38, 42), {}),
    ("look", (-68, 68), {}),
    ("head_lean", (-30, 30), {}),
    ("lift", (-45, 165), {"spread": 10, "elbow": 6}),
    ("spread", (8, 160), {"lift": 8, "elbow": 6}),
    ("spread", (-22, 95), {"lift": 78, "elbow": 6}),
    ("rotate", (-75, 65), {"spread": 75, "elbow": 90}),
    ("elbow", (4, 142), {"lift": 15}),
    ("elbow", (4, 138), {"spread": 84}),
    ("flex", (-60, 60), {"lift": 60, "elbow": 30}),
    ("pronate", (-70, 70), {"lift": 20, "elbow": 85}),
    ("shrug", (-10, 24), {}),
)


def take_pose(performance: Performance, side: str, start: Number, duration: Number, name: str) -> None:
    """Bring one arm into a named pose, within this person's scatter and the joints' limits."""
    targets = {channel: POSES[name].get(channel, 0.0) for channel in _SCATTER}
    extra = {channel: POSES[name].get(channel, 0.0) for channel in ("shrug", "protract")}
    size = performance.subject.style.amplitude
    scattered = {
        channel: float(np.clip(value * size + performance.rng.normal(0, _SCATTER[channel]), *LIMITS_DEG[channel]))
        for channel, value in targets.items()
    }
    performance.arm(side, start, duration, **scattered, **extra, swing=0.25)


def reach(performance: Performance, side: str, start: Number, duration: Number) -> None:
    """Reach for a point somewhere in front of or beside the chest."""
    targets = {
        "lift": performance.uniform(-5, 100),
        "spread": performance.uniform(-22, 80),
        "rotate": performance.uniform(-30, 60),
        "elbow": performance.uniform(5, 105),
        "pronate": performance.uniform(-60, 60),
        "flex": performance.uniform(-40, 45),
        "deviate": performance.uniform(-12, 12),
    }
    performance.arm(side, start, duration, **targets, swing=0.25)


def _wave(performance: Performance, side: str, start: Number) -> float:
    take_pose(performance, side, start, 0.8, "wave")
    t = start + 0.8
    for _ in range(int(performance.rng.integers(3, 7))):
        beat = performance.tempo(0.26, 0.34)
        for rotate in (-92, -62):
            performance.arm(side, t, 1.4 * beat, rotate=rotate, elbow=62 - 0.3 * (rotate + 78))
            t += beat
    return t


def _circle(performance: Performance, sides: list[str], start: Number) -> float:
    """Swing straight arms round: forward, up, out and down."""
    t, quarter = start, performance.tempo(0.6, 0.9)
    for _ in range(int(performance.rng.integers(1, 3))):
        for upward, outward in ((80, 8), (158, 25), (30, 120), (4, 12)):
            for side in sides:
                performance.arm(side, t, 1.5 * quarter, lift=upward, spread=outward, elbow=8, rotate=5)
            t += quarter
    return t + 0.4 * quarter


def _strike(performance: Performance, start: Number) -> float:
    """A few quick blows into the air from a guard, one hand after the other."""
    t = start
    for side in SIDES:
        performance.arm(side, t, 0.5, lift=28, spread=14, rotate=35, elbow=125, swing=0.0)
    t += 0.5
    for number in range(int(performance.rng.integers(2, 6))):
        side, blow = SIDES[number % 2], performance.uniform(0.22, 0.32)
        high = performance.uniform(60, 95)
        performance.arm(side, t, blow, lift=high, elbow=14)
        performance.arm(side, t + 0.9 * blow, 1.3 * blow, lift=28, elbow=125)
        performance.body.nudge(t, 2 * blow, twist=20.0 if side == "right" else -20.0)
        t += 1.6 * blow + performance.uniform(0, 0.4)
    return t


def _talk(performance: Performance, start: Number, end: Number) -> float:
    """Beats of both hands before the belly and chest, as in speaking."""
    t = start
    for side in SIDES:
        take_pose(performance, side, t, 0.7, "offer")
    t += 0.6
    end = min(end, t + performance.tempo(2, 4))
    while t < end:
        beat = performance.tempo(0.35, 0.7)
        for side in SIDES:
            if performance.chance(0.7):
                performance.arm(
                    side,
                    t,
                    beat,
                    lift=performance.uniform(12, 60),
                    spread=performance.uniform(4, 32),
                    rotate=performance.uniform(0, 45),
                    elbow=performance.uniform(50, 112),
                    pronate=performance.uniform(-50, 20),
                )
        performance.body.nudge(t, 2 * beat, nod=performance.uniform(-8, 12), look=performance.uniform(-20, 20))
        t += beat + performance.uniform(0, 0.3)
    return t


def gesticulate(performance: Performance, start: Number, end: Number, liveliness: float) -> None:
    """Fill a stretch of time with gestures; `liveliness` is the share of it in which the arms do something."""
    t = start
    while t < end - 1.2:
        if not performance.chance(liveliness):
            t += performance.tempo(0.8, 2.2)
            continue
        side = str(performance.rng.choice(SIDES))
        sides = list(SIDES) if performance.chance(0.45) else [side]
        kind = str(performance.rng.choice(list(_KINDS), p=list(_KINDS.values())))
        duration = performance.tempo(0.7, 1.2)
        if kind == "pose":
            name = str(performance.rng.choice(BOTH if len(sides) == 2 else ONE))
            for each in sides:
                take_pose(performance, each, t + performance.uniform(0, 0.1), duration, name)
            t += duration + performance.tempo(0.3, 2.0)
        elif kind == "reach":
            for _ in range(int(performance.rng.integers(1, 4))):
                for each in sides:
                    reach(performance, each, t, duration)
                look_at = performance.uniform(0, 45) * (-1 if side == "right" else 1)
                performance.body.nudge(t, 2 * duration, twist=0.5 * look_at, spine_lean=performance.uniform(-8, 8))
                performance.body.nudge(t, 2 * duration, look=0.7 * look_at, nod=performance.uniform(-12, 16))
                t += duration + performance.tempo(0.0, 0.5)
        elif kind == "wave":
            t = _wave(performance, side, t)
        elif kind == "circle":
            t = _circle(performance, sides, t)
        elif kind == "strike":
            t, sides = _strike(performance, t), list(SIDES)
        else:
            t, sides = _talk(performance, t, end), list(SIDES)
        if performance.chance(0.6) or t > end - 1.0:
            for each in SIDES:
                performance.rest_arm(each, t, performance.tempo(0.7, 1.1))
            t += 0.5
    for side in SIDES:
        performance.rest_arm(side, max(t, end - 0.8), 0.9)


def exercise(performance: Performance, start: Number, end: Number) -> None:
    """Take the joints of head and arms through their ranges, one after the other, from one end to the other."""
    t = start
    while t < end - 1.5:
        duration, sides = performance.tempo(0.9, 1.4), list(SIDES)
        if performance.chance(0.4):
            sides = [str(performance.rng.choice(SIDES))]
        channel, (low, high), others = _RANGES[int(performance.rng.integers(len(_RANGES)))]
        for target in (high, low, high, None):
            size = performance.uniform(0.75, 1.0)
            if channel in ("nod", "look", "head_lean"):
                performance.pose(t, duration, **{channel: 0.0 if target is None else size * target})
            else:
                for side in sides:
                    if target is None:
                        performance.rest_arm(side, t, duration)
                    else:
                        performance.arm(side, t, duration, **(others | {channel: size * target}))
            t += duration + performance.uniform(0, 0.3)
    for side in SIDES:
        performance.rest_arm(side, t, 0.9)


def look_about(performance: Performance, start: Number, end: Number) -> None:
    """Turn the head here and there."""
    t = start
    while t < end:
        t += performance.tempo(0.5, 2.5)
        duration = performance.tempo(0.4, 0.8)
        performance.pose(
            t,
            duration,
            look=float(np.clip(performance.rng.normal(0, 27), -55, 55)),
            nod=float(np.clip(performance.rng.normal(3, 9), -30, 40)),
            head_lean=float(np.clip(performance.rng.normal(0, 4), -15, 15)),
        )
        t += duration
