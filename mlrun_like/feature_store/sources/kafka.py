"""KafkaSource: records of Kafka topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.sources.streams import OnlineSource
from mlrun_like.streams.opening import open_stream

__all__ = ["KafkaSource"]


class KafkaSource(OnlineSource):
    """Records of Kafka topics.

    Args:
        brokers: `host:port`, or several.
        topics: A topic, or several.
        group: The group that a live service reads as.
        initial_offset: Where to begin: `earliest` or `latest`.
        partitions: Only these partitions.
        sasl_user: User name.
        sasl_pass: Password.
        attributes: Further attributes of the trigger.
        kwargs: `name`, `path` (`kafka://host:port/topic`), `key_field`, `time_field`, `workers`.
    """

    kind: ClassVar[str] = "kafka"

    def __init__(
        self,
        brokers: Sequence[str] | str | None = None,
        topics: Sequence[str] | str | None = None,
        group: str = "serving",
        initial_offset: str = "earliest",
        partitions: Sequence[int] | None = None,
        sasl_user: str | None = None,
        sasl_pass: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(attributes or {})
        path = kwargs.get("path") or ""
        if path.startswith("kafka://"):
            hosts, _, topic = path.removeprefix("kafka://").partition("/")
            brokers, topics = brokers or hosts.split(","), topics or topic
        given["brokers"] = [brokers] if isinstance(brokers, str) else list(brokers or [])
        given["topics"] = [topics] if isinstance(topics, str) else list(topics or [])
        given["group"], given["initial_offset"] = group, initial_offset
        if partitions is not None:
            given["partitions"] = list(partitions)
        sasl = dict(given.pop("sasl", None) or {})
        if sasl_user and sasl_pass:
            sasl.update(enable=True, user=sasl_user, password=sasl_pass)
        if sasl:
            given["sasl"] = sasl
        super().__init__(attributes=given, **kwargs)
        if brokers or topics or path:
            self._topics()

    def _topics(self) -> list[str]:
        topics = list(self.attributes.get("topics") or [])
        if not all(self._brokers) or not self._brokers or not all(topics) or not topics:
            raise InvalidArgumentError(
                f"a KafkaSource needs brokers and topics, not {self._brokers!r:.60} and "
                f"{topics!r:.60}",
                fix='KafkaSource(brokers="host:9092", topics="events")',
            )
        return topics

    def stream_urls(self) -> list[str]:
        topics = self._topics()
        hosts = ",".join(str(one).partition("://")[2] or str(one) for one in self._brokers)
        return [f"kafka://{hosts}/{topic}" for topic in topics]

    @property
    def _brokers(self) -> list[str]:
        return list(self.attributes.get("brokers") or [])

    def stream_options(self) -> dict[str, Any]:
        sasl = self.attributes.get("sasl") or {}
        if not sasl:
            return {}
        options = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": str(sasl.get("mechanism") or "PLAIN").upper(),
            "sasl.username": str(sasl.get("user", "")),
            "sasl.password": str(sasl.get("password", "")),
        }
        return {"kafka_producer_options": options, "kafka_consumer_options": options}

    def trigger(self) -> dict[str, Any]:
        known = ("brokers", "topics", "group", "initial_offset", "partitions", "invalid_records")
        given = self.attributes
        attributes = {
            **{name: value for name, value in given.items() if name not in known},
            "brokers": self._brokers,
            "topics": given["topics"],
            "consumerGroup": given["group"],
            "initialOffset": given["initial_offset"],
        }
        if given.get("partitions"):
            attributes["partitions"] = given["partitions"]
        return {
            "kind": "kafka-cluster",
            "maxWorkers": self.workers or 1,
            "attributes": attributes,
        }

    def create_topics(
        self, num_partitions: int = 4, replication_factor: int = 1, topics: Any = None
    ) -> None:
        """Make its topics where they do not exist yet.

        Args:
            num_partitions: Partitions of each.
            replication_factor: MLRun's argument; the brokers' default is used.
            topics: Only these; default all.
        """
        del replication_factor
        wanted = [topics] if isinstance(topics, str) else topics or self.attributes["topics"]
        for url, topic in zip(self.stream_urls(), self.attributes["topics"], strict=True):
            if topic in wanted:
                with open_stream(url, shards=num_partitions, **self.stream_options()) as stream:
                    stream.create()
