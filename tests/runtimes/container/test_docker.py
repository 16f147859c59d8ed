"""Runs by the real docker program, whose daemon here is podman's service for docker's protocol."""

from __future__ import annotations

import functools
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import RunAbortedError, RunError
from mlrun_like.runtimes.container import tool
from mlrun_like.tracking.base import RunQuery
from tests.containers import podman
from tests.servers import missing

if TYPE_CHECKING:
    from tests.runtimes.container.conftest import Make

pytestmark = pytest.mark.slow


def wait_for(check: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not seen within {seconds} s")


def _is_gone(uid: str) -> bool:
    return not podman("ps", "-aq", "--filter", f"label=mlrun-like.run={uid}")


@pytest.fixture
def docker(
    make: Make, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Make]:
    """`make`, with functions that docker runs."""
    if not shutil.which("docker"):
        missing("the docker program is not installed (Debian package 'docker-cli' or 'docker.io')")
    socket = tmp_path_factory.mktemp("docker") / "docker.sock"
    service = subprocess.Popen(
        ["podman", "system", "service", "--time", "0", f"unix://{socket}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(socket.exists)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
        monkeypatch.setattr(tool, "_seen", {})
        with config.override(container_tool="docker"):
            yield make
    finally:
        for run in ml.get_run_db().list_runs(RunQuery(project="*")):
            wait_for(functools.partial(_is_gone, run["metadata"]["uid"]))
        service.terminate()
        service.wait(10)


def test_a_run(docker: Make, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n2\n")
    function = docker(
        """
        import os
        import pandas as pd
        def handler(context, table: pd.DataFrame):
            context.log_dataset("squares", table ** 2)
            print("größe")
            return [os.environ["MULTI"], os.getuid(), int(table.a.sum())]
        """,
        resources={"limits": {"memory": "1Gi", "cpu": 1}},
    ).set_env("MULTI", "two\nlines = $x 'ü'")
    run = function.run(inputs={"table": "in.csv"}, returns=["seen:result"], watch=False)
    assert run.outputs["seen"][0] == "two\nlines = $x 'ü'"
    assert run.outputs["seen"][2] == 3
    assert list(run.artifact("squares").as_df().a) == [1, 4]
    assert "größe" in run.logs()


def test_out_of_memory(docker: Make) -> None:
    code = "def handler():\n    return len(b'x' * (1 << 30))\n"
    with pytest.raises(RunError, match="at its memory limit of 200Mi"):
        docker(code, resources={"limits": {"memory": "200Mi"}}).run(watch=False)


def test_abort(docker: Make) -> None:
    function = docker(
        """
        import time
        def handler():
            print("it goes on", flush=True)
            while True:
                time.sleep(0.05)
        """
    )
    errors: list[BaseException] = []

    def submit() -> None:
        try:
            function.run(name="endless", watch=False)
        except BaseException as exc:  # noqa: BLE001 - looked at below
            errors.append(exc)

    thread = threading.Thread(target=submit, daemon=True)
    thread.start()
    store = ml.get_run_db()

    def seen() -> Any:
        store.flush()
        found = store.list_runs(RunQuery(project="*", name="endless"))
        uid = found[0]["metadata"]["uid"] if found else ""
        return found and b"it goes on" in store.read_log("default", uid) and found[0]

    assert ml.RunObject.from_dict(wait_for(seen), store).abort(30) == "aborted"
    thread.join(30)
    assert isinstance(errors[0], RunAbortedError)


def test_an_image_that_cannot_be_pulled(docker: Make) -> None:
    with pytest.raises(RunError, match="cannot be reached from this machine"):
        docker("def handler():\n    pass\n", image="127.0.0.1:1/x/y:1").run(watch=False)
