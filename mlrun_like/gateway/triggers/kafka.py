"""What Nuclio's Kafka attributes mean for librdkafka, and where a new group begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.triggers.config import seconds
from mlrun_like.registry import require
from mlrun_like.streams.base import Stream
from mlrun_like.streams.file import FileStream
from mlrun_like.streams.kafka import KafkaStream
from mlrun_like.streams.redis import RedisStream

__all__ = ["kafka_options", "skip_to_end"]

_TIMES = {
    "sessionTimeout": "session.timeout.ms",
    "heartbeatInterval": "heartbeat.interval.ms",
    "maxProcessingTime": "",  # events are worked on outside of the reader: it never is too late
    "maxWaitTime": "fetch.wait.max.ms",
    "retryBackoff": "retry.backoff.ms",
}
_SIZES = {
    "fetchMin": "fetch.min.bytes",
    "fetchDefault": "max.partition.fetch.bytes",
    "fetchMax": "fetch.max.bytes",
}


def kafka_options(given: Mapping[str, Any], user: str, password: str) -> dict[str, Any]:
    """Options of `KafkaStream` for Nuclio's attributes.

    >>> kafka_options({"sessionTimeout": "6s"}, "", "")["kafka_consumer_options"]
    {'session.timeout.ms': 6000}
    """
    shared: dict[str, Any] = {}
    sasl = given.get("sasl") or {}
    signed = bool(sasl.get("enable", bool(sasl))) or bool(user)
    tls = given.get("tls") or {}
    secure = bool(tls.get("enable", bool(tls))) or bool(given.get("caCert"))
    if signed:
        shared["sasl.mechanism"] = str(sasl.get("mechanism") or "PLAIN").upper()
        shared["sasl.username"] = str(sasl.get("user") or user)
        shared["sasl.password"] = str(sasl.get("password") or password)
    if signed or secure:
        shared["security.protocol"] = f"{'SASL_' if signed else ''}{'SSL' if secure else ''}"
        if not secure:
            shared["security.protocol"] = "SASL_PLAINTEXT"
    if given.get("caCert"):
        shared["ssl.ca.pem"] = str(given["caCert"])
    if given.get("accessCertificate"):
        shared["ssl.certificate.pem"] = str(given["accessCertificate"])
    if given.get("accessKey"):
        shared["ssl.key.pem"] = str(given["accessKey"])
    if tls.get("insecureSkipVerify"):
        shared["enable.ssl.certificate.verification"] = False
    reading: dict[str, Any] = {}
    for name, setting in _TIMES.items():
        if setting and given.get(name):
            reading[setting] = round(seconds(given[name]) * 1000)
    for name, setting in _SIZES.items():
        if given.get(name):
            reading[setting] = int(given[name])
    if "fetch.max.bytes" in reading or "max.partition.fetch.bytes" in reading:
        part = reading.get("max.partition.fetch.bytes", 1 << 20)
        reading["fetch.max.bytes"] = max(reading.get("fetch.max.bytes", 50 << 20), part)
    return {"kafka_producer_options": shared, "kafka_consumer_options": reading}


def skip_to_end(stream: Stream, group: str) -> None:
    """Let a group that has read nothing yet begin with what comes from now on.

    Raises:
        StoreUnavailableError: if the broker cannot be reached, or the file not used.
    """
    if isinstance(stream, KafkaStream):
        _skip_kafka(stream, group)
    elif isinstance(stream, RedisStream):
        keys = stream.keys()
        for key in keys:
            try:
                stream.client.call_until("XGROUP", "CREATE", key, group, "$", "MKSTREAM")
            except InvalidArgumentError as exc:
                if "BUSYGROUP" not in exc.what:
                    raise
    elif isinstance(stream, FileStream):
        stream.create([group], newest=True)


def _skip_kafka(stream: KafkaStream, group: str) -> None:
    kafka = require("confluent_kafka", feature="a Kafka trigger", extra="kafka")
    count = stream.shards
    options = {"group.id": group, "enable.auto.commit": False, **stream.consumer_options}
    consumer = stream.make(kafka.Consumer, options)
    try:
        places = [kafka.TopicPartition(stream.name, number) for number in range(count)]
        missing = []
        for place in consumer.committed(places, timeout=stream.timeout):
            if place.offset < 0:
                _, high = consumer.get_watermark_offsets(place, timeout=stream.timeout)
                missing.append(kafka.TopicPartition(stream.name, place.partition, high))
        if missing:
            consumer.commit(offsets=missing, asynchronous=False)
    except kafka.KafkaException as exc:
        raise stream.unavailable(exc) from exc
    finally:
        consumer.close()
