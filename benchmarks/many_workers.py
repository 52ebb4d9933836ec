"""What a cluster costs beside one process: processor time of preprocess and of extraction, and whether the bytes agree.

    python benchmarks/many_workers.py data/raw videos --workers 2

One row a way: seconds of the processor in the workers and in the process that hands out and collects (the scheduler is
in it), and seconds that passed. Each way runs once before, so that imports do not count. Writes to a temporary folder
below the current one.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from distributed import Client, LocalCluster

from blaze2cap.data.cluster import VARIABLE
from blaze2cap.data.parallel import spread_over
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.errors import one_sentence
from blaze2cap.runtime.bulk_extraction import VideoJob, extract_all, find_videos
from blaze2cap.runtime.pose_model import find_pose_model

Work = Callable[[Path], object]


def main(
    raw: Annotated[Path, typer.Argument(help="Folder in the raw layout.")],
    videos: Annotated[Path, typer.Argument(help="Folder of videos.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes of the cluster.")] = 2,
) -> None:
    """Print a table of both works, alone and on a cluster of processes of this machine."""
    model = find_pose_model("full")

    def pack(out: Path) -> None:
        preprocess(raw, out, PreprocessParams(), workers=1)

    def extract(out: Path) -> None:
        found = find_videos([videos]).found
        jobs = [VideoJob(video=video, out=out / name, model=model) for video, name in found.items()]
        for job, outcome in extract_all(jobs, workers=1):
            if isinstance(outcome, BaseException):
                raise RuntimeError(f"{job.video} failed") from outcome

    print("| | workers [CPU s] | this process [CPU s] | passed [s] |\n|---|---|---|---|")
    with (
        one_sentence("many_workers"),
        tempfile.TemporaryDirectory(prefix=".many_workers-", dir=Path.cwd()) as scratch,
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        os.environ[VARIABLE] = cluster.scheduler_address
        for name, work in (("preprocess", pack), ("extract", extract)):
            alone, spread = Path(scratch, f"{name}-alone"), Path(scratch, f"{name}-spread")
            _row(f"{name}, this process alone", work, alone, client)
            with spread_over("dask"):
                _row(f"{name}, cluster of {workers}", work, spread, client)
            if _contents(alone) != _contents(spread):
                raise RuntimeError(f"{name}: other bytes on the cluster")


def _row(name: str, work: Work, out: Path, client: Client) -> None:
    work(out)
    shutil.rmtree(out)
    before, own, passed = client.run(time.process_time), time.process_time(), time.perf_counter()
    work(out)
    passed, own = time.perf_counter() - passed, time.process_time() - own
    spent = sum(after - before[worker] for worker, after in client.run(time.process_time).items())
    print(f"| {name} | {spent:.1f} | {own:.1f} | {passed:.1f} |", flush=True)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    typer.run(main)
