"""A checkpoint against One-Euro + IK whose filter and constants are fitted on the recordings themselves.

In an evaluation this rival is fitted on the checkpoint's own training takes. Fitted here, on all that it is scored on,
it has every advantage.

    python benchmarks/tuned_rival.py RECORDINGS CHECKPOINT
"""

import dataclasses
from pathlib import Path

import typer

from blaze2cap.data.recordings import opened_recordings
from blaze2cap.errors import one_sentence
from blaze2cap.learning.baseline import fit_baselines
from blaze2cap.learning.checkpoint import load_checkpoint
from blaze2cap.learning.evaluation import EvaluateParams, evaluate, score_checkpoint
from blaze2cap.learning.headline import BASELINE, HEADLINE


def main(path: Path, checkpoint: Path) -> None:
    """Print the headline of the checkpoint and of its rival on all takes with landmarks, and on each person's."""
    with one_sentence("tuned_rival"), opened_recordings(path, "totalcapture") as clipset:
        takes = sorted(set(clipset.clips["take"]))
        loaded = dataclasses.replace(load_checkpoint(checkpoint), baselines=fit_baselines(clipset, takes))
        people = {subject: [take for take in takes if take.startswith(f"{subject}/")] for subject in subjects(takes)}
        scores = score_checkpoint(clipset, {"all": takes} | people, loaded)
        for part, figures in evaluate(scores, [], EvaluateParams(bootstrap_samples=100)).items():
            print(part)
            for key in HEADLINE:
                print(f"  {key:34}{figures[key]:10.4g}{figures['baseline'][BASELINE][key]:10.4g}")


def subjects(takes: list[str]) -> list[str]:
    """People of some takes."""
    return sorted({take.split("/")[0] for take in takes})


if __name__ == "__main__":
    typer.run(main)
