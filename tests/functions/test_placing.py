"""What stands in for a cluster, and who is told."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.functions.placing import choose_runtime
from mlrun_like.runtimes.kubernetes import access
from mlrun_like.specs.function import FunctionDoc


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cluster is configured."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(access, "_default_file", lambda: tmp_path / "none")
    monkeypatch.setattr(access, "_in_pod", lambda: False)


def job(**spec: object) -> FunctionDoc:
    """A function of kind job."""
    return FunctionDoc.from_dict({"kind": "job", "metadata": {"name": "f"}, "spec": spec})


def test_a_job_that_asks_for_no_cluster_runs_here_without_a_word() -> None:
    large = {"limits": {"memory": "2Gi", "nvidia.com/gpu": None}, "requests": {"cpu": "25m"}}
    none = {"limits": {"nvidia.com/gpu": 0}, "requests": None}
    for spec in ({}, {"image": "mlrun/mlrun"}, {"resources": large}, {"resources": none}):
        runtime, notices = choose_runtime(job(**spec))
        assert (runtime.kind, notices) == ("process", [])


@pytest.mark.parametrize(
    "spec",
    [{"node_selector": {"gpu": "yes"}}, {"node_name": "n1"}, {"volumes": [{"name": "v"}]},
     {"affinity": {"nodeAffinity": {}}}, {"tolerations": [{"key": "a"}]},
     {"service_account": "me"}, {"priority_class_name": "high"},
     {"resources": {"limits": {"nvidia.com/gpu": 1}}},
     {"resources": {"requests": {"amd.com/gpu": "2"}}}],
)  # fmt: skip
def test_a_function_that_speaks_of_pods_is_told(spec: dict[str, object]) -> None:
    runtime, notices = choose_runtime(job(**spec))
    assert runtime.kind == "process" and "'f' (kind 'job') runs with kind 'process'" in notices[0]


@pytest.mark.parametrize("name", ["kubernetes_context", "kubernetes_namespace"])
def test_settings_that_speak_of_a_cluster_are_told(name: str) -> None:
    with config.override(**{name: "prod"}):
        assert choose_runtime(job())[1]


def test_who_forces_it_is_told_and_who_forbids_it_gets_an_error() -> None:
    with config.override(force_run_local="true"):
        assert "force_run_local is on" in choose_runtime(job())[1][0]
    with pytest.raises(ml.errors.EngineError, match="cannot be used"):
        choose_runtime(job(), local=False)
