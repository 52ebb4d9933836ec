"""Wide stances, deep steps and deep bends with the arms anywhere, as in gymnastics; made-up motion for training alone.

As in `activity`, each starts at `now` and ends standing upright. Chest and pelvis, not the room, are what arms and spine
refer to: an arm lifted by 160 degrees goes on in the trunk's direction, wherever that points.
"""

from blaze2cap.data.sources.sample.curve import Number
from blaze2cap.data.sources.sample.performance import SIDES, SIGN, Performance, other_side

# Ranges of one arm [deg]: lift, spread, elbow.
_REACHES = {
    "overhead": ((130, 172), (0, 30), (2, 30)),
    "aside": ((-10, 30), (70, 130), (2, 30)),
    "forward": ((60, 115), (-10, 30), (2, 40)),
    "down": ((0, 50), (5, 30), (2, 40)),
    "bent": ((10, 120), (0, 90), (40, 120)),
}


def _reach(performance: Performance, side: str, start: Number, duration: Number) -> None:
    """One arm into any direction, overhead as often as all others but one."""
    name = str(performance.rng.choice(list(_REACHES), p=(0.35, 0.2, 0.2, 0.1, 0.15)))
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


def _bends(performance: Performance, start: float, most_tilt: Number, shift: Number) -> float:
    """Some poses of the trunk and both arms over feet that stay; the pelvis moves sideways by up to `shift` [m]."""
    t = start
    for _ in range(int(performance.rng.integers(2, 5))):
        duration = performance.tempo(0.8, 1.4)
        deep = performance.uniform(0, 1)
        performance.pose(
            t,
            duration,
            tilt=deep * most_tilt,
            bend=performance.uniform(-10, 15) + deep * performance.uniform(10, 60),
            twist=performance.uniform(-45, 45),
            turn=performance.uniform(-25, 25),
            spine_lean=performance.uniform(-25, 25),
            lean=performance.uniform(-12, 12),
            side=performance.uniform(-shift, shift),
            nod=performance.uniform(-35, 25),
            look=performance.uniform(-35, 35),
        )
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
    wide = performance.uniform(0.35, 0.72) * leg
    first = str(performance.rng.choice(SIDES))
    for side in (first, other_side(first)):
        performance.step(side, t, duration, forward=0.0, out=wide, yaw=performance.uniform(0, 45))
        t += 0.8 * duration
    performance.pose(t, duration, drop=performance.uniform(0.0, 0.25) * leg)
    t = _bends(performance, t, most_tilt=80, shift=0.6 * wide)
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
    t = _bends(performance, t + 0.6 * duration, most_tilt=60, shift=0.2 * far * aside)
    _rise(performance, t, 1.2 * duration)
    performance.step(side, t + 0.2 * duration, duration, forward=0.0, out=performance.stance)
    for foot in performance.feet.values():
        foot.move(t, duration, rise=0.0)
    performance.finish(t + 1.4 * duration, hands=False)


def bow(performance: Performance) -> None:
    """Bend from the hips over standing feet, arms anywhere."""
    t, down = performance.now, performance.tempo(1.0, 1.5)
    performance.pose(t, down, forward=-0.15, drop=performance.uniform(0.0, 0.2) * performance.subject.leg)
    t = _bends(performance, t, most_tilt=90, shift=0.04)
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
    tilt = performance.uniform(118, 138) - bend
    performance.pose(t, down, tilt=tilt, bend=bend, forward=0.25 * leg, drop=0.1 * leg, nod=performance.uniform(-20, 20))
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
