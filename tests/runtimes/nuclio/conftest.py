"""An exported folder as Nuclio runs it, and a dashboard to deploy to."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml

from mlrun_like.configuration import config
from tests.runtimes.nuclio.dashboards import FakeDashboard
from tests.servers import missing

_PROCESSOR = Path(__file__).with_name("processor.py")


class Deployed:
    """A worker of an exported function, in a process of its own.

    Args:
        folder: The exported project.
        trigger: Kind of the trigger whose worker it is.
        decoded: Whether Nuclio decodes texts of events.
    """

    def __init__(self, folder: Path, trigger: str = "http", decoded: bool = True) -> None:
        settings = yaml.safe_load((folder / "function.yaml").read_text())
        env = {key: os.environ[key] for key in ("PATH", "LANG", "HOME") if key in os.environ}
        env["MLRUN_LIKE_HOME"] = config.home
        env |= {r["name"]: r["value"] for r in settings["spec"].get("env", ()) if "value" in r}
        how = "decoded" if decoded else "raw"
        handler = settings["spec"]["handler"]
        self.process = subprocess.Popen(
            [sys.executable, str(_PROCESSOR), str(folder), handler, trigger, how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            cwd=folder,
            text=True,
        )
        first = json.loads(self._line())
        self.failed: str = first.get("failed", "")

    def call(self, path: str = "/", body: bytes = b"", **values: Any) -> Any:
        """Send one event; gives the wrapper's answer, its body decoded."""
        return self.send(event(path, body, **values))

    def send(self, message: Any) -> Any:
        """Send an event, a list of them, or the name of a signal."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        found = json.loads(self._line())
        for row in found if isinstance(found, list) else [found]:
            if row.get("body_encoding") == "base64":
                row["body"] = base64.b64decode(row["body"])
        return found

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait(10)


def event(path: str = "/", body: bytes = b"", **values: Any) -> dict[str, Any]:
    """An event as Nuclio's processor sends it to a worker."""
    place, _, query = path.partition("?")
    kind = values.pop("content_type", "")
    headers = {**values.pop("headers", {}), **({"Content-Type": kind} if kind else {})}
    trigger = values.pop("trigger", "http")
    return {
        "body": base64.b64encode(body).decode(),
        "content_type": kind,
        "trigger": {"kind": trigger, "name": f"default-{trigger}"},
        "fields": dict(parse_qsl(query)),
        "headers": headers,
        "id": str(uuid.uuid4()),
        "method": "POST" if body else "GET",
        "path": place,
        "size": len(body),
        "timestamp": 1_700_000_000,
        "url": f"http://host:8080{path}",
        "shard_id": 0,
        "num_shards": 0,
        "type": "",
        "type_version": "",
        "version": "",
        "offset": 0,
        "topic": "",
        **values,
    }


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Callable[..., Deployed]]:
    """Exports a function and gives a worker of it."""
    if find_spec("nuclio_sdk") is None:
        missing("nuclio-sdk is not installed")
    workers: list[Deployed] = []

    def make(function: Any, part: str = "", **values: Any) -> Deployed:
        folder = tmp_path / f"project{len(workers)}"
        function.export_nuclio(folder)
        workers.append(Deployed(folder / part, **values))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()


@pytest.fixture
def dashboard() -> Iterator[FakeDashboard]:
    """A dashboard that functions are deployed to by default."""
    with (
        FakeDashboard() as server,
        config.override(nuclio_dashboard_url=server.url, nuclio_poll_interval=0.01),
    ):
        yield server
