"""`blaze2cap doctor`: whether this machine can run the pipeline, and what to do where it cannot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from blaze2cap.data.sources.registry import DatasetParams
    from blaze2cap.doctor.finding import Finding

_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print a list of findings as JSON.")] = False) -> None:
    """Check Python, libraries, git, DVC, disk and recordings; the exit code is 1 where the pipeline cannot run."""
    import json

    from blaze2cap.doctor.finding import Status

    findings = examine(Path.cwd())
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        _print(findings)
    if any(finding.status is Status.PROBLEM for finding in findings):
        raise SystemExit(1)


def examine(folder: Path) -> list["Finding"]:
    """All findings on the machine, and on the repository in a folder."""
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    from blaze2cap.doctor import environment, storage
    from blaze2cap.doctor.finding import Finding, Status, examined
    from blaze2cap.errors import UserError

    checks = {
        "Python": environment.python,
        "packages": environment.packages,
        "torch": environment.torch_build,
        **{what: partial(environment.imported, what) for what in environment.IMPORTS},
        "machine": environment.machine,
        "git": partial(environment.git, folder),
        "training states": storage.training_states,
        "pipeline": partial(storage.pipeline, folder),
    }
    told = []
    if storage.pipeline(folder).status is Status.OK:
        try:
            dataset, device = _sections(folder / "params.yaml")
        except (ImportError, UserError) as error:
            advice = "mend it, or take it back: git checkout params.yaml"
            told = [Finding("params.yaml", Status.PROBLEM, str(error), advice)]
        else:
            checks |= {
                "torch": partial(environment.torch_build, device),
                "DVC": partial(storage.cache, folder),
                "DVC's lock": partial(storage.lock, folder),
                "remote": partial(storage.remote, folder, dataset),
                "disk space": partial(storage.space, folder, dataset),
                "recordings": partial(storage.recordings, folder, dataset),
                "clips": partial(storage.clips, folder),
            }
    with ThreadPoolExecutor() as pool:
        return [*pool.map(examined, checks, checks.values()), *told]


def _sections(params: Path) -> tuple["DatasetParams", str]:
    """Section `dataset`, and the device that section `runtime` names."""
    from blaze2cap.data.parallel import RuntimeParams
    from blaze2cap.data.sources.registry import DatasetParams
    from blaze2cap.params import load_params
    from blaze2cap.runtime import video_source  # noqa: F401  makes dataset.source=video known

    return load_params("dataset", DatasetParams, params), load_params("runtime", RuntimeParams, params).device


def _print(findings: list["Finding"]) -> None:
    """A line for each finding, its advice below it, and a last line that counts."""
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        status = typer.style(f"{finding.status.value:<8}", fg=_COLOURS[finding.status.value])
        typer.echo(f"{status} {finding.what:<{width}}  {finding.found}")
        if finding.advice:
            typer.echo(f"{'':<8} {'':<{width}}  -> {finding.advice}")
    problems, warnings = (sum(finding.status == status for finding in findings) for status in ("problem", "warning"))
    outcome = "the pipeline cannot run" if problems else "the pipeline can run"
    typer.echo(f"{outcome}: problems {problems}, warnings {warnings}")
