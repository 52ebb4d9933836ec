"""Headless Chromium, spoken to through its debugging pipe: opens a page, presses keys, takes screenshots."""

import base64
import io
import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# What the driver says where the processor draws: a remark on speed, not a fault of the page.
_EXPECTED = "GPU stall due to ReadPixels"


class Browser:
    """One page of a given size [px]; a context manager. WebGL draws on the processor, or is not there at all."""

    def __init__(self, profile: Path, width: int = 1280, height: int = 900, *, webgl: bool = True) -> None:
        found = [path for path in map(shutil.which, _NAMES) if path]
        if not found:
            pytest.skip(f"no browser on PATH: none of {', '.join(_NAMES)}")
        # Chromium reads commands from descriptor 3 and answers on 4.
        command_out, self._commands = os.pipe()
        self._answers, answer_in = os.pipe()
        script = f'exec 3<&{command_out} 4>&{answer_in}; exec "$@"'
        drawing = "--enable-unsafe-swiftshader" if webgl else "--disable-software-rasterizer"
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars")
        size = f"--window-size={width},{height}"
        self._process = subprocess.Popen(
            ["bash", "-c", script, "browser", found[0], *options, drawing, size, f"--user-data-dir={profile}"],
            pass_fds=(command_out, answer_in),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_out)
        os.close(answer_in)
        self._numbers, self._read, self._session = itertools.count(1), b"", ""
        self.said: list[str] = []
        """Errors and warnings of the console, and exceptions."""
        self.requested: list[str] = []
        """Addresses that the page asked for."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol and its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self._note(answer)

    def open(self, page: Path) -> None:
        """Load a page from disk and wait until its script has run."""
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.wait("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, expression: str, seconds: float = 20) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < end, f"not true after {seconds} s: {expression}"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """A key, to the element that has the focus."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place, let go at another."""
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screenshot(self) -> np.ndarray:
        """What is seen (H, W, 3)."""
        data = base64.b64decode(self.call("Page.captureScreenshot")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            part = os.read(self._answers, 1 << 16)
            assert part, "the browser has ended"
            self._read += part
        message, self._read = self._read.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.said.append(str(params["exceptionDetails"]))
        elif event.get("method") == "Runtime.consoleAPICalled":
            self.said.append(str(params["args"]))
        elif event.get("method") == "Log.entryAdded" and _EXPECTED not in params["entry"]["text"]:
            self.said.append(str(params["entry"]))
        elif event.get("method") == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
