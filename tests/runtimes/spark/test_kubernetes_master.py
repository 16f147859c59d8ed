"""A k8s:// master: Spark's own client asks an API server for executors."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.names import new_uid
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.spark.runtime import SparkRuntime
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.connect import open_store
from tests.kubernetes_api import Cluster
from tests.spark_servers import LIGHT_JVM, need_spark

pytestmark = pytest.mark.slow

CODE = """
def handler(context, spark):
    context.log_result("master", spark.sparkContext.master)
    return spark.sparkContext.getConf().get("spark.executor.instances")
"""


def test_executors_are_asked_for(tmp_path: Path) -> None:
    need_spark()
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder, validate=False)
    try:
        run, requests = _run(cluster)
    finally:
        cluster.close()
    assert run.status.state == "completed", run.status
    assert run.status.results["master"] == f"k8s://{cluster.url}"
    assert run.status.results["return"] == "2"
    assert any(row.startswith("POST") and "/pods" in row for row in requests), requests


def _run(cluster: Cluster) -> tuple[RunDoc, list[str]]:
    doc = FunctionDoc(
        kind="spark",
        metadata=FunctionMetadata(name="f", project="default"),
        spec=FunctionSpec(
            image="team/spark:1",
            default_handler="handler",
            replicas=2,
            spark_master=f"k8s://{cluster.url}",
            driver_java_options=LIGHT_JVM,
            executor_resources={"requests": {"memory": "512m", "cpu": "500m"}},
        ),
    )
    conf: dict[str, Any] = {
        "spark.ui.enabled": False,
        "spark.kubernetes.executor.podNamePrefix": "f",
        "spark.driver.host": "127.0.0.1",
        "spark.scheduler.minRegisteredResourcesRatio": 0,
        "spark.scheduler.maxRegisteredResourcesWaitingTime": "1s",
    }
    doc.spec.spark_conf = conf
    doc.spec.build.functionSourceCode = base64.b64encode(CODE.encode()).decode()
    run = RunDoc(
        metadata=RunMetadata(name="r", uid=new_uid(), project="default"),
        spec=RunSpec(handler="handler"),
    )
    job = Job(function=doc, run=run, store=open_store())
    runtime = SparkRuntime()
    assert not [row for row in runtime.check(doc, run) if row.code != "cluster"]
    finished = runtime.launch(job)
    open_store().flush()
    return finished, list(cluster.requests)
