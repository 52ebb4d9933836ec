"""Parameters of a study beside the pipeline: the pipeline's own, with the study's changes upon them."""

from pathlib import Path
from typing import Any, TypeVar

from blaze2cap.params import params_from, read_yaml

Params = TypeVar("Params")


def changed_params(section: str, cls: type[Params], base: Path, changes: Path, **more: Any) -> Params:
    """A section of the file `base`, changed by that section of the file `changes` and by `more`, and checked.

    UserError as in `params.load_params`; it names `changes`.
    """
    values = _merged(read_yaml(base)[section], read_yaml(changes).get(section, {}))
    return params_from(_merged(values, more), section, cls, str(changes))


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Changes replace values; a section inside a section is merged in turn."""
    return values | {k: _merged(values[k], v) if isinstance(v, dict) else v for k, v in changes.items()}
