"""The T-pose at the opening of a take: both arms level and stretched to opposite sides."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from blaze2cap.body.skeleton import indices

# Every real take opens with 29-247 such frames; arms that go down leave the pose within half a second.
MAX_ELEVATION_DEG = 25.0
MAX_COSINE_BETWEEN_ARMS = -0.85
OPENING_S = 5.0
LONGEST_S = 1.0
_UPPER, _LOWER, _END = (indices("Left" + part, "Right" + part) for part in ("Arm", "ForeArm", "Hand"))


def t_pose_frames(position: Float[Tensor, "N 21 3"], fps: float) -> Bool[Tensor, "N"]:
    """Frames of the opening T-pose from positions in the world [m], y up; all false where the take has none.

    The first unbroken run that begins in the first five seconds, its first second at most: upper arms and forearms
    within 25 degrees of level, and the two arms opposite.
    """
    bones = torch.stack((position[:, _LOWER] - position[:, _UPPER], position[:, _END] - position[:, _LOWER]), dim=1)
    sine = torch.tensor(MAX_ELEVATION_DEG).deg2rad().sin().item()
    level = (normalize(bones, dim=-1)[..., 1].abs() < sine).flatten(1).all(1)
    left, right = normalize(position[:, _END] - position[:, _UPPER], dim=-1).unbind(1)
    arms = level & ((left * right).sum(-1) < MAX_COSINE_BETWEEN_ARMS)
    chosen = torch.zeros_like(arms)
    found = arms[: round(OPENING_S * fps)].nonzero()
    if len(found):
        first = int(found[0])
        run = arms[first : first + round(LONGEST_S * fps)]
        chosen[first : first + len(run)] = run.cumprod(0).bool()
    return chosen
