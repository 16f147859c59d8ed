"""The pod of a function, changed by MLRun's methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client as k8s

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, InvalidTypeError


@pytest.fixture
def fn() -> Any:
    """A function without anything."""
    return ml.new_function("f", kind="job", image="reg/f:1")


def test_limits_and_requests(fn: Any) -> None:
    assert fn.with_limits(mem="2Gi", cpu=2, gpus=1) is fn
    fn.with_requests(mem="1Gi")
    fn.with_requests(cpu="500m", patch=True)
    assert fn.spec.resources == {
        "limits": {"memory": "2Gi", "cpu": 2, "nvidia.com/gpu": 1},
        "requests": {"memory": "1Gi", "cpu": "500m"},
    }
    fn.with_limits(gpus=2, gpu_type="amd.com/gpu", patch=True)
    assert fn.spec.resources["limits"]["memory"] == "2Gi"
    fn.with_limits(cpu=1)
    assert fn.spec.resources["limits"] == {"cpu": 1}


def test_node_selection_takes_objects_and_data(fn: Any) -> None:
    term = k8s.V1NodeSelectorTerm(
        match_expressions=[k8s.V1NodeSelectorRequirement(key="a", operator="In", values=["b"])]
    )
    required = k8s.V1NodeSelector(node_selector_terms=[term])
    affinity = k8s.V1Affinity(
        node_affinity=k8s.V1NodeAffinity(
            required_during_scheduling_ignored_during_execution=required
        )
    )
    fn.with_node_selection(
        "n1",
        {"disk": "ssd"},
        affinity,
        [k8s.V1Toleration(key="gpu", operator="Exists", effect="NoSchedule")],
    )
    assert fn.spec.node_name == "n1"
    assert fn.spec.node_selector == {"disk": "ssd"}
    rule = fn.spec.affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert rule["nodeSelectorTerms"][0]["matchExpressions"][0]["operator"] == "In"
    assert fn.spec.tolerations == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    before = dict(fn.spec.affinity)
    fn.with_node_selection(tolerations=[], affinity=before)
    assert fn.spec.tolerations == [] and fn.spec.affinity == before
    assert fn.spec.node_name == "n1"


def test_the_rest(fn: Any) -> None:
    fn.with_preemption_mode("allow").with_priority_class("high")
    fn.with_security_context(k8s.V1SecurityContext(run_as_user=1000, privileged=False))
    fn.set_image_pull_configuration("Always", "login")
    fn.set_state_thresholds({"executing": "2h"})
    fn.set_state_thresholds({"pending_scheduled": "-1"})
    fn.with_annotations({"team.org/owner": 7})
    fn.set_env_from_secret("KEY", "mine").set_env_from_secret("KEY", "other", "k")
    assert fn.spec.preemption_mode == "allow"
    assert fn.spec.priority_class_name == "high"
    assert fn.spec.security_context == {"runAsUser": 1000, "privileged": False}
    assert (fn.spec.image_pull_policy, fn.spec.image_pull_secret) == ("Always", "login")
    assert fn.spec.state_thresholds == {"executing": "2h", "pending_scheduled": "-1"}
    fn.set_state_thresholds({"executing": "3h"}, patch=False)
    assert fn.spec.state_thresholds == {"executing": "3h"}
    assert fn.metadata.annotations == {"team.org/owner": "7"}
    assert fn.spec.env == [
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "other", "key": "k"}}}
    ]
    again = type(fn)(None, document=type(fn._doc()).from_dict(fn.to_dict()))
    assert again.to_dict() == fn.to_dict()


def test_priority_classes_of_the_settings(fn: Any) -> None:
    config.valid_function_priority_class_names = "low, mid"
    config.default_function_priority_class_name = "low"
    assert fn.list_valid_priority_class_names() == ["low", "mid"]
    assert fn.get_default_priority_class_name() == "low"
    fn.with_priority_class()
    assert fn.spec.priority_class_name == "low"
    with pytest.raises(InvalidArgumentError, match=r"'mids' may not be used. Did you mean 'mid'\?"):
        fn.with_priority_class("mids")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.with_limits(mem="1GB"), "mem '1GB' is not a quantity"),
        (lambda f: f.with_limits(mem=True), "mem True is not"),
        (lambda f: f.with_requests(cpu="fast"), "cpu 'fast' is not a quantity"),
        (lambda f: f.with_requests(cpu=-1), "cpu -1 is not a quantity"),
        (lambda f: f.with_limits(gpus=0.5), "gpus 0.5 must be a whole number"),
        (lambda f: f.with_limits(gpus=True), "gpus True must be"),
        (lambda f: f.with_node_selection(node_selector={"a b": "c"}), "label name 'a b'"),
        (lambda f: f.with_node_selection(node_selector=["a"]), "must map labels"),
        (lambda f: f.with_node_selection(node_name="A!"), "cannot be a name"),
        (lambda f: f.with_node_selection(tolerations="gpu"), "must be a list"),
        (lambda f: f.with_node_selection(tolerations=[{"value": "x"}]), "without a key"),
        (lambda f: f.with_node_selection(affinity={"nodeaffinity": {}}), "Did you mean"),
        (lambda f: f.with_preemption_mode("alow"), "Did you mean 'allow'"),
        (lambda f: f.with_preemption_mode(None), "None is unknown"),
        (lambda f: f.with_security_context({"runAsUser": 0, "runAsNonRoot": True}), "cannot have"),
        (lambda f: f.with_security_context(5), "must be a mapping"),
        (lambda f: f.set_image_pull_configuration("Allways"), "Did you mean 'Always'"),
        (lambda f: f.set_state_thresholds({"running": "1h"}), "'running' has no threshold"),
        (lambda f: f.set_state_thresholds({"executing": "soon"}), "'soon' is not a time"),
        (lambda f: f.set_state_thresholds({"executing": "10s"}), "shorter than a minute"),
        (lambda f: f.set_state_thresholds("1h"), "must map states"),
        (lambda f: f.with_annotations({"a b": "c"}), "annotation name 'a b'"),
        (lambda f: f.with_annotations({"a": "x" * 300_000}), "larger than 256 KiB"),
        (lambda f: f.set_env_from_secret("A"), "needs the name of a secret"),
        (lambda f: f.set_env_from_secret("A", "B_C"), "secret 'B_C' cannot be a name"),
    ],
)
def test_mistakes_are_refused_and_change_nothing(
    fn: Any, call: Callable[[Any], Any], message: str
) -> None:
    before = fn.to_dict()
    with pytest.raises(InvalidArgumentError) as caught:
        call(fn)
    assert message in str(caught.value)
    assert fn.to_dict() == before


def test_a_modifier_must_be_callable(fn: Any) -> None:
    with pytest.raises(InvalidTypeError, match="must be callable"):
        fn.apply({"volume": 1})
