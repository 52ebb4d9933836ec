"""What the legs and the trunk can do besides walking; each activity starts at `now` and ends standing upright.

Heights are shares of the leg's length where a pose must fit every body.
"""

from collections.abc import Callable, Mapping

import numpy as np

from blaze2cap.data.sources.sample.curve import Number
from blaze2cap.data.sources.sample.performance import SIDES, SIGN, Performance, other_side

Activity = Callable[[Performance], None]


def stand(performance: Performance) -> None:
    """Stand at ease, weight from one foot to the other, looking about."""
    t, end = performance.now, performance.now + performance.tempo(1.5, 3.5)
    while t < end:
        duration = performance.tempo(0.7, 1.4)
        performance.pose(
            t,
            duration,
            side=performance.uniform(-0.045, 0.045),
            lean=performance.uniform(-3, 3),
            turn=performance.uniform(-8, 8),
            twist=performance.uniform(-12, 12),
            spine_lean=performance.uniform(-4, 4),
            bend=performance.subject.style.stoop_deg + performance.uniform(-3, 9),
        )
        t += duration + performance.uniform(0.1, 0.8)
    performance.upright(t, 0.8)
    performance.finish(t + 0.3, hands=True)


def squat(performance: Performance) -> None:
    """Down into a squat and up again, arms forward as a counterweight."""
    depth = performance.uniform(0.5, 1.0)
    t, down, hold = performance.now, performance.tempo(1.0, 1.5), performance.tempo(0.3, 1.2)
    performance.pose(t, down, drop=depth * 0.66 * performance.subject.leg, forward=-0.17 * depth)
    performance.pose(t, down, tilt=26 * depth, bend=26 * depth, nod=-20 * depth)
    raised = performance.uniform(50, 95)
    for side in SIDES:
        performance.arm(side, t, down, lift=raised * min(1, 1.4 * depth), spread=12, elbow=18, rotate=25)
    performance.upright(t + down + hold, down)
    for side in SIDES:
        performance.rest_arm(side, t + down + hold, down)
    performance.finish(t + 2 * down + hold, hands=False)


def bend_down(performance: Performance) -> None:
    """Bend forward to the floor and work there with both hands, as one who picks something up."""
    t, down = performance.now, performance.tempo(0.9, 1.4)
    deep = performance.uniform(0.6, 1.0)
    performance.pose(
        t,
        down,
        forward=-0.14 * deep,
        drop=performance.uniform(0.03, 0.25) * performance.subject.leg,
        tilt=52 * deep,
        bend=48 * deep,
        twist=performance.uniform(-12, 12),
        nod=-8,
    )
    for side in SIDES:
        performance.arm(side, t, down, lift=75 * deep, spread=8, elbow=12, rotate=10, protract=12)
    end, done = t + down, t + down + performance.tempo(0.5, 2.5)
    while end < done:
        side, duration = str(performance.rng.choice(SIDES)), performance.tempo(0.4, 0.8)
        performance.arm(side, end, duration, lift=performance.uniform(55, 110), elbow=performance.uniform(5, 60))
        end += duration
    performance.upright(end, 1.1 * down)
    for side in SIDES:
        performance.rest_arm(side, end, down)
    performance.finish(end + 1.1 * down, hands=False)


def sit(performance: Performance) -> None:
    """Sit down as on a chair, stay, get up: trunk forward while going down and up."""
    t, down, stay = performance.now, performance.tempo(1.1, 1.5), performance.tempo(2.0, 4.0)
    leg = performance.subject.leg
    height = performance.uniform(0.50, 0.60)
    performance.pose(t, down, forward=-0.46 * leg, drop=(1 - height) * leg, tilt=performance.uniform(-12, 2))
    performance.pose(t, down, bend=performance.uniform(0, 22), nod=performance.uniform(-5, 15))
    performance.body.nudge(t, down, tilt=38.0)
    performance.finish(t + down, hands=False)
    performance.finish(t + down + stay, hands=True)
    performance.upright(performance.now, down)
    performance.body.nudge(performance.now - 0.1, down, tilt=36.0)
    performance.finish(performance.now + down, hands=False)


def lunge(performance: Performance) -> None:
    """A long step forward or to the side, down, and back."""
    side, t, duration = str(performance.rng.choice(SIDES)), performance.now, performance.tempo(0.7, 1.0)
    leg, deep = performance.subject.leg, performance.uniform(0.6, 1.0)
    if performance.chance(0.65):
        performance.step(side, t, duration, forward=0.85 * leg * deep, out=performance.stance)
        performance.pose(t + 0.1, duration, forward=0.42 * leg * deep, drop=0.3 * leg * deep, bend=6, tilt=4)
        performance.feet[other_side(side)].move(t + 0.1, duration, rise=50 * deep)
    else:
        performance.step(side, t, duration, forward=0.0, out=performance.stance + 0.7 * leg * deep, yaw=25)
        performance.pose(t + 0.1, duration, side=SIGN[side] * 0.5 * leg * deep, drop=0.28 * leg * deep)
        performance.pose(t + 0.1, duration, tilt=18, bend=14)
    back = t + duration + performance.tempo(0.5, 1.4)
    performance.upright(back, duration)
    performance.step(side, back + 0.1, duration, forward=0.0, out=performance.stance)
    for foot in performance.feet.values():
        foot.move(back, duration, rise=0.0)
    performance.finish(back + duration + 0.2, hands=True)


def lift_leg(performance: Performance) -> None:
    """Stand on one leg and raise the other: knee up, straight forward, sideways or back."""
    side, t, duration = str(performance.rng.choice(SIDES)), performance.now, performance.tempo(0.7, 1.1)
    right, leg = SIGN[side], performance.subject.leg
    over = -right * performance.stance * 0.85
    way = str(performance.rng.choice(("knee", "forward", "side", "back")))
    high = performance.uniform(0.6, 1.0)
    targets = {
        "knee": {"forward": 0.22 * leg, "out": 0.1, "height": 0.52 * leg * high, "pitch": 15},
        "forward": {"forward": 0.72 * leg * high, "out": 0.1, "height": 0.36 * leg * high, "pitch": -30},
        "side": {"forward": 0.0, "out": 0.1 + 0.6 * leg * high, "height": 0.24 * leg * high, "pitch": 10},
        "back": {"forward": -0.45 * leg * high, "out": 0.1, "height": 0.3 * leg * high, "pitch": 55},
    }
    lean = {"knee": -5, "forward": -8, "side": 0, "back": 24}[way] * high
    performance.pose(t, 0.8 * duration, side=over, lean=-2 * right)
    t += 0.6 * duration
    performance.pose(t, duration, tilt=lean, bend=0.3 * lean, spine_lean=-right * (10 if way == "side" else 3))
    performance.step(side, t, duration, **targets[way])
    for _ in range(int(performance.rng.integers(1, 3))):
        t += duration + performance.tempo(0.1, 0.5)
        performance.step(side, t, duration, forward=0.05, out=0.11, height=0.16, pitch=12)
        t += duration
        performance.step(side, t, duration, **targets[way])
    t += duration + performance.tempo(0.1, 0.6)
    performance.step(side, t, duration, forward=0.0, out=performance.stance)
    performance.upright(t + 0.35 * duration, duration)
    performance.finish(t + 1.4 * duration, hands=True)


def trunk(performance: Performance) -> None:
    """Bend the trunk sideways, twist it, bend it forward and back."""
    t = performance.now
    for _ in range(int(performance.rng.integers(2, 5))):
        duration = performance.tempo(0.9, 1.5)
        way, sign = str(performance.rng.choice(("lean", "twist", "bend"))), performance.rng.choice((-1, 1))
        size = sign * performance.uniform(0.6, 1.0)
        if way == "lean":
            performance.pose(t, duration, spine_lean=26 * size, lean=5 * size, side=-0.06 * size, head_lean=8 * size)
        elif way == "twist":
            performance.pose(t, duration, twist=38 * size, turn=16 * size, look=22 * size)
        else:
            performance.pose(t, duration, bend=18 + 26 * size, tilt=8 + 14 * size, nod=12 * size, forward=-0.05 * size)
        t += duration + performance.tempo(0.1, 0.5)
        performance.upright(t, duration)
        t += duration
    performance.finish(t, hands=True)


def kneel(performance: Performance) -> None:
    """Down on one knee, perhaps on both, and up again."""
    side = str(performance.rng.choice(SIDES))
    other = other_side(side)
    t, duration, leg = performance.now, performance.tempo(1.1, 1.5), performance.subject.leg
    thigh, shin = performance.leg_lengths()
    low = leg - thigh - 0.055 + performance.subject.ankle_height
    performance.step(side, t, duration, forward=-shin + 0.12, out=0.1, height=0.06, pitch=68)
    performance.step(other, t, duration, forward=0.42, out=0.12)
    performance.pose(t + 0.2, duration, forward=0.1, drop=low, tilt=4, bend=8)
    t += duration + 0.2
    start = t
    both = performance.chance(0.5)
    if both:
        performance.step(other, t, duration, forward=-shin + 0.12, out=0.1, height=0.06, pitch=68)
        t += duration
    t += performance.tempo(0.8, 2.5)
    performance.now = start
    performance.finish(t, hands=True)
    if both:
        performance.step(other, t, duration, forward=0.42, out=0.12)
        t += duration
    performance.body.nudge(t, duration, tilt=18.0)
    performance.upright(t, 1.2 * duration)
    performance.step(side, t + 0.3 * duration, 0.9 * duration, forward=0.0, out=performance.stance)
    performance.step(other, t + 1.1 * duration, 0.6 * duration, forward=0.0, out=performance.stance)
    performance.finish(t + 1.7 * duration, hands=False)


def on_all_fours(performance: Performance) -> None:
    """Kneel down onto hands and knees, move about there, come up."""
    t, duration, leg = performance.now, performance.tempo(1.2, 1.6), performance.subject.leg
    thigh, shin = performance.leg_lengths()
    low = leg - thigh - 0.055 + performance.subject.ankle_height
    one, other = (str(side) for side in performance.rng.permutation(SIDES))
    for side, start in ((one, t), (other, t + 0.8 * duration)):
        performance.step(side, start, duration, forward=-shin, out=0.12, height=0.06, pitch=72)
    performance.pose(t, 1.5 * duration, drop=low, forward=0.02, tilt=25, bend=20)
    t += 1.4 * duration
    performance.pose(t, duration, tilt=80, bend=-2, nod=-34, drop=low)
    for side in SIDES:
        performance.arm(side, t - 0.3, duration, lift=84, spread=4, elbow=8, rotate=40, flex=-60)
    t += duration
    end = t + performance.tempo(1.5, 3.5)
    while t < end:
        stroke, side = performance.tempo(0.6, 1.0), str(performance.rng.choice(SIDES))
        performance.pose(t, stroke, forward=performance.uniform(-0.06, 0.08), side=performance.uniform(-0.03, 0.03))
        performance.pose(t, stroke, bend=performance.uniform(-14, 18), nod=performance.uniform(-45, -5))
        performance.body.nudge(t, 1.2 * stroke, **{f"{side}_lift": performance.uniform(10, 55)})
        t += 1.3 * stroke
    performance.pose(t, duration, tilt=12, bend=14, nod=0, forward=0.04)
    for side in SIDES:
        performance.rest_arm(side, t, duration)
    t += duration
    performance.step(one, t, duration, forward=0.36, out=0.13)
    t += 0.9 * duration
    performance.upright(t, 1.2 * duration)
    performance.step(other, t + 0.3 * duration, 0.9 * duration, forward=0.0, out=performance.stance)
    performance.step(one, t + 1.1 * duration, 0.6 * duration, forward=0.0, out=performance.stance)
    performance.finish(t + 1.7 * duration, hands=False)


def lie_down(performance: Performance) -> None:
    """Squat, sit back onto the floor, lie on the back, sit up and rise; the feet stay where they are."""
    t, down, leg = performance.now, performance.tempo(1.2, 1.6), performance.subject.leg
    floor = leg + performance.subject.ankle_height - 0.11
    performance.pose(t, down, drop=0.66 * leg, forward=-0.2, tilt=22, bend=30, nod=-10)
    for side in SIDES:
        performance.arm(side, t, down, lift=45, spread=20, elbow=15, rotate=20)
        performance.arm(side, t + 0.8 * down, 0.8 * down, lift=-38, spread=28, elbow=12, flex=-50)
    t += 0.9 * down
    performance.pose(t, down, drop=floor, forward=-0.62 * leg, tilt=-18, bend=26)
    t += down + performance.tempo(0.2, 1.0)
    if performance.chance(0.75):
        performance.pose(t, 1.3 * down, tilt=-86, bend=4, nod=6, drop=floor - 0.01)
        for side in SIDES:
            performance.arm(side, t, 1.2 * down, lift=-4, spread=30, elbow=20, flex=0)
        t += 1.3 * down
        end = t + performance.tempo(1.0, 3.0)
        while t < end:
            stroke, side = performance.tempo(0.6, 1.1), str(performance.rng.choice(SIDES))
            performance.arm(side, t, stroke, lift=performance.uniform(0, 110), elbow=performance.uniform(5, 70))
            performance.pose(t, stroke, look=performance.uniform(-35, 35))
            t += stroke
        performance.pose(t, 1.3 * down, tilt=-18, bend=34, nod=10, look=0)
        for side in SIDES:
            performance.arm(side, t, down, lift=20, spread=20, elbow=30)
        t += 1.3 * down
    performance.pose(t, down, drop=0.64 * leg, forward=-0.2, tilt=30, bend=38)
    for side in SIDES:
        performance.arm(side, t, down, lift=70, spread=10, elbow=20, flex=0)
    t += 0.9 * down
    performance.upright(t, 1.1 * down)
    for side in SIDES:
        performance.rest_arm(side, t, down)
    performance.finish(t + 1.1 * down, hands=False)


def fold(performance: Performance) -> None:
    """Hang forward from the hips for a while, knees almost straight, swaying."""
    t, down = performance.now, performance.tempo(1.3, 1.8)
    performance.pose(t, down, forward=-0.15, drop=0.02, tilt=62, bend=62, nod=16)
    for side in SIDES:
        performance.arm(side, t, down, lift=performance.uniform(70, 115), spread=5, elbow=6)
    t += down
    end = t + performance.tempo(1.0, 3.0)
    while t < end:
        stroke = performance.tempo(0.8, 1.4)
        performance.pose(t, stroke, tilt=performance.uniform(48, 72), twist=performance.uniform(-25, 25))
        performance.pose(t, stroke, bend=performance.uniform(35, 70), spine_lean=performance.uniform(-12, 12))
        t += stroke
    performance.upright(t, down)
    for side in SIDES:
        performance.rest_arm(side, t, down)
    performance.finish(t + down, hands=False)


def choose(performance: Performance, weights: Mapping[Activity, Number]) -> Activity:
    """One of the activities, as often as its weight says."""
    share = np.array(list(weights.values()))
    return list(weights)[int(performance.rng.choice(len(weights), p=share / share.sum()))]
