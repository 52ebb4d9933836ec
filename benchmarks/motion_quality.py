"""What each step of `runtime.finishing`, and the guard of sides before the network, does to motion on real recordings.

Each step alone, against the motion as the network has it, on clips whose truth is known; a table for each subject. Gaps
and exchanged sides are put into the landmarks, since few recordings hold enough of them.

    python benchmarks/motion_quality.py --path RECORDINGS --checkpoint models [--live]
"""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from jaxtyping import Float
from motion_measures import Sums, cut, fastest_at_returns, lag_ms, measured, part
from torch import Tensor

from blaze2cap.body.landmark import MIRROR, TRACKED
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.recordings import opened_recordings
from blaze2cap.errors import UserError, one_sentence
from blaze2cap.learning.checkpoint import Checkpoint, load_checkpoint
from blaze2cap.learning.scoring import reference_of
from blaze2cap.runtime.animation import Animation, standing_height
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import FinishingParams, finish
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.prediction import body_size, predict
from blaze2cap.runtime.side_guard import guarded
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.torch_network import TorchNetwork, solver

_OFF = {"smooth_return": False, "low_pass": False, "planted_feet": False}
CHOICES = {
    "as the network has it": FinishingParams(**_OFF),
    "smooth return": FinishingParams(**_OFF | {"smooth_return": True}),
    "low-pass": FinishingParams(**_OFF | {"low_pass": True}),
    "planted feet": FinishingParams(**_OFF | {"planted_feet": True}),
    "return + feet (default)": FinishingParams(),
    "all three": FinishingParams(low_pass=True),
}
COLUMNS = {
    "slide": "foot slide [mm/frame]", "hover": "sole over the floor [mm]", "deep": "sole > 10 mm deep [% of frames]",
    "local": "mpjpe_local [mm]", "jitter": "jitter, truth = 1", "foot jitter": "jitter of feet [km/s³]",
    "return": "fastest joint at a return [m/s], median", "lag": "lag [ms]", "cost": "cost [ms/frame]",
}  # fmt: skip
# In the first seconds of a stream its tilt and floor are found; they are left out.
_OPENING_S = 4.0
_GAP_S, _EVERY_S = 1.0, 6.0
_SLIPS_S, _BETWEEN_S = (0.05, 0.6), (1.5, 6.5)


def main(
    path: Annotated[Path, typer.Option(help="Folder of recordings in the raw layout, or of packed clips.")],
    checkpoint: Annotated[Path, typer.Option(help="Folder with model.safetensors and model.json.")],
    clips: Annotated[int, typer.Option(min=1, help="Clips of each take, evenly among its cameras.")] = 2,
    live: Annotated[bool, typer.Option("--live", help="Poses frame by frame, as `blaze2cap live` has them.")] = False,
    seed: Annotated[int, typer.Option(help="Of where sides are exchanged.")] = 0,
) -> None:
    """Print a table of the steps for each subject, and one of the guard of sides."""
    with one_sentence("motion_quality"), opened_recordings(path, "totalcapture") as clipset:
        trained = load_checkpoint(checkpoint)
        for subject, names in chosen_clips(clipset, clips).items():
            print(f"\n{subject}, {len(names)} clips: {', '.join(names)}\n", flush=True)
            print(step_table(clipset, names, trained, live), flush=True)
            print(f"\n{guard_sentence(clipset, names, trained, np.random.default_rng(seed))}", flush=True)


def chosen_clips(clipset: ClipSet, many: int) -> dict[str, list[str]]:
    """Clips by subject; UserError where there are none."""
    chosen: dict[str, list[str]] = {}
    for _, table in clipset.clips.groupby("take", sort=False):
        every = max(1, len(table) // many)
        chosen.setdefault(str(table.subject.iloc[0]), []).extend(table.index[::every][:many])
    if not chosen:
        raise UserError("none of the recordings has landmarks and a truth; give a folder that has clips")
    return chosen


def step_table(clipset: ClipSet, names: list[str], trained: Checkpoint, live: bool) -> str:
    """Each choice of steps on the same clips, as Markdown."""
    sums: dict[str, Sums] = {name: {} for name in CHOICES}
    returns: dict[str, list[float]] = {name: [] for name in CHOICES}
    for clip in names:
        landmarks = clipset.clip_landmarks(clip)
        truth = reference_of(clipset, clip, landmarks, mean_offset())
        frames = slice(round(_OPENING_S * truth.fps), None)
        raw = animated(clipset, clip, landmarks, trained, live)
        gaps = animated(clipset, clip, with_gaps(landmarks, truth.fps), trained, live)
        for name, params in CHOICES.items():
            began = time.process_time()
            done = finish(raw, params)
            cost = 1000 * (time.process_time() - began), float(len(raw.valid))
            found = measured(cut(done, frames), part(truth, frames)) | {"cost": cost, "lag": (lag_ms(done, raw), 1.0)}
            _add(sums[name], found)
            returns[name] += fastest_at_returns(finish(gaps, params))
    lines = [f"| | {' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    for name in CHOICES:
        figure = {key: value / weight for key, (value, weight) in sums[name].items()}
        figure["return"] = float(np.median(returns[name])) if returns[name] else float("nan")
        lines.append(f"| {name} | " + " | ".join(f"{figure[key]:.2f}" for key in COLUMNS) + " |")
    return "\n".join(lines)


def guard_sentence(clipset: ClipSet, names: list[str], trained: Checkpoint, rng: np.random.Generator) -> str:
    """How many exchanged frames the guard takes back, how many others it exchanges, and what that does to the pose."""
    frames = wrong = back = harmed = spoilt = 0
    error: dict[str, Sums] = {"without": {}, "with": {}}
    for clip in names:
        landmarks = clipset.clip_landmarks(clip)
        truth = reference_of(clipset, clip, landmarks, mean_offset())
        slipped, where = with_slips(landmarks, truth.fps, rng)
        mended = torch.from_numpy(guarded(slipped.numpy(), truth.fps))
        same = (mended == landmarks).flatten(1).all(1)
        spoilt += int((~same & ~where).sum())
        seen = landmarks.numpy()
        harmed += int((guarded(seen, truth.fps) != seen).any((1, 2)).sum())
        frames, wrong, back = frames + len(landmarks), wrong + int(where.sum()), back + int((same & where).sum())
        counted = truth._replace(scored=truth.scored & where)
        for name, seen in (("without", slipped), ("with", mended)):
            _add(error[name], measured(animated(clipset, clip, seen, trained, live=False), counted))
    local = {name: sums["local"][0] / max(sums["local"][1], 1) for name, sums in error.items()}
    return (
        f"sides: of {wrong} exchanged frames {back} are taken back, {spoilt} of the other {frames - wrong} changed; "
        f"mpjpe_local in exchanged frames {local['without']:.0f} mm without and {local['with']:.0f} mm with the guard; "
        f"of the {frames} frames as recorded it changes {harmed}"
    )


def animated(
    clipset: ClipSet, clip: str, landmarks: Float[Tensor, "N 25 7"], trained: Checkpoint, live: bool
) -> Animation:
    """The clip's motion with its calibrated focal length, the tilt estimated."""
    camera = clipset.camera_of(clip)
    fps = float(clipset.clips.fps[clip])
    field_of_view_deg = float(np.degrees(2 * np.arctan(0.5 / float(camera.intrinsics[0]))))
    footage = Footage(landmarks=landmarks.numpy(), width=camera.width, height=camera.height, fps=fps)
    if not live:
        return predict(solver(trained.system()), footage, field_of_view_deg=field_of_view_deg)
    height = body_size(footage.landmarks) * standing_height()
    intrinsics = footage.intrinsics(field_of_view_deg)
    streamer = Streamer(TorchNetwork(trained.model), intrinsics, fps=fps)
    world = CausalWorld(subject_height_m=height)
    poses = [world.place(streamer.push(frame, number / fps)) for number, frame in enumerate(footage.landmarks)]
    return Animation(
        fps=fps,
        rotation=np.stack([pose.rotation for pose in poses]),
        root_position=np.stack([pose.root_position for pose in poses]),
        offset=world.offset,
        end=world.end,
        valid=np.array([pose.valid for pose in poses]),
        deviation=np.stack([pose.deviation for pose in poses]),
        camera_tilt_deg=world.camera_tilt_deg,
    )


def with_gaps(landmarks: Float[Tensor, "N 25 7"], fps: float) -> Float[Tensor, "N 25 7"]:
    """Nobody in view for a second every six; who returns is a new detection."""
    landmarks, gap, every = landmarks.clone(), round(_GAP_S * fps), round(_EVERY_S * fps)
    for first in range(every, len(landmarks) - gap - 1, every):
        landmarks[first : first + gap] = 0
        landmarks[first + gap, :, TRACKED] = 0
    return landmarks


def with_slips(
    landmarks: Float[Tensor, "N 25 7"], fps: float, rng: np.random.Generator
) -> tuple[Float[Tensor, "N 25 7"], Tensor]:
    """Sides exchanged as a detector does that takes left for right, for up to 0.6 s each, and in which frames."""
    landmarks, where = landmarks.clone(), torch.zeros(len(landmarks), dtype=torch.bool)
    tracked, first = landmarks[:, 0, TRACKED].bool(), round(rng.uniform(*_BETWEEN_S) * fps)
    while first < len(landmarks):
        last = first + round(rng.uniform(*_SLIPS_S) * fps)
        # Where tracking goes on, before and after, so that nothing but the frames themselves tells.
        if last < len(landmarks) and tracked[first - round(fps / 2) : last + 1].all():
            landmarks[first:last], where[first:last] = landmarks[first:last, list(MIRROR)], True
        first = last + round(rng.uniform(*_BETWEEN_S) * fps)
    return landmarks, where


def _add(total: Sums, found: Sums) -> None:
    for key, (value, weight) in found.items():
        before = total.get(key, (0.0, 0.0))
        total[key] = before[0] + value, before[1] + weight


if __name__ == "__main__":
    typer.run(main)
