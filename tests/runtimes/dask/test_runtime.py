"""Runs whose handler is here and whose tasks are on a cluster."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dask
import pytest

import mlrun_like as ml
from mlrun_like.errors import (
    EngineError,
    InvalidArgumentError,
    PreflightError,
    RunAbortedError,
    RunError,
    RunTimeoutError,
)
from mlrun_like.runtimes.dask.links import link_of
from tests.runtimes.dask.conftest import Cluster, function_maker

pytestmark = pytest.mark.slow

Make = Callable[..., Any]


def test_the_handler_gets_a_client(function: Make, tmp_path: Path) -> None:
    (tmp_path / "helper_of_it.py").write_text("def square(x):\n    return x * x\n")
    made = function(
        "import os\n"
        "from helper_of_it import square\n"
        "def where(x):\n"
        "    print('task', x)\n"
        "    return square(x), os.getpid()\n"
        "def handler(context, dask_client):\n"
        "    assert context.dask_client is dask_client\n"
        "    pairs = dask_client.gather(dask_client.map(where, range(6)))\n"
        "    context.log_result('pids', sorted({pid for _, pid in pairs}))\n"
        "    context.log_result('own', os.getpid())\n"
        "    return sum(square for square, _ in pairs)\n"
    )
    run = made.run(watch=False)
    assert run.outputs["return"] == 55
    assert run.outputs["own"] == os.getpid() and os.getpid() not in run.outputs["pids"]
    text = ml.get_run_db().read_log("default", run.uid()).decode()
    assert "2 workers, 2 threads" in text
    assert all(f"task {n}\n" in text for n in range(6))
    assert run.metadata.labels["kind"] == "dask"


def test_runs_that_overlap_leave_dask_as_it_was(function: Make) -> None:
    made = function(
        "import dask, time\n"
        "def handler(context, first, last):\n"
        "    time.sleep(first)\n"
        "    total = dask.delayed(sum)([1, 2]).compute()\n"
        "    time.sleep(last)\n"
        "    return total\n"
    )

    def run(first: float) -> Any:
        time.sleep(first)  # the first to begin is the first to end
        return made.run(params={"first": 0.5, "last": 0.5}, watch=False).outputs["return"]

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(run, begin) for begin in (0.0, 0.5)]
        time.sleep(1.0)
        assert dask.delayed(sum)([3, 4]).compute() == 7  # here: this thread has no client
        assert [one.result(60) for one in running] == [3, 3]
    assert dask.config.get("scheduler", None) is None
    assert dask.delayed(sum)([3, 4]).compute() == 7


def test_a_live_callable_and_live_parameters(shared_cluster: Cluster) -> None:
    lock = threading.Lock()  # nothing that could travel

    def local(context: ml.MLClientCtx, guard: Any) -> int:
        with guard:
            total: int = context.dask_client.submit(sum, [1, 2, 3]).result()
        return total

    made: Any = ml.new_function("live", kind="dask")
    made.status.scheduler_address = shared_cluster.address.removeprefix("tcp://")  # MLRun's place
    run = made.run(handler=local, params={"guard": lock}, watch=False)
    assert run.outputs["return"] == 6


def test_collections_are_computed_on_the_cluster(function: Make) -> None:
    run = function(
        "import os, dask\n"
        "def handler(context):\n"
        "    pids = dask.compute(*[dask.delayed(os.getpid, pure=False)() for _ in range(4)])\n"
        "    return os.getpid() not in pids, dask.delayed(sum)([1, 2])\n"
    ).run(watch=False, returns=["elsewhere", "lazy"])
    assert run.outputs == {"elsewhere": True, "lazy": 3}


def test_a_run_takes_back_what_it_sent(function: Make, tmp_path: Path) -> None:
    made = function(
        "import os, time\n"
        "def linger(path, number):\n"
        "    while not os.path.exists(path):\n"
        "        time.sleep(0.05)\n"
        "def handler(dask_client, path):\n"
        "    dask_client.map(linger, [path] * 50, range(50))\n"
        "    return 1\n"
    )
    ended = tmp_path / "ended"
    try:
        made.run(params={"path": str(ended)}, watch=False)
        end = time.monotonic() + 10
        while made.client.run_on_scheduler(_lingering) and time.monotonic() < end:
            time.sleep(0.1)
        assert made.client.run_on_scheduler(_lingering) == 0
    finally:
        ended.touch()  # two of them go on in their threads


def _lingering(dask_scheduler: Any = None) -> int:
    return sum(1 for key in dask_scheduler.tasks if str(key).startswith("linger"))


@pytest.mark.parametrize("side", ["client", "worker"])
@pytest.mark.parametrize("swept", [{}, {"hyperparams": {"x": [1, 2]}}])
def test_a_file_that_starts_runs_when_it_is_loaded(
    function: Make, side: str, swept: dict[str, Any]
) -> None:
    made = function(
        "import mlrun_like as ml\n"
        "@ml.function(kind='dask')\n"
        "def handler(x: int = 0):\n"
        "    return x\n"
        "handler.run(watch=False)\n",
        handler_on=side,
    )
    with pytest.raises(RunError, match=r"handler\.run\(\) is called while its file is loaded"):
        made.run(watch=False, **swept)
    assert {run["status"]["state"] for run in ml.get_run_db().list_runs(_query())} == {"error"}


@pytest.mark.parametrize("side", ["client", "worker"])
def test_timeout_and_abort(function: Make, side: str) -> None:
    code = (
        "import time\n"
        "def handler(dask_client):\n"
        "    print('begun')\n"
        "    dask_client.submit(time.sleep, 2, pure=False).result()\n"
        "    while True:\n"
        "        time.sleep(0.05)\n"
    )
    made = function(code, handler_on=side)
    with pytest.raises(RunTimeoutError, match=r"exceeded its timeout of 1 s"):
        made.run(timeout=1, watch=False)
    seen: list[BaseException] = []
    thread = threading.Thread(target=_run, args=(made, seen))
    thread.start()
    store = ml.get_run_db()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = [r for r in store.list_runs(_query()) if r["metadata"]["name"] == "in-thread"]
        if found and b"begun" in store.read_log("default", found[0]["metadata"]["uid"]):
            break
        time.sleep(0.05)
    state = ml.RunObject.from_dict(found[0], store).abort(20)
    thread.join(20)
    assert state == "aborted" and not thread.is_alive()
    assert isinstance(seen[0], RunAbortedError)


def _run(made: Any, seen: list[BaseException]) -> None:
    try:
        made.run(name="in-thread", watch=False)
    except BaseException as exc:  # noqa: BLE001 - the test looks at it
        seen.append(exc)


def _query() -> Any:
    from mlrun_like.tracking.base import RunQuery

    return RunQuery(project="*")


def test_no_scheduler(tmp_path: Path) -> None:
    made = function_maker(tmp_path, "tcp://127.0.0.1:9")("def handler(): pass\n")
    made.spec.scheduler_timeout = "1s"
    start = time.monotonic()
    with pytest.raises(EngineError, match=r"answers at tcp://127.0.0.1:9 within 1 s"):
        link_of(made._doc())
    with pytest.raises((RunError, PreflightError), match=r"answers at tcp://127.0.0.1:9"):
        made.run(watch=False)
    assert time.monotonic() - start < 20
    states = {run["status"]["state"] for run in ml.get_run_db().list_runs(_query())}
    assert states <= {"error"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"scheduler_address": "nowhere"}, "neither a Dask scheduler's address"),
        ({"scheduler_address": "http://x:1"}, "neither a Dask scheduler's address"),
        ({"handler_on": "moon"}, "handler_on 'moon' is unknown"),
        ({"scheduler_timeout": "soon"}, "scheduler_timeout 'soon' is no duration"),
        ({"replicas": 0}, "spec.replicas is 0"),
        ({"min_replicas": 5, "max_replicas": 2}, "min_replicas 5 is more than max_replicas 2"),
    ],
)
def test_what_is_found_before_anything_starts(
    tmp_path: Path, spec: dict[str, Any], message: str
) -> None:
    made = function_maker(tmp_path, "")("def handler(): pass\n", **spec)
    with pytest.raises((PreflightError, InvalidArgumentError), match=message):
        made.run(watch=False)
    assert not ml.get_run_db().list_runs(_query())


@pytest.mark.parametrize("side", ["client", "worker"])
def test_a_scheduler_that_dies(
    own_cluster: Callable[..., Cluster], tmp_path: Path, side: str
) -> None:
    cluster = own_cluster(workers=1, nanny=False)
    made = function_maker(tmp_path, cluster.address)(
        "import time\ndef handler(dask_client):\n    dask_client.submit(time.sleep, 60).result()\n",
        handler_on=side,
    )
    link_of(made._doc()).make_ready(made._doc())
    threading.Timer(1.5, cluster.scheduler.send_signal, [signal.SIGKILL]).start()
    link_of(made._doc()).timeout = 1.0
    with pytest.raises(RunError, match=cluster.address):
        made.run(watch=False)
    run = ml.get_run_db().list_runs(_query())[0]
    assert run["status"]["state"] == "error" and "lost" in run["status"]["error"]


def test_workers_that_do_not_come_and_a_scheduler_gone_silent(
    own_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = own_cluster(workers=0, nanny=False)
    made = function_maker(tmp_path, cluster.address)(
        "import pathlib, time\n"
        "def handler(dask_client, mark=''):\n"
        "    future = dask_client.submit(time.sleep, 60, pure=False)\n"
        "    pathlib.Path(mark).touch()\n"
        "    future.result()\n"
    )

    def run_until(break_it: Callable[[], object]) -> None:
        mark = tmp_path / f"mark-{time.monotonic_ns()}"

        def wait() -> None:
            while not mark.exists():
                time.sleep(0.02)
            time.sleep(0.5)
            break_it()

        threading.Thread(target=wait).start()
        made.run(params={"mark": str(mark)}, watch=False)

    link = link_of(made._doc())
    link.timeout = 1.0
    with pytest.raises(RunError, match=f"{cluster.address} has no workers after 1 s"):
        made.run(watch=False)
    link.timeout = 60.0
    worker = cluster.add_worker()
    link.make_ready(made._doc())
    link.timeout = 1.0
    with pytest.raises(RunError, match="has no workers left") as caught:
        run_until(worker.kill)
    assert "lost: tcp://127.0.0.1" in str(caught.value)
    link.timeout = 60.0
    cluster.add_worker()
    link.make_ready(made._doc())
    link.timeout = 1.0
    with pytest.raises(RunError, match=f"{cluster.address} does not answer"):
        run_until(lambda: cluster.scheduler.send_signal(signal.SIGSTOP))
