"""One function in a container: it answers, says why it cannot, and loses no request at its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import ConfigError, MissingFileError, SpecError
from mlrun_like.gateway.standalone import read_function

CODE = """
import os, time

def init_context(context):
    context.user_data.calls = 0

def handler(context, event):
    context.user_data.calls += 1
    if event.path == "/slow":
        time.sleep(1.0)
        return "slept"
    if event.path == "/env":
        return os.environ.get("LEVEL", "-")
    if event.path == "/say":
        print("said by the function")
        return "ok"
    return f"hello {event.body.decode()} {context.user_data.calls}"
"""


def _folder(place: Path, function: Any) -> Path:
    """What the ConfigMap of a function holds."""
    place.mkdir()
    for item in function.to_manifest(scaler="none"):
        for name, text in item.get("data", {}).items():
            (place / name).write_text(text, encoding="utf-8")
    return place


def _function(code: str = CODE, **options: Any) -> Any:
    fn: Any = ml.new_function("f", project="p", kind="nuclio", image="r/f:1")
    fn.with_code(body=code)
    if options:
        fn.metadata.annotations["mlrun-like/gateway"] = json.dumps(options)
    return fn


class Pod:
    """The process that a pod has."""

    def __init__(self, folder: Path, home: Path, **env: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLRUN_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlrun_like.gateway.standalone", str(folder),
             "--host", "127.0.0.1", "--port", str(self.port)],
            env={**kept, "MLRUN_LIKE_HOME": str(home), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    def get(self, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
        """Status and body of an answer."""
        data = None if body is None else body.encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data=data, headers=headers), timeout=30
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, exc.read().decode()

    def wait(self) -> None:
        """Until it is ready."""
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self.get("/-/ready")[0] == 200:
                    return
            time.sleep(0.05)
        self.process.kill()
        raise AssertionError(f"it is not ready:\n{self.process.communicate()[0]}")

    def end(self) -> tuple[int, str]:
        """Exit code and all that it printed."""
        self.process.send_signal(signal.SIGTERM)
        text = self.process.communicate(timeout=60)[0]
        return self.process.returncode, text


@pytest.fixture
def pods(tmp_path: Path, home: Path) -> Iterator[Any]:
    """Makes pods that are ready."""
    made: list[Pod] = []

    def make(function: Any, **env: str) -> Pod:
        pod = Pod(_folder(tmp_path / f"function{len(made)}", function), home, **env)
        made.append(pod)
        pod.wait()
        return pod

    yield make
    for pod in made:
        if pod.process.poll() is None:
            pod.process.kill()
            pod.process.communicate()


@pytest.mark.slow
def test_a_handler(pods: Any) -> None:
    fn = _function(warm_up=[{"path": "/", "body": "warm"}], max_body=1000)
    fn.with_auth(callers={"anna": "a-token"})
    fn.set_env("LEVEL", "3")
    secrets = fn.to_manifest().service.secrets
    pod = pods(fn, LEVEL="3", **secrets)
    assert pod.get("/", "you")[0] == 401
    signed = {"Authorization": "Bearer a-token"}
    assert pod.get("/", "you", **signed) == (200, "hello you 2"), "the first one was the warm-up"
    assert pod.get("/env", **signed) == (200, "3")
    assert pod.get("/", "x" * 2000, **signed)[0] == 413
    assert pod.get("/say", **signed) == (200, "ok")
    assert "mlrun_like_gateway_requests_total" in pod.get("/-/metrics")[1]
    assert pod.get("/-/api/functions")[0] in (401, 403, 404)
    code, text = pod.end()
    assert code == 0
    assert "said by the function" in text
    assert "a-token" not in text


@pytest.mark.slow
def test_a_graph_finishes_what_it_has_begun(pods: Any) -> None:
    fn: Any = ml.new_function("g", project="p", kind="serving", image="r/g:1")
    fn.with_code(body="import time\n\ndef slow(body):\n    time.sleep(1)\n    return body * 2\n")
    graph = fn.set_topology("flow", engine="sync")
    graph.to(name="slow", handler="slow").respond()
    pod = pods(fn)
    answers: list[tuple[int, str]] = []
    body = {"Content-Type": "application/json"}
    call = threading.Thread(target=lambda: answers.append(pod.get("/", "4", **body)))
    call.start()
    time.sleep(0.3)
    code, _ = pod.end()
    call.join(30)
    assert (code, answers) == (0, [(200, "8")])


@pytest.mark.slow
def test_why_it_does_not_start(tmp_path: Path, home: Path) -> None:
    code = "raise RuntimeError('the model is gone')\n\ndef handler(context, event):\n    return 1\n"
    pod = Pod(_folder(tmp_path / "f", _function(code)), home)
    text = pod.process.communicate(timeout=60)[0]
    assert pod.process.returncode == 1
    assert "the model is gone" in text


@pytest.mark.slow
def test_a_smoke_request_that_fails_stops_it(tmp_path: Path, home: Path) -> None:
    code = "def handler(context, event):\n    raise ValueError('no weights')\n"
    pod = Pod(_folder(tmp_path / "f", _function(code, smoke=[{"path": "/"}])), home)
    text = pod.process.communicate(timeout=60)[0]
    assert pod.process.returncode == 1
    assert "smoke" in text


def test_broken_folders(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_function(tmp_path, {})
    with pytest.raises(MissingFileError, match="there is no function at"):
        read_function(tmp_path / "absent", {})
    (tmp_path / "function.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(SpecError, match="no YAML"):
        read_function(tmp_path, {})
    (tmp_path / "function.yaml").write_text("- 1", encoding="utf-8")
    with pytest.raises(SpecError, match="no mapping"):
        read_function(tmp_path, {})
    (tmp_path / "function.yaml").write_text("kind: nuclio\n", encoding="utf-8")
    for text, said in (("{", "no JSON"), ("[]", "no mapping")):
        (tmp_path / "options.json").write_text(text, encoding="utf-8")
        with pytest.raises(SpecError, match=said):
            read_function(tmp_path, {})
    told = {"triggers": {"t": {"kind": "kafka-cluster", "url": "${TRIGGER_T_URL}"}}}
    (tmp_path / "options.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(ConfigError, match="TRIGGER_T_URL"):
        read_function(tmp_path, {})
    _, options = read_function(tmp_path, {"TRIGGER_T_URL": "kafka://k/t"})
    assert options.triggers["t"]["url"] == "kafka://k/t"


def test_a_file_alone(tmp_path: Path) -> None:
    place = tmp_path / "function.yaml"
    place.write_text(_function(idle_timeout="5m").to_yaml(), encoding="utf-8")
    document, options = read_function(place, {})
    assert options.idle_timeout == 300
    assert "mlrun-like/gateway" not in str(document)
