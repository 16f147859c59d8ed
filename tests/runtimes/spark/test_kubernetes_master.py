"""A k8s:// master: Spark's own client asks an API server for executors."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from mlrun_like.names import new_uid
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.spark.runtime import SparkRuntime
from mlrun_like.specs.function import (
    EntryPoint,
    EntryPointParameter,
    FunctionDoc,
    FunctionMetadata,
    FunctionSpec,
)
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.connect import open_store
from tests.kubernetes_api import Cluster
from tests.spark_servers import LIGHT_JVM, need_spark

pytestmark = pytest.mark.slow

CODE = """
def handler(spark):
    return spark.range(10).count()
"""


def test_executors_are_asked_for_and_go_with_an_abort(tmp_path: Path) -> None:
    need_spark()
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder, validate=False)
    cluster.faults.scripts = ["unschedulable"] * 20
    job = _job(cluster)
    runtime = SparkRuntime()
    assert not list(runtime.check(job.function, job.run))
    done: list[RunDoc] = []
    thread = threading.Thread(target=lambda: done.append(runtime.launch(job)))
    thread.start()
    try:
        executors = cluster.wait_for(lambda: cluster.all("pods", **{"spark-role": "executor"}), 120)
        job.store.set_run_state("default", job.run.metadata.uid, 0, "aborting", "")
        thread.join(60)
    finally:
        cluster.close()
    (container,) = executors[0]["spec"]["containers"]
    assert container["image"] == "team/spark:1"
    assert container["resources"]["requests"]["cpu"] == "500m"
    names = {row["name"]: row.get("value") for row in container["env"]}
    assert names["SPARK_EXECUTOR_MEMORY"] == "512m" and names["LEVEL"] == "3"
    assert not thread.is_alive() and done[0].status.state == "aborted"


def _job(cluster: Cluster) -> Job:
    doc = FunctionDoc(
        kind="spark",
        metadata=FunctionMetadata(name="f", project="default"),
        spec=FunctionSpec(
            image="team/spark:1",
            default_handler="handler",
            replicas=2,
            env=[{"name": "LEVEL", "value": "3"}],
            spark_master=f"k8s://{cluster.url}",
            driver_java_options=LIGHT_JVM,
            executor_resources={"requests": {"memory": "512m", "cpu": "500m"}},
            spark_conf={"spark.ui.enabled": False, "spark.driver.host": "127.0.0.1"},
        ),
    )
    doc.spec.entry_points["handler"] = EntryPoint(
        name="handler", parameters=[EntryPointParameter(name="spark")]
    )
    doc.spec.build.functionSourceCode = base64.b64encode(CODE.encode()).decode()
    run = RunDoc(
        metadata=RunMetadata(name="r", uid=new_uid(), project="default"),
        spec=RunSpec(handler="handler"),
    )
    return Job(function=doc, run=run, store=open_store())
