from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, InvalidArgumentError
from mlrun_like.functions.creators import new_function
from mlrun_like.functions.spark import SparkFunction
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.spark.checks import check_definition
from mlrun_like.runtimes.spark.runtime import SparkRuntime
from mlrun_like.specs.run import RunDoc, RunMetadata
from tests.runtimes.spark.test_master import Page, page
from tests.servers import free_port

__all__ = ["page"]


def function(name: str = "f", **spec: Any) -> SparkFunction[..., Any]:
    found = new_function(name=name, kind="spark", command="f.py")
    assert isinstance(found, SparkFunction)
    found.spec.spark_master = "local[1]"
    for key, value in spec.items():
        setattr(found.spec, key, value)
    return found


def check(found: SparkFunction[..., Any], name: str = "f") -> list[Finding]:
    run = RunDoc(metadata=RunMetadata(name=name, uid="u", project="default"))
    return list(SparkRuntime().check(found._doc(), run))


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    assert found[0].fix
    return found[0]


def test_nothing_is_wrong() -> None:
    assert check(function()) == []


@pytest.mark.parametrize(
    ("spec", "code", "text"),
    [
        ({"spark_master": "spork://h:1"}, "spark-master", "spork"),
        ({"spark_master": "local[x]"}, "spark-master", "local"),
        ({"spark_master": "spark://h"}, "spark-master", "host and port"),
        ({"spark_master": "k8s://https://h"}, "image-missing", "image"),
        ({"executor_resources": {"requests": {"memory": "1.5g"}}}, "spark-conf", "1.5g"),
        ({"driver_cores": "many"}, "spark-conf", "many"),
        ({"spark_conf": {"fs.x": 1}}, "spark-conf", "fs.x"),
        ({"deps": {"jarz": ["a"]}}, "spark-deps", "jarz"),
        ({"deps": {"jars": ["/no/such.jar"]}}, "file-missing", "/no/such.jar"),
        ({"deps": {"pyFiles": ["none.zip"]}}, "file-missing", "none.zip"),
        ({"executor_resources": {"limits": {"a/x": 1, "b/y": 1}}}, "spark-gpus", "one kind"),
        ({"driver_resources": {"requests": {"memory": "9999999g"}}}, "memory-large", "GiB"),
    ],
)
def test_mistakes_in_the_function(spec: dict[str, Any], code: str, text: str) -> None:
    found = only(check(function(**spec)))
    assert found.code == code
    assert text in found.what


def test_pods_do_not_see_files_of_this_machine() -> None:
    document = function(deps={"jars": ["a.jar", "local:///opt/b.jar"]})._doc()
    (found,) = check_definition(document, "")
    assert found.code == "file-not-shipped" and "a.jar" in found.what


def test_a_driver_in_a_pod_is_an_application() -> None:
    conf = {"spark.submit.deployMode": "cluster"}
    found = only(check(function(spark_master="k8s://https://h", image="i:1", spark_conf=conf)))
    assert found.code == "spark-deploy-mode" and "kubeconfig" in found.fix


def test_files_of_an_image_and_urls_are_not_looked_for() -> None:
    assert check(function(deps={"jars": ["local:///opt/a.jar", "https://h/a.jar"]})) == []


def test_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    found = only(check(function()))
    assert found.code == "java-missing" and str(tmp_path) in found.what
    assert "apt-get install" in found.fix


def test_old_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("")
    (tmp_path / "release").write_text('JAVA_VERSION="1.8.0_412"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    found = only(check(function()))
    assert found.code == "java-old" and "Java 8" in found.what


def test_a_master_that_nobody_hears() -> None:
    found = only(check(function(spark_master=f"spark://127.0.0.1:{free_port()}")))
    assert found.code == "spark-master-unreachable"


def test_a_master_without_room_or_with_another_version(page: Page) -> None:
    port = int(page.url.rpartition(":")[2])
    url = f"spark://127.0.0.1:{port}"
    worker = {"host": "w1", "cores": 1, "memory": 512, "state": "ALIVE"}
    page.json = json.dumps({"url": url, "workers": [worker]}).encode()
    with config.override(spark_master_ui=page.url):
        found = only(check(function(spark_master=url)))
        assert found.code == "spark-no-room" and "w1 has 512 MiB" in found.what
        page.html = b'<span class="version">2.4.8</span> Spark Master at x'
        codes = [row.code for row in check(function(spark_master=url))]
        assert codes == ["spark-version-differs", "spark-no-room"]
        page.json = json.dumps({"url": url, "workers": [{**worker, "memory": 4096}]}).encode()
        page.html = b""
        assert check(function(spark_master=url)) == []


# -- the methods of the function ------------------------------------------------------------


def test_methods_fill_the_document() -> None:
    found = (
        function()
        .with_executor_requests(mem="2g", cpu=2)
        .with_executor_limits(cpu=3, gpus=1)
        .with_driver_requests(mem="1Gi")
        .with_driver_limits(cpu="1500m")
        .with_cores(executor_cores=2, driver_cores=1)
        .with_dynamic_allocation(1, 4, 2)
        .with_restart_policy("OnFailure", retries=2)
        .with_driver_node_selection(node_selector={"disk": "ssd"})
        .with_executor_node_selection(tolerations=[{"key": "x", "operator": "Exists"}])
        .with_driver_preemption_mode("prevent")
        .with_executor_preemption_mode("allow")
        .with_executor_host_path_volume("/data", "/mnt/data")
        .with_spark_service("spark://h:7077")
        .disable_monitoring()
    )
    spec = found.spec
    assert spec.executor_resources == {
        "requests": {"memory": "2g", "cpu": 2},
        "limits": {"cpu": 3, "nvidia.com/gpu": 1},
    }
    assert spec.driver_resources["requests"] == {"memory": "1g"}
    assert (spec.executor_cores, spec.driver_cores) == (2, 1)
    assert spec.dynamic_allocation == {
        "enabled": True,
        "minExecutors": 1,
        "maxExecutors": 4,
        "initialExecutors": 2,
    }
    assert spec.restart_policy["retries"] == 2 and spec.restart_policy["type"] == "OnFailure"
    assert spec.driver_node_selector == {"disk": "ssd"}
    assert spec.executor_volume_mounts == [{"name": "host-path-volume", "mountPath": "/mnt/data"}]
    assert spec.volumes == [{"name": "host-path-volume", "hostPath": {"path": "/data"}}]
    assert spec.spark_master == "spark://h:7077"
    assert spec.monitoring == {"enabled": False}


def test_a_patch_keeps_what_is_not_given() -> None:
    found = function().with_executor_requests(mem="2g", cpu=2).with_executor_requests(cpu=1)
    assert found.spec.executor_resources["requests"] == {"cpu": 1}
    found.with_executor_requests(mem="4g", patch=True)
    assert found.spec.executor_resources["requests"] == {"cpu": 1, "memory": "4g"}


@pytest.mark.parametrize(
    "method",
    ["with_limits", "with_requests", "with_node_selection", "with_preemption_mode", "gpus"],
)
def test_methods_of_other_kinds_name_their_own(method: str) -> None:
    with pytest.raises(FunctionError) as info:
        getattr(function(), method)("x")
    assert "driver" in info.value.fix and "executor" in info.value.fix


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("with_executor_requests", {"mem": "lots"}),
        ("with_executor_requests", {"cpu": "x"}),
        ("with_executor_limits", {"gpus": -1}),
        ("with_cores", {"executor_cores": 0}),
        ("with_cores", {"driver_cores": 1.5}),
        ("with_dynamic_allocation", {"min_executors": 3, "max_executors": 1}),
        ("with_dynamic_allocation", {"min_executors": -1}),
        ("with_dynamic_allocation", {"initial_executors": 9, "max_executors": 4}),
        ("with_restart_policy", {"restart_type": "Sometimes"}),
        ("with_restart_policy", {"retry_interval": 0}),
        ("with_driver_preemption_mode", {"mode": "maybe"}),
        ("with_driver_host_path_volume", {"host_path": "data", "mount_path": "/x"}),
        ("with_driver_host_path_volume", {"host_path": "/d", "mount_path": "/x:y"}),
        ("with_driver_node_selection", {"tolerations": [{"keys": "x"}]}),
        ("with_spark_service", {"spark_service": "my-service"}),
        ("with_spark_service", {"spark_service": "spark://h:1", "with_v3io_mount": True}),
    ],
)
def test_wrong_values(method: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as info:
        getattr(function(), method)(**arguments)
    assert info.value.fix


def test_a_nodes_name_is_not_for_spark() -> None:
    with pytest.raises(FunctionError, match="node_name"):
        function().with_driver_node_selection(node_name="n1")
