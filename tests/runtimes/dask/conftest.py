"""A real scheduler with two workers, started once; tests that break theirs start their own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from tests.servers import free_port, missing

ROOT = str(Path(ml.__file__).resolve().parents[1])


class Cluster:
    """Scheduler and workers as processes of the `dask` command.

    Args:
        folder: For their files.
        workers: How many workers.
        nanny: Whether a worker that dies is started again.
    """

    def __init__(self, folder: Path, workers: int = 2, nanny: bool = True) -> None:
        self.folder = folder
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.nanny = nanny
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"
        )
        for _ in range(workers):
            self.add_worker()
        self._wait(int(port))

    def _wait(self, port: int) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "scheduler.log").read_text())

    def _start(self, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        log = open(self.folder / f"{arguments[0]}.log", "ab")  # noqa: SIM115 - the process has it
        with log:
            return subprocess.Popen(
                [*prefix, sys.executable, "-m", "dask", *arguments],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONPATH": ROOT,
                    "MLRUN_LIKE_HOME": str(self.folder / "worker-home"),
                    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
                },
                start_new_session=True,
            )

    def add_worker(self, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """One more worker, with one thread."""
        arguments = ["worker", self.address, "--nthreads", "1", "--no-dashboard"]
        arguments += ["--local-directory", str(self.folder / "spill")]
        arguments += ["--death-timeout", "60", "--nanny" if self.nanny else "--no-nanny"]
        process = self._start(*arguments, prefix=prefix)
        self.workers.append(process)
        return process

    def close(self) -> None:
        """End all of it."""
        for process in [*self.workers, self.scheduler]:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers that stay."""
    yield from _cluster(tmp_path_factory.mktemp("dask"))


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Starts clusters that a test may break."""
    started: list[Cluster] = []

    def start(**options: Any) -> Cluster:
        folder = tmp_path / f"cluster-{len(started)}"
        folder.mkdir()
        started.append(Cluster(folder, **options))
        return started[-1]

    try:
        yield start
    finally:
        for cluster in started:
            cluster.close()


def _cluster(folder: Path) -> Iterator[Cluster]:
    try:
        import distributed
    except ImportError as exc:
        missing(f"distributed: {exc}")
    cluster = Cluster(folder, nanny=False)
    try:
        with distributed.Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(autouse=True)
def no_links_left() -> Iterator[None]:
    """What a test connected to is disconnected after it."""
    with config.override(heartbeat_interval=0.2, dask_timeout=20.0):
        yield
    from mlrun_like.runtimes.dask.links import close_all

    close_all()


@pytest.fixture
def function(shared_cluster: Cluster, tmp_path: Path) -> Callable[..., Any]:
    """Makes a function of code that runs on the shared cluster."""
    return function_maker(tmp_path, shared_cluster.address)


def function_maker(folder: Path, address: str) -> Callable[..., Any]:
    """Makes functions of code for a scheduler."""

    def make(code: str, name: str = "tested", **spec: Any) -> Any:
        path = folder / f"{name.replace('-', '_')}_code_{time.monotonic_ns()}.py"
        path.write_text(code, encoding="utf-8")
        made = ml.code_to_function(name, filename=str(path), kind="dask", handler="handler")
        made.spec.scheduler_address = address
        for key, value in spec.items():
            setattr(made.spec, key, value)
        return made

    return make
