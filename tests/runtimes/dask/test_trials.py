"""Sweeps whose trials are tasks of a cluster."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import NotFoundError, PreflightError, RunAbortedError, RunError
from mlrun_like.runtimes.dask.links import link_of
from mlrun_like.tracking.base import RunQuery
from tests.runtimes.dask.conftest import Cluster, function_maker

pytestmark = pytest.mark.slow

Make = Callable[..., Any]
PARABOLA = (
    "import os, time\n"
    "def handler(context, x: int, pause: float = 0.0):\n"
    "    print('trial', x)\n"
    "    time.sleep(pause)\n"
    "    context.log_result('y', -(x - 3) ** 2)\n"
    "    context.log_result('pid', os.getpid())\n"
    "    context.log_metric('loss', x, step=1)\n"
    "    context.log_artifact('note', body=f'x={x}', local_path='note.txt')\n"
)


def test_all_that_a_trial_records(function: Make) -> None:
    run = function(PARABOLA).run(
        hyperparams={"x": list(range(24))},
        hyper_param_options=ml.HyperParamOptions(selector="max.y"),
        watch=False,
    )
    assert run.outputs["best_iteration"] == 4 and run.outputs["y"] == 0
    header, *rows = run.status.iterations
    assert [row[header.index("iter")] for row in rows] == list(range(1, 25))
    pids = {row[header.index("output.pid")] for row in rows}
    assert os.getpid() not in pids and len(pids) == 2
    store = ml.get_run_db()
    for iteration in (1, 24):
        child = store.read_run("default", run.uid(), iteration)
        assert child["status"]["state"] == "completed"
        assert child["status"]["end_time"] >= child["status"]["start_time"]
        assert child["spec"]["parameters"] == {"x": iteration - 1}
        points = store.read_metrics("default", run.uid(), iteration)
        assert [(p.value, p.step) for p in points["loss"]] == [(iteration - 1, 1)]
        uses = store.lineage("default", run.uid())
        assert uses
    note = run.artifact("note")
    assert note is not None and note.get() == b"x=3"
    log = store.read_log("default", run.uid()).decode()
    assert all(f"trial {x}\n" in log for x in range(24))


def test_failed_trials(function: Make) -> None:
    made = function(
        "def handler(context, x):\n"
        "    if x % 5 == 0:\n"
        "        raise ValueError(f'not {x}')\n"
        "    return x\n"
    )
    run = made.run(hyperparams={"x": [0, 1, 2, 3, 4, 5, 6]}, watch=False)
    assert run.status.state == "completed"
    assert run.status.status_text == "2 of 7 trials failed"
    child = ml.get_run_db().read_run("default", run.uid(), 1)
    assert child["status"]["error"] == "ValueError: not 0"
    assert "raise ValueError" in child["status"]["traceback"]
    options = ml.HyperParamOptions(max_errors=1, parallel_runs=1)
    with pytest.raises(RunError, match="2 of 7 trials failed"):
        made.run(
            hyperparams={"x": [0, 1, 2, 3, 4, 6, 5, 7, 8]}, hyper_param_options=options, watch=False
        )


def test_a_stop_condition_withdraws_what_has_not_begun(function: Make) -> None:
    run = function(PARABOLA).run(
        params={"pause": 0.05},
        hyperparams={"x": list(range(200))},
        hyper_param_options=ml.HyperParamOptions(selector="max.y", stop_condition="y == 0"),
        watch=False,
    )
    assert run.outputs["y"] == 0
    assert 4 <= len(run.status.iterations) - 1 <= 40


SHORT = (
    "import time\n"
    "from distributed import get_worker\n"
    "def handler(context, x: int, long: int = 1000, ask: bool = False):\n"
    "    print('trial', x)\n"
    "    time.sleep(0.25 if x >= long else 0.001)\n"
    "    context.log_result('x', x)\n"
    "    context.log_result('task', str(get_worker().get_current_task()))\n"
    "    if ask:\n"
    "        context.log_result('two', context.dask_client.submit(len, [1, 2]).result())\n"
    "    if x == 50:\n"
    "        raise ValueError('not this one')\n"
)


def _by_task(run: Any) -> dict[str, list[int]]:
    header, *rows = run.status.iterations
    found: dict[str, list[int]] = {}
    for row in rows:
        task, x = row[header.index("output.task")], row[header.index("output.x")]
        found.setdefault(task, []).append(x)
    return found


def test_short_trials_share_tasks(function: Make) -> None:
    run = function(SHORT).run(
        params={"long": 140}, hyperparams={"x": list(range(146))}, watch=False
    )
    assert run.status.status_text == "1 of 146 trials failed"
    tasks = _by_task(run)
    assert sorted(x for xs in tasks.values() for x in xs) == list(range(146))
    assert len(tasks) < 100 and max(map(len, tasks.values())) > 2
    for xs in tasks.values():  # a failed one and a long one are a task's last
        assert xs == sorted(xs) and 50 not in xs[:-1] and sum(x >= 140 for x in xs) <= 1
    lines = ml.get_run_db().read_log("default", run.uid()).decode().splitlines()
    printed = [int(line.split()[1]) for line in lines if line.startswith("trial ") and
               "failed" not in line]  # fmt: skip
    assert sorted(printed) == list(range(146))
    for xs in tasks.values():
        assert [x for x in printed if x in xs] == xs
    asked = function(SHORT).run(
        params={"ask": True}, hyperparams={"x": list(range(40))}, watch=False
    )
    assert all(len(xs) == 1 for xs in _by_task(asked).values())


def test_a_stop_condition_among_short_trials(function: Make) -> None:
    run = function(SHORT).run(
        hyperparams={"x": list(range(60, 860))},
        hyper_param_options=ml.HyperParamOptions(stop_condition="x == 160"),
        watch=False,
    )
    seen = [x for xs in _by_task(run).values() for x in xs]
    assert 160 in seen and 60 <= len(seen) < 600
    (last,) = (xs for xs in _by_task(run).values() if 160 in xs)
    assert last[-1] == 160


def test_parallel_runs_is_a_limit(function: Make, tmp_path: Path) -> None:
    made = function(
        "import os, time, uuid\n"
        "def handler(folder, x):\n"
        "    path = os.path.join(folder, uuid.uuid4().hex)\n"
        "    open(path, 'w').close()\n"
        "    time.sleep(0.1)\n"
        "    count = len(os.listdir(folder))\n"
        "    os.remove(path)\n"
        "    return count\n"
    )
    (tmp_path / "marks").mkdir()
    run = made.run(
        params={"folder": str(tmp_path / "marks")},
        hyperparams={"x": list(range(6))},
        hyper_param_options=ml.HyperParamOptions(parallel_runs=1),
        watch=False,
    )
    header, *rows = run.status.iterations
    assert {row[header.index("output.return")] for row in rows} == {1}


def test_live_parameters_and_handlers_travel(shared_cluster: Cluster) -> None:
    offset = 7

    def local(context: ml.MLClientCtx, x: int, table: Any) -> None:
        context.log_result("sum", int(table["a"].sum()) + x + offset)

    import pandas as pd

    made = ml.new_function("live-sweep", kind="dask")
    made.spec.scheduler_address = shared_cluster.address
    run = made.run(
        handler=local,
        params={"table": pd.DataFrame({"a": [1, 2]})},
        hyperparams={"x": [10, 20]},
        hyper_param_options=ml.HyperParamOptions(selector="max.sum"),
        watch=False,
    )
    assert run.outputs["sum"] == 30


@pytest.mark.parametrize("teardown", [False, True])
def test_any_function_on_a_dask_function_s_cluster(
    function: Make, tmp_path: Path, teardown: bool
) -> None:
    owner = function("def handler(): pass\n", name="owner")
    uri = owner.save(versioned=False)
    path = tmp_path / "plain.py"
    path.write_text(PARABOLA)
    plain = ml.code_to_function("plain", filename=str(path), kind="local", handler="handler")
    run = plain.run(
        hyperparams={"x": [1, 2, 3, 4]},
        hyper_param_options=ml.HyperParamOptions(
            selector="max.y", dask_cluster_uri=f"db://{uri}", teardown_dask=teardown
        ),
        watch=False,
    )
    assert run.outputs["y"] == 0 and run.outputs["pid"] != os.getpid()
    assert owner.initialized is not teardown


def test_a_scheduler_s_address_as_cluster(shared_cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "plain.py"
    path.write_text(PARABOLA)
    plain = ml.code_to_function("plain", filename=str(path), kind="local", handler="handler")
    options = ml.HyperParamOptions(dask_cluster_uri=shared_cluster.address)
    run = plain.run(hyperparams={"x": [3]}, hyper_param_options=options, watch=False)
    assert len(run.status.iterations) == 2
    with pytest.raises((NotFoundError, PreflightError, RunError), match="nobody"):
        plain.run(
            hyperparams={"x": [3]},
            hyper_param_options=ml.HyperParamOptions(dask_cluster_uri="db://default/nobody"),
            watch=False,
        )


def test_abort(function: Make) -> None:
    made = function(PARABOLA)
    seen: list[BaseException] = []

    def run() -> None:
        try:
            made.run(
                name="long", params={"pause": 0.3}, hyperparams={"x": list(range(100))}, watch=False
            )
        except BaseException as exc:  # noqa: BLE001 - the test looks at it
            seen.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    store = ml.get_run_db()
    query = RunQuery(project="*", name="long", iterations=True)
    end = time.monotonic() + 20
    while len(store.list_runs(query)) < 4 and time.monotonic() < end:
        time.sleep(0.05)
    parent = store.read_run("default", store.list_runs(query)[0]["metadata"]["uid"])
    assert ml.RunObject.from_dict(parent, store).abort(20) == "aborted"
    thread.join(20)
    assert isinstance(seen[0], RunAbortedError)
    store.flush()
    states = {row["status"]["state"] for row in store.list_runs(query)}
    assert states == {"completed", "aborted"}


def test_a_worker_that_dies_is_made_up_for(
    own_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = own_cluster(workers=2, nanny=False)
    made = function_maker(tmp_path, cluster.address)(PARABOLA)
    made.client.wait_for_workers(2, timeout=30)
    pids = made.client.run(os.getpid)
    victim = min(pids.values())
    threading.Timer(1.0, os.kill, [victim, signal.SIGKILL]).start()
    run = made.run(params={"pause": 0.1}, hyperparams={"x": list(range(40))}, watch=False)
    header, *rows = run.status.iterations
    assert len(rows) == 40
    assert {row[header.index("state")] for row in rows} == {"completed"}
    log = ml.get_run_db().read_log("default", run.uid())
    assert b"was lost with" in log


def test_what_kills_its_workers_is_named(
    own_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = own_cluster(workers=1)
    made = function_maker(tmp_path, cluster.address)(
        "import os\ndef handler(x):\n    if x == 30:\n        os._exit(9)\n    return x\n"
    )
    run = made.run(hyperparams={"x": list(range(1, 41))}, watch=False)
    child = ml.get_run_db().read_run("default", run.uid(), 30)
    assert child["status"]["state"] == "error"
    assert "was tried on 2 workers" in child["status"]["error"]
    assert run.status.status_text == "1 of 40 trials failed"
    task = function_maker(tmp_path, cluster.address)(
        "import os\n"
        "def suicide(x):\n"
        "    os._exit(3)\n"
        "def handler(dask_client):\n"
        "    return dask_client.submit(suicide, 1).result()\n"
    )
    with pytest.raises(RunError, match=r"task 'suicide-\w+' was tried on 2 workers") as caught:
        task.run(name="named", watch=False)
    assert "tcp://127.0.0.1" in str(caught.value) and "memory" in str(caught.value)
    store = ml.get_run_db()
    (record,) = store.list_runs(RunQuery(name="named"))
    assert b"was lost with 1 tasks on it" in store.read_log("default", record["metadata"]["uid"])


def test_a_cluster_that_goes_ends_the_sweep(
    own_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = own_cluster(workers=1, nanny=False)
    made = function_maker(tmp_path, cluster.address)(PARABOLA)
    made.client.wait_for_workers(1, timeout=30)
    store = ml.get_run_db()

    def kill_after_a_trial() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            rows = store.list_runs(RunQuery(iterations=True))
            if any(row["metadata"].get("iteration") for row in rows):
                break
            time.sleep(0.1)
        cluster.scheduler.kill()

    threading.Thread(target=kill_after_a_trial).start()
    link_of(made._doc()).timeout = 1.0
    with pytest.raises(RunError, match=cluster.address):
        made.run(params={"pause": 0.2}, hyperparams={"x": list(range(100))}, watch=False)
    states = {row["status"]["state"] for row in store.list_runs(RunQuery(iterations=True))}
    assert "running" not in states and "error" in states
