"""Locomotion: a way over the floor, the footsteps that carry it, and how pelvis, trunk and arms go along with them.

Each foot is set down where the body will be shortly before the middle of that stance, so steps follow speed and
turning by themselves. Phase counts steps; foot k swings inside [k, k + 1] and the two feet take turns.
"""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from blaze2cap.data.sources.sample.curve import FPS, Number, minimum_jerk
from blaze2cap.data.sources.sample.performance import SIDES, SIGN, Performance

_STEER_HZ = 20
_ARRIVED_M = 0.35
_SLOW_DOWN = 0.9  # [m/s^2]
# Share of a step between one foot's landing and the other's lift-off; minimum-jerk swings add slow ends of their own.
_DOUBLE_SUPPORT = 0.18

Curve = Float[np.ndarray, "frames"]


def walk_to(performance: Performance, waypoints: Float[np.ndarray, "n 2"], speed: float, *, hands: bool = True) -> None:
    """Walk over waypoints (x, z) [m] in curves and stop at the last one; turns on the spot first if it lies behind."""
    x, z, yaw = performance.place
    towards = _wrap(np.arctan2(waypoints[0, 0] - x, waypoints[0, 1] - z) - yaw)
    if abs(towards) > 1.6:
        turn(performance, np.rad2deg(towards), hands=hands)
    forward, rate = _steer(performance.place, waypoints, speed, performance.seconds - performance.now)
    _locomote(performance, forward, rate, hands=hands)


def turn(performance: Performance, angle: Number, *, hands: bool = True) -> None:
    """Turn on the spot to the left by an angle [deg], stepping round."""
    duration = max(0.7, abs(angle) / performance.uniform(75, 110))
    u = np.arange(1, round(duration * FPS) + 1) / round(duration * FPS)
    yaw = np.deg2rad(angle) * minimum_jerk(u)
    _locomote(performance, np.zeros_like(u), np.gradient(yaw) * FPS, hands=hands)


def shift(performance: Performance, distance: Number, direction: Number, speed: Number, *, hands: bool = True) -> None:
    """Walk without turning, in a direction relative to the facing [deg, to the left]: sideways, backwards."""
    duration = 1.9 * abs(distance) / speed
    u = np.arange(1, round(duration * FPS) + 1) / round(duration * FPS)
    _locomote(performance, np.gradient(distance * minimum_jerk(u)) * FPS, np.zeros_like(u), direction, hands=hands)


def _wrap(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _steer(
    place: Float[np.ndarray, "3"], waypoints: Float[np.ndarray, "n 2"], speed: float, seconds: Number
) -> tuple[Curve, Curve]:
    """Forward speed [m/s] and rate of turning [rad/s] of someone who walks over the waypoints."""
    x, z, yaw = place
    step, v, w, target = 1 / _STEER_HZ, 0.0, 0.0, 0
    speeds, rates = [0.0], [0.0]
    for _ in range(int((seconds + 1) * _STEER_HZ)):
        dx, dz = waypoints[target, 0] - x, waypoints[target, 1] - z
        distance, last = float(np.hypot(dx, dz)), target == len(waypoints) - 1
        if distance < _ARRIVED_M and not last:
            target += 1
            continue
        error = _wrap(np.arctan2(dx, dz) - yaw)
        goal = speed * max(0.35, np.cos(error))
        if last:
            goal = min(goal, np.sqrt(2 * _SLOW_DOWN * max(distance - 0.05, 0)))
            if distance < 0.1 or (distance < 0.5 and abs(error) > 1.2):
                break
        v += float(np.clip(goal - v, -1.8 * step, 1.3 * step))
        w += float(np.clip(float(np.clip(1.8 * error, -1.5, 1.5)) - w, -4 * step, 4 * step))
        x, z, yaw = x + v * step * np.sin(yaw), z + v * step * np.cos(yaw), yaw + w * step
        speeds.append(v)
        rates.append(w)
    at = np.arange(0, len(speeds) + 0.5 * _STEER_HZ, _STEER_HZ / FPS)
    known = np.arange(len(speeds) + 1)
    smooth = [gaussian_filter1d(np.interp(at, known, [*c, 0.0]), 0.1 * FPS, mode="nearest") for c in (speeds, rates)]
    return smooth[0] * np.minimum(1, np.arange(len(at)) / 6) ** 2, smooth[1]


def _locomote(performance: Performance, v: Curve, w: Curve, direction: Number = 0.0, *, hands: bool) -> None:
    """Carry out a way given by speed [m/s] and turning [rad/s]: heading, footsteps, and the body's part in them."""
    x0, z0, yaw0 = performance.place
    yaw = yaw0 + np.cumsum(w) / FPS
    course = yaw + np.deg2rad(direction)
    way = np.stack((x0 + np.cumsum(v * np.sin(course)) / FPS, z0 + np.cumsum(v * np.cos(course)) / FPS, yaw))
    style = performance.subject.style
    rate = style.cadence * (0.95 + 0.75 * v + 0.45 * np.abs(w))
    steps = max(2, round(rate.sum() / FPS))
    phase = np.cumsum(rate) * steps / rate.sum()
    start, end = performance.now, performance.now + len(v) / FPS
    first, last = performance.frame(start), performance.frame(end)
    performance.heading[:, first:last] = way[:, : last - first]
    performance.heading[:, last:] = way[:, -1:]
    leading = _leading_side(performance, w, direction)
    _set_feet(performance, way, phase, steps, leading)
    _go_along(performance, phase, v, steps, leading, direction)
    performance.finish(end, hands=hands)


def _leading_side(performance: Performance, w: Curve, direction: Number) -> int:
    to_the_left = w.sum() + np.sin(np.deg2rad(direction)) * 100
    if abs(to_the_left) > 30:
        return SIDES.index("left" if to_the_left > 0 else "right")
    return int(performance.rng.integers(2))


def _set_feet(
    performance: Performance, way: Float[np.ndarray, "3 frames"], phase: Curve, steps: int, leading: int
) -> None:
    times = performance.now + np.arange(1, len(phase) + 1) / FPS
    style = performance.subject.style
    for k in range(steps):
        side = SIDES[(k + leading) % 2]
        lift_off, landing = np.interp((k + _DOUBLE_SUPPORT / 2, k + 1 - _DOUBLE_SUPPORT / 2), phase, times)
        over = k + 1.4 if k < steps - 2 else steps
        at = int(np.searchsorted(phase, min(over, steps) - 1e-9).clip(0, len(phase) - 1))
        out = SIGN[side] * performance.stance * (0.72 if k < steps - 2 else 1.0)
        x, z, yaw = performance.floor(way[:, at], 0.0, out)
        foot = performance.feet[side]
        length = float(np.hypot(x - foot.target("x"), z - foot.target("z")))
        swing = landing - lift_off
        vigour = min(length / 1.2, 1.0)  # of a stride of 1.2 m
        facing = performance.nearest_turn(foot.target("yaw"), yaw - SIGN[side] * style.toe_out_deg)
        foot.move(lift_off - 0.12 * swing, 1.15 * swing, x=x, z=z, yaw=facing)
        foot.move(lift_off - 0.15 * swing, 0.4 * swing, free=1.0)
        foot.move(landing - 0.7 * swing, 0.55 * swing, free=0.0)
        # The heel leaves the floor long before the toes do; the ankle is highest early in the swing, behind the body,
        # and the toes are up when the heel lands.
        foot.move(lift_off - 0.65 * swing, 0.85 * swing, rise=16 + 52 * vigour)
        foot.move(lift_off + 0.12 * swing, 0.6 * swing, rise=0.0)
        foot.nudge(lift_off - 0.22 * swing, 0.85 * swing, height=0.03 + 0.06 * vigour)
        foot.nudge(landing - 0.5 * swing, 0.7 * swing, pitch=-4 - 18 * vigour)


def _go_along(performance: Performance, phase: Curve, v: Curve, steps: int, leading: int, direction: Number) -> None:
    """Sway over the standing foot, pelvis and shoulders against each other, arms against legs."""
    style = performance.subject.style
    right_first = SIGN[SIDES[leading]]
    vigour = gaussian_filter1d(np.minimum(v / 1.1, 1.3), 0.15 * FPS, mode="constant")
    edge = np.minimum(minimum_jerk(phase / 0.8), minimum_jerk((steps - phase) / 0.8))
    # Positive where the right foot swings, and where the right foot is ahead.
    swinging = right_first * np.sin(np.pi * phase) * edge
    ahead = -right_first * np.cos(np.pi * phase) * vigour * np.cos(np.deg2rad(direction)) * edge
    arms = style.arm_swing * performance.uniform(0.85, 1.15)
    parts = {
        "side": -0.028 * swinging,
        "lean": 3.5 * swinging,
        "spine_lean": -5.0 * swinging,
        "turn": 5.5 * ahead,
        "twist": -12.0 * ahead,
        "tilt": 1.5 * vigour * edge,
        "right_lift": -12 * arms * ahead,
        "left_lift": 12 * arms * ahead,
        "right_elbow": 13 * arms * (vigour * edge - ahead),
        "left_elbow": 13 * arms * (vigour * edge + ahead),
        "forward": 0.01 * np.cos(2 * np.pi * phase) * vigour * edge,
    }
    first = performance.frame(performance.now)
    last = performance.frame(performance.now + len(v) / FPS)
    for name, curve in parts.items():
        performance.gait[name][first:last] += curve[: last - first]
