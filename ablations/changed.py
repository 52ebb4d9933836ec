"""Sections of ../params.yaml with the study's changes upon them."""

from pathlib import Path
from typing import Any, TypeVar

from blaze2cap.params import params_from, read_yaml

Params = TypeVar("Params")


def changed(section: str, cls: type[Params], **more: Any) -> Params:
    """A section of the pipeline's parameters, changed by the study's own file and by `more`, and checked."""
    values = read_yaml(Path("../params.yaml"))[section]
    values = _merged(_merged(values, read_yaml(Path("params.yaml")).get(section, {})), more)
    return params_from(values, section, cls, "ablations/params.yaml")


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Changes replace values; a section inside a section is merged in turn."""
    return values | {k: _merged(values[k], v) if isinstance(v, dict) else v for k, v in changes.items()}
