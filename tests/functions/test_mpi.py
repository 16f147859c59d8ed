"""Functions of several ranks: what they have besides other functions."""

from __future__ import annotations

from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.mpi import MpiFunction


@pytest.fixture(params=["mpijob", "mpi", "horovod"])
def function(request: pytest.FixtureRequest) -> Any:
    """A function of each name of the kind."""
    function = ml.new_function("train", kind=request.param, image="registry/train:1")
    assert isinstance(function, MpiFunction)
    return function


def test_arguments_of_the_launcher(function: Any) -> None:
    assert function.set_mpi_args(["-x", "NCCL_DEBUG=INFO"]) is function
    function.set_mpi_args(["--bind-to", "none"])
    assert function.spec.mpi_args == ["--bind-to", "none"]
    for wrong in (["-x", 3], "-x A", 3):
        with pytest.raises(InvalidArgumentError):
            function.set_mpi_args(wrong)


def test_hosts(function: Any) -> None:
    assert function.with_hosts("a:2", "b") is function
    assert function.spec.hosts == ["a:2", "b"]
    with pytest.raises(InvalidArgumentError, match="slots 'x'"):
        function.with_hosts("a:x")
    assert function.spec.hosts == ["a:2", "b"]
    assert function.with_hosts().spec.hosts == []


def test_tracing(function: Any) -> None:
    function.with_tracing()
    assert function.get_env("HOROVOD_TIMELINE").endswith("hvd_logs/trace.log")
    assert function.get_env("HOROVOD_TIMELINE_MARK_CYCLES") == "0"
    function.with_tracing("/x/t.json", enable_cycle_markers=True)
    assert function.get_env("HOROVOD_TIMELINE") == "/x/t.json"
    assert function.get_env("HOROVOD_TIMELINE_MARK_CYCLES") == "1"


def test_autotune(function: Any) -> None:
    function.with_autotune(warmup_samples=3, gaussian_process_noise=0.5)
    assert function.get_env("HOROVOD_AUTOTUNE") == "1"
    assert function.get_env("HOROVOD_AUTOTUNE_LOG").endswith("hvd_logs/autotune.csv")
    assert function.get_env("HOROVOD_AUTOTUNE_WARMUP_SAMPLES") == "3"
    assert function.get_env("HOROVOD_AUTOTUNE_GAUSSIAN_PROCESS_NOISE") == "0.5"
    assert not function.is_env_exists("HOROVOD_AUTOTUNE_STEPS_PER_SAMPLE")
    for wrong in (-1, "3", True):
        with pytest.raises(InvalidArgumentError, match="warmup_samples"):
            function.with_autotune(warmup_samples=wrong)


def test_the_document_keeps_it(function: Any) -> None:
    function.spec.replicas, function.spec.clean_pod_policy = 4, "All"
    function.with_hosts("a:4").set_mpi_args(["-x", "A=1"])
    again = ml.new_function(runtime=function.to_dict())
    assert isinstance(again, MpiFunction)
    assert (again.spec.replicas, again.spec.clean_pod_policy) == (4, "All")
    assert (again.spec.hosts, again.spec.mpi_args) == (["a:4"], ["-x", "A=1"])
