"""Figures of the parametric error model by part of the body: mean errors, spreads and visibility.

Measured on the real training takes (8 cameras, S1 and S2 freestyle and acting1, 72,676 frames) by linear regression
in the viewing-ray frame, left and right together with one of them mirrored, then rounded.
"""

from typing import NamedTuple

from blaze2cap.data.detector.figures import Triple


class PartFigures(NamedTuple):
    """Errors of one part, in the ray frame (x right, y down, z away), written for the right side of the body.

    mean_mm           mean error, rows x y z: a linear function of (1 + uprightness) / 2, the root's forward
                      direction (3), the root's right (3) and the true place about the hips [m] (3); uprightness is the
                      cosine of the trunk's tilt to the ray frame's vertical
    asymmetry_mm      mean error of the left landmark less that function; the right one's is its opposite in y and z
    spread_mm         standard deviation of the part's own error where it is seen as well as usual
    parent, gain      the part's error also follows `gain` times that of its parent
    alike             correlation of the left and right own errors (-1 at the hips, whose middle is the origin)
    visibility_logit  mean logit of visibility: a linear function of 1 and the rest of the above
    visibility_gain   of the parent's deviation from its mean logit
    visibility_spread standard deviation of the part's own logit
    usual_logit       mean logit over all frames
    haste             how much faster than the other parts' the own error's clock runs
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
    haste: float = 1.0


PARTS = {
    "nose": PartFigures(
        mean_mm=(
            (0, 14, 0, 0, 0, 6, -29, 32, 0, 0),
            (-173, 0, 18, 6, -16, 0, 0, 0, -299, -10),
            (-132, 0, -28, 60, 83, 0, 0, 0, -117, -421),
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
            (-22, -12, -5, 14, 19, 10, 10, -33, -27, -8),
            (-172, 1, 5, 8, -8, 37, 11, 0, -359, 12),
            (-57, -19, -30, 19, 35, -1, 30, 8, 10, -425),
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
            (5, -17, 5, 9, 0, 16, 22, 11, 35, -48),
            (-252, 5, -19, 3, -5, -10, -8, -33, -487, 9),
            (79, -21, -44, -3, 22, 13, 39, 46, 106, -387),
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
            (-6, -8, -1, 18, 12, 30, 24, -93, 10, -57),
            (-39, 0, -9, -4, -10, -5, -1, 17, -121, 78),
            (-41, -44, -28, 13, 25, 6, 70, -12, -43, -561),
        ),
        asymmetry_mm=(23, -3, -21),
        spread_mm=(51, 44, 61),
        parent="shoulder",
        gain=(0.57, 0.61, 0.92),
        alike=(0.0, 0.0, 0.0),
        visibility_logit=(0.9, 0.9, 0.3, -0.1, -0.8, 0.3, -1.4, -0.2, -2.7, -3.5),
        visibility_gain=0.0,
        visibility_spread=2.1,
        usual_logit=2.0,
        haste=1.1,
    ),
    "wrist": PartFigures(
        mean_mm=(
            (-25, -1, -3, 16, 5, 26, 6, -56, -13, -24),
            (-11, 4, -15, -8, -11, -18, -9, 1, -36, 65),
            (-43, -35, -19, 34, 71, -27, 37, -78, -169, -568),
        ),
        asymmetry_mm=(11, 11, 19),
        spread_mm=(43, 48, 74),
        parent="elbow",
        gain=(0.87, 1.01, 1.47),
        alike=(0, 0, 0.27),
        visibility_logit=(1.9, 0.4, -0.1, -0.7, -1.2, 0.0, -0.8, 0.7, 0.3, -2.0),
        visibility_gain=0.96,
        visibility_spread=1.09,
        usual_logit=2.0,
        haste=1.1,
    ),
    "pinky": PartFigures(
        mean_mm=(
            (-5, -2, -3, 18, 10, 36, 9, -62, -16, -19),
            (-36, 4, -13, -12, -20, -11, -4, 19, -66, 55),
            (-54, -39, -18, 40, 83, -56, 33, -100, -168, -588),
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
            (12, 0, -4, 10, 0, 33, 10, -51, 7, -18),
            (-48, 6, -16, -10, -15, -34, -11, 2, -44, 61),
            (-63, -38, -17, 42, 84, -51, 32, -83, -180, -600),
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
            (-22, -2, -4, 15, 8, 29, 8, -101, -2, -4),
            (-32, 4, -15, -8, -12, -21, -12, -2, -99, 51),
            (-49, -37, -16, 36, 73, -32, 37, -76, -167, -603),
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
            (24, -7, 0, 8, 10, 22, 3, -53, -55, 47),
            (-3, 0, -5, -5, -6, -42, -14, 19, 28, 89),
            (-32, -31, -10, 21, 16, -44, 28, -31, 115, -325),
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
        haste=1.6,
    ),
    "ankle": PartFigures(
        mean_mm=(
            (-10, -12, 0, 4, 5, 18, 9, -14, -5, -8),
            (70, -8, -6, -12, -4, 5, 0, 12, -68, 31),
            (66, -32, -14, 17, 5, -36, 46, -28, 13, -293),
        ),
        asymmetry_mm=(7, 12, -6),
        spread_mm=(41, 39, 54),
        parent="knee",
        gain=(0.99, 0.99, 1.23),
        alike=(-0.24, 0.16, -0.07),
        visibility_logit=(1.8, 0.3, 0.2, -0.1, -0.6, -0.2, -0.7, 0.5, 2.9, -2.5),
        visibility_gain=0.83,
        visibility_spread=0.59,
        usual_logit=3.0,
        haste=1.3,
    ),
    "heel": PartFigures(
        mean_mm=(
            (-11, 6, -3, 8, 15, 8, -11, -28, 10, -14),
            (70, -7, 3, -14, -7, 19, 1, 6, -99, 26),
            (59, -35, -14, 27, 14, -57, 49, -13, 7, -310),
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
            (-3, -23, -2, 5, -9, -18, 4, -32, -5, 11),
            (49, -7, -4, -13, -4, -11, -3, 8, -86, 49),
            (28, -34, -23, -7, -17, -78, 23, -48, 21, -273),
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
