"""Services as objects: strict schemas, no secret, the same text again, a place for each option."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

import mlrun_like as ml
from mlrun_like.errors import FunctionError, InvalidArgumentError
from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.manifests.form import ServiceForm
from mlrun_like.gateway.manifests.hiding import shown_options
from mlrun_like.gateway.manifests.places import PLACES
from tests.kubernetes_api import check_schema
from tests.kubernetes_services import check_custom

Make = Callable[..., Any]
_ADDED = ("keda.sh/v1alpha1", "http.keda.sh/v1alpha1", "gateway.networking.k8s.io/v1")


def _by_kind(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["kind"]: item for item in objects}


def _container(objects: list[dict[str, Any]]) -> dict[str, Any]:
    found = _by_kind(objects)["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert isinstance(found, dict)
    return found


def _checked(function: Any, **form: Any) -> Any:
    """The manifest, each of its objects checked strictly, also as YAML."""
    found = function.to_manifest(**form)
    assert list(yaml.safe_load_all(str(found))) == list(found)
    for item in found:
        check_custom(item) if item["apiVersion"] in _ADDED else check_schema(item)
    assert str(function.to_manifest(**form)) == str(found)
    return found


def _full(make: Make) -> Any:
    """A function that asks for nearly everything."""
    fn = make()
    fn.with_http(workers=1, host="a.org", paths=["/x", "/y"], secret="a-org-tls", worker_timeout=7)
    fn.set_env("API_TOKEN", "sekret-value")
    fn.set_env("LEVEL", "3")
    fn.set_env_from_secret("KEY", "vault", "key")
    fn.with_limits(mem="512Mi", cpu="1")
    fn.spec.min_replicas, fn.spec.max_replicas = 2, 6
    fn.with_node_selection(node_selector={"disk": "ssd"})
    sasl = {"enable": True, "user": "me", "password": "very-secret", "mechanism": "SCRAM-SHA-512"}
    kafka = {"brokers": ["k:9092"], "topics": ["orders", "returns"], "consumerGroup": "g",
             "sasl": sasl}  # fmt: skip
    fn.add_trigger("orders", {"kind": "kafka-cluster", "attributes": kafka})
    rabbit = {"exchangeName": "x", "queueName": "q"}
    fn.add_trigger(
        "rb", {"kind": "rabbit-mq", "url": "amqp://me:hidden-word@r:5672", "attributes": rabbit}
    )
    fn.add_trigger("tick", ml.CronTrigger(interval="15m", body="go") if hasattr(ml, "CronTrigger")
                   else {"kind": "cron", "attributes": {"interval": "15m"}})  # fmt: skip
    return fn


FORMS: list[dict[str, Any]] = [
    {},
    {"scaler": "hpa", "metrics": {"requests_per_second": 12.5}, "network_policy": True},
    {"scaler": "keda"},
    {"scaler": "none"},
    {"gateway": "infra/main", "canary": 12.5},
    {"ingress_class": "nginx", "canary": 10},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_objects_are_valid_and_hold_no_secret(make: Make, form: dict[str, Any]) -> None:
    text = str(_checked(_full(make), **form))
    for secret in ("sekret-value", "very-secret", "hidden-word"):
        assert secret not in text
    name = "shop-hello-canary-env" if form.get("canary") else "shop-hello-env"
    assert f"# once before: kubectl create secret generic {name} --from-literal=API_TOKEN" in text


def test_a_small_function(make: Make) -> None:
    objects = _checked(make(), scaler="none")
    assert [item["kind"] for item in objects] == ["ConfigMap", "Service", "Deployment"]
    container = _container(objects)
    assert container["command"] == ["python3", "-m", "mlrun_like.gateway.standalone"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    pod = _by_kind(objects)["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == 1000
    assert pod["automountServiceAccountToken"] is False
    mounts = {row["mountPath"]: row for row in container["volumeMounts"]}
    assert mounts["/mlrun-like/function"]["readOnly"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/health"


def test_what_the_function_asks_for(make: Make) -> None:
    objects = _full(make).to_manifest()
    container = _container(objects)
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
    env = {row["name"]: row for row in container["env"]}
    assert env["LEVEL"]["value"] == "3"
    assert env["API_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == "shop-hello-env"
    assert env["KEY"]["valueFrom"]["secretKeyRef"] == {"name": "vault", "key": "key"}
    found = _by_kind(objects)
    assert found["Deployment"]["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert found["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    rule = found["Ingress"]["spec"]["rules"][0]
    assert rule["host"] == "a.org"
    assert [row["path"] for row in rule["http"]["paths"]] == ["/x", "/y"]
    assert found["Ingress"]["spec"]["tls"] == [{"hosts": ["a.org"], "secretName": "a-org-tls"}]
    assert found["CronJob"]["spec"]["schedule"] == "*/15 * * * *"


def test_the_container_gets_the_options_back(make: Make) -> None:
    fn = _full(make)
    objects = fn.to_manifest()
    data = json.loads(_by_kind(objects)["ConfigMap"]["data"]["options.json"])
    options = shown_options(data, objects.service.secrets)
    assert options.triggers["orders"]["attributes"]["sasl"]["password"] == "very-secret"
    assert options.triggers["rb"]["url"] == "amqp://me:hidden-word@r:5672"
    assert options.queue_timeout == 7
    assert sorted(options.triggers) == ["orders", "rb"], "a CronJob is the clock, not each pod"
    with pytest.raises(ml.errors.ConfigError, match="TRIGGER_ORDERS_SASL_PASSWORD is not set"):
        shown_options(data, {})


def test_another_secret_starts_other_pods_and_is_not_told(make: Make) -> None:
    def mark(value: str) -> str:
        fn = make()
        fn.set_env("API_TOKEN", value)
        notes = _by_kind(fn.to_manifest())["Deployment"]["spec"]["template"]["metadata"]
        return str(notes["annotations"].get("mlrun-like/secrets", ""))

    assert mark("one-of-them") != mark("the-other-one")


def test_every_option_has_a_place_or_a_reason() -> None:
    assert set(PLACES) == {item.name for item in dataclasses.fields(Options)}
    assert all(len(text) > 8 for text in PLACES.values())


def test_what_has_no_place_is_noted(make: Make) -> None:
    fn = make()
    fn.spec.min_replicas = 1
    fn.metadata.annotations["mlrun-like/gateway"] = json.dumps(
        {"target_delay": 1, "python": "3.11"}
    )
    found = fn.to_manifest()
    assert any("option target_delay: a cluster does not" in note for note in found.notes)
    assert "# note: option python: " in str(found)
    assert "mlrun-like/gateway:" not in str(found), "options are in options.json only"


def test_hashes_of_callers_are_in_the_secret(make: Make) -> None:
    fn = make()
    auth = {"kind": "bearer", "callers": [{"name": "me", "hash": "0123456789abcdef"}]}
    fn.metadata.annotations["mlrun-like/gateway"] = json.dumps({"auth": auth})
    found = _checked(fn)
    assert "0123456789abcdef" not in str(found)
    data = json.loads(_by_kind(found)["ConfigMap"]["data"]["options.json"])
    assert shown_options(data, found.service.secrets).auth == auth


def test_an_application() -> None:
    fn: Any = ml.new_function("board", project="shop", kind="application", image="repo/b:1")
    fn.set_internal_application_port(7860)
    objects = _checked(fn)
    container = _container(objects)
    assert "command" not in container, "the image's own"
    assert container["ports"][0]["containerPort"] == 7860
    assert container["readinessProbe"]["tcpSocket"] == {"port": "http"}
    assert "ConfigMap" not in _by_kind(objects)
    fn.spec.command, fn.spec.args = "streamlit run", ["board.py"]
    container = _container(fn.to_manifest())
    assert [*container["command"], *container["args"]] == ["streamlit", "run", "board.py"]
    fn.spec.image = ""
    with pytest.raises(InvalidArgumentError, match="needs the application's image"):
        fn.to_manifest()


def test_a_graph(make: Make) -> None:
    fn: Any = ml.new_function("double", project="shop", kind="serving", image="reg/d:1")
    graph = fn.set_topology("flow", engine="sync")
    graph.to(name="twice", handler="(event * 2)").respond()
    objects = _checked(fn)
    assert "handler: (event * 2)" in _by_kind(objects)["ConfigMap"]["data"]["function.yaml"]


def test_a_canary_stands_beside_the_stable_version(make: Make) -> None:
    fn = make()
    fn.with_http(workers=1, host="a.org")
    fn.spec.min_replicas = 1
    stable, canary = fn.to_manifest(gateway="main"), fn.to_manifest(gateway="main", canary=20)
    names = [{(i["kind"], i["metadata"]["name"]) for i in rows} for rows in (stable, canary)]
    assert names[0] & names[1] == {("HTTPRoute", "shop-hello")}
    backends = _by_kind(canary)["HTTPRoute"]["spec"]["rules"][0]["backendRefs"]
    assert [(row["name"], row["weight"]) for row in backends] == [
        ("shop-hello", 800), ("shop-hello-canary", 200),
    ]  # fmt: skip
    labels = [_by_kind(rows)["Service"]["spec"]["selector"] for rows in (stable, canary)]
    assert labels[0] != labels[1]
    notes = _by_kind(fn.to_manifest(ingress_class="nginx", canary=20))["Ingress"]["metadata"]
    assert notes["annotations"]["nginx.ingress.kubernetes.io/canary-weight"] == "20"


def test_a_canary_does_not_sleep(make: Make) -> None:
    fn = make()
    fn.with_http(workers=1, host="a.org")
    found = _checked(fn, gateway="main", canary=20)
    backends = _by_kind(found)["HTTPRoute"]["spec"]["rules"][0]["backendRefs"]
    assert [row["name"] for row in backends] == ["shop-hello-held", "shop-hello-canary"]
    assert "HTTPScaledObject" not in _by_kind(found)
    assert any("a canary does not sleep" in note for note in found.notes)


def test_two_projects_and_long_names(make: Make) -> None:
    names = set()
    for project in ("shop", "other", "p" * 60):
        for name in ("f", "g" * 60):
            for item in _checked(make(name, project=project), canary=5):
                assert len(item["metadata"]["name"]) <= 63
                names.add((item["kind"], item["metadata"]["name"]))
    assert len({name for kind, name in names if kind == "Deployment"}) == 6


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"scalar": "hpa"}, "has no option 'scalar'. Did you mean 'scaler'"),
        ({"scaler": "kedda"}, "scaler 'kedda' is unknown"),
        ({"canary": 101}, "from 0 to 100 percent"),
        ({"canary": "much"}, "canary must be percent"),
        ({"gateway": "a/b/c"}, "is no name"),
        ({"target": "moon"}, "no manifests for target 'moon'"),
    ],
)
def test_mistakes(make: Make, form: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said.split(".")[0]):
        make().to_manifest(**form)


def test_without_an_image(make: Make) -> None:
    with pytest.raises(InvalidArgumentError, match="a cluster needs an image"):
        make(image="").to_manifest()


def test_a_job_is_no_service(make: Make) -> None:
    from mlrun_like.gateway.manifests.service import prepared

    with pytest.raises(FunctionError, match="is no service"):
        prepared(ml.new_function("j", kind="job"), ServiceForm())
