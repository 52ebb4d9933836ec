"""A section of params.yaml becomes a frozen dataclass, checked key by key; imported by the stages and the CLI only."""

import dataclasses
import math
import re
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

from blaze2cap.errors import UserError
from blaze2cap.untrusted import MOST_BYTES, read_text, shown

Params = TypeVar("Params")


class _Loader(yaml.SafeLoader):
    """Without anchors: a few lines of references to references would stand for more than any memory holds.

    Numbers with an exponent are those of YAML 1.2, and so of DVC: YAML 1.1 takes `1e-3`, which lacks a dot, for text.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"reference *{self.peek_event().anchor}, expected the value itself")
        return super().compose_node(parent, index)


_WITH_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+\Z", re.ASCII)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _WITH_EXPONENT, list("-+.0123456789"))


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
        return yaml.load(read_text(path, MOST_BYTES), _Loader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run this from the top of the repository") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as text ({error})") from None
    except (yaml.YAMLError, ValueError) as error:  # of a number or date that is none, PyYAML raises the latter
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    except RecursionError:
        raise UserError(f"{path}: not valid YAML (nested too deep)") from None


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
        return _finite(value, key, where)
    if isinstance(hint, type) and type(value) is hint:
        return value
    expected = " or ".join(map(repr, options)) if origin is typing.Literal else getattr(hint, "__name__", str(hint))
    if origin is tuple:
        expected = f"a list like {'[a, b]' if options[0] is str else '[1, 2]'}"
    raise UserError(f"{where}: {key} is {shown(value)}, expected {expected}")


def _finite(value: int | float, key: str, where: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UserError(f"{where}: {key} is {shown(value)}, expected a finite number")
    return number
