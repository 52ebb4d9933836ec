"""A cold run of the pipeline, stage by stage: a clone without data, with empty caches."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import NamedTuple

from dvc.utils.hydra import apply_overrides

from speed.claim import three_digits
from speed.start import BIN, cloned, process

STAGES = ("download", "preprocess", "split", "train", "evaluate")
HEAD = "| stage | passed | of the processor | share of what passed | largest process |\n|---|---|---|---|---|"


class StageCost(NamedTuple):
    """Seconds that passed, seconds of the processor in all processes, bytes of the largest one."""

    passed: float
    worked: float
    bytes: int


def cold_run(folder: Path, changed: tuple[str, ...] = ()) -> dict[str, StageCost]:
    """What each stage costs, `dvc` included, with parameters `changed` to `key=value`."""
    clone = cloned(folder)
    apply_overrides(clone / "params.yaml", list(changed))
    costs = {}
    for stage in STAGES:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            costs[stage] = pool.submit(_run, stage, clone).result()
    return costs


def table(costs: dict[str, StageCost]) -> str:
    """A line a stage, and their sum."""
    whole = StageCost(*map(sum, list(zip(*costs.values(), strict=True))[:2]), max(c.bytes for c in costs.values()))
    lines = [
        f"| {stage} | {three_digits(cost.passed)} s | {three_digits(cost.worked)} s "
        f"| {three_digits(100 * cost.passed / whole.passed)} % | {three_digits(cost.bytes / 1e6)} MB |"
        for stage, cost in (costs | {"**all**": whole}).items()
    ]
    return "\n".join((HEAD, *lines))


def _run(stage: str, clone: Path) -> StageCost:
    variables = {"PYTHONPATH": str(clone / "src"), "BLAZE2CAP_CACHE": str(clone.parent / "cache")}
    passed, worked = process((str(BIN / "dvc"), "repro", "--single-item", stage), clone, **variables)
    return StageCost(passed, worked, 1024 * getrusage(RUSAGE_CHILDREN).ru_maxrss)
