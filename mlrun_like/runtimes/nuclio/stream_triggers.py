"""Triggers that read streams and queues: Kafka, V3IO, NATS, RabbitMQ, MQTT, Kinesis, event hubs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import environment
from mlrun_like.runtimes.nuclio.trigger_base import NuclioTrigger, worker_counts

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "EventHubTrigger",
    "KafkaTrigger",
    "KinesisTrigger",
    "MqttTrigger",
    "NatsTrigger",
    "RabbitMQTrigger",
    "V3IOStreamTrigger",
]

_WEBAPI = "http://v3io-webapi:8081"


class KafkaTrigger(NuclioTrigger):
    """Records of Kafka topics, read as a consumer group.

    >>> KafkaTrigger(["k:9092"], ["orders"]).sasl("me", "secret").to_dict()["kind"]
    'kafka-cluster'
    """

    kind = "kafka-cluster"

    def __init__(  # noqa: PLR0913 - nuclio-jupyter's signature
        self,
        brokers: Sequence[str] | str,
        topics: Sequence[str] | str,
        partitions: Sequence[Any] | None = None,
        consumer_group: str = "kafka",
        initial_offset: str = "earliest",
        explicit_ack_mode: str | None = None,
        extra_attributes: Mapping[str, Any] | None = None,
        session_timeout: str = "10s",
        heartbeat_interval: str = "3s",
        worker_allocation_mode: str = "pool",
        fetch_default: int = 1048576,
        max_workers: int = 1,
        worker_termination_timeout: str = "10s",
    ) -> None:
        super().__init__(
            {
                "kind": self.kind,
                **worker_counts(max_workers),
                "workerTerminationTimeout": worker_termination_timeout,
            }
        )
        self._made(
            {
                "topics": _texts(topics),
                "brokers": _texts(brokers),
                "partitions": list(partitions) if partitions else None,
                "consumerGroup": consumer_group,
                "initialOffset": initial_offset,
                "sessionTimeout": session_timeout,
                "heartbeatInterval": heartbeat_interval,
                "workerAllocationMode": worker_allocation_mode,
                "fetchDefault": fetch_default,
            },
            extra_attributes,
        )
        self._acked(explicit_ack_mode)

    def sasl(self, user: str = "", password: str = "", mechanism: str = "") -> Self:
        """Sign in with a user and password."""
        row = {"enable": True, "user": user, "password": password}
        self._struct["attributes"]["sasl"] = row | ({"mechanism": mechanism} if mechanism else {})
        return self


class V3IOStreamTrigger(NuclioTrigger):
    """Records of an Iguazio stream."""

    kind = "v3ioStream"

    def __init__(  # noqa: PLR0913 - nuclio-jupyter's signature
        self,
        url: str | None = None,
        seek_to: str = "latest",
        partitions: Sequence[Any] | None = None,
        polling_interval_ms: int = 500,
        read_batch_size: int = 64,
        max_workers: int = 1,
        access_key: str | None = None,
        session_timeout: str = "10s",
        name: str | None = None,
        container: str | None = None,
        path: str | None = None,
        worker_allocation_mode: str = "pool",
        webapi: str = _WEBAPI,
        consumer_group: str = "default",
        sequence_num_commit_interval: str = "1s",
        heartbeat_interval: str = "3s",
        explicit_ack_mode: str | None = None,
        extra_attributes: Mapping[str, Any] | None = None,
        worker_termination_timeout: str = "10s",
    ) -> None:
        struct: dict[str, Any] = {
            "kind": self.kind,
            "url": url or webapi,
            **worker_counts(max_workers),
        }
        struct["workerTerminationTimeout"] = worker_termination_timeout
        if name:
            struct["name"] = name
        key = access_key or environment("V3IO_ACCESS_KEY", "")
        if key:
            struct["password"] = key
        super().__init__(struct)
        self._made(
            {
                "containerName": container,
                "streamPath": path,
                "consumerGroup": consumer_group,
                "sequenceNumberCommitInterval": sequence_num_commit_interval,
                "workerAllocationMode": worker_allocation_mode,
                "sessionTimeout": session_timeout,
                "heartbeatInterval": heartbeat_interval,
                "seekTo": seek_to,
                "readBatchSize": read_batch_size,
                "partitions": list(partitions) if partitions else None,
                "pollingIntervalMs": polling_interval_ms,
            },
            extra_attributes,
        )
        self._acked(explicit_ack_mode)

    @property
    def get_url(self) -> str:
        """Where the stream is."""
        return str(self._struct["url"])


class NatsTrigger(NuclioTrigger):
    """Messages of a NATS topic; functions with the same queue name share them.

    >>> NatsTrigger("nats://n:4222", "orders").to_dict()["attributes"]
    {'topic': 'orders'}
    """

    kind = "nats"

    def __init__(
        self,
        url: str,
        topic: str,
        queue_name: str = "",
        workers: int = 1,
        extra_attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"kind": self.kind, "url": url, **worker_counts(workers)})
        self._made({"topic": topic, "queueName": queue_name or None}, extra_attributes)


class RabbitMQTrigger(NuclioTrigger):
    """Messages of a RabbitMQ queue, or of topics of an exchange (Nuclio makes the queue then)."""

    kind = "rabbit-mq"

    def __init__(
        self,
        url: str,
        exchange_name: str,
        queue_name: str = "",
        topics: Sequence[str] | str | None = None,
        workers: int = 1,
        prefetch_count: int | None = None,
        extra_attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"kind": self.kind, "url": url, **worker_counts(workers)})
        self._made(
            {
                "exchangeName": exchange_name,
                "queueName": queue_name or None,
                "topics": _texts(topics) if topics else None,
                "prefetchCount": prefetch_count,
            },
            extra_attributes,
        )


class MqttTrigger(NuclioTrigger):
    """Messages of MQTT topics: `MqttTrigger("tcp://m:1883", ["house/+/temperature"])`."""

    kind = "mqtt"

    def __init__(
        self,
        url: str,
        subscriptions: Sequence[str | Mapping[str, Any]],
        workers: int = 1,
        extra_attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"kind": self.kind, "url": url, **worker_counts(workers)})
        rows = [{"topic": s, "qos": 0} if isinstance(s, str) else dict(s) for s in subscriptions]
        self._made({"subscriptions": rows}, extra_attributes)


class KinesisTrigger(NuclioTrigger):
    """Records of an Amazon Kinesis stream."""

    kind = "kinesis"

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        region: str,
        stream: str,
        shards: Sequence[str],
        workers: int = 1,
        extra_attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"kind": self.kind, **worker_counts(workers)})
        self._made(
            {
                "accessKeyID": access_key_id,
                "secretAccessKey": secret_access_key,
                "regionName": region,
                "streamName": stream,
                "shards": list(shards),
            },
            extra_attributes,
        )


class EventHubTrigger(NuclioTrigger):
    """Events of an Azure event hub."""

    kind = "eventhub"

    def __init__(
        self,
        key_name: str,
        key_value: str,
        namespace: str,
        event_hub: str,
        consumer_group: str,
        partitions: Sequence[Any],
        extra_attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"kind": self.kind})
        self._made(
            {
                "sharedAccessKeyName": key_name,
                "sharedAccessKeyValue": key_value,
                "namespace": namespace,
                "eventHubName": event_hub,
                "consumerGroup": consumer_group,
                "partitions": list(partitions),
            },
            extra_attributes,
        )


def _texts(value: Sequence[str] | str) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
