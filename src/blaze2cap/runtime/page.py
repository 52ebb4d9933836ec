"""Self-contained HTML pages: style and script inside, nothing loaded from anywhere, all text escaped.

A content security policy stands in every page: it runs our script, by its hash, and no other, and reaches no network.
"""

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any


def page(title: str, body: str, style: str = "") -> str:
    """An HTML document with the viewer's style and script; `body` is HTML, `style` names a file of further style."""
    styles = "".join(_asset(name) for name in ("page.css", "viewer.css", style) if name)
    script = _asset("viewer.min.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
{styles}</style>
</head>
<body>
<noscript><p>This page needs JavaScript, which is switched off here or not supported.</p></noscript>
{body}
<script>{script}</script>
</body>
</html>
"""


def data_block(values: Any) -> str:
    """Values as JSON in a script element that is never run; nothing in them can end the element."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json">{text}</script>'


def _asset(name: str) -> str:
    return files("blaze2cap.runtime").joinpath(name).read_text(encoding="utf-8")
