"""Which scaler a function gets, and what each broker's trigger becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.gateway.manifests.crons import cron_of
from tests.kubernetes_services import check_custom

Make = Callable[..., Any]


def _kinds(function: Any, **form: Any) -> set[str]:
    return {item["kind"] for item in function.to_manifest(**form)}


def _of(function: Any, kind: str, **form: Any) -> dict[str, Any]:
    return next(dict(item) for item in function.to_manifest(**form) if item["kind"] == kind)


@pytest.mark.parametrize(
    ("least", "most", "form", "wanted"),
    [
        (0, 4, {}, {"HTTPScaledObject"}),
        (1, 4, {}, {"HorizontalPodAutoscaler"}),
        (3, 3, {}, set()),
        (0, 4, {"scaler": "hpa"}, {"HorizontalPodAutoscaler"}),
        (0, 4, {"scaler": "none"}, set()),
        (1, 4, {"scaler": "keda"}, {"HTTPScaledObject"}),
    ],
)
def test_the_scaler(
    make: Make, least: int, most: int, form: dict[str, Any], wanted: set[str]
) -> None:
    fn = make()
    fn.spec.min_replicas, fn.spec.max_replicas = least, most
    scalers = {"HTTPScaledObject", "HorizontalPodAutoscaler", "ScaledObject"}
    assert _kinds(fn, **form) & scalers == wanted
    replicas = _of(fn, "Deployment", **form)["spec"].get("replicas")
    assert replicas == (None if wanted else max(1, least))


def test_an_hpa_with_metrics(make: Make) -> None:
    fn = make()
    fn.spec.min_replicas, fn.spec.max_replicas = 2, 9
    fn.metadata.annotations["mlrun-like/gateway"] = '{"scale_down_delay": 90}'
    spec = _of(fn, "HorizontalPodAutoscaler", metrics={"rps": 0.5}, cpu_target=60)["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 9)
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 90
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    assert spec["metrics"][1]["pods"]["target"]["averageValue"] == "500m"


TRIGGERS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    (
        {
            "kind": "kafka-cluster",
            "attributes": {"brokers": ["k:1", "l:2"], "topics": ["t"], "consumerGroup": "g"},
        },
        "kafka",
        {"bootstrapServers": "k:1,l:2", "consumerGroup": "g", "topic": "t", "lagThreshold": "10"},
    ),
    (
        {
            "kind": "rabbit-mq",
            "url": "amqp://r:5672",
            "attributes": {"exchangeName": "x", "queueName": "q"},
        },
        "rabbitmq",
        {"host": "amqp://r:5672", "queueName": "q", "mode": "QueueLength", "value": "10"},
    ),
]


def test_redis_and_its_password(make: Make) -> None:
    fn = make()
    trigger = {"kind": "redis", "url": "rediss://me:the-password@r:6380/orders"}
    fn.metadata.annotations["mlrun-like/gateway"] = json.dumps({"triggers": {"t": trigger}})
    found = fn.to_manifest()
    assert "the-password" not in str(found)
    scaled = next(item for item in found if item["kind"] == "ScaledObject")
    assert scaled["spec"]["triggers"][0]["metadata"] == {
        "address": "r:6380", "consumerGroup": "shop-hello-t", "enableTLS": "true",
        "lagCount": "10", "stream": "orders", "username": "me",
    }  # fmt: skip
    auth = next(item for item in found if item["kind"] == "TriggerAuthentication")
    (row,) = auth["spec"]["secretTargetRef"]
    assert row["parameter"] == "password"
    assert found.service.secrets[row["key"]] == "the-password"


@pytest.mark.parametrize(("trigger", "kind", "told"), TRIGGERS, ids=lambda row: str(row)[:20])
def test_triggers_of_keda(
    make: Make, trigger: dict[str, Any], kind: str, told: dict[str, str]
) -> None:
    fn = make()
    fn.add_trigger("t", trigger)
    scaled = _of(fn, "ScaledObject")
    check_custom(scaled)
    first = scaled["spec"]["triggers"][0]
    assert first["type"] == kind
    assert told.items() <= first["metadata"].items()
    pushed = next(row for row in scaled["spec"]["triggers"] if row["type"] == "external-push")
    assert pushed["metadata"]["httpScaledObject"] == "shop-hello"
    http = _of(fn, "HTTPScaledObject")
    assert http["metadata"]["annotations"] == {
        "httpscaledobject.keda.sh/skip-scaledobject-creation": "true"
    }


def test_what_keda_cannot_watch_keeps_a_pod(make: Make) -> None:
    fn = make()
    fn.add_trigger("m", {"kind": "mqtt", "url": "tcp://m:1883",
                         "attributes": {"subscriptions": [{"topic": "a", "qos": 0}]}})  # fmt: skip
    found = fn.to_manifest()
    assert any("trigger 'm' (mqtt) tells KEDA no backlog" in note for note in found.notes)
    assert any("trigger 'm': each pod gets all of its events" in note for note in found.notes)
    hpa = next(item for item in found if item["kind"] == "HorizontalPodAutoscaler")
    assert hpa["spec"]["minReplicas"] == 1


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({"schedule": "0 3 * * 1"}, "0 3 * * 1"),
        ({"schedule": "0 0 3 * * 1"}, "0 3 * * 1"),
        ({"schedule": "30 0 3 * * 1"}, ""),
        ({"schedule": "@daily"}, "@daily"),
        ({"interval": "1m"}, "* * * * *"),
        ({"interval": "5m"}, "*/5 * * * *"),
        ({"interval": "7m"}, ""),
        ({"interval": "10s"}, ""),
        ({"interval": "90s"}, ""),
        ({"interval": "2h"}, "0 */2 * * *"),
        ({"interval": "24h"}, "0 0 * * *"),
        ({"interval": "often"}, ""),
        ({}, ""),
    ],
)
def test_schedules(attributes: dict[str, Any], wanted: str) -> None:
    assert cron_of(attributes) == wanted


def test_a_cron_trigger_that_no_cron_job_can_have_is_noted(make: Make) -> None:
    fn = make()
    fn.add_trigger("tick", {"kind": "cron", "attributes": {"interval": "10s"}})
    found = fn.to_manifest()
    assert not any(item["kind"] == "CronJob" for item in found)
    assert any("trigger 'tick' (10s) has no place" in note for note in found.notes)


def test_a_cron_job_that_shall_not_try_again(make: Make) -> None:
    fn = make()
    attributes = {"interval": "15m", "jobBackoffLimit": 0}
    fn.add_trigger("tick", {"kind": "cron", "attributes": attributes})
    job = next(item for item in fn.to_manifest() if item["kind"] == "CronJob")
    assert job["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
