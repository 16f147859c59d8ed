"""One trigger of KEDA for each stream that a function reads.

Source: the scalers' pages of KEDA's documentation (kafka, rabbitmq-queue, redis-streams,
nats-jetstream, aws-kinesis, azure-event-hub). Secret values are named, never written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from mlrun_like.configuration import config
from mlrun_like.gateway.manifests.form import Service
from mlrun_like.gateway.manifests.hiding import hide_options
from mlrun_like.gateway.triggers.config import TriggerConfig

__all__ = ["Scaler", "kind_of", "scalers_of"]

_LAG = 10
"""Events that wait for one pod, if the trigger says no batch size."""
_KINDS = ("kafka", "rabbit", "redis", "nats", "mqtt", "kinesis", "eventhub", "v3io", "cron",
          "file", "http")  # fmt: skip


class Scaler(NamedTuple):
    """A trigger of KEDA.

    Args:
        kind: KEDA's name.
        metadata: Its settings, all of them texts.
        secrets: Parameter -> variable of the service's Secret.
    """

    kind: str
    metadata: dict[str, str]
    secrets: Mapping[str, str] = {}


def kind_of(trigger: Mapping[str, Any]) -> str:
    """The broker of a trigger, whatever its kind is called.

    >>> kind_of({"kind": "kafka-cluster"}), kind_of({"kind": "redis-stream"})
    ('kafka', 'redis')
    """
    kind = str(trigger.get("kind") or "").lower()
    return next((name for name in _KINDS if name in kind), kind)


def scalers_of(service: Service) -> tuple[list[Scaler], list[str]]:
    """Triggers of KEDA, and names of the triggers that it cannot watch: a pod must always run.

    What it cannot watch is noted.
    """
    found: list[Scaler] = []
    awake: list[str] = []
    triggers = hide_options(service.options, {}).get("triggers") or {}
    meta = service.document.metadata
    key = f"{meta.project or config.default_project}/{meta.name}"
    for name, shown in sorted(triggers.items()):
        given = service.options.triggers[name]
        read = TriggerConfig.read(key, name, given)
        trigger = {**shown, "group": read.group, "id": read.id, **_login(service, name, given)}
        kind = kind_of(trigger)
        if kind in ("cron", "http") or trigger.get("disabled"):
            continue
        make = _MAKERS.get(kind)
        made = make(trigger) if make is not None else []
        if not made:
            awake.append(name)
            service.note(f"trigger {name!r} ({trigger.get('kind')}) tells KEDA no backlog, so at "
                         "least one pod always runs")  # fmt: skip
            alone = kind == "file" or (
                kind == "mqtt" and not _attributes(trigger).get("sharedGroup")
            )
            if alone and service.options.max_replicas > 1:
                service.note(f"trigger {name!r}: each pod gets all of its events; max_replicas = 1 "
                             "keeps them single")  # fmt: skip
        found += made
    return found, awake


def _login(service: Service, name: str, trigger: Mapping[str, Any]) -> dict[str, str]:
    """User and password of a Redis URL apart: KEDA takes no URL there; the password is hidden."""
    url = str(trigger.get("url") or "")
    parts = urlsplit(url)
    if not url.startswith("redis") or not parts.password:
        return {}
    hidden = re.sub(r"[^A-Za-z0-9]+", "_", f"TRIGGER_{name}_LOGIN").upper()
    service.secrets[hidden] = unquote(parts.password)
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    user = unquote(parts.username or "")
    return {"url": urlunsplit(place), "username": user, "password": f"${{{hidden}}}"}


def _attributes(trigger: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = trigger.get("attributes") or {}
    return found


def _texts(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) else [str(item) for item in value or ()]


def _lag(trigger: Mapping[str, Any]) -> str:
    batch = trigger.get("batch") or {}
    return str(batch.get("batchSize") or trigger.get("lag") or _LAG)


def _plain(metadata: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Values, and the variables that stand for secret ones."""
    plain, hidden = {}, {}
    for key, value in metadata.items():
        text = str(value)
        if text.startswith("${"):
            hidden[key] = text[2:-1]
        elif text:
            plain[key] = text
    return plain, hidden


def _kafka(trigger: Mapping[str, Any]) -> list[Scaler]:
    own = _attributes(trigger)
    signed = own.get("sasl") or {}
    found = []
    for topic in _texts(own.get("topics")):
        plain, hidden = _plain(
            {
                "bootstrapServers": ",".join(_texts(own.get("brokers"))) or trigger.get("url", ""),
                "topic": topic.partition(":")[0],
                "consumerGroup": trigger["group"],
                "offsetResetPolicy": own.get("initialOffset") or "earliest",
                "lagThreshold": _lag(trigger),
            }
        )
        if signed.get("enable", bool(signed.get("user"))):
            mechanism = str(signed.get("mechanism") or "plain").lower()
            plain["sasl"] = {"plain": "plaintext"}.get(mechanism, mechanism.replace("-", "_"))
            kept, secret = _plain({"username": signed.get("user"),
                                   "password": signed.get("password")})  # fmt: skip
            hidden = {**hidden, **secret}
            plain.update(kept)
        found.append(Scaler("kafka", plain, hidden))
    return found


def _rabbit(trigger: Mapping[str, Any]) -> list[Scaler]:
    own = _attributes(trigger)
    queue = own.get("queueName") or "mlrun-like." + str(trigger["id"]).replace("/", ".")
    plain, hidden = _plain({"host": trigger.get("url", ""), "queueName": queue,
                            "mode": "QueueLength", "value": _lag(trigger)})  # fmt: skip
    return [Scaler("rabbitmq", {"protocol": "auto", **plain}, hidden)]


def _redis(trigger: Mapping[str, Any]) -> list[Scaler]:
    own = _attributes(trigger)
    parts = urlsplit(str(trigger.get("url") or own.get("url") or ""))
    named = parts.path.strip("/").rpartition("/")[2]
    streams = _texts(own.get("streams") or own.get("stream")) or [named]
    found = []
    for stream in filter(None, streams):
        plain, hidden = _plain(
            {
                "address": f"{parts.hostname or 'localhost'}:{parts.port or 6379}",
                "stream": stream,
                "consumerGroup": trigger["group"],
                "lagCount": _lag(trigger),
                "username": trigger.get("username") or "",
                "password": trigger.get("password") or "",
            }
        )
        if parts.scheme == "rediss":
            plain["enableTLS"] = "true"
        found.append(Scaler("redis-streams", plain, hidden))
    return found


def _nats(trigger: Mapping[str, Any]) -> list[Scaler]:
    own = _attributes(trigger)
    stream, consumer = own.get("stream"), own.get("consumer") or own.get("durable")
    monitor = own.get("monitoring") or own.get("natsServerMonitoringEndpoint")
    if not (stream and consumer and monitor):  # core NATS keeps nothing that could be counted
        return []
    plain, hidden = _plain({"natsServerMonitoringEndpoint": monitor,
                            "account": own.get("account") or "$G", "stream": stream,
                            "consumer": consumer, "lagThreshold": _lag(trigger)})  # fmt: skip
    return [Scaler("nats-jetstream", plain, hidden)]


def _kinesis(trigger: Mapping[str, Any]) -> list[Scaler]:
    own = _attributes(trigger)
    plain, hidden = _plain(
        {
            "streamName": own.get("streamName", ""),
            "awsRegion": own.get("regionName", ""),
            "shardCount": "1",
            "awsAccessKeyID": own.get("accessKeyID", ""),
            "awsSecretAccessKey": own.get("secretAccessKey", ""),
        }
    )
    return [Scaler("aws-kinesis-stream", plain, hidden)]


_MAKERS: dict[str, Callable[[Mapping[str, Any]], list[Scaler]]] = {
    "kafka": _kafka,
    "rabbit": _rabbit,
    "redis": _redis,
    "nats": _nats,
    "kinesis": _kinesis,
}
