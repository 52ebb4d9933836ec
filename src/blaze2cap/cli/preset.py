"""`blaze2cap preset`: a file of changes as arguments of DVC."""

from pathlib import Path
from typing import Annotated, Any

import typer

from blaze2cap.errors import UserError, one_sentence

REFUSED = "--no-such-preset"
"""An option that no DVC knows: the shell ignores how $(...) ends, and DVC would run with params.yaml as it is."""


def preset(name: Annotated[str, typer.Argument(help="Name of a file in presets/, without .yaml.")]) -> None:
    """Print a preset as arguments of `dvc exp run`: dvc exp run $(blaze2cap preset NAME)."""
    with one_sentence("blaze2cap preset"):
        try:
            settings = _settings(_changes(name))
        except UserError:
            print(REFUSED)
            raise
        print(" ".join(f"-S {key}={value}" for key, value in settings))


def _changes(name: str) -> dict[str, Any]:
    from blaze2cap.params import read_yaml

    folder = Path("presets")
    known = sorted(file.stem for file in folder.glob("*.yaml"))
    if not known:
        raise UserError(f"no {folder}/ here; run this from the top of the repository")
    if name not in known:
        raise UserError(f"no preset {name!r}; there are {', '.join(known)}")
    changes: dict[str, Any] = read_yaml(folder / f"{name}.yaml")
    return changes


def _settings(changes: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted keys and values as dvc's -S takes them, without blanks or quotes: the shell only splits them."""
    settings = []
    for key, value in changes.items():
        if isinstance(value, dict):
            settings += _settings(value, f"{prefix}{key}.")
        else:
            settings.append((f"{prefix}{key}", _setting(value, f"{prefix}{key}")))
    return settings


def _setting(value: Any, key: str) -> str:
    if isinstance(value, list):
        return f"[{','.join(_setting(item, key) for item in value)}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str) and not value.replace("/", "").replace("_", "").replace("-", "").isalnum():
        raise UserError(f"{key} is {value!r}: a preset's text may hold letters, digits, /, _ and - only")
    return str(value)
