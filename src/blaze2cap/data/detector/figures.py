"""Figures of the parametric error model that hold for the whole body: time, tails, image, and what persons differ in.

Fitted, like those of `part_figures`, on the real training takes.
"""

from typing import NamedTuple

Triple = tuple[float, float, float]


class NoiseFigures(NamedTuple):
    """How the errors change in time and between persons; times in frames of 1/60 s.

    constant, smooth     shares of the variance of a part's own error that stay for a clip, and that change smoothly;
                         the rest changes roughly
    smooth_clock         correlation times of the smooth share that pass in a frame while the landmark rests
    rough_clock          the same of the rough share
    clock_speed          both clocks run with (1 + speed [mm / frame]) to this power: fitted on |error change|
    unrest, unrest_time  spread and correlation time of the logarithm of what else drives the error's changes
    tail                 heaviness of the tails by axis: an error of x standard deviations becomes x (1 + tail x^2),
                         scaled back to unit variance (excess kurtosis 5.8 at 0.15)
    steadiness           share of a bone's length error (in logarithm) that is taken back
    tilt, usual_upright  the own error grows with 1 + tilt (usual_upright - uprightness): bent bodies are seen worse
    visibility_slope     the own error grows with exp(-slope (logit - usual logit)), by axis
    visibility_time      correlation time of visibility's own deviations
    screen_gain          part of the 3D error's x, y that shows in the image too
    screen_common_mm     error of the whole person in the image, at the person; it changes in screen_time
    screen_constant_mm   the same, constant over a clip
    screen_own_mm        error of each landmark in the image, at the person; it changes in screen_own_time
    trunk_mm             spread of the trunk's length bias between subjects
    """

    constant: float = 0.1
    smooth: float = 0.86
    smooth_clock: float = 7e-3
    rough_clock: float = 8e-4
    clock_speed: float = 0.9
    unrest: float = 1.25
    unrest_time: float = 8.0
    tail: Triple = (0.15, 0.15, 0.02)
    steadiness: float = 0.4
    tilt: float = 0.6
    usual_upright: float = 0.92
    visibility_slope: Triple = (0.12, 0.12, 0.06)
    visibility_time: float = 20.0
    screen_gain: tuple[float, float] = (0.7, 0.4)
    screen_common_mm: tuple[float, float] = (30.0, 22.0)
    screen_constant_mm: tuple[float, float] = (16.0, 8.0)
    screen_time: float = 60.0
    screen_own_mm: float = 18.0
    screen_own_time: float = 10.0
    trunk_mm: float = 30.0


NOISE = NoiseFigures()

# Spread of the bones' length bias between subjects, by the part where the bone ends.
STRETCH = {
    "shoulder": 0.04, "elbow": 0.05, "wrist": 0.03, "hip": 0.06, "knee": 0.015, "ankle": 0.02, "foot_index": 0.03,
}  # fmt: skip

# Length of a detected bone over its true one (between landmark places), left and right, by the part where it ends;
# shoulders, hips and ears: half the distance between the two.
LENGTH = {
    "ear": (1.9, 1.9), "shoulder": (1.0, 1.0), "elbow": (0.80, 1.08), "wrist": (0.96, 0.90),
    "pinky": (0.75, 0.83), "index": (0.88, 1.09), "thumb": (0.47, 0.47),
    "hip": (1.12, 1.12), "knee": (1.10, 0.95), "ankle": (1.00, 1.13), "heel": (0.58, 0.50), "foot_index": (0.62, 0.57),
}  # fmt: skip
