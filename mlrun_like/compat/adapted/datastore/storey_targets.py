"""Targets of flows that take paths, URLs and `ds://` URLs alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.artifacts.credentials import storage_options
from mlrun_like.artifacts.profile_streams import (
    DatastoreProfileKafkaStream,
    DatastoreProfileKafkaTarget,
)
from mlrun_like.artifacts.profiles import datastore_profile_read, resolve_profile
from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.compat.adapted.datastore.urls import KafkaParameters, parse_kafka_url
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.steps.targets_stream import KafkaTarget, StreamTarget

__all__ = ["KafkaStoreyTarget", "StreamStoreyTarget", "get_url_and_storage_options"]


def get_url_and_storage_options(
    path: str, external_storage_options: Mapping[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """The URL that a path stands for, and the options of fsspec's file system.

    >>> get_url_and_storage_options("/data/x.csv", {"a": 1})
    ('/data/x.csv', {'a': 1})
    """
    secrets: Any = None
    if scheme_of(path) == "ds":
        path, secrets = resolve_profile(path)
    return path, {
        **(external_storage_options or {}),
        **storage_options(scheme_of(path), secrets),
    }


class StreamStoreyTarget(StreamTarget):
    """Events as records of a stream.

    Args:
        stream_path: Its URL.
        options: As for `StreamTarget`; credentials of Iguazio's platform are not needed.
    """

    def __init__(self, stream_path: str = "", **options: Any) -> None:
        if not stream_path:
            raise InvalidArgumentError("StreamTarget requires a path")
        options.pop("alternative_v3io_access_key", None)
        url, _ = get_url_and_storage_options(stream_path)
        super().__init__(stream_path=url, **options)


class KafkaStoreyTarget(KafkaTarget):
    """Events as records of a Kafka topic.

    Args:
        path: The topic, `kafka://host:port/topic`, or `ds://profile[/topic]`.
        attributes: `brokers` and options of the producer.
        options: As for `KafkaTarget`.
    """

    def __init__(
        self, path: str = "", attributes: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        options.pop("alternative_v3io_access_key", None)
        given = dict(attributes or {})
        if scheme_of(path) == "ds":
            profile = datastore_profile_read(path)
            kinds = (DatastoreProfileKafkaStream, DatastoreProfileKafkaTarget)
            if not isinstance(profile, kinds):
                raise InvalidArgumentError(
                    f"Unsupported datastore profile type: {type(profile).__name__}"
                )
            given.update(profile.attributes())
            brokers = given.pop("brokers", None)
            topic = urlsplit(path).path.strip("/") or profile.get_topic()
        else:
            topic, brokers = parse_kafka_url(path or "", given.pop("brokers", None))
        if not topic:
            raise InvalidArgumentError("KafkaTarget requires a topic")
        producer = KafkaParameters(given).producer()
        super().__init__(brokers=brokers, topic=topic, producer_options=producer, **options)
