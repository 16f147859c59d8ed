"""A real service in a process of its own, for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

__all__ = ["LiveService"]


class LiveService:
    """A service that `start` starts.

    Args:
        home: Its home folder.
        settings: Settings by name.
    """

    def __init__(self, home: Path, **settings: object) -> None:
        self.home = home
        values = {"home": home, "service_port": 0, "monitoring_service": "false", **settings}
        self._environment = {
            **os.environ,
            **{f"MLRUN_LIKE_{name.upper()}": str(value) for name, value in values.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, seconds: float = 90.0) -> LiveService:
        """Start it, and wait until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        with open(self.home / "live.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlrun_like", "service", "run"],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            if self.record().get("state") == "online" and self.pid == self.record()["pid"]:
                self.url = self.record()["url"]
                return self
            time.sleep(0.05)
        raise AssertionError(f"the service does not answer: {self.log()}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def record(self) -> dict[str, Any]:
        """What it tells of itself."""
        try:
            found: dict[str, Any] = json.loads((self.home / "service/service.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    def log(self) -> str:
        """All it said."""
        return (self.home / "live.log").read_text()

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Ask it."""
        return httpx.get(f"{self.url}{path}", timeout=20, **more)

    def signal(self, number: int) -> None:
        """Send a signal to its supervisor."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = 60.0) -> int:
        """Wait for its end; the exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self._process is None or self._process.poll() is not None:
            return
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._process.wait(10)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `mlrun-like service` in its home."""
        return subprocess.run(
            [sys.executable, "-m", "mlrun_like", "service", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
