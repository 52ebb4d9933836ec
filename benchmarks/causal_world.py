"""How a person's place in the world comes out frame by frame and over the whole file, held against Vicon.

    python benchmarks/causal_world.py models RECORDINGS

RECORDINGS is a TotalCapture folder with landmarks, or packed clips. One row a world: spread over a clip of the error of
the Hips' place, to the side, up (above the floor) and towards the camera, root mean square over the clips, and bias of
their height; way of feet that stand; the body's lowest point while a foot stands, 0 being the floor; error of the
camera's tilt after the last frame and after 5 s. Both worlds know the cameras' true field of view, and nothing else.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import typer
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.skeleton import indices
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.recordings import opened_recordings
from blaze2cap.errors import one_sentence
from blaze2cap.learning.checkpoint import load_checkpoint
from blaze2cap.learning.metric import planted, unbroken
from blaze2cap.runtime.animation import END_JOINTS, camera_to_world
from blaze2cap.runtime.camera_tilt import tilt_deg
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.network import Answer
from blaze2cap.runtime.prediction import predict
from blaze2cap.runtime.streamer import StreamedPose
from blaze2cap.runtime.torch_network import solver

_FEET = indices("RightFoot", "LeftFoot")
_ENDS = indices(*END_JOINTS)
_FPS = 60.0
_EARLY_S = 5
# Height of the ankles of who stands [m]: where Vicon's lowest are, the floor is so much below.
_ANKLE_M = 0.06


class Shown(NamedTuple):
    """A motion in a world: places of the Hips, the feet and the body's lowest point [m], and the tilts that it took."""

    hips: Float[Tensor, "N 3"]
    feet: Float[Tensor, "N 2 3"]
    lowest: Float[Tensor, "N"]
    tilt_deg: Float[Tensor, "N"]


class Errors(NamedTuple):
    """Of one clip: variance by axis [m^2], bias of the height [m], and what frames with a standing foot show [m]."""

    variance: Float[Tensor, "3"]
    height: float
    slide: Float[Tensor, "_"]
    lowest: Float[Tensor, "_"]
    tilt_deg: float
    early_tilt_deg: float


def whole_file(answer: Answer, footage: Footage) -> Shown:
    """As `blaze2cap predict` does it."""
    animation = predict(lambda *_: answer, footage)
    ends = np.broadcast_to(animation.end, (len(animation.valid), *animation.end.shape))
    tilt = np.full(len(animation.valid), animation.camera_tilt_deg)
    return _shown(animation.rotation, animation.offset, animation.root_position, ends, tilt)


def streamed(answer: Answer, footage: Footage) -> Shown:
    """As a stream does it; what the network says is the same."""
    world, places, bones, ends, tilts = CausalWorld(), [], [], [], []
    for frame, landmarks in enumerate(footage.landmarks):
        pose = StreamedPose(
            frame / _FPS, answer.rotation[frame], answer.delta_position[frame], bool(answer.valid[frame]),
            answer.deviation[frame], landmarks, answer.image_position[frame],
        )  # fmt: skip
        places.append(world.place(pose))
        bones.append(world.offset)
        ends.append(world.end)
        tilts.append(world.camera_tilt_deg)
    rotation, hips = (np.stack(part) for part in zip(*((p.rotation, p.root_position) for p in places), strict=True))
    return _shown(rotation, np.stack(bones), hips, np.stack(ends), np.array(tilts))


def _shown(*parts: np.ndarray) -> Shown:
    """Of rotations, bones, places of the Hips, ends of bones and tilts."""
    rotation, offset, hips, ends, tilt = (torch.from_numpy(part.astype(np.float32)) for part in parts)
    joint, turn = forward_kinematics(rotation, offset, hips)
    end = joint[:, _ENDS] + (turn[:, _ENDS] @ ends[..., None]).squeeze(-1)
    return Shown(hips, joint[:, _FEET], torch.cat((joint, end), dim=1)[..., 1].amin(1), tilt)


def errors(shown: Shown, clipset: ClipSet, clip: str) -> Errors:
    """Of a clip, against Vicon."""
    truth, camera = clipset.clip_truth(clip), clipset.camera_of(clip)
    tilt = tilt_deg(camera.rotation[:, 1].numpy())
    to_world = torch.from_numpy(camera_to_world(tilt)).float()
    joint = forward_kinematics(truth.rotation, truth.offset, truth.root_position)[0] @ to_world.mT
    floor = torch.quantile(joint[:, _FEET, 1].amin(1), 0.05) - _ANKLE_M
    scored = clipset.scored_frames(clip)
    apart = (shown.hips - joint[:, 0] + torch.tensor([0.0, 1.0, 0.0]) * floor)[scored]
    stands = planted(joint[:, _FEET], joint[:, _FEET, 1], _FPS)
    goes_on = unbroken(scored, clipset.clip_anchors(clip), 1)
    way = torch.cat((torch.zeros(1, 2), shown.feet.diff(dim=0).norm(dim=-1)))
    early = min(int(scored.int().argmax()) + round(_EARLY_S * _FPS), len(scored) - 1)
    return Errors(
        apart.var(0, correction=0),
        float(apart[:, 1].mean()),
        way[stands & goes_on[:, None]],
        shown.lowest[stands.any(1) & scored],
        float(shown.tilt_deg[-1]) - tilt,
        float(shown.tilt_deg[early]) - tilt,
    )


def row(name: str, found: list[Errors]) -> str:
    """A line of the table."""
    side, up, towards = (1000 * torch.stack([e.variance for e in found]).mean(0).sqrt()).tolist()
    height = 1000 * sum(e.height for e in found) / len(found)
    low, middle, high = (
        1000 * torch.quantile(torch.cat([e.lowest for e in found]), torch.tensor([0.05, 0.5, 0.95]))
    ).tolist()
    slide = 1000 * torch.cat([e.slide for e in found]).mean()
    tilt, early = (
        math.sqrt(sum(x * x for x in values) / len(found)) for values in zip(*(e[4:] for e in found), strict=True)
    )
    return (
        f"| {name} | {side:.0f} | {up:.0f} | {towards:.0f} | {height:+.0f} | {slide:.1f} "
        f"| {low:.0f} | {middle:.0f} | {high:.0f} | {tilt:.1f} | {early:.1f} |"
    )


def main(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a checkpoint.")],
    recordings: Annotated[Path, typer.Argument(help="TotalCapture folder with landmarks, or packed clips.")],
    every: Annotated[int, typer.Option(help="Take every so-manieth clip.")] = 1,
) -> None:
    """Print the table."""
    worlds: dict[str, Callable[[Answer, Footage], Shown]] = {"whole file": whole_file, "stream": streamed}
    with one_sentence("causal_world"), opened_recordings(recordings, "totalcapture") as clipset:
        solve = solver(load_checkpoint(checkpoint).system())
        found: dict[str, list[Errors]] = {name: [] for name in worlds}
        for clip in clipset.clips.index[::every]:
            size = clipset.clips.loc[clip]
            footage = Footage(
                landmarks=clipset.clip_landmarks(clip).numpy(),
                width=int(size.width), height=int(size.height), fps=_FPS,
                field_of_view_deg=clipset.camera_of(clip).field_of_view_deg,
            )  # fmt: skip
            answer = solve(footage.landmarks, footage.intrinsics(), 1.0)
            for name, world in worlds.items():
                found[name].append(errors(world(answer, footage), clipset, clip))
        columns = (
            "side mm",
            "up mm",
            "towards mm",
            "height bias mm",
            "slide mm/frame",
            "lowest 5 % mm",
            "median",
            "95 %",
        )
        print(f"| world | {' | '.join(columns)} | tilt deg | at {_EARLY_S} s |\n|---|{'---|' * (len(columns) + 2)}")
        for name, of_clips in found.items():
            print(row(name, of_clips))


if __name__ == "__main__":
    typer.run(main)
