"""Kafka, through confluent-kafka: a topic is a stream, a partition a shard."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.registry import require
from mlrun_like.streams.backoff import Backoff
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.kafka_consumer import KafkaConsumer
from mlrun_like.streams.opening import without_password

__all__ = ["KafkaStream"]


class KafkaStream(Stream):
    """A Kafka topic.

    Args:
        url: `kafka://host:port[,host:port]/topic`.
        shards: Number of partitions if the topic is made; default 1.
        retention_in_hours: How long the topic keeps records if it is made, acknowledged or not; by
            default what the broker is set to.
        timeout: Seconds to keep trying when no broker can be reached.
        kafka_brokers: More brokers, as a list or separated by commas.
        topic: The topic, if the URL does not name it.
        kafka_producer_options: librdkafka's producer settings, such as `compression.type`;
            settings of the connection (`security.protocol`, `sasl.…`) also go to consumers.
        kafka_consumer_options: librdkafka's consumer settings.
    """

    in_memory: ClassVar[bool] = False

    def __init__(
        self,
        url: str,
        *,
        shards: int | None = None,
        retention_in_hours: float | None = None,
        timeout: float = 15.0,
        kafka_brokers: Sequence[str] | str = (),
        topic: str = "",
        kafka_producer_options: Mapping[str, Any] | None = None,
        kafka_consumer_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._kafka = require("confluent_kafka", feature="a kafka:// stream", extra="kafka")
        parts = urlsplit(url)
        more = kafka_brokers.split(",") if isinstance(kafka_brokers, str) else list(kafka_brokers)
        user, _, hosts = parts.netloc.rpartition("@")
        self.brokers = ",".join(dict.fromkeys(b for b in [*hosts.split(","), *more] if b))
        self.name = topic or dict(parse_qsl(parts.query)).get("topic", "") or parts.path.strip("/")
        if not self.brokers or not self.name or user:
            raise InvalidArgumentError(
                f"{without_password(url)!r} does not name a Kafka topic",
                fix="write kafka://HOST:PORT/TOPIC; credentials go into kafka_producer_options",
            )
        self.url = f"kafka://{self.brokers}/{self.name}"
        self.timeout = timeout
        self.producer_options = dict(kafka_producer_options or {})
        self.consumer_options = dict(kafka_consumer_options or {})
        self._wanted, self._hours = shards or 1, retention_in_hours
        self._count = 0
        self._made: Any = None
        self._lock = threading.Lock()

    def settings(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """librdkafka settings that all clients of this stream share, and `more`."""
        shared = ("security.", "sasl.", "ssl.", "enable.ssl", "client.", "socket.", "broker.")
        from_producer = {k: v for k, v in self.producer_options.items() if k.startswith(shared)}
        return {
            "bootstrap.servers": self.brokers,
            "socket.keepalive.enable": True,
            "log_level": 2,  # its own lines on stderr; what matters comes as an error
            **from_producer,
            **more,
        }

    def make(self, cls: Any, settings: Mapping[str, Any]) -> Any:
        """A client of librdkafka.

        Raises:
            InvalidArgumentError: if it refuses the settings.
        """
        try:
            return cls(self.settings(settings))
        except (self._kafka.KafkaException, TypeError, ValueError) as exc:
            raise InvalidArgumentError(
                f"the options of a Kafka stream cannot be used: {exc}", where=self.url
            ) from exc

    def unavailable(self, exc: object) -> StoreUnavailableError:
        """The error that says Kafka does not answer."""
        return StoreUnavailableError(
            f"Kafka cannot be reached: {exc}",
            where=self.url,
            fix="check that the brokers run; what was not confirmed is repeated, nothing is lost",
        )

    @property
    def shards(self) -> int:
        if not self._count:
            self.create()
        return self._count

    def push_records(self, records: Sequence[Record]) -> None:
        producer, failures = self._producer(), []

        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                failures.append(error)

        deadline = time.monotonic() + self.timeout
        for record in records:
            headers = {name: value.encode() for name, value in record.headers.items()}
            key = record.key.encode() or None
            while True:
                try:
                    producer.produce(
                        self.name, record.body, key, headers=headers, on_delivery=delivered
                    )
                    break
                except BufferError:  # the local queue is full: let it drain
                    if time.monotonic() > deadline:
                        raise self.unavailable("its queue stays full") from None
                    producer.poll(0.1)
                except self._kafka.KafkaException as exc:
                    raise self._refused(exc.args[0]) from exc
        # every record ends as delivered or failed within message.timeout.ms
        while producer.flush(1.0):
            pass
        if failures:
            raise self._refused(failures[0])

    def _refused(self, error: Any) -> InvalidArgumentError | StoreUnavailableError:
        if error.code() == self._kafka.KafkaError.MSG_SIZE_TOO_LARGE:
            return InvalidArgumentError(
                f"Kafka refused a record: {error.str()}",
                where=self.url,
                fix="raise message.max.bytes here and on the broker",
            )
        return self.unavailable(error.str())

    def _producer(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self.make(
                    self._kafka.Producer,
                    {
                        # brokers store a record once and in order although it is sent again
                        "enable.idempotence": True,
                        "linger.ms": 1,
                        "partitioner": "murmur2_random",  # as Java's clients
                        "message.timeout.ms": int(self.timeout * 1000),
                        **self.producer_options,
                    },
                )
            producer = self._made
        self.shards  # noqa: B018  the topic must exist before the first record
        return producer

    def consumer(
        self, group: str, name: str = "", shards: Iterable[int] | None = None
    ) -> KafkaConsumer:
        return KafkaConsumer(self, group, name, shards)

    def depth(self, group: str) -> int:
        consumer = self.make(self._kafka.Consumer, {"group.id": group, **self.consumer_options})
        try:
            places = [self._kafka.TopicPartition(self.name, n) for n in range(self.shards)]
            total = 0
            for place in consumer.committed(places, timeout=self.timeout):
                low, high = consumer.get_watermark_offsets(place, timeout=self.timeout)
                total += high - max(low, place.offset)
            return total
        except self._kafka.KafkaException as exc:
            raise self.unavailable(exc) from exc
        finally:
            consumer.close()

    def create(self, groups: Iterable[str] = ()) -> None:
        admin = self._admin()
        backoff, deadline = Backoff(), time.monotonic() + self.timeout
        while True:
            try:
                found = admin.list_topics(timeout=min(5.0, self.timeout)).topics.get(self.name)
                if found is not None and found.partitions:
                    self._count = len(found.partitions)
                    return
                self._make_topic(admin)
            except self._kafka.KafkaException as exc:
                if not backoff.wait(deadline):
                    raise self.unavailable(exc) from exc
                continue
            if not backoff.wait(deadline):
                raise self.unavailable(f"topic {self.name!r} was made but does not appear")

    def _make_topic(self, admin: Any) -> None:
        settings = {}
        if self._hours is not None:
            settings["retention.ms"] = str(int(self._hours * 3_600_000))
        new = self.admin_module.NewTopic(self.name, self._wanted, config=settings)
        try:
            admin.create_topics([new])[self.name].result(self.timeout)
        except concurrent.futures.TimeoutError as exc:
            raise self.unavailable(f"topic {self.name!r} could not be made") from exc
        except self._kafka.KafkaException as exc:
            if exc.args[0].code() != self._kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def delete(self) -> None:
        admin = self._admin()
        try:
            admin.delete_topics([self.name])[self.name].result(self.timeout)
        except concurrent.futures.TimeoutError as exc:
            raise self.unavailable(f"topic {self.name!r} could not be deleted") from exc
        except self._kafka.KafkaException as exc:
            if exc.args[0].code() != self._kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise self.unavailable(exc) from exc
        self._count = 0

    @property
    def admin_module(self) -> Any:
        """confluent-kafka's administration part."""
        return require("confluent_kafka.admin", feature="a kafka:// stream", extra="kafka")

    def _admin(self) -> Any:
        return self.make(self.admin_module.AdminClient, {})

    def close(self) -> None:
        with self._lock:
            producer, self._made = self._made, None
        if producer is not None:
            producer.flush(self.timeout)
