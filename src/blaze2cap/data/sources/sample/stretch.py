"""Wide stances, deep steps and deep bends with the arms anywhere, as in gymnastics; made-up motion for training alone.

As in `activity`, each starts at `now` and ends standing upright. Arms refer to the chest, not to the room: one lifted
by 160 degrees goes on in the trunk's direction, wherever that points.
"""

import numpy as np

from blaze2cap.data.sources.sample.curve import Number
from blaze2cap.data.sources.sample.performance import SIDES, SIGN, Performance, other_side

# Ranges of one arm [deg]: lift, spread, elbow.
_REACHES = {
    "overhead": ((145, 175), (0, 25), (2, 25)),
    "aside": ((-10, 30), (70, 130), (2, 30)),
    "forward": ((60, 115), (-10, 30), (2, 40)),
    "down": ((0, 50), (5, 30), (2, 40)),
    "bent": ((10, 120), (0, 90), (40, 120)),
}


def _reach(performance: Performance, side: str, start: Number, duration: Number, name: str | None = None) -> None:
    """One arm into a direction, or into any."""
    name = name or str(performance.rng.choice(list(_REACHES), p=(0.4, 0.2, 0.15, 0.1, 0.15)))
    lift, spread, elbow = _REACHES[name]
    performance.arm(
        side,
        start,
        duration,
        lift=performance.uniform(*lift),
        spread=performance.uniform(*spread),
        elbow=performance.uniform(*elbow),
        rotate=performance.uniform(-30, 40),
        pronate=performance.uniform(-40, 40),
        shrug=performance.uniform(0, 12) if name == "overhead" else 0.0,
        swing=0.0,
    )


def _bends(performance: Performance, start: float, *, deepest: Number, most_tilt: Number, shift: Number) -> float:
    """Some poses of the trunk and both arms over feet that stay; the pelvis moves sideways by up to `shift` [m].

    `deepest` is 1 where the pelvis is as high as in standing; the lower it is, the less room there is to bend.
    """
    t = start
    for _ in range(int(performance.rng.integers(2, 5))):
        duration = performance.tempo(0.8, 1.4)
        deep = performance.uniform(0, deepest)
        performance.pose(
            t,
            duration,
            tilt=deep * most_tilt,
            bend=performance.uniform(-10, 15) + deep * performance.uniform(10, 60),
            turn=performance.uniform(-25, 25),
            spine_lean=performance.uniform(-25, 25),
            lean=performance.uniform(-12, 12),
            side=performance.uniform(-shift, shift),
            nod=performance.uniform(-35, 25),
            look=performance.uniform(-35, 35),
        )
        if performance.chance(0.4):
            # A windmill: a bent trunk that twists turns one shoulder, and the arm with it, to the ceiling.
            up = str(performance.rng.choice(SIDES))
            performance.pose(t, duration, twist=-SIGN[up] * performance.uniform(25, 48))
            _reach(performance, up, t, duration, "aside")
            _reach(performance, other_side(up), t, duration, "forward")
        else:
            performance.pose(t, duration, twist=performance.uniform(-45, 45))
            for side in SIDES:
                _reach(performance, side, t, duration)
        t += duration + performance.tempo(0.1, 0.8)
    return t


def _rise(performance: Performance, start: Number, duration: Number) -> None:
    """Trunk up, arms down."""
    performance.upright(start, duration)
    for side in SIDES:
        performance.rest_arm(side, start, duration)


def straddle(performance: Performance) -> None:
    """Feet far apart, bending between and over them."""
    t, duration, leg = performance.now, performance.tempo(0.7, 1.1), performance.subject.leg
    wide = performance.uniform(0.42, 0.78) * leg
    first = str(performance.rng.choice(SIDES))
    for side in (first, other_side(first)):
        performance.step(side, t, duration, forward=0.0, out=wide, yaw=performance.uniform(0, 45))
        t += 0.8 * duration
    low = performance.uniform(0.0, 0.2)
    performance.pose(t, duration, drop=low * leg)
    high = min(1 - low, np.sqrt(1 - (wide / leg) ** 2))
    t = _bends(performance, t, deepest=2 * high - 1, most_tilt=90, shift=0.6 * wide)
    _rise(performance, t, 1.3 * duration)
    for side in SIDES:
        performance.step(side, t + 0.6 * duration, duration, forward=0.0, out=performance.stance)
        t += 0.8 * duration
    performance.finish(t + 0.8 * duration, hands=False)


def deep_step(performance: Performance) -> None:
    """A long step in any direction but back, the trunk bent over it or upright."""
    t, duration, leg = performance.now, performance.tempo(0.7, 1.1), performance.subject.leg
    side = str(performance.rng.choice(SIDES))
    far, aside = performance.uniform(0.6, 1.15) * leg, performance.uniform(0.0, 0.9)
    forward, out = far * (1 - aside), performance.stance + far * aside
    performance.step(side, t, duration, forward=forward, out=out, yaw=60 * aside)
    deep = performance.uniform(0.2, 1.0)
    performance.pose(t, duration, forward=performance.uniform(0.35, 0.6) * forward, drop=0.4 * leg * deep)
    performance.body.move(t, duration, side=SIGN[side] * performance.uniform(0.3, 0.6) * far * aside)
    performance.feet[other_side(side)].move(t, duration, rise=40 * deep * (1 - aside))
    t = _bends(performance, t + 0.6 * duration, deepest=1 - 0.3 * deep, most_tilt=60, shift=0.2 * far * aside)
    _rise(performance, t, 1.2 * duration)
    performance.step(side, t + 0.2 * duration, duration, forward=0.0, out=performance.stance)
    for foot in performance.feet.values():
        foot.move(t, duration, rise=0.0)
    performance.finish(t + 1.4 * duration, hands=False)


def bow(performance: Performance) -> None:
    """Bend from the hips over standing feet, arms anywhere."""
    t, down = performance.now, performance.tempo(1.0, 1.5)
    performance.pose(t, down, forward=-0.15, drop=performance.uniform(0.0, 0.2) * performance.subject.leg)
    t = _bends(performance, t, deepest=1.0, most_tilt=90, shift=0.04)
    _rise(performance, t, down)
    performance.finish(t + down, hands=False)


def arch(performance: Performance) -> None:
    """Hands and feet on the floor, hips on high; one arm or one leg may leave the floor."""
    t, down, leg = performance.now, performance.tempo(1.3, 1.8), performance.subject.leg
    bend = performance.uniform(10, 45)
    performance.pose(t, down, tilt=60, bend=60, forward=-0.15, nod=10)
    for side in SIDES:
        performance.arm(side, t, down, lift=100, spread=10, elbow=10, rotate=10)
    t += 0.8 * down
    # The line from Hips to Neck takes part in the spine's bend by about half.
    tilt = performance.uniform(115, 135) - 0.5 * bend
    performance.pose(
        t, down, tilt=tilt, bend=bend, forward=0.25 * leg, drop=0.1 * leg, nod=performance.uniform(-20, 20)
    )
    for side in SIDES:
        performance.arm(side, t, down, lift=performance.uniform(140, 172), spread=performance.uniform(0, 15), elbow=6)
    t += down
    end = t + performance.tempo(0.8, 3.0)
    while t < end:
        stroke, side = performance.tempo(0.7, 1.1), str(performance.rng.choice(SIDES))
        if performance.chance(0.5):
            performance.body.nudge(t, 1.3 * stroke, **{f"{side}_lift": performance.uniform(-90, -30)})
        else:
            performance.feet[side].nudge(t, 1.3 * stroke, height=performance.uniform(0.1, 0.5) * leg, free=1.0)
        performance.pose(t, stroke, twist=performance.uniform(-15, 15), lean=performance.uniform(-8, 8))
        t += 1.3 * stroke
    performance.pose(t, down, tilt=60, bend=60, forward=-0.15, drop=0.05 * leg, twist=0, lean=0)
    t += 0.8 * down
    _rise(performance, t, down)
    performance.finish(t + down, hands=False)
