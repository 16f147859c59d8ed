"""What a function that runs elsewhere says when it is asked for what is here."""

from __future__ import annotations

from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.cli.deploy import _elsewhere
from mlrun_like.errors import EngineError, InvalidArgumentError

CODE = "def handler(context, event):\n    return 1\n"


@pytest.fixture
def function() -> Any:
    return ml.new_function("f", project="p", kind="nuclio").with_code(body=CODE)


@pytest.mark.parametrize(
    ("call", "command"),
    [("logs", "kubectl logs deployment/p-f"), ("wait_until_ready", "kubectl rollout status")],
)
def test_a_function_in_a_cluster_names_the_command(function: Any, call: str, command: str) -> None:
    function._doc().status = {
        "target": "kubernetes", "kubernetes_name": "p-f", "kubernetes_namespace": "mine",
    }  # fmt: skip
    with pytest.raises(EngineError) as found:
        getattr(function, call)()
    assert command in found.value.fix and "--namespace mine" in found.value.fix


def test_options_of_the_command_reach_a_cluster(function: Any) -> None:
    extra = {"env": {"LEVEL": "3"}, "min_replicas": 2, "max_replicas": 4, "idle_timeout": "5m"}
    with pytest.raises(InvalidArgumentError, match="no image"):
        _elsewhere(function, "kubernetes", extra, {"weight": 10.0, "header": "", "shadow": None})
    assert (function.spec.min_replicas, function.spec.max_replicas) == (2, 4)
    assert function._doc().spec.env[0]["name"] == "LEVEL"
    assert "5m" in function.metadata.annotations["mlrun-like/gateway"]
    with pytest.raises(InvalidArgumentError, match="shadow"):
        _elsewhere(function, "kubernetes", {}, {"shadow": 10.0})
