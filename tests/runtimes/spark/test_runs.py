from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import PreflightError, RunError
from mlrun_like.functions.creators import code_to_function
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from tests.spark_servers import SparkCluster, light, need_spark

pytestmark = pytest.mark.slow

STORY = """
import helpers
import pandas as pd
from pyspark.sql import DataFrame, SparkSession


def story(context, session: SparkSession, table: DataFrame, factor: int = 2):
    from pyspark.sql import functions as F
    same = [session is context.spark, session is SparkSession.builder.getOrCreate()]
    context.log_result("one_session", all(same))
    context.log_result("name", session.sparkContext.appName)
    scaled = table.withColumn("price", F.udf(lambda x: helpers.scale(x, factor), "double")("price"))
    totals = scaled.groupBy("city").agg(F.sum("price").alias("total"), F.max("seen").alias("seen"))
    context.log_dataset("by_city", totals, label_column="total", partition_by="city")
    print("the driver says hello")
    return scaled


def plain(spark):
    return spark.range(5).count()
"""

WORKERS = """
import time
import helpers


def spread(context, spark, seconds: float = 0.0):
    def work(rows):
        time.sleep(seconds)
        return [helpers.scale(row, 2) for row in rows]
    context.log_result("started", 1, commit=True)
    return sum(spark.sparkContext.parallelize(range(4), 2).mapPartitions(work).collect())
"""


def function(folder: Path, code: str, handler: str, master: str, **options: Any) -> Any:
    (folder / "helpers.py").write_text("def scale(x, factor):\n    return x * factor\n")
    path = folder / f"{handler}_code.py"
    path.write_text(code)
    found = code_to_function(
        f"spark-{handler}", filename=path, kind="spark", handler=handler, **options
    )
    return light(found, master)


def test_the_whole_story_on_this_machine(tmp_path: Path) -> None:
    """A Spark run reads a store artifact, transforms it, logs data sets that pandas reads."""
    need_spark()
    table = pd.DataFrame({
        "city": ["a", "b", "a", "c"] * 3,
        "price": [1.0, 2.0, 3.0, 4.0] * 3,
        "seen": pd.date_range("2024-01-01", periods=12).astype("datetime64[ns]"),
    })  # fmt: skip
    made = ml.new_function("make", project="spark-story").run(
        handler=lambda: table, returns=["table"], watch=False
    )
    uri = made.outputs["table"]
    run = function(tmp_path, STORY, "story", "local[2]").run(
        inputs={"table": uri}, params={"factor": 10}, returns=["scaled"], project="spark-story",
        watch=False,
    )  # fmt: skip
    status = run.status
    assert status.results["one_session"] is True
    assert status.results["name"] == "spark-story-story"
    found = run.artifact("by_city")
    frame = found.as_df().sort_values("city").reset_index(drop=True)
    assert frame.total.tolist() == [120.0, 60.0, 120.0]
    assert frame.city.astype(str).tolist() == ["a", "b", "c"]
    assert len(run.artifact("scaled").as_df()) == 12
    spec = found.meta.spec
    assert spec.length == 3 and spec.size > 0 and len(spec.digest) == 64
    assert {"city", "total"} <= set(spec.header) and len(spec.preview) == 3
    assert spec.stats["total"]["max"] == 120.0
    assert sorted(path.name for path in Path(spec.target_path).glob("city=*")) == [
        "city=a",
        "city=b",
        "city=c",
    ]
    store = open_store()
    log = store.read_log("spark-story", run.metadata.uid).decode()
    assert "the driver says hello" in log
    assert "INFO" not in log and "NativeCodeLoader" not in log
    assert spec.sources == [{"name": "table", "path": uri}]
    assert spec.producer["uri"] == f"spark-story/{run.metadata.uid}"


def test_code_reaches_the_executors(tmp_path: Path, cluster: SparkCluster) -> None:
    with config.override(spark_master_ui=cluster.page):
        run = function(tmp_path, WORKERS, "spread", cluster.master).run(watch=False)
    assert run.status.results["return"] == 12
    done = cluster.wait(lambda state: state["completedapps"])
    assert done["completedapps"][0]["name"] == "spark-spread-spread"


def test_an_abort_ends_driver_and_executors(tmp_path: Path, cluster: SparkCluster) -> None:
    spread = function(tmp_path, WORKERS, "spread", cluster.master)
    errors: list[BaseException] = []

    def submit() -> None:
        try:
            spread.run(params={"seconds": 60.0}, name="to-abort", watch=False)
        except RunError as exc:
            errors.append(exc)

    thread = threading.Thread(target=submit)
    thread.start()
    cluster.wait(lambda state: any(app["cores"] > 0 for app in state["activeapps"]))
    wait_for(lambda: _record("to-abort")["status"].get("results"))
    ml.RunObject.from_dict(_record("to-abort"), open_store()).abort(30)
    thread.join(30)
    assert not thread.is_alive() and "aborted" in str(errors[0])
    assert _record("to-abort")["status"]["state"] == "aborted"
    state = cluster.wait(lambda state: not state["activeapps"] and not state["coresused"], 15)
    assert state["aliveworkers"] == 1


def test_a_worker_that_is_lost_is_named(tmp_path: Path) -> None:
    from tests.spark_servers import spark_cluster

    with spark_cluster(tmp_path) as cluster, config.override(spark_patience=2.0):
        worker = cluster.add_worker()
        spread = function(tmp_path, WORKERS, "spread", cluster.master)

        def strike() -> None:
            cluster.wait(lambda state: any(app["cores"] > 0 for app in state["activeapps"]))
            wait_for(lambda: _record("to-lose")["status"].get("results"))
            time.sleep(1)  # the tasks are on their way
            cluster.kill(worker)

        thread = threading.Thread(target=strike)
        thread.start()
        with pytest.raises(RunError) as info:
            spread.run(params={"seconds": 60.0}, name="to-lose", watch=False)
        thread.join()
    text = str(info.value)
    assert "the executors on 127.0.0.1 were lost" in text, text
    assert "no living worker" in text
    assert _record("to-lose")["status"]["state"] == "error"


SUBMIT = """
import sys
import mlrun_like as ml
ml.config.home = sys.argv[1]
ml.import_function(sys.argv[2]).run(name="orphan", watch=False)
"""


def test_a_driver_ends_with_its_submitter(tmp_path: Path) -> None:
    need_spark()
    code = "import time\n\ndef sleepy():\n    print('on', flush=True)\n    time.sleep(300)\n"
    document = tmp_path / "function.yaml"
    function(tmp_path, code, "sleepy", "local[1]").export(str(document))
    command = [sys.executable, "-c", SUBMIT, config.home, str(document)]
    submitter = subprocess.Popen(command, cwd=tmp_path, start_new_session=True)
    try:
        driver = wait_for(lambda: _record("orphan")["status"].get("pid"))
        parent = int(Path(f"/proc/{driver}/stat").read_text().rpartition(")")[2].split()[1])
        assert b"SparkSubmit" in Path(f"/proc/{parent}/cmdline").read_bytes()
    finally:
        submitter.kill()
        submitter.wait()
    wait_for(lambda: not Path(f"/proc/{driver}").exists(), 30)
    wait_for(lambda: not Path(f"/proc/{parent}").exists(), 30)


def test_what_no_worker_can_hold_is_told_before_anything_starts(
    tmp_path: Path, cluster: SparkCluster
) -> None:
    spread = function(tmp_path, WORKERS, "spread", cluster.master)
    spread.with_executor_requests(mem="8g")
    with config.override(spark_master_ui=cluster.page):
        start = time.monotonic()
        with pytest.raises(PreflightError, match="can hold an executor of 8 GiB"):
            spread.run(watch=False)
        assert time.monotonic() - start < 2
    # without the page's address the driver asks the master for it
    with pytest.raises(RunError, match="Spark would wait for ever") as info:
        spread.run(watch=False)
    assert 'with_executor_requests(mem="1024m"' in str(info.value)


def _record(name: str) -> dict[str, Any]:
    found = open_store().list_runs(RunQuery(project="*", name=name))
    return found[0] if found else {"status": {}}


def wait_for(check: Any, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not seen within {seconds:g} s")
