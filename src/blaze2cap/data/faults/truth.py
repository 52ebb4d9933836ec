"""Frames of a take whose truth is not to be believed: twisted hands, and glitches."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool1d

from blaze2cap.body.rotation import geodesic_angle
from blaze2cap.body.skeleton import indices
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault, runs, widened

GLITCH_WINDOW_S = 1.0

_HANDS = ("RightHand", "LeftHand")


def twisted_hands(
    take: str, local: Float[Tensor, "frames 21 3 3"], params: FaultParams
) -> tuple[list[DataFault], Bool[Tensor, "frames 21"]]:
    """Hands turned against the forearm further than any wrist, and which joints in which frames that makes outliers.

    A twist sets in from one frame to the next; a margin on either side covers what leads up to it.
    """
    outlier = torch.zeros(local.shape[:2], dtype=torch.bool)
    faults = []
    for name, joint in zip(_HANDS, indices(*_HANDS), strict=True):
        angle = torch.rad2deg(geodesic_angle(torch.eye(3).to(local).expand(len(local), 3, 3), local[:, joint]))
        twisted = angle > params.max_hand_deg
        if twisted.any():
            outlier[:, joint] = widened(twisted, params.hand_margin_frames)
            worst = float(angle.max())
            sentence = (
                f"{take}: {name} is turned against the forearm by up to {worst:.0f} deg, by more than "
                f"{params.max_hand_deg:g} in {100 * twisted.double().mean():.2g} % of the frames: its rotation does "
                "not count there"
            )
            faults.append(
                DataFault(
                    kind="twisted_hand", where=take, frames=runs(outlier[:, joint]), value=worst, unit="deg",
                    threshold=params.max_hand_deg, sentence=sentence,
                )
            )  # fmt: skip
    return faults, outlier


def glitches(
    take: str, position: Float[Tensor, "frames 21 3"], fps: float, params: FaultParams
) -> tuple[list[DataFault], Bool[Tensor, "frames"]]:
    """Frames in whose surrounding second the third difference of positions relative to Hips [m] is inhuman.

    Mean over the 21 joints and the second [km/s^3]; a short run of moderate jumps passes, a long one does not.
    """
    order = 3
    frames = len(position)
    if frames <= order:
        return [], torch.zeros(frames, dtype=torch.bool)
    third = (position - position[:, :1]).diff(n=order, dim=0).norm(dim=-1).mean(1) * fps**3 / 1000
    half = round(GLITCH_WINDOW_S * fps / 2)
    around = avg_pool1d(third[None], 2 * half + 1, stride=1, padding=half, count_include_pad=False)[0]
    wrong = torch.cat((around[:1].expand(order - 1), around, around[-1:])) > params.max_third_difference_km_per_s3
    if not wrong.any():
        return [], wrong
    sentence = (
        f"{take}: the truth jumps in {100 * wrong.double().mean():.2g} % of its frames: third difference of positions "
        f"{float(third.mean()):.2g} km/s^3 over the take, up to {float(around.max()):.2g} over a second (at most "
        f"{params.max_third_difference_km_per_s3:g} expected): no rotation counts there"
    )
    fault = DataFault(
        kind="glitch", where=take, frames=runs(wrong), value=float(around.max()), unit="km/s^3",
        threshold=params.max_third_difference_km_per_s3, sentence=sentence,
    )  # fmt: skip
    return [fault], wrong
