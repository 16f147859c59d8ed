from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.spark.conf import (
    core_count,
    gpus_of,
    jvm_memory,
    jvm_memory_bytes,
    master_of,
    properties,
)
from mlrun_like.specs.function import FunctionDoc, FunctionSpec


def doc(**spec: Any) -> FunctionDoc:
    return FunctionDoc(kind="spark", spec=FunctionSpec(**spec))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("512m", "512m"), ("4G", "4g"), ("1gb", "1g"), ("2Gi", "2g"), ("100k", "100k"), ("1T", "1t")],
)
def test_memory_in_both_notations(given: str, wanted: str) -> None:
    assert jvm_memory(given) == wanted


@pytest.mark.parametrize(
    "text",
    ["1.5g", "512", "", "0g", "-1g", "1 g", "g", "1e3m", "5q", 512, None, True, b"1g", "1g\n"],
)
def test_memory_that_the_jvm_does_not_know(text: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="JVM's notation") as info:
        jvm_memory(text)
    assert "1536m" in info.value.fix


@given(st.text(max_size=12))
def test_any_text_is_memory_or_refused(text: str) -> None:
    try:
        size = jvm_memory_bytes(text)
    except InvalidArgumentError:
        return
    assert size > 0 and size % 1024 == 0


@pytest.mark.parametrize(("value", "cores"), [("500m", 1), (1, 1), ("1.5", 2), (4, 4), ("3", 3)])
def test_a_task_takes_a_whole_core(value: Any, cores: int) -> None:
    assert core_count(value) == cores


def test_resources_become_properties() -> None:
    found = properties(
        doc(
            executor_resources={"requests": {"memory": "2g", "cpu": "1500m"}},
            driver_resources={"requests": {"mem": "1g"}},
            driver_java_options="-Da=b",
            hadoop_conf={"fs.s3a.path.style.access": True},
        ),
        "local[2]",
    )
    assert found == {
        "spark.driver.memory": "1g",
        "spark.executor.memory": "2g",
        "spark.executor.cores": "2",
        "spark.driver.extraJavaOptions": "-Da=b",
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }


def test_executors_of_a_standalone_master_are_counted_in_cores() -> None:
    found = properties(doc(replicas=3, executor_cores=2), "spark://h:1")
    assert found["spark.cores.max"] == "6"
    assert "spark.executor.instances" not in found


def test_pods_get_requests_limits_devices_and_nodes() -> None:
    found = properties(
        doc(
            image="r/i:1",
            replicas=2,
            executor_resources={
                "requests": {"cpu": "500m"},
                "limits": {"cpu": 2, "nvidia.com/gpu": 1},
            },
            driver_node_selector={"disk": "ssd"},
            service_account="spark",
        ),
        "k8s://https://host",
    )
    assert found["spark.executor.instances"] == "2"
    assert found["spark.kubernetes.executor.request.cores"] == "500m"
    assert found["spark.kubernetes.executor.limit.cores"] == "2"
    assert found["spark.executor.resource.gpu.amount"] == "1"
    assert found["spark.executor.resource.gpu.vendor"] == "nvidia.com"
    assert found["spark.kubernetes.driver.node.selector.disk"] == "ssd"
    assert found["spark.kubernetes.container.image"] == "r/i:1"
    assert found["spark.kubernetes.authenticate.driver.serviceAccountName"] == "spark"


def test_dynamic_allocation() -> None:
    given = {"enabled": True, "minExecutors": 0, "maxExecutors": 4}
    found = properties(doc(dynamic_allocation=given), "spark://h:1")
    assert found["spark.dynamicAllocation.enabled"] == "true"
    assert found["spark.dynamicAllocation.minExecutors"] == "0"
    assert found["spark.dynamicAllocation.shuffleTracking.enabled"] == "true"
    assert "spark.dynamicAllocation.initialExecutors" not in found
    assert not properties(doc(dynamic_allocation={"enabled": False}), "spark://h:1")
    with pytest.raises(InvalidArgumentError, match="'min'"):
        properties(doc(dynamic_allocation={"min": 1}), "spark://h:1")


def test_the_users_own_properties_win() -> None:
    spec = {
        "executor_resources": {"requests": {"memory": "2g"}},
        "spark_conf": {"spark.executor.memory": "3g", "spark.ui.enabled": False},
    }
    found = properties(doc(**spec), "local[1]")
    assert found["spark.executor.memory"] == "3g"
    assert found["spark.ui.enabled"] == "false"


def test_a_property_that_spark_would_ignore_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"'fs\.s3a\.endpoint'") as info:
        properties(doc(spark_conf={"fs.s3a.endpoint": "x"}), "local[1]")
    assert "hadoop_conf" in info.value.fix


def test_one_kind_of_device() -> None:
    assert gpus_of({"limits": {"cpu": 2, "amd.com/gpu": 0}}) == ("", 0)
    with pytest.raises(InvalidArgumentError, match="one kind"):
        gpus_of({"limits": {"nvidia.com/gpu": 1, "amd.com/gpu": 1}})


def test_where_the_master_comes_from() -> None:
    assert master_of(doc()) == ""
    with config.override(spark_master="spark://setting:1"):
        assert master_of(doc()) == "spark://setting:1"
        assert master_of(doc(spark_conf={"spark.master": "local[3]"})) == "local[3]"
        assert master_of(doc(spark_master="local[2]")) == "local[2]"
