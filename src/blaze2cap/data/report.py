"""Reports as JSON: 6 significant digits, so that figures do not differ in the last bit between thread counts."""

import json
import math
from pathlib import Path
from typing import Any

SIGNIFICANT_DIGITS = 6


def rounded(value: Any) -> Any:
    """Floats in 6 significant digits, through dicts and lists; what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    return value


def write_report(path: Path, values: dict[str, Any]) -> None:
    """Write a report under a temporary name, then rename it, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(json.dumps(rounded(values), indent=2, ensure_ascii=False) + "\n")
    temporary.replace(path)
