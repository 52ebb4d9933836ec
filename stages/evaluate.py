"""evaluate: score the model, the baselines and the raw landmarks on the same frames of every part."""

from pathlib import Path

import typer

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.known_takes import known_takes
from blaze2cap.data.report import write_report
from blaze2cap.data.schema import write_table
from blaze2cap.data.split import read_parts
from blaze2cap.errors import one_sentence
from blaze2cap.learning.checkpoint import load_checkpoint
from blaze2cap.learning.evaluation import EvaluateParams, evaluate, joint_table, score_checkpoint
from blaze2cap.learning.headline import headline, system_table
from blaze2cap.learning.report_plots import write_plots
from blaze2cap.learning.table import print_summary
from blaze2cap.learning.unseen_motion import with_unseen_motion
from blaze2cap.params import load_params


def main(clips: Path, split: Path, model: Path, metrics: Path, plots: Path, summary: Path) -> None:
    """Evaluate MODEL on the parts SPLIT of CLIPS; write the report METRICS, the folder PLOTS, the headline SUMMARY."""
    with one_sentence("evaluate"):
        params = load_params("evaluate", EvaluateParams)
        takes, checkpoint = read_parts(split), load_checkpoint(model)
        wanted = {part: takes[part] for part in params.parts}
        clipset, parts = with_unseen_motion(ClipSet.load(clips), wanted, checkpoint, params.simulated)
        scores = score_checkpoint(clipset, parts, checkpoint)
        report = evaluate(scores, known_takes(checkpoint.provenance, clipset.source).subjects, params)
        write_plots(plots, clipset, scores, checkpoint.system())
        write_table(joint_table(scores), plots / "joints.csv", "joints")
        write_table(system_table(report), plots / "systems.csv", "systems")
        write_report(metrics, report)
        write_report(summary, headline(report))
        print_summary(report)


if __name__ == "__main__":
    typer.run(main)
