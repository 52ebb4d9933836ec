"""`blaze2cap report`: an evaluation as one page to read and look at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blaze2cap.errors import UserError, one_sentence

if TYPE_CHECKING:
    from blaze2cap.data.clipset import ClipSet
    from blaze2cap.learning.checkpoint import Checkpoint
    from blaze2cap.runtime.clip_ranking import RankedClip
    from blaze2cap.runtime.viewer import Scene

EACH, SECONDS, SHOWN_FPS = 3, 5.0, 30
# Another processor rounds differently; two checkpoints differ by more than this share.
_SAME = 0.005
_FIGURES = (
    "mpjpe_mm", "frames", "takes", "clips", "detected_share", "rejected_share",
    "interval", "baseline", "by_joint", "by_subject", "by_action", "by_camera", "by_pose",
)  # fmt: skip


def report(
    out: Annotated[Path, typer.Option("--out", "-o", help="Page to write (.html).")],
    metrics: Annotated[Path, typer.Option(help="Folder of the pipeline's figures.")] = Path("metrics"),
    clips: Annotated[Path, typer.Option(help="Folder of packed clips.")] = Path("data/clips"),
    split: Annotated[Path, typer.Option(help="Folder of the split.")] = Path("data/split"),
    model: Annotated[Path, typer.Option(help="Folder of the checkpoint that was evaluated.")] = Path("models"),
    part: Annotated[str, typer.Option(help="Part of the split: test, val or train.")] = "test",
) -> None:
    """Write one self-contained page on an evaluation: tables, curves, joints, moving clips, faults, provenance."""
    with one_sentence("blaze2cap report"):
        if out.suffix.lower() != ".html":
            raise UserError(f"{out}: a report is a page; give a name that ends in .html")
        figures = _read_json(metrics / "evaluate.json", "evaluate")
        if part not in figures:
            raise UserError(f"no part {part!r} in {metrics / 'evaluate.json'}; there are {', '.join(figures)}")
        if "by_camera" not in figures[part] and "by_pose" in figures[part]:
            raise UserError(f"the clips of {part} are simulated ones, made for its figures only: no page can show them")
        if reason := figures[part].get("left_out", {}).get("mpjpe_mm"):
            raise UserError(f"the clips of {part} have no mpjpe_mm, which {reason}: no page can show them")
        _require_keys(figures[part], _FIGURES, metrics / "evaluate.json", "evaluate")
        preprocessing = _read_json(metrics / "preprocess.json", "preprocess")
        _require_keys(preprocessing, ("faults", "data_faults"), metrics / "preprocess.json", "preprocess")
        curves = _read_curves(metrics / "train" / "curves.csv")
        for path, stage in ((model / "model.json", "train"), (split / "takes.csv", "split")):
            _require(path, stage)

        from blaze2cap.data.clipset import ClipSet
        from blaze2cap.data.split import read_parts
        from blaze2cap.learning.absolute_root import require_absolute_root
        from blaze2cap.learning.checkpoint import load_checkpoint
        from blaze2cap.runtime.clip_ranking import best_median_worst, ranked_clips
        from blaze2cap.runtime.report_page import Evaluation, report_page
        from blaze2cap.runtime.whole_file import whole_file

        clipset, trained = ClipSet.load(clips), load_checkpoint(model)
        takes = read_parts(split)[part]
        require_absolute_root(clipset, takes)
        ranked = ranked_clips(clipset, takes, trained.system(), SECONDS)
        chosen = best_median_worst(ranked, EACH)
        scenes = {heading: [_scene(clipset, clip, trained) for clip in found] for heading, found in chosen.items()}
        evaluation = Evaluation(
            part=part,
            figures=figures[part],
            curves=curves,
            preprocessing=preprocessing,
            clips=scenes,
            provenance=_provenance(trained, metrics),
            notes=_disagreement(ranked, figures[part]["mpjpe_mm"]),
        )
        page = report_page(evaluation)
        with whole_file(out) as partial:
            partial.write_text(page, encoding="utf-8")
        print(f"{out}: {part} part, {len(ranked)} clips ranked, {len(page.encode()) / 1e6:.1f} MB")


def _require(path: Path, stage: str) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `dvc repro {stage}`")


def _require_keys(values: dict[str, Any], keys: tuple[str, ...], path: Path, stage: str) -> None:
    missing = [key for key in keys if key not in values]
    if missing:
        raise UserError(f"{path}: no {missing[0]}: another version wrote it; run `dvc repro -f {stage}`")


def _read_json(path: Path, stage: str) -> dict[str, Any]:
    from blaze2cap.untrusted import read_json

    _require(path, stage)
    try:
        values = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}); run `dvc repro -f {stage}`") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected an object, found {type(values).__name__}; run `dvc repro -f {stage}`")
    return values


def _read_curves(path: Path) -> list[dict[str, float]]:
    from blaze2cap.data.schema import read_table

    _require(path, "train")
    rows = read_table(path, "curves").to_dict("records")
    return [{str(name): float(value) for name, value in row.items()} for row in rows]


def _scene(clipset: "ClipSet", ranked: "RankedClip", trained: "Checkpoint") -> tuple[str, "Scene"]:
    """The typical stretch of a clip at about 30 frames/s, with its caption."""
    from blaze2cap.runtime.clip_view import scene_of, view_clip

    view = view_clip(clipset, ranked.clip, ranked.stretch, trained.system())
    scene = scene_of(view, stride=max(1, round(view.fps / SHOWN_FPS)), height=300)
    return f"{ranked.clip}: {ranked.mpjpe_mm:.0f} mm over {ranked.scored} frames", scene


def _disagreement(ranked: "list[RankedClip]", mpjpe_mm: float) -> list[str]:
    """A sentence where the clips were not run with the checkpoint and data that the figures are of."""
    here = sum(clip.mpjpe_mm * clip.scored for clip in ranked) / sum(clip.scored for clip in ranked)
    if abs(here - mpjpe_mm) <= _SAME * mpjpe_mm:
        return []
    return [
        f"The clips below have an MPJPE of {here:.1f} mm, the figures say {mpjpe_mm:.1f} mm: they come from different "
        "runs; run `dvc repro`."
    ]


def _provenance(trained: "Checkpoint", metrics: Path) -> dict[str, str]:
    """Versions, commit, training takes and parameters, as words."""
    import json
    import platform
    from importlib.metadata import version

    known = trained.provenance
    takes = {f"{part} takes": ", ".join(found) for part, found in known["takes"].items() if found}
    parameters = {
        f"parameters: {section}": json.dumps(values) for section, values in known.get("parameters", {}).items()
    }
    return {
        "commit": _commit(metrics),
        "trained with version": str(known.get("version", "unknown")),
        "trained on data from": str(known.get("source", "unknown")),
        "versions here": ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in ("blaze2cap", "torch", "numpy")),
            ]
        ),
        **takes,
        **parameters,
    }


def _commit(metrics: Path) -> str:
    """The commit of the repository that the figures lie in, and whether its files are as committed."""
    import subprocess

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", metrics, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + (", with changes that are not committed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown: not a git repository"
