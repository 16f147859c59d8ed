"""SageMaker's contract with containers, kept by the serving image: started by podman, and asked."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

import mlrun_like as ml
from tests.containers import podman, podman_environment
from tests.images.test_contexts import ROOT, built

pytestmark = pytest.mark.slow

CODE = """
import json
from pathlib import Path
from mlrun_like.serving import V2ModelServer

class Line(V2ModelServer):
    def load(self):
        self.model = json.loads(Path("/opt/ml/model/line.json").read_text())

    def predict(self, request):
        return [self.model["a"] * row[0] + self.model["b"] for row in request["inputs"]]
"""
ASK = """
import sys, urllib.error, urllib.request
path, kind, body = sys.argv[1:]
data = body.encode() if body else None
request = urllib.request.Request("http://127.0.0.1:8080" + path, data, {"content-type": kind})
try:
    reply = urllib.request.urlopen(request, timeout=20)
except urllib.error.HTTPError as exc:
    reply = exc
with reply:
    print(reply.status, reply.read().decode(), end="")
"""


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running container with a function and a model, with a network of its own."""
    folder = tmp_path_factory.mktemp("sagemaker")
    folder.chmod(0o755)
    fn: Any = ml.new_function("line", kind="serving")
    fn.with_code(body=CODE)
    graph = fn.set_topology("flow", engine="sync")
    graph.to("Line", name="line", model_path="/opt/ml/model").respond()
    (folder / "function.json").write_text(json.dumps(fn.to_dict()))
    (folder / "model").mkdir(mode=0o755)
    (folder / "model" / "line.json").write_text('{"a": 2.0, "b": 1.0}')
    name = f"mlrun-like-sagemaker-{uuid.uuid4().hex[:8]}"
    with podman_environment():
        podman(
            *("run", "-d", "--name", name, "--network", "none"),
            *("-v", f"{folder / 'function.json'}:/opt/mlrun-like/function.json:ro"),
            # the image may be older than the package: only its context names it
            *("-v", f"{ROOT / 'mlrun_like'}:/site/mlrun_like:ro", "-e", "PYTHONPATH=/site"),
            *("-v", f"{folder / 'model'}:/opt/ml/model:ro", built("serving"), "serve"),
        )
        try:
            end = time.monotonic() + 120
            while "200" not in ask(name, "/ping") and time.monotonic() < end:
                time.sleep(0.3)
            yield name
        finally:
            podman("rm", "-f", "-t", "5", name)


def ask(name: str, path: str, kind: str = "application/json", body: str = "") -> str:
    done = subprocess.run(
        ["podman", "exec", name, "python3", "-c", ASK, path, kind, body],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout or done.stderr


def test_ping_tells_that_it_is_healthy(container: str) -> None:
    assert ask(container, "/ping").startswith("200"), podman("logs", container)


def test_invocations_take_csv_json_and_lines(container: str) -> None:
    found = ask(container, "/invocations", "text/csv", "3\n4\n")
    assert found.split() == ["200", "7.0", "9.0"], found
    found = ask(container, "/invocations", body='{"instances": [[3], [4]]}')
    assert found.startswith("200") and json.loads(found[4:]) == {"predictions": [7.0, 9.0]}
    lines = ask(container, "/invocations", "application/jsonlines", "[3]\n[4]\n").split()
    assert lines == ["200", "7.0", "9.0"]


def test_it_ends_in_time_when_it_is_told(container: str) -> None:
    began = time.monotonic()
    podman("stop", "-t", "30", container)  # SIGTERM, and SIGKILL after 30 s
    assert podman("inspect", "-f", "{{.State.ExitCode}}", container) in ("0", "143")
    assert time.monotonic() - began < 30
