"""A function's document to the options that it runs with on one machine."""

from __future__ import annotations

from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, PreflightError
from mlrun_like.functions.nuclio import NuclioFunction
from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.reading.option_values import seconds
from mlrun_like.gateway.reading.options import options_of, read_options
from mlrun_like.runtimes.nuclio.triggers import CronTrigger


def function(**options: Any) -> NuclioFunction:
    fn = ml.new_function("f", project="p", kind="nuclio", **options)
    assert isinstance(fn, NuclioFunction)
    return fn.with_code(body="def handler(context, event):\n    return 1\n")


def test_nothing_said_is_the_default() -> None:
    assert read_options(function()._doc()) == (Options(), [])


def test_what_nuclio_says() -> None:
    fn = function().with_http(
        workers=4, port=9000, host="a.example", paths=["/x"], worker_timeout=5
    )
    fn.add_trigger("tick", CronTrigger(interval="10s"))
    fn.set_config("spec.eventTimeout", "90s").set_config("spec.minReplicas", 1)
    fn.set_config("spec.maxReplicas", 3)
    fn.spec.readiness_timeout = 20
    fn.spec.resources = {"limits": {"memory": "512Mi", "cpu": "500m"}}
    fn.spec.build.requirements = ["numpy", "pandas>=2"]
    fn.spec.build.commands = ["python -m pip install scipy"]
    fn.set_env("A", "1")
    found, notes = read_options(fn._doc())
    assert (found.min_replicas, found.max_replicas) == (4, 12)
    assert (found.port, found.hosts, found.paths) == (9000, ("a.example",), ("/x",))
    assert (found.queue_timeout, found.request_timeout, found.start_timeout) == (5.0, 90.0, 20.0)
    assert (found.memory, found.cpu) == (512 << 20, 0.5)
    assert found.requirements == ("numpy", "pandas>=2", "scipy")
    assert found.env == {"A": "1"} and list(found.triggers) == ["tick"]
    assert notes == []


def test_cors_and_bodies() -> None:
    cors = {"enabled": True, "allowOrigins": ["*"]}
    extra = {"cors": cors, "maxRequestBodySize": 1000}
    found = options_of(function().with_http(extra_attributes=extra)._doc())
    assert (found.cors, found.max_body) == (cors, 1000)


def test_what_a_cluster_has_is_told() -> None:
    fn = function(image="repo/x:1")
    fn.spec.node_selector = {"zone": "a"}
    fn.spec.security_context = {"runAsUser": 1}
    fn.spec.resources = {"requests": {"memory": "1Gi"}, "limits": {"nvidia.com/gpu": 1}}
    fn.set_config("spec.platform.attributes.mountMode", "volume")
    fn.spec.build.commands = ["apt-get install -y x"]
    found, notes = read_options(fn._doc())
    assert found == Options()
    for word in ("node_selector", "security_context", "requests", "gpu", "platform", "apt-get"):
        assert any(word in note for note in notes), (word, notes)


def test_everything_wrong_at_once_with_its_place() -> None:
    fn = function().set_config("spec.eventTimeout", "soon").set_config("spec.minReplicas", 9)
    fn.set_config("spec.maxReplicas", 2).set_config("spec.triggers.t", {"kind": "cron"})
    fn.spec.resources = {"limits": {"memory": "much"}}
    fn.spec.nuclio_runtime = "golang"
    with pytest.raises(PreflightError) as caught:
        read_options(fn._doc(), {"queue": -1, "idel_timeout": 3})
    text = str(caught.value)
    for word in (
        "eventTimeout", "min_replicas (9)", "schedule", "much", "golang", "queue", "-1",
        "idle_timeout",
    ):  # fmt: skip
        assert word in text, word
    assert len(caught.value.findings) == 7


def test_secrets_are_values_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    fn = function().set_env("PASSWORD", "top\0secret")
    with pytest.raises(PreflightError) as caught:
        read_options(fn._doc())
    assert "PASSWORD" in str(caught.value) and "secret" not in str(caught.value)
    with pytest.raises(PreflightError) as caught:
        read_options(function()._doc(), {"env": "hidden=1"})
    assert "hidden" not in str(caught.value)


def test_options_of_the_gateway_travel_with_the_function() -> None:
    fn = function().with_gateway(idle_timeout="5m", smoke=["/health"], audit=0.5)
    fn.with_auth(callers={"anna": "a-token"}, scopes={"anna": ["invoke:GET"]})
    found = options_of(fn.to_dict())
    assert (found.idle_timeout, found.audit) == (300.0, 0.5)
    assert found.smoke == ({"path": "/health"},)
    caller = found.auth["callers"][0]
    assert caller["name"] == "anna" and "a-token" not in fn.to_yaml()
    assert options_of(fn.with_gateway(audit=None)._doc()).audit == 0
    with pytest.raises(InvalidArgumentError, match="idle_timeout"):
        fn.with_gateway(idle_timout=1, queue="x")
    with pytest.raises(InvalidArgumentError, match="no secret"):
        fn.with_auth(callers={"a": ""})
    with pytest.raises(InvalidArgumentError, match="does not exist"):
        fn.with_auth("magic")


@pytest.mark.parametrize("text", ["{", "[]", "5", "[" * 50_000])
def test_a_broken_annotation(text: str) -> None:
    fn = function()
    fn.metadata.annotations["mlrun-like/gateway"] = text
    with pytest.raises(PreflightError, match="JSON"):
        options_of(fn._doc())


def test_an_application() -> None:
    fn = ml.new_function("board", kind="application", command="python app.py --x 1")
    found = options_of(fn._doc())
    assert found.command == ("python", "app.py", "--x", "1")
    assert (found.internal_port, found.min_replicas) == (8050, 1)
    with pytest.raises(PreflightError, match="neither a command"):
        options_of(ml.new_function("board", kind="application")._doc())


@pytest.mark.parametrize("value", ["", "x", "-1s", "1d", None, True, float("nan"), float("inf")])
def test_what_is_no_time(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        seconds(value)


def test_extra_options_win() -> None:
    fn = function().with_gateway(queue=5).set_env("A", "1").set_env("B", "1")
    found = options_of(fn._doc(), {"queue": 7, "env": {"A": "2"}})
    assert found.queue == 7 and found.env == {"A": "2", "B": "1"}


def test_a_function_without_http() -> None:
    fn = function()
    fn.disable_default_http_trigger()
    assert options_of(fn._doc()).no_http == 1
    fn.with_http(workers=2)
    assert options_of(fn._doc()).no_http == 0
