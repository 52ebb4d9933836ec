"""Which files of the package a script runs: imports are followed in the source, lazy ones inside functions included."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
PACKAGE = SRC / "blaze2cap"


def modules() -> list[Path]:
    """Every source file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    """Syntax tree of a source file."""
    return ast.parse(path.read_text(), str(path))


def module_name(path: Path) -> str:
    """Dotted name of a file of the package: src/blaze2cap/body/camera.py -> blaze2cap.body.camera."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path) -> Iterator[str]:
    """Dotted names that a file imports at any depth; `from a import b` gives "a" and "a.b"."""
    for node in _running(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(SRC).parts[: -node.level]
                base = ".".join((*package, *filter(None, [base])))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


@cache
def imports(path: Path) -> frozenset[Path]:
    """Files of the package that importing this file's names runs, those of their parent packages included."""
    found: set[Path] = set()
    for name in imported_names(path):
        parts = name.split(".")
        if parts[0] == PACKAGE.name:
            prefixes = (SRC.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1))
            found |= {file for prefix in prefixes for file in _module_files(prefix)}
    return frozenset(found)


@cache
def closure(script: Path) -> frozenset[Path]:
    """Files of the package that a script can run; an `__init__.py` without code does nothing and is left out, but for
    the version's number where a script can write it down."""
    seen: set[Path] = set()
    waiting = [script]
    while waiting:
        new = imports(waiting.pop()) - seen
        seen |= new
        waiting += new
    told = any("blaze2cap.__version__" in path.read_text() for path in seen)
    return frozenset(path for path in seen if has_code(path) or (told and path == PACKAGE / "__init__.py"))


def has_code(path: Path) -> bool:
    """Whether a file holds more than a docstring and the version's number."""
    version = (node for node in parsed(path).body if isinstance(node, ast.Assign) and _is_version(node))
    return path.name != "__init__.py" or len(parsed(path).body) > 1 + len(list(version))


def _is_version(node: ast.Assign) -> bool:
    return [ast.unparse(target) for target in node.targets] == ["__version__"]


def _module_files(prefix: Path) -> list[Path]:
    return [file for file in (prefix.with_suffix(".py"), prefix / "__init__.py") if file.is_file()]


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that can run: what stands under `if TYPE_CHECKING:` does not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from _running(child)
