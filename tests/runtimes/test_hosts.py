"""Three hosts (network namespaces): a Dask cluster and MPI runs cross them, and one is cut off."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config, environment_copy
from mlrun_like.runtimes.dask.links import close_all
from mlrun_like.runtimes.mpi.findings import find
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import RunQuery, Store
from mlrun_like.tracking.connect import close_stores, open_store
from tests.hosts import Hosts, three_hosts
from tests.runtimes.mpi.conftest import Ranks
from tests.servers import missing

pytestmark = pytest.mark.slow

LOST_AFTER = 2.0


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    """Three hosts for all tests; each test leaves them joined."""
    with three_hosts() as hosts:
        yield hosts


@pytest.fixture(params=["mpirun", "spawn"])
def ranks(request: pytest.FixtureRequest, hosts: Hosts) -> Iterator[Ranks]:
    """Runs of one rank on each host."""
    if request.param == "mpirun" and not shutil.which("mpirun"):
        missing("no mpirun is installed (Debian package 'openmpi-bin')")
    with config.override(mpi_launch_agent=hosts.agent, mpi_lost_after=LOST_AFTER):
        yield Ranks(open_store(), request.param)
    for host in hosts:
        host.join()
    close_stores()


def _everywhere(hosts: Hosts, by: str = "name") -> dict[str, Any]:
    return {"hosts": [f"{getattr(host, by)}:1" for host in hosts], "replicas": 3}


def _nothing_is_left(hosts: Hosts, among: list[int]) -> None:
    end = time.monotonic() + 15
    while time.monotonic() < end:
        if not any(hosts[number].pids() for number in among):
            return
        time.sleep(0.1)
    left = {hosts[number].name: hosts[number].pids() for number in among}
    raise AssertionError(f"still running: {left}")


def test_a_run_crosses_them(ranks: Ranks, hosts: Hosts) -> None:
    run = ranks.run(
        """
        import socket
        def handler(context, rank):
            context.log_result("at", socket.gethostname())
            print("on", socket.gethostname())
            return rank
        """,
        _everywhere(hosts),
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results == {"at": hosts[0].name, "return": 0}
    marks = ["", "[1] ", "[2] "]
    expected = sorted(f"{m}on {h.name}" for m, h in zip(marks, hosts, strict=True))
    assert sorted(ranks.log(run).splitlines()) == expected
    assert ranks.stored(run)["status"]["state"] == "completed"
    _nothing_is_left(hosts, [0, 1, 2])


def test_ranks_reach_each_other(ranks: Ranks, hosts: Hosts) -> None:
    pytest.importorskip("torch")
    code = """
    import torch, torch.distributed as dist
    def handler(rank):
        dist.init_process_group("gloo")
        value = torch.tensor([rank + 1.0])
        dist.all_reduce(value)
        return float(value)
    """
    if ranks.launcher == "mpirun":
        pytest.importorskip("mpi4py")
        code = "def handler(comm):\n    return float(comm.allreduce(comm.rank + 1))\n"
    run = ranks.run(code, _everywhere(hosts, "address"))
    assert run.status.results == {"return": 6.0}, run.status.error


def test_a_failing_rank_is_named_with_its_host(ranks: Ranks, hosts: Hosts) -> None:
    run = ranks.run(
        """
        import time
        def handler(rank):
            if rank == 2:
                raise KeyError("column")
            time.sleep(60)
        """,
        _everywhere(hosts),
    )
    assert run.status.error == f"rank 2 on host {hosts[2].name} failed: KeyError: 'column'"
    _nothing_is_left(hosts, [0, 1, 2])


def test_a_host_that_is_cut_off_is_named(ranks: Ranks, hosts: Hosts) -> None:
    by = "name" if ranks.launcher == "mpirun" else "address"
    job, wait = ranks.start(
        """
        import time
        def handler(context):
            context.log_result("begun", True, commit=True)
            print("up", flush=True)
            time.sleep(120)
        """,
        _everywhere(hosts, by),
    )
    for mark in ("[1] up", "[2] up"):
        ranks.wait_log(job, mark)
    time.sleep(0.5)
    begin = time.monotonic()
    hosts[1].cut_off()
    run = wait()
    assert time.monotonic() - begin < LOST_AFTER + 8
    assert run.status.state == "error"
    name = getattr(hosts[1], by)
    assert str(run.status.error).startswith(f"host {name} does not answer any more: rank 1 there")
    stored = ranks.stored(run)
    assert stored["status"]["state"] in TERMINAL
    assert stored["status"]["results"] == {"begun": True}
    _nothing_is_left(hosts, [0, 2])
    _nothing_is_left(hosts, [1])  # it notices, too, that it is alone


def test_a_retry_goes_on_with_the_hosts_that_are_left(ranks: Ranks, hosts: Hosts) -> None:
    if ranks.launcher == "mpirun":
        pytest.skip("what starts the ranks makes no difference")
    code = """
    import time
    def handler(context, world_size, checkpoint):
        start = 0 if checkpoint.step is None else checkpoint.step + 1
        print("from", start, "with", world_size, flush=True)
        for step in range(start, 3):
            with checkpoint.save(step) as folder:
                (folder / "step").write_text(str(step))
            if checkpoint.attempt == 1:
                print("saved", step, flush=True)
                time.sleep(60)
        return [start, world_size]
    """
    job, wait = ranks.start(code, _everywhere(hosts), retry={"count": 1, "backoff": 0.1})
    ranks.wait_log(job, "\nsaved 0" if not ranks.log(job).startswith("saved") else "saved 0")
    time.sleep(0.5)
    hosts[2].cut_off()
    run = wait()
    assert run.status.state == "completed", run.status.error
    assert run.status.results == {"return": [1, 2]}
    assert hosts[2].name in run.status.attempts[0]["error"]


def test_a_host_that_cannot_be_reached_is_found_before(ranks: Ranks, hosts: Hosts) -> None:
    if ranks.launcher == "mpirun":
        pytest.skip("what starts the ranks makes no difference")
    hosts[0].cut_off()
    job = ranks.job("def handler():\n    pass\n", _everywhere(hosts))
    job.function.spec.hosts.append("nobody-has-this-name")
    begin = time.monotonic()
    found = {item.what.split("'")[1]: item for item in find(job.function, job.run)}
    assert time.monotonic() - begin < 3
    assert set(found) == {hosts[0].name, "nobody-has-this-name"}
    assert all(item.code == "host-unreachable" and item.fix for item in found.values())


DASK = """
import socket, time

def work(n):
    time.sleep(0.3)
    return n, socket.gethostname()

def handler(context, dask_client):
    futures = dask_client.map(work, range(40), pure=False)
    while sum(future.done() for future in futures) < 6:
        time.sleep(0.05)
    print("on the way", flush=True)
    rows = dask_client.gather(futures)
    context.log_result("numbers", [row[0] for row in rows])
    context.log_result("hosts", sorted({row[1] for row in rows}))
"""


def test_dask_finishes_on_the_hosts_that_are_left(hosts: Hosts, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "code.py").write_text(DASK)
    file, log = tmp_path / "scheduler.json", tmp_path / "dask.log"
    quick = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "3s"}
    command = [sys.executable, "-m", "dask"]
    with log.open("ab") as output:
        scheduler = subprocess.Popen(
            [
                *(*command, "scheduler", "--host", hosts.address, "--port", "0"),
                *("--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(file)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**environment_copy(), **quick},
        )
    workers = []
    try:
        _wait_for(file.exists)
        for host in hosts:
            options = ["--scheduler-file", str(file), "--nthreads", "2", "--no-nanny"]
            options += ["--name", host.name, "--local-directory", str(tmp_path / host.name)]
            options += ["--dashboard-address", "127.0.0.1:0"]
            workers.append(host.start(*command, "worker", *options, log=log))
        _wait_for(lambda: log.read_bytes().count(b"Registered to") == 3)
        function = ml.code_to_function(
            "spread", filename=str(tmp_path / "code.py"), kind="dask", handler="handler"
        )
        function.spec.scheduler_address = json.loads(file.read_text())["address"]
        done: list[Any] = []
        thread = threading.Thread(
            target=lambda: done.append(function.run(name="spread", watch=False))
        )
        thread.start()
        store = open_store()
        _wait_for(lambda: _dask_log(store).endswith("on the way\n"))
        hosts[1].cut_off()
        thread.join(60)
        (run,) = done
        assert run.status.state == "completed"
        assert run.outputs["numbers"] == list(range(40))
        assert set(run.outputs["hosts"]) <= {host.name for host in hosts}
        assert len(run.outputs["hosts"]) >= 2
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait(10)
        hosts[1].join()
        close_all()
        close_stores()


def _dask_log(store: Store) -> str:
    store.flush()
    runs = store.list_runs(RunQuery(project="*", name="spread"))
    if not runs:
        return ""
    meta = runs[0]["metadata"]
    return store.read_log(meta["project"], meta["uid"]).decode()


def _wait_for(check: Any, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "not seen in time"
        time.sleep(0.05)
