"""Where the time of `blaze2cap predict` goes, from a video's first frame to each file."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from blaze2cap.runtime.brief_sightings import without_brief_sightings
from blaze2cap.runtime.finishing.chain import FinishingParams, finish
from blaze2cap.runtime.footage import Footage, open_footage
from blaze2cap.runtime.motion_files import write_motion
from blaze2cap.runtime.prediction import predict
from blaze2cap.runtime.side_guard import guarded
from blaze2cap.runtime.torch_network import solver
from speed.claim import HotPath, seconds, share
from speed.rounds import Seconds
from speed.workplace import VIDEOS, Workplace, folder_of

_VIDEO = "balance_beam_cam01.mp4"
Answer = TypeVar("Answer")
_WRITTEN = (".bvh", ".glb", ".npz", ".csv", ".html")


def measure(workplace: Workplace) -> Seconds:
    """Seconds of a frame of the video, of the processor in all threads."""
    video = folder_of(VIDEOS) / _VIDEO
    solve = solver(workplace.checkpoint.system())
    figures: Seconds = {}
    for _ in range(workplace.rounds(2)):
        parts: dict[str, float] = {}
        footage = _timed(parts, "detector", partial(open_footage, video, None, "full"))
        footage = _timed(parts, "guard", partial(_guarded, footage))
        animation = _timed(parts, "network", partial(predict, solve, footage))
        animation = _timed(parts, "finishing", partial(finish, animation, FinishingParams()))
        for suffix in _WRITTEN:
            path = workplace.scratch / f"motion{suffix}"
            _timed(parts, suffix, partial(write_motion, [path], animation, footage, None, "totalcapture"))
        for name, spent in (parts | {"all": sum(parts.values())}).items():
            figures.setdefault(name, []).append(spent / len(footage.landmarks))
    return figures


def _guarded(footage: Footage) -> Footage:
    steady = without_brief_sightings(footage.landmarks, footage.fps)
    return replace(footage, landmarks=guarded(steady, footage.fps))


def _timed(parts: dict[str, float], name: str, run: Callable[[], Answer]) -> Answer:
    begun = time.process_time()
    answer = run()
    parts[name] = time.process_time() - begun
    return answer


PREDICTION = HotPath(
    f"`blaze2cap predict`, a frame of {_VIDEO}",
    measure,
    (
        seconds("decoding and detector, `full`", "detector"),
        seconds("brief sightings, exchanged sides", "guard"),
        seconds("network, world, way of the root", "network"),
        seconds("finishing", "finishing"),
        *(seconds(f"writing `{suffix}`", suffix) for suffix in _WRITTEN),
        share("decoding and detector, of all", "detector", "all"),
    ),
)
