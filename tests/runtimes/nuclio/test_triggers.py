"""Triggers: Nuclio's form, and every mistake named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.nuclio.trigger_checks import check_trigger, check_triggers, is_duration
from mlrun_like.runtimes.nuclio.trigger_kinds import KINDS
from mlrun_like.runtimes.nuclio.triggers import (
    CronTrigger,
    EventHubTrigger,
    HttpTrigger,
    KafkaTrigger,
    KinesisTrigger,
    MqttTrigger,
    NatsTrigger,
    NuclioTrigger,
    RabbitMQTrigger,
    V3IOStreamTrigger,
    trigger_of,
)

GOOD: list[Any] = [
    HttpTrigger(workers=4, port=8080, host="a.org", paths=["/x"], canary=20, secret="tls"),
    CronTrigger(interval="1m30s", body="go", headers={"a": "b"}),
    CronTrigger(schedule="0 9 * * 1-5"),
    CronTrigger(schedule="*/10 0 9 * * *"),
    CronTrigger(schedule="@every 5m"),
    KafkaTrigger(["k:9092"], ["t"], partitions=[0, 1]).sasl("me", "secret", "SCRAM-SHA-256"),
    KafkaTrigger("k:9092", "t", explicit_ack_mode="explicitOnly"),
    V3IOStreamTrigger(container="c", path="p", access_key="k", explicit_ack_mode="enable"),
    NatsTrigger("nats://n:4222", "orders", "{{.Name}}", workers=2),
    RabbitMQTrigger("amqp://u:p@r:5672", "ex", "queue", prefetch_count=5),
    RabbitMQTrigger("amqp://r", "ex", topics=["a.*"]),
    MqttTrigger("tcp://m:1883", ["a/+", {"topic": "b", "qos": 2}]),
    KinesisTrigger("id", "key", "eu-west-1", "s", ["shard-0"]),
    EventHubTrigger("n", "v", "ns", "hub", "g", [0]),
    NuclioTrigger({"kind": "pubsub", "attributes": {"subscriptions": []}}),
    HttpTrigger(workers=0).batch(8, "500ms"),
    CronTrigger(interval="1h").disable(),
]


@pytest.mark.parametrize("trigger", GOOD, ids=lambda t: t.kind)
def test_objects_make_what_nuclio_takes(trigger: NuclioTrigger) -> None:
    made = trigger_of("t", trigger)
    assert made["name"] == "t" and made["kind"] == trigger.kind
    assert trigger.to_dict() == {key: v for key, v in made.items() if key != "name"}


def test_forms_of_nuclio_jupyter() -> None:
    """The same structure as `nuclio.triggers` makes, besides numWorkers."""
    http = HttpTrigger(2, host="h", canary=5, annotations={"a": 1}).to_dict()
    assert http == {
        "kind": "http",
        "numWorkers": 2,
        "maxWorkers": 2,
        "attributes": {"ingresses": {"0": {"host": "h", "paths": ["/"]}}},
        "annotations": {
            "a": "1",
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": "5",
        },
    }
    kafka = KafkaTrigger(["k"], ["t"], explicit_ack_mode="enable").to_dict()
    assert kafka["attributes"]["workerAllocationMode"] == "static"
    assert kafka["explicitAckMode"] == "enable"


BAD: list[tuple[Any, str]] = [
    ({"kind": "kafak"}, "no kind of trigger 'kafak'. Did you mean 'kafka'"),
    ({}, "no kind of trigger None"),
    ("cron", "a trigger is a mapping"),
    ({"kind": "cron"}, "'schedule' or 'interval'"),
    ({"kind": "cron", "attributes": {"schedule": "* * * * *", "interval": "1s"}}, "has 'schedule'"),
    ({"kind": "cron", "attributes": {"interval": 10}}, "a time with its unit"),
    ({"kind": "cron", "attributes": {"schedule": "every day"}}, "no cron schedule"),
    ({"kind": "cron", "attributes": {"interval": "1s", "concurrencyPolicy": "Maybe"}}, "Forbid or"),
    ({"kind": "http", "attributes": {"port": 70000}}, "port 70000"),
    ({"kind": "http", "attributes": {"port": "x"}}, "a whole number"),
    ({"kind": "http", "attributes": {"ingress": {}}}, "Did you mean 'ingresses'"),
    ({"kind": "http", "attributes": {"ingresses": {"0": {"paths": ["/"]}}}}, "'host' or"),
    (
        {"kind": "http", "attributes": {"ingresses": {"0": {"host": "h", "paths": ["x"]}}}},
        "list of",
    ),
    ({"kind": "http", "numWorker": 3}, "Did you mean 'numWorkers'"),
    ({"kind": "http", "maxWorkers": "4"}, "'maxWorkers' must be a whole number"),
    ({"kind": "http", "numWorkers": 200000}, "100000"),
    ({"kind": "http", "batch": {"mode": "enable", "batchSize": 0}}, "1 or more"),
    ({"kind": "http", "batch": {"mode": "on"}}, "enable or disable"),
    ({"kind": "nats", "url": "nats://n", "attributes": {}}, "needs attribute 'topic'"),
    ({"kind": "nats", "attributes": {"topic": "t"}}, "needs 'url'"),
    (
        {"kind": "rabbit-mq", "url": "amqp://r", "attributes": {"exchangeName": "e"}},
        "'queueName' or",
    ),
    ({"kind": "mqtt", "url": "tcp://m", "attributes": {"subscriptions": [{"qos": 1}]}}, "a topic"),
    ({"kind": "mqtt", "url": "tcp://m", "attributes": {"subscriptions": "t"}}, "list of mappings"),
    ({"kind": "kinesis", "attributes": {}}, "needs attribute 'accessKeyID'"),
    ({"kind": "eventhub", "attributes": {}}, "needs attribute 'sharedAccessKeyName'"),
    (
        {
            "kind": "v3ioStream",
            "url": "http://v",
            "attributes": {"containerName": "c", "streamPath": "p", "consumerGroup": "_g"},
        },
        "consumer group",
    ),
    ({"kind": "cron", "explicitAckMode": "enable", "attributes": {"interval": "1s"}}, "for kafka"),
    ({"kind": "http", "workerTerminationTimeout": "soon"}, "a time with its unit"),
]


@pytest.mark.parametrize(("spec", "message"), BAD)
def test_mistakes_are_named(spec: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        trigger_of("t", spec)
    assert message in str(caught.value)
    assert "trigger 't'" in caught.value.where


def test_all_mistakes_come_at_once() -> None:
    spec = {
        "kind": "kafka-cluster",
        "numWorkers": -1,
        "explicitAckMode": "enable",
        "attributes": {"brokers": "k:9092", "initialOffset": "first"},
    }
    found = [item.what for item in check_trigger("t", spec)]
    assert len(found) == 6, found
    assert all(item.code == "trigger" for item in check_trigger("t", spec))


def test_kafka_is_another_name() -> None:
    spec = {"kind": "kafka", "attributes": KafkaTrigger("k", "t").to_dict()["attributes"]}
    assert trigger_of("t", spec)["kind"] == "kafka-cluster"
    assert spec["kind"] == "kafka"  # what is given stays as it was


def test_a_function_has_one_http_trigger() -> None:
    http = HttpTrigger().to_dict()
    assert [item.what for item in check_triggers({"a": http, "b": http})] == [
        "there are 2 http triggers: a, b"
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CronTrigger(), "one of them"),
        (lambda: CronTrigger("1s", "* * * * *"), "one of them"),
        (lambda: HttpTrigger(host="h", canary=101), "from 0 to 100"),
        (lambda: HttpTrigger(host="h", canary=2.5), "from 0 to 100"),
        (lambda: HttpTrigger(host="h", paths="/x"), "list of paths"),
        (lambda: HttpTrigger(host="h", secret=""), "secret"),
        (lambda: HttpTrigger(canary=10), "needs a host"),
    ],
)
def test_objects_refuse_what_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        make()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    attributes=st.dictionaries(
        st.sampled_from(sorted({name for kind in KINDS.values() for name in kind.attributes})),
        _VALUES,
        max_size=4,
    ),
    rest=st.dictionaries(st.sampled_from(["url", "batch", "numWorkers", "x"]), _VALUES),
)
def test_checks_never_fail_themselves(kind: str, attributes: Any, rest: Any) -> None:
    for item in check_trigger("t", {**rest, "kind": kind, "attributes": attributes}):
        assert item.what and item.where


@pytest.mark.parametrize(
    ("text", "good"), [("10s", True), ("1h30m", True), ("0", True), ("1.5s", True), ("5", False),
                       ("s", False), ("", False), (5, False), ("1 s", False)],
)  # fmt: skip
def test_durations(text: Any, good: bool) -> None:
    assert is_duration(text) is good
