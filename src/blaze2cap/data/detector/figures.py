"""Figures of the parametric error model: what BlazePose does to each part of the body.

Measured on the real training takes (8 cameras, S1 and S2 freestyle and acting1, 72,676 frames) by linear regression
in the viewing-ray frame, left and right together with one of them mirrored, then rounded.
"""

from typing import NamedTuple

Triple = tuple[float, float, float]


class PartFigures(NamedTuple):
    """Errors of one part, in the ray frame (x right, y down, z away), written for the right side of the body.

    mean_mm           mean error, rows x y z: a linear function of 1, the root's forward direction (3), the root's right
                      (3) and the true place about the hips [m] (3); what remains of depth is 1 + its last figure / 1000
    asymmetry_mm      mean error of the left landmark less that function; the right one's is its opposite in y and z
    spread_mm         standard deviation of the part's own error where it is seen as well as usual
    parent, gain      the part's error also follows `gain` times that of its parent
    alike             correlation of the left and right own errors (-1 at the hips, whose middle is the origin)
    visibility_logit  mean logit of visibility, the same linear function
    visibility_gain   of the parent's deviation from its mean logit
    visibility_spread standard deviation of the part's own logit
    usual_logit       mean logit over all frames
    """

    mean_mm: tuple[tuple[float, ...], ...]
    asymmetry_mm: Triple
    spread_mm: Triple
    parent: str | None
    gain: Triple
    alike: Triple
    visibility_logit: tuple[float, ...]
    visibility_gain: float
    visibility_spread: float
    usual_logit: float


PARTS = {
    "nose": PartFigures(
        mean_mm=(
            (0, 14, 0, 0, 0, 6, -29, 32, 0, 0),
            (-163, 0, 11, 3, -11, 0, 0, 0, -287, -34),
            (-103, 0, -37, 57, 87, 0, 0, 0, -74, -427),
        ),
        asymmetry_mm=(-7, 0, 0),
        spread_mm=(29, 28, 44),
        parent="shoulders",
        gain=(0.75, 0.98, 1.18),
        alike=(0, 0, 0),
        visibility_logit=(6.2, 0.0, -0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.5),
        visibility_gain=0.0,
        visibility_spread=0.7,
        usual_logit=5.9,
    ),
    "ear": PartFigures(
        mean_mm=(
            (-20, -12, -6, 13, 19, 10, 10, -33, -23, -10),
            (-160, 1, -2, 5, -4, 37, 12, 1, -343, -11),
            (-47, -19, -33, 18, 36, -1, 31, 8, 25, -430),
        ),
        asymmetry_mm=(9, -19, -7),
        spread_mm=(22, 18, 28),
        parent="nose",
        gain=(0.64, 0.64, 0.77),
        alike=(0.1, 0.41, 0.52),
        visibility_logit=(6.4, 0.0, -0.1, 0.0, 0.0, -0.1, 0.0, 0.1, 0.7, 0.5),
        visibility_gain=0.9,
        visibility_spread=0.3,
        usual_logit=5.9,
    ),
    "shoulder": PartFigures(
        mean_mm=(
            (3, -17, 6, 9, 0, 16, 22, 11, 31, -48),
            (-236, 1, -30, -3, 0, -13, -5, -29, -459, -31),
            (78, -20, -41, -2, 20, 13, 38, 45, 105, -372),
        ),
        asymmetry_mm=(17, 33, -28),
        spread_mm=(45, 32, 58),
        parent=None,
        gain=(0.0, 0.0, 0.0),
        alike=(0.1, 0.35, 0.56),
        visibility_logit=(6.3, 0.0, -0.1, 0.0, 0.0, -0.1, -0.1, 0.1, 0.5, 0.3),
        visibility_gain=0.0,
        visibility_spread=0.27,
        usual_logit=6.0,
    ),
    "elbow": PartFigures(
        mean_mm=(
            (-7, -8, -1, 17, 12, 30, 24, -93, 8, -58),
            (-39, 0, -10, -5, -9, -4, -1, 18, -124, 75),
            (-38, -45, -29, 12, 26, 5, 70, -11, -39, -562),
        ),
        asymmetry_mm=(23, -3, -21),
        spread_mm=(54, 47, 64),
        parent="shoulder",
        gain=(0.57, 0.61, 0.92),
        alike=(0.0, 0.0, 0.0),
        visibility_logit=(0.9, 0.9, 0.3, -0.1, -0.8, 0.3, -1.4, -0.2, -2.7, -3.5),
        visibility_gain=0.0,
        visibility_spread=2.1,
        usual_logit=2.0,
    ),
    "wrist": PartFigures(
        mean_mm=(
            (-24, -1, -4, 15, 6, 26, 6, -56, -13, -24),
            (-11, 4, -15, -9, -11, -18, -9, 2, -36, 65),
            (-40, -35, -20, 33, 72, -28, 37, -78, -164, -568),
        ),
        asymmetry_mm=(11, 11, 19),
        spread_mm=(48, 53, 79),
        parent="elbow",
        gain=(0.87, 1.01, 1.47),
        alike=(0, 0, 0.27),
        visibility_logit=(1.9, 0.4, -0.1, -0.7, -1.2, 0.0, -0.8, 0.7, 0.3, -2.0),
        visibility_gain=0.96,
        visibility_spread=1.09,
        usual_logit=2.0,
    ),
    "pinky": PartFigures(
        mean_mm=(
            (-5, -2, -3, 17, 11, 36, 9, -62, -17, -19),
            (-35, 4, -14, -13, -19, -11, -4, 19, -66, 54),
            (-50, -39, -19, 39, 84, -56, 33, -99, -165, -588),
        ),
        asymmetry_mm=(16, 10, 43),
        spread_mm=(18, 18, 14),
        parent="wrist",
        gain=(1.07, 1.11, 1.08),
        alike=(0.0, 0.0, 0.0),
        visibility_logit=(1.7, 0.3, -0.1, -0.6, -1.1, 0.0, -0.6, 0.7, 0.1, -1.9),
        visibility_gain=0.9,
        visibility_spread=0.24,
        usual_logit=1.8,
    ),
    "index": PartFigures(
        mean_mm=(
            (11, 0, -4, 10, 0, 33, 10, -51, 6, -18),
            (-47, 5, -18, -11, -13, -34, -11, 3, -44, 59),
            (-59, -39, -18, 41, 86, -52, 32, -82, -176, -601),
        ),
        asymmetry_mm=(20, 26, 41),
        spread_mm=(23, 23, 15),
        parent="wrist",
        gain=(1.05, 1.13, 1.08),
        alike=(0.0, 0.0, 0.0),
        visibility_logit=(1.7, 0.3, -0.1, -0.6, -1.1, 0.0, -0.6, 0.7, 0.2, -1.8),
        visibility_gain=0.91,
        visibility_spread=0.25,
        usual_logit=1.8,
    ),
    "thumb": PartFigures(
        mean_mm=(
            (-21, -2, -5, 14, 8, 29, 8, -101, -2, -5),
            (-31, 4, -16, -9, -11, -21, -12, -1, -100, 50),
            (-46, -37, -17, 35, 74, -33, 37, -75, -164, -603),
        ),
        asymmetry_mm=(14, 22, 23),
        spread_mm=(13, 14, 9),
        parent="wrist",
        gain=(1.0, 1.03, 1.01),
        alike=(0.0, 0.0, 0.0),
        visibility_logit=(1.3, 0.3, 0.0, -0.6, -1.0, 0.0, -0.5, 0.1, 0.1, -1.8),
        visibility_gain=0.86,
        visibility_spread=0.31,
        usual_logit=1.4,
    ),
    "hip": PartFigures(
        mean_mm=(
            (-4, 0, 4, 7, 6, 1, 1, 2, 1, 0),
            (-2, -7, 0, 0, 0, -9, 3, 0, -6, 0),
            (0, 0, 0, 0, 0, -22, -1, 0, -13, -2),
        ),
        asymmetry_mm=(1, 7, 18),
        spread_mm=(19, 10, 15),
        parent=None,
        gain=(0.0, 0.0, 0.0),
        alike=(-1, -1, -1),
        visibility_logit=(6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        visibility_gain=0.0,
        visibility_spread=0.21,
        usual_logit=6.0,
    ),
    "knee": PartFigures(
        mean_mm=(
            (23, -7, 1, 9, 10, 22, 3, -52, -54, 45),
            (-4, 0, -5, -5, -6, -42, -15, 19, 29, 89),
            (-30, -31, -11, 21, 17, -43, 28, -32, 112, -324),
        ),
        asymmetry_mm=(12, 36, 0),
        spread_mm=(37, 32, 63),
        parent="hip",
        gain=(0.97, 1.08, 1.31),
        alike=(-0.12, 0.1, 0.29),
        visibility_logit=(2.1, 0.5, 0.1, -0.1, -0.6, -0.1, -0.8, 0.5, 2.0, -3.4),
        visibility_gain=0.0,
        visibility_spread=1.34,
        usual_logit=2.4,
    ),
    "ankle": PartFigures(
        mean_mm=(
            (-11, -12, -1, 4, 5, 18, 9, -14, -4, -7),
            (58, -8, -5, -11, -5, 2, -1, 13, -54, 33),
            (59, -32, -13, 18, 4, -37, 46, -26, 20, -293),
        ),
        asymmetry_mm=(7, 12, -6),
        spread_mm=(42, 35, 56),
        parent="knee",
        gain=(0.99, 0.99, 1.23),
        alike=(-0.24, 0.16, -0.07),
        visibility_logit=(1.8, 0.3, 0.2, -0.1, -0.6, -0.2, -0.7, 0.5, 2.9, -2.5),
        visibility_gain=0.83,
        visibility_spread=0.59,
        usual_logit=3.0,
    ),
    "heel": PartFigures(
        mean_mm=(
            (-11, 6, -3, 8, 15, 8, -11, -28, 9, -14),
            (55, -7, 4, -13, -9, 15, 0, 7, -83, 28),
            (54, -35, -12, 28, 12, -58, 49, -12, 11, -312),
        ),
        asymmetry_mm=(-4, 13, 14),
        spread_mm=(15, 12, 12),
        parent="ankle",
        gain=(1.05, 1.07, 1.05),
        alike=(0.0, 0.0, 0.0),
        visibility_logit=(1.5, 0.0, 0.1, 0.3, -0.1, -0.1, -0.2, 0.9, 1.9, -2.0),
        visibility_gain=0.82,
        visibility_spread=0.45,
        usual_logit=2.3,
    ),
    "foot_index": PartFigures(
        mean_mm=(
            (-7, -23, -3, 5, -9, -19, 3, -32, 0, 13),
            (41, -7, -3, -12, -5, -14, -3, 9, -77, 50),
            (27, -35, -22, -6, -18, -78, 23, -48, 22, -275),
        ),
        asymmetry_mm=(-15, 23, 19),
        spread_mm=(38, 32, 40),
        parent="ankle",
        gain=(1.03, 0.97, 1.08),
        alike=(0.0, 0.0, 0.0),
        visibility_logit=(1.8, 0.0, 0.1, -0.3, -0.8, -0.2, -0.3, 0.7, 2.0, -2.4),
        visibility_gain=0.91,
        visibility_spread=0.47,
        usual_logit=2.6,
    ),
}


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
    visibility_slope     the own error grows with exp(-slope (logit - usual logit)), by axis
    visibility_time      correlation time of visibility's own deviations
    screen_gain          part of the 3D error's x, y that shows in the image too
    screen_common_mm     error of the whole person in the image, at the person, and its constant part
    screen_own_mm        error of each landmark in the image, at the person
    trunk_mm             spread of the trunk's length bias between subjects
    stretch              spread of the bones' length bias between subjects, by the part where the bone ends
    """

    constant: float = 0.1
    smooth: float = 0.85
    smooth_clock: float = 8e-3
    rough_clock: float = 1e-3
    clock_speed: float = 0.9
    unrest: float = 1.1
    unrest_time: float = 8.0
    tail: Triple = (0.15, 0.15, 0.02)
    steadiness: float = 0.4
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
