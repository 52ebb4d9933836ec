"""A section of params.yaml becomes a frozen dataclass, checked key by key; imported by the stages and the CLI only."""

import dataclasses
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

from blaze2cap.errors import UserError

Params = TypeVar("Params")


def load_params(section: str, cls: type[Params], path: Path = Path("params.yaml")) -> Params:
    """Read one section of a parameter file.

    Raises UserError, naming `section.key`, for a missing or unknown key, a value of the wrong type, or one that the
    dataclass refuses in its `__post_init__` (a ValueError whose text starts with the key).
    """
    document = read_yaml(path)
    values = document.get(section) if isinstance(document, dict) else None
    if not isinstance(values, dict):
        raise UserError(f"{path}: section '{section}' is missing; expected a mapping of keys to values")
    return params_from(values, section, cls, str(path))


def read_yaml(path: Path) -> Any:
    """Content of a YAML file; UserError where it is missing or not YAML."""
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run this from the top of the repository") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as text ({error})") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None


def params_from(values: dict[str, Any], section: str, cls: type[Params], where: str) -> Params:
    """Build a section's dataclass from plain values; the errors are those of `load_params`."""
    hints = typing.get_type_hints(cls)
    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise UserError(f"{where}: unknown key {section}.{key}; known keys are {', '.join(known)}")
    arguments = {}
    for name, field in known.items():
        if name not in values:
            has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
            if has_default:
                continue
            raise UserError(f"{where}: key {section}.{name} is missing")
        arguments[name] = _convert(values[name], hints[name], f"{section}.{name}", where)
    try:
        return cls(**arguments)
    except ValueError as error:
        raise UserError(f"{where}: {section}.{error}") from None


def _convert(value: Any, hint: Any, key: str, where: str) -> Any:
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in options:
            return None
        return _convert(value, next(o for o in options if o is not type(None)), key, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(item, options[0], f"{key}[{i}]", where) for i, item in enumerate(value))
    if origin is typing.Literal and value in options:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return params_from(value, key, hint, where)  # type: ignore[arg-type]
    if hint is float and type(value) in (int, float):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    expected = " or ".join(map(repr, options)) if origin is typing.Literal else getattr(hint, "__name__", str(hint))
    raise UserError(f"{where}: {key} is {value!r}, expected {expected}")
