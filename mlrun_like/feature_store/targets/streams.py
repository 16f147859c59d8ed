"""StreamTarget, KafkaTarget: each row becomes a record whose key is the entity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.targets.base import BaseStoreTarget
from mlrun_like.feature_store.targets.stream_writer import StreamWriter
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob
from mlrun_like.streams import Stream, open_stream

__all__ = ["KafkaTarget", "StreamTarget"]

_OPTIONS = ("shards", "retention_in_hours", "max_length", "timeout")


class StreamTarget(BaseStoreTarget):
    """Rows as records of a stream: JSON objects; records can be read from their commit on.

    Rows that were pushed cannot be taken back: `abort` forgets what was not committed, and an
    ingestion that overwrites adds its rows.

    Args:
        options: Arguments of all targets; the path is the URL of a stream, such as
            `redis://host:6379/name`. Attributes `shards`, `retention_in_hours`, `max_length` and
            `timeout` are options of the stream.
    """

    kind = "stream"

    def stream(self) -> Stream:
        """The stream.

        Raises:
            InvalidArgumentError: if the path is none.
        """
        self._need_path()
        given = {name: self.attributes[name] for name in _OPTIONS if name in self.attributes}
        return open_stream(self.get_target_path(), **given)

    def get_target_templated_path(self) -> str:
        """The stream's URL; empty: it has none, and there is no default."""
        return super().get_target_templated_path() if self.path else ""

    def graph_step(self) -> tuple[str, dict[str, Any]]:
        self._need_path()
        return "storey.StreamTarget", {"stream_path": _without_scheme(self.path or "")}

    def _need_path(self) -> None:
        if not self.path:
            raise InvalidArgumentError(
                f"{type(self).__name__} requires a path", where=f"target {self.name!r}",
                fix="path='redis://localhost:6379/events'",
            )  # fmt: skip

    def writer(self, job: WriteJob) -> TargetWriter:
        return StreamWriter(self.stream(), job, self.columns)

    def purge(self) -> None:
        stream = self.stream()
        try:
            stream.delete()
        finally:
            stream.close()


class KafkaTarget(StreamTarget):
    """Rows as records of a Kafka topic.

    Args:
        name: Its name; by default `kafka`.
        path: The topic.
        attributes: `brokers` and `producer_options` may stand here.
        after_step: The step whose results are written.
        columns: The columns to write, besides the key and the time; by default all.
        bootstrap_servers: An older name of `brokers`.
        producer_options: Options of librdkafka's producer.
        brokers: `host:port`, or a list of them.
        options: Further arguments of all targets.

    Raises:
        InvalidArgumentError: if brokers are given by both names.
    """

    kind = "kafka"

    def __init__(
        self,
        name: str = "",
        path: Any = None,
        attributes: Mapping[str, Any] | None = None,
        after_step: str | None = None,
        columns: Sequence[str] | None = None,
        *,
        bootstrap_servers: str | Sequence[str] | None = None,
        producer_options: Mapping[str, Any] | None = None,
        brokers: str | Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        if brokers and bootstrap_servers:
            raise InvalidArgumentError(
                "KafkaTarget takes 'brokers' or the older 'bootstrap_servers', not both"
            )
        merged = dict(attributes or {})
        servers = brokers or bootstrap_servers
        if servers:
            merged["brokers"] = servers if isinstance(servers, str) else list(servers)
        if producer_options is not None:
            merged["producer_options"] = dict(producer_options)
        super().__init__(name, path, merged, after_step, columns, **options)

    def graph_step(self) -> tuple[str, dict[str, Any]]:
        self._need_path()
        options = {"producer_options": self.attributes.get("producer_options")}
        topic = _without_scheme(self.path or "").rpartition("/")[2]
        return "storey.KafkaTarget", {
            "topic": topic,
            "brokers": self.attributes.get("brokers"),
            **options,
        }

    def stream(self) -> Stream:
        brokers = self.attributes.get("brokers")
        if not self.path or not brokers:
            raise InvalidArgumentError(
                f"KafkaTarget requires a path and brokers, not {self.path!r} and {brokers!r}",
                where=f"target {self.name!r}",
                fix="KafkaTarget(path='topic', brokers='localhost:9092')",
            )
        servers = brokers if isinstance(brokers, str) else ",".join(brokers)
        given: dict[str, Any] = {}
        if self.attributes.get("producer_options"):
            given["kafka_producer_options"] = self.attributes["producer_options"]
        return open_stream(f"kafka://{servers}/{self.get_target_path()}", **given)

    def purge(self) -> None:
        """Nothing: a topic has other readers and writers."""


def _without_scheme(path: str) -> str:
    """A path as a step of a flow takes it: of Iguazio's platform without the scheme."""
    return path.removeprefix("v3io://").lstrip("/") if path.startswith("v3io://") else path
