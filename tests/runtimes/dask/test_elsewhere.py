"""Handlers on workers: of this machine, of another disk; clusters that are made and end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, RunError
from tests.runtimes.dask.conftest import ROOT, Cluster, function_maker

pytestmark = pytest.mark.slow

Make = Callable[..., Any]
CODE = (
    "import os\n"
    "import pandas as pd\n"
    "def handler(context, dask_client, table, x: int = 1):\n"
    "    print('größe', x)\n"
    "    context.log_metric('loss', 0.5, step=3)\n"
    "    context.log_artifact('text', body='grüße', local_path='t.txt')\n"
    "    context.log_dataset('frame', pd.DataFrame({'n': range(5)}))\n"
    "    context.log_model('model', body=b'weights', model_file='m.bin')\n"
    "    context.log_result('pid', os.getpid())\n"
    "    context.log_result('secret', len(context.get_secret('KEY') or ''))\n"
    "    context.log_result('level', os.environ.get('LEVEL', ''))\n"
    "    context.log_result('home', os.path.isdir(context.artifact_path))\n"
    "    return len(table.get()) + dask_client.submit(len, [1, 2]).result()\n"
)


@pytest.fixture
def foreign(own_cluster: Callable[..., Cluster], home: Path, tmp_path: Path) -> Cluster:
    """A worker that does not see the submitter's home folder."""
    hide = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$1" && shift && exec "$@"', "sh")
    probe = subprocess.run([*hide, str(home), "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"a mount namespace is not allowed here: {probe.stderr.decode()}")
    cluster = own_cluster(workers=0)
    cluster.nanny = False
    cluster.add_worker(prefix=(*hide, str(home)))
    return cluster


def test_a_worker_of_another_disk(foreign: Cluster, tmp_path: Path) -> None:
    for swept in (False, True):
        _whole(foreign, tmp_path, swept)
    _cut(foreign, tmp_path)


def _whole(foreign: Cluster, tmp_path: Path, swept: bool) -> None:
    source = ml.new_function("first").run(
        handler=lambda context: context.log_artifact("in", body="12345", local_path="in.txt"),
        artifact_path=str(tmp_path / "seen-by-both"),
        watch=False,
    )
    made = function_maker(tmp_path, foreign.address)(CODE, handler_on="worker")
    made.set_env("LEVEL", "7")
    task = ml.new_task().with_secrets("inline", {"KEY": "abc"})
    options = {"hyperparams": {"x": [4]}} if swept else {"params": {"x": 4}}
    run = made.run(task, inputs={"table": source.outputs["in"]}, watch=False, **options)
    store = ml.get_run_db()
    child = store.read_run("default", run.uid(), int(swept))
    results = child["status"]["results"]
    assert results["return"] == 7 and results["secret"] == 3 and results["level"] == "7"
    assert results["pid"] != os.getpid()
    documents = {key: ml.get_dataitem(uri) for key, uri in child["status"]["artifact_uris"].items()}
    assert documents["text"].get() == "grüße".encode()
    assert list(documents["frame"].as_df()["n"]) == [0, 1, 2, 3, 4]
    text: Any = documents["text"].meta
    assert str(config.path()) in text.target_path
    model_file, _, _ = ml.get_model(child["status"]["artifact_uris"]["model"])
    assert Path(model_file).read_bytes() == b"weights"
    spec = (Path(model_file).parent / "model_spec.yaml").read_text()
    assert "outbox" not in spec and str(config.path()) in spec
    assert "outbox" not in str(child)
    points = store.read_metrics("default", run.uid(), int(swept))
    assert [(p.value, p.step) for p in points["loss"]] == [(0.5, 3)]
    assert "größe 4" in store.read_log("default", run.uid()).decode()


def _cut(foreign: Cluster, tmp_path: Path) -> None:
    made = function_maker(tmp_path, foreign.address)(
        "import time\n"
        "def handler(context):\n"
        "    context.log_result('begun', True, commit=True)\n"
        "    print('begun')\n"
        "    while True:\n"
        "        time.sleep(0.05)\n",
        handler_on="worker",
    )
    with pytest.raises(RunError, match="exceeded its timeout of 1 s"):
        made.run(timeout=1, watch=False)


SCRIPT = """
import os, sys
import mlrun_like as ml

@ml.function(kind="dask")
def handler(dask_client):
    return sorted(dask_client.run(os.getpid).values())

handler.spec.replicas = 1
handler.with_worker_limits(mem="600Mi")
handler.set_env("OF_THE_FUNCTION", "yes")
first = handler.run(watch=False)
second = handler.run(watch=False)
assert first.outputs == second.outputs
assert list(handler.client.run(os.getenv, "OF_THE_FUNCTION").values()) == ["yes"]
info = handler.client.scheduler_info()["workers"].values()
assert [row["memory_limit"] for row in info] == [600 * 2**20]
assert handler.cluster().dashboard_link.startswith("http://127.0.0.1:")
sys.stdout.write(" ".join(map(str, first.outputs["return"])))
sys.exit(int(sys.argv[1]))
"""


def test_a_script_without_guard_leaves_nothing(tmp_path: Path) -> None:
    code = 3
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(code)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "MLRUN_LIKE_HOME": str(tmp_path / "home"), "PYTHONPATH": ROOT},
    )
    assert (done.returncode, done.stderr) == (code, "")
    pids = [int(text) for text in done.stdout.split()]
    assert pids
    end = time.monotonic() + 10
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(psutil.pid_exists, pids))


def test_a_cluster_of_this_machine_grows_and_ends(tmp_path: Path) -> None:
    made = function_maker(tmp_path, "")(
        "import time\n"
        "def handler(dask_client):\n"
        "    dask_client.gather(dask_client.map(time.sleep, [0.2] * 8, pure=False))\n"
        "    return len(dask_client.nthreads())\n",
        min_replicas=0,
        max_replicas=2,
    )
    assert not made.initialized
    assert made.run(watch=False).outputs["return"] in (1, 2)
    assert made.initialized
    cluster = made.cluster()
    cluster.scale(1)
    made.client.wait_for_workers(1, timeout=30)
    cluster.adapt(1, 1)
    with pytest.raises(EngineError, match="does not answer"):
        cluster._ask({"nonsense": 1}, 10)
    made.spec.min_replicas = made.spec.max_replicas = None
    made.spec.replicas, made.spec.nthreads = 1, 2  # a changed function gets another cluster
    assert list(made.client.nthreads().values()) == [2]
    assert made.cluster().scheduler_address != cluster.scheduler_address
    made.close()
    assert not made.initialized
    made.close()


def test_changed_code_replaces_the_old_one(function: Make) -> None:
    for number in (1, 2):
        made = function(
            f"def number():\n    return {number}\n"
            "def handler(dask_client):\n"
            "    return dask_client.submit(number, pure=False).result()\n"
        )
        assert made.run(watch=False).outputs["return"] == number
