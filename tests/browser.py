"""A real Chromium for tests, driven through its debugging protocol (no driver of its own)."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers import missing

__all__ = ["Browser", "browser"]

_SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-dev-shm-usage", "--remote-debugging-port=0",
    "--window-size=1280,900",
)  # fmt: skip
_SECONDS = 60


class Browser:
    """One tab.

    Args:
        connection: To the browser's debugger.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._number = 0
        self.complaints: list[str] = []
        self.asked: list[str] = []
        target = self._call("Target.createTarget", {"url": "about:blank"})
        attached = {"targetId": target["targetId"], "flatten": True}
        self._session = self._call("Target.attachToTarget", attached)["sessionId"]
        for area in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{area}.enable")

    _session = ""

    def open(self, url: str) -> float:
        """Load a page to its end; the seconds from the request to the end of loading."""
        self._loaded = False
        found = self._call("Page.navigate", {"url": url})
        assert "errorText" not in found, found
        self.wait_loaded()
        told = self.run("performance.getEntriesByType('navigation')[0].loadEventEnd")
        return float(told) / 1000

    def wait_loaded(self) -> None:
        """Until the page that is being loaded is there."""
        end = time.monotonic() + _SECONDS
        while not self._loaded:
            assert time.monotonic() < end, "the page did not load"
            self._note(json.loads(self._connection.recv(timeout=_SECONDS)))
        self.run("1")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        told = self._call("Runtime.evaluate", {"expression": script, "returnByValue": True})
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def submit(self, script: str) -> None:
        """Run something that loads another page, and wait for that."""
        self._loaded = False
        self.run(script)
        self.wait_loaded()

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Another size of the window; optionally dark colours."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        self._call("Emulation.setDeviceMetricsOverride", size)
        value = "dark" if dark else "light"
        features = [{"name": "prefers-color-scheme", "value": value}]
        self._call("Emulation.setEmulatedMedia", {"features": features})

    def picture(self, path: Path) -> None:
        """Save what is to be seen."""
        told = self._call("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(told["data"]))

    def _call(self, method: str, params: Any = None) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params or {}}
        if self._session:
            message["sessionId"] = self._session
        self._connection.send(json.dumps(message))
        while True:
            told = json.loads(self._connection.recv(timeout=_SECONDS))
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]
            self._note(told)

    _loaded = False

    def _note(self, told: Any) -> None:
        method, params = told.get("method", ""), told.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(json.dumps(params)[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(json.dumps(params["entry"])[:500])
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])


@contextmanager
def browser() -> Iterator[Browser]:
    """A running Chromium; skips when it is not installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing("chromium is not installed (Debian package 'chromium')")
    client = pytest.importorskip("websockets.sync.client")
    with tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True) as folder:
        output = Path(folder, "output")
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [str(program), *_SWITCHES, f"--user-data-dir={folder}/data", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            )  # fmt: skip
        try:
            with client.connect(_address(output, process), max_size=None) as connection:
                yield Browser(connection)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _address(output: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(_SECONDS * 20):
        found = re.search(r"DevTools listening on (\S+)", output.read_text(errors="replace"))
        if found:
            return found[1]
        assert process.poll() is None, output.read_text(errors="replace")
        time.sleep(0.05)
    raise AssertionError(output.read_text(errors="replace"))
