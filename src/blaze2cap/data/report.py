"""Reports as JSON: 6 significant digits, so that figures do not differ in the last bit between thread counts."""

import json
import math
from pathlib import Path
from typing import Any

from blaze2cap.data.atomic import replace_text

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
    """Write a report, whole or not at all."""
    replace_text(path, json.dumps(rounded(values), indent=2, ensure_ascii=False) + "\n")
