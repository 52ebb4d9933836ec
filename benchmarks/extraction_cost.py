"""Processor time of extraction: what a frame of video costs by pose model, decoding included, start-up not.

    BLAZE2CAP_POSE_MODELS=… python benchmarks/extraction_cost.py videos

All threads of the process count. Each model runs once over the first video before, so that loading does not count.
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from blaze2cap.errors import one_sentence
from blaze2cap.runtime.bulk_extraction import VideoJob, extract_all, find_videos
from blaze2cap.runtime.pose_model import SHA256, find_pose_model


def main(
    videos: Annotated[Path, typer.Argument(help="Folder of videos.")],
    rounds: Annotated[int, typer.Option(min=1, help="How often each is extracted.")] = 2,
) -> None:
    """Print milliseconds of the processor a frame, the least and the most of all rounds."""
    print("| model | frames a round | processor a frame [ms] |\n|---|---|---|")
    with one_sentence("extraction_cost"), tempfile.TemporaryDirectory() as scratch:
        found = find_videos([videos]).found
        for name in SHA256:
            model = find_pose_model(name)
            jobs = [VideoJob(video=video, out=Path(scratch, name, out), model=model) for video, out in found.items()]
            _frames(jobs[:1])
            costs = []
            for _ in range(rounds):
                began = time.process_time()
                frames = _frames(jobs)
                costs.append((time.process_time() - began) / frames * 1e3)
            print(f"| {name} | {frames} | {min(costs):.1f}-{max(costs):.1f} |", flush=True)


def _frames(jobs: list[VideoJob]) -> int:
    frames = 0
    for job, outcome in extract_all(jobs, workers=1):
        if isinstance(outcome, BaseException):
            raise RuntimeError(f"{job.video} failed") from outcome
        frames += outcome.rows
    return frames


if __name__ == "__main__":
    typer.run(main)
