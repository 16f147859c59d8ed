"""Mistakes in triggers are told all at once, before anything is deployed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.triggers.checks import check_triggers
from mlrun_like.gateway.triggers.config import TriggerConfig, seconds
from mlrun_like.gateway.triggers.mask import Mask
from mlrun_like.runtimes.nuclio.triggers import CronTrigger, KafkaTrigger, trigger_of

GOOD: list[dict[str, Any]] = [
    {"kind": "http"},
    CronTrigger(interval="10s").to_dict(),
    {"kind": "cron", "attributes": {"schedule": "*/5 * * * * *", "timeZone": "Europe/Berlin"}},
    {"kind": "cron", "attributes": {"schedule": "@every 5s", "catchUp": True}},
    {"kind": "cron", "attributes": {"schedule": "@hourly"}},
    KafkaTrigger(["k:9092"], ["t"]).batch(5).to_dict(),
    KafkaTrigger(["k:9092"], ["t"], explicit_ack_mode="explicitOnly").to_dict(),
    {"kind": "kafka", "url": "kafka://k:9092/t"},
    {"kind": "redis", "url": "redis://r/s", "explicitAckMode": "enable"},
    {"kind": "redis-stream", "attributes": {"url": "redis://r:1/2", "streams": ["a", "b"]}},
    {"kind": "rabbit-mq", "url": "amqp://r", "attributes": {"exchangeName": "e", "queueName": "q"}},
    {"kind": "nats", "url": "nats://n", "attributes": {"topic": "t", "ackWait": "5s"}},
    {"kind": "mqtt", "url": "tcp://m", "attributes": {"subscriptions": [{"topic": "t", "qos": 1}]}},
    {"kind": "files", "url": "/data", "attributes": {"glob": "*.csv", "retry": {"attempts": 2}}},
    {"kind": "events", "attributes": {"events": ["drift"], "runs": {"name": "train"}}},
    {"kind": "v3ioStream", "disabled": True},
]

BAD: list[tuple[dict[str, Any] | Any, list[str]]] = [
    ("text", ["a trigger is a mapping"]),
    ({}, ["no kind of trigger 'None'"]),
    ({"kind": "redsi"}, ["no kind of trigger 'redsi'. Did you mean"]),
    ({"kind": "v3ioStream"}, ["cannot run here"]),
    ({"kind": "kinesis"}, ["cannot run here"]),
    ({"kind": "redis"}, ["needs 'url'"]),
    ({"kind": "redis", "url": "redis://r"}, ["names no stream"]),
    ({"kind": "redis", "url": "http://me:hidden@r/s"}, ["does not start with redis or rediss"]),
    (
        {"kind": "redis", "url": "redis://r/s", "attributes": {"strams": [1], "shards": "two"}},
        ["'strams' is unknown. Did you mean 'streams'", "'shards' must be a whole number"],
    ),
    (
        {
            "kind": "files",
            "attributes": {"settle": "soon", "retry": {"attempts": 0, "dely": "1s"}},
            "batch": {"batchSize": 0, "timeot": "1s"},
        },
        [
            "'settle' must be a time", "attempts must be 1 or more", "'dely' is unknown",
            "batchSize must be 1 or more", "'timeot' is unknown", "needs 'url'",
        ],
    ),
    ({"kind": "cron", "attributes": {"schedule": "61 * * * *"}}, ["cannot be read"]),
    ({"kind": "cron", "attributes": {"interval": "1s", "timeZone": "Mars"}}, []),
    ({"kind": "cron"}, ["needs attribute 'schedule' or 'interval'"]),
    ({"kind": "mqtt", "explicitAckMode": "enable"}, ["needs 'url'", "have no offsets"]),
    ({"kind": "nats", "explicitAckMode": "maybe"}, ["must be enable, disable or explicitOnly"]),
    (
        {"kind": "files", "url": "/d", "attributes": {"deadLetter": "ftp://x/y", "path": "a"}},
        ["there are no ftp streams", "does not start with '/'"],
    ),
    ({"kind": "cron", "attributes": {"interval": "1s", "deadLetter": "x"}}, ["is no URL"]),
    ({"kind": "events", "attributes": {"runs": 5}}, ["runs must be true"]),
    ({"kind": "redis", "url": "redis://r/s", "numWorkers": 5000}, ["numWorkers is 5000"]),
    ({"kind": "redis", "attributes": []}, []),
]  # fmt: skip


@pytest.mark.parametrize("spec", GOOD)
def test_good_ones_are_let_through(spec: dict[str, Any]) -> None:
    assert check_triggers({"t": spec}) == []
    if not spec.get("disabled"):
        assert trigger_of("t", spec)["name"] == "t"


@pytest.mark.parametrize(("spec", "messages"), BAD)
def test_all_mistakes_are_told_with_place_and_without_secrets(
    spec: Any, messages: list[str]
) -> None:
    found = check_triggers({"t": spec})
    told = "\n".join(str(item) for item in found)
    for message in messages:
        assert message in told
    assert "hidden" not in told
    assert all("trigger 't'" in item.where for item in found)


def test_options_are_taken_and_two_http_triggers_are_one_too_many() -> None:
    options = Options(triggers={"a": {"kind": "http"}, "b": {"kind": "http"}})
    (found,) = check_triggers(options)
    assert "2 http triggers: a, b" in found.what


def test_a_trigger_that_nobody_can_run_cannot_be_added() -> None:
    with pytest.raises(InvalidArgumentError, match="no kind of trigger"):
        trigger_of("t", {"kind": "pigeon"})
    with pytest.raises(InvalidArgumentError, match="names no stream"):
        trigger_of("t", {"kind": "redis", "url": "redis://r"})


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_KINDS = st.sampled_from(["cron", "redis", "files", "events", "kafka", "mqtt", "nats", "x"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_KINDS, st.dictionaries(st.sampled_from(
    ["url", "schedule", "interval", "retry", "deadLetter", "runs", "streams", "subscriptions",
     "event", "timeZone", "order", "path"]), _PLAIN), _PLAIN)  # fmt: skip
def test_checks_never_fail_themselves(kind: str, attributes: Any, batch: Any) -> None:
    check_triggers({"t": {"kind": kind, "attributes": attributes, "batch": batch}})


@pytest.mark.parametrize(
    ("text", "value"),
    [("1h2m3.5s", 3723.5), ("10", 10.0), ("100us", 0.0001), (3, 3.0), ("0", 0.0)],
)
def test_times(text: object, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


def test_secrets_of_all_places_are_masked() -> None:
    config = TriggerConfig.read(
        "p/f",
        "t",
        {
            "kind": "kafka",
            "url": "kafka://a:topsecret1@k/t",
            "password": "topsecret2",
            "attributes": {
                "sasl": {"user": "u", "password": "topsecret3"},
                "accessKey": "topsecret4",
                "deadLetter": "redis://:topsecret5@r/s",
                "topics": ["public"],
            },
        },
    )
    told = Mask(config)("topsecret1 topsecret2 topsecret3 topsecret4 topsecret5 public")
    assert told == "*** *** *** *** *** public"


def test_a_config_survives_the_pipe() -> None:
    config = TriggerConfig.read("p/f", "t", GOOD[5])
    assert TriggerConfig.from_dict({**config.to_dict(), "of a newer version": 1}) == config
    assert (config.kind, config.batch_size, config.order) == ("kafka-cluster", 5, "shard")
