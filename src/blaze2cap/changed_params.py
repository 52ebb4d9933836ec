"""Parameters of a study beside the pipeline: the pipeline's own, with the study's changes upon them."""

from pathlib import Path
from typing import Any, TypeVar

from blaze2cap.errors import UserError
from blaze2cap.params import params_from, read_yaml
from blaze2cap.untrusted import shown

Params = TypeVar("Params")


def changed_params(section: str, cls: type[Params], base: Path, changes: Path, **more: Any) -> Params:
    """A section of the file `base`, changed by that section of the file `changes` and by `more`, and checked.

    UserError as in `params.load_params`; it names `changes`.
    """
    values = _merged(_section(base, section), _section(changes, section))
    return params_from(_merged(values, more), section, cls, str(changes))


def _section(path: Path, section: str) -> dict[str, Any]:
    """A section that is not there, or has no keys, changes nothing."""
    document = read_yaml(path)
    values = {} if document is None else document.get(section) if isinstance(document, dict) else document
    if not isinstance(values, dict | None):
        raise UserError(f"{path}: section '{section}' is {shown(values)}, expected a mapping of keys to values")
    return values or {}


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Changes replace values; a section inside a section is merged in turn."""
    return values | {
        key: _merged(known, value) if isinstance(value, dict) and isinstance(known := values.get(key), dict) else value
        for key, value in changes.items()
    }
