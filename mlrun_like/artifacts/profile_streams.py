"""Datastore profiles of streams: Kafka and RabbitMQ."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from mlrun_like.artifacts.profiles import DatastoreProfile
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "DatastoreProfileKafkaSource",
    "DatastoreProfileKafkaStream",
    "DatastoreProfileKafkaTarget",
    "DatastoreProfileRabbitMQ",
]


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


class DatastoreProfileKafkaStream(DatastoreProfile):
    """Topics of Kafka brokers."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("kwargs_private", "sasl_user", "sasl_pass")
    type: str = "kafka_stream"
    brokers: str | list[str]
    topics: str | list[str]
    group: str | None = "serving"
    initial_offset: str | None = "earliest"
    partitions: str | list[str] | list[int] | None = None
    sasl_user: str | None = None
    sasl_pass: str | None = None
    kwargs_public: dict[str, Any] | None = None
    kwargs_private: dict[str, Any] | None = None

    def get_topic(self) -> str | None:
        """The first topic."""
        return next(iter(_listed(self.topics)), None)

    def url(self, subpath: str) -> str:
        topic = subpath.strip("/") or self.get_topic()
        return f"kafka://{','.join(_listed(self.brokers))}/{topic}"

    def attributes(self) -> dict[str, Any]:
        """What sources and triggers of Kafka take.

        >>> made = DatastoreProfileKafkaStream(name="k", brokers="h:9092", topics="t")
        >>> made.attributes()["topics"]
        ['t']
        """
        found = {
            **(self.kwargs_public or {}),
            **(self.kwargs_private or {}),
            "brokers": _listed(self.brokers),
            "topics": _listed(self.topics),
            "group": self.group,
            "initial_offset": self.initial_offset,
        }
        if self.partitions is not None:
            found["partitions"] = self.partitions
        user = self.sasl_user or found.get("sasl_plain_username")
        password = self.sasl_pass or found.get("sasl_plain_password")
        if user and password:
            found["sasl"] = {
                **found.get("sasl", {}),
                "enable": True,
                "user": user,
                "password": password,
                "mechanism": found.get("sasl_mechanism", "PLAIN"),
                "handshake": found.get("sasl_handshake", True),
            }
        return found


class DatastoreProfileKafkaSource(DatastoreProfileKafkaStream):
    """Topics to read from (before MLRun 1.9)."""

    type: str = "kafka_source"


class DatastoreProfileKafkaTarget(DatastoreProfile):
    """A topic to write to (before MLRun 1.9)."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("kwargs_private",)
    type: str = "kafka_target"
    bootstrap_servers: str | None = None
    brokers: str | None = None
    topic: str
    kwargs_public: dict[str, Any] | None = None
    kwargs_private: dict[str, Any] | None = None

    def __init__(self, **fields: Any) -> None:
        older = fields.pop("bootstrap_servers", None)
        if older and fields.get("brokers"):
            raise InvalidArgumentError(
                "DatastoreProfileKafkaTarget cannot be created with both 'brokers' and "
                "'bootstrap_servers'"
            )
        if older:
            warnings.warn(
                "'bootstrap_servers' parameter is deprecated in 1.7.0 and will be removed in "
                "1.9.0, use 'brokers' instead.",
                FutureWarning,
                stacklevel=2,
            )
            fields["brokers"] = older
        if not fields.get("brokers"):
            raise InvalidArgumentError(
                "DatastoreProfileKafkaTarget requires the 'brokers' field to be set"
            )
        super().__init__(**fields)

    def get_topic(self) -> str | None:
        """The topic."""
        return self.topic

    def url(self, subpath: str) -> str:
        return f"kafka://{self.brokers}/{subpath.strip('/') or self.topic}"

    def attributes(self) -> dict[str, Any]:
        """What targets of Kafka take."""
        own = {**(self.kwargs_public or {}), **(self.kwargs_private or {})}
        return {**own, "brokers": self.brokers}


class DatastoreProfileRabbitMQ(DatastoreProfile):
    """An exchange of a RabbitMQ broker."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("password", "username")
    type: str = "rabbitmq"
    broker_url: str
    exchange_name: str
    queue_name: str | None = None
    topics: str | list[str] | None = None
    username: str | None = None
    password: str | None = None
    prefetch_count: int = 0
    durable_exchange: bool = False
    durable_queue: bool = False
    on_error: str = "nack"
    requeue_on_error: bool = False
    reconnect_duration: str = "5m"
    reconnect_interval: str = "15s"
    num_workers: int = 1
    worker_termination_timeout: str = "10s"

    def attributes(self) -> dict[str, Any]:
        """What a trigger takes."""
        found = self.model_dump(exclude={"type", "name", "broker_url"})
        topics = _listed(self.topics) if self.topics else None
        return {"url": self.broker_url, **found, "topics": topics}
