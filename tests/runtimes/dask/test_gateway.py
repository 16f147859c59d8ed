"""A cluster of a real Dask Gateway, whose server runs on this machine."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError
from tests.runtimes.dask.conftest import ROOT, function_maker
from tests.servers import free_port, missing

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    try:
        for name in ("dask_gateway", "dask_gateway_server"):
            importlib.import_module(name)
    except ImportError as exc:
        missing(f"dask-gateway and dask-gateway-server: {exc}")
    folder = tmp_path_factory.mktemp("gateway")
    private, public = free_port(), free_port()
    (folder / "config.py").write_text(
        "c.DaskGateway.backend_class = 'dask_gateway_server.backends.local.UnsafeLocalBackend'\n"
        f"c.DaskGateway.address = '127.0.0.1:{private}'\n"
        f"c.Proxy.address = '127.0.0.1:{public}'\n"
        f"c.UnsafeLocalBackend.clusters_directory = {str(folder / 'clusters')!r}\n"
        f"c.ClusterConfig.scheduler_cmd = [{sys.executable!r}, '-m', 'dask', 'scheduler']\n"
        f"c.ClusterConfig.worker_cmd = [{sys.executable!r}, '-m', 'dask', 'worker']\n"
        "c.UnsafeLocalBackend.cluster_heartbeat_period = 1\n"
        "c.UnsafeLocalBackend.inherited_environment = ['PATH', 'PYTHONPATH', 'MLRUN_LIKE_HOME']\n"
    )
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "dask_gateway_server", "-f", str(folder / "config.py")],
            stdout=log,
            stderr=log,
            cwd=folder,
            env={
                **os.environ,
                "PATH": path,
                "PYTHONPATH": ROOT,
                "MLRUN_LIKE_HOME": str(folder / "home"),
            },
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{public}"
    try:
        _wait(f"{address}/api/health", folder / "log")
        yield address
    finally:
        os.killpg(server.pid, signal.SIGINT)  # it ends its clusters
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait(url: str, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_a_cluster_of_the_gateway(gateway: str, tmp_path: Path) -> None:
    made = function_maker(tmp_path, "")(
        "import os\n"
        "def handler(context, dask_client, x: int = 0):\n"
        "    print('on a worker') if x else None\n"
        "    context.log_result('pid', dask_client.submit(os.getpid).result())\n"
        "    return x\n",
        replicas=1,
    )
    with ml.config.override(dask_cluster=f"gateway+{gateway}", dask_timeout=60.0):
        run = made.run(watch=False)
        assert run.outputs["pid"] != os.getpid()
        assert made.cluster().scheduler_address.startswith("gateway://")
        assert _names(gateway) == [made.cluster().name]
        swept = made.run(hyperparams={"x": [1, 2]}, watch=False)
        assert len(swept.status.iterations) == 3
        made.cluster().adapt(1, 1)
        made.close()
    end = time.monotonic() + 20
    while _names(gateway) and time.monotonic() < end:
        time.sleep(0.2)
    assert _names(gateway) == []


def _names(gateway: str) -> list[str]:
    """The clusters there are now."""
    from dask_gateway import Gateway

    client = Gateway(gateway)  # closes itself, and cannot stand to be closed before
    return [str(row.name) for row in client.list_clusters()]


def test_no_gateway(tmp_path: Path) -> None:
    made = function_maker(tmp_path, "")("def handler(): pass\n")
    address = f"gateway+http://127.0.0.1:{free_port()}"
    with (
        ml.config.override(dask_cluster=address),
        pytest.raises(RunError, match="Dask Gateway gave no cluster"),
    ):
        made.run(watch=False)
