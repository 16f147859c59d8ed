"""From a URL to a stream.

    memory://NAME                        in this process; the same name is the same stream
    dummy://                             in this process, and tests read its `event_list`
    file:///FOLDER/NAME                  in a file that processes of this machine share
    v3io:///CONTAINER/PATH               the same, below the setting `v3io_root`
    ds://PROFILE[/NAME]                  what a datastore profile without passwords stands for
    redis://HOST:PORT/DB/NAME            Redis Streams (rediss: over TLS); DB may be left out
    kafka://HOST:PORT,HOST:PORT/TOPIC    Kafka, or ?topic=TOPIC
    amqp://HOST:PORT/[VHOST/]QUEUE       RabbitMQ (amqps: over TLS)
    nats://HOST:PORT/SUBJECT             NATS, with JetStream where a stream takes the subject
    mqtt://HOST:PORT/TOPIC               MQTT (mqtts: over TLS)

Options may stand in the URL's query: `redis://localhost/events?shards=4&max_length=100000`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from mlrun_like import registry
from mlrun_like.artifacts.mapped import mapped_url
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.signatures import signature_of
from mlrun_like.streams.base import Stream

__all__ = ["get_stream_pusher", "open_stream", "without_password"]

_NUMBERS: dict[str, Callable[[str], Any]] = {
    "shards": int,
    "max_length": int,
    "retention_in_hours": float,
    "timeout": float,
    "lease": float,
}
_MLRUN_ONLY = frozenset({"access_key", "create", "endpoint", "mock"})
_ELSEWHERE = {
    "v3io": "V3IO streams need the Iguazio platform, or the setting v3io_root",
    "http": "HTTP is not a stream: nothing can be read again",
    "https": "HTTP is not a stream: nothing can be read again",
}


def open_stream(url: str | Stream, **options: Any) -> Stream:
    """The stream that a URL means; nothing is connected before the first use.

    Args:
        url: Its address, options in the query; a stream is returned as it is.
        options: `shards` (number of shards if it is made; default 1), `retention_in_hours` and
            `max_length` (how long and how many records are kept although everybody has them),
            `timeout` (seconds to keep trying when it cannot be reached), and options of one kind:
            see its class. They win over the query.

    Raises:
        InvalidArgumentError: if the URL or an option is wrong.
        UnknownNameError: if there is no such kind of stream; the message lists those that exist.
        MissingDependencyError: if a package is missing; the message says which extra brings it.

    >>> stream = open_stream("memory://doc-example", shards=2)
    >>> stream.push({"x": 1}, partition_key="a")
    >>> with stream.consumer("readers") as consumer:
    ...     [record.body for record in consumer.read(wait=0)]
    [b'{"x":1}']
    """
    if isinstance(url, Stream):
        return url
    brokers = options.get("brokers") or options.get("kafka_brokers")
    if isinstance(url, str) and "://" not in url and brokers:
        url = f"kafka:///{url}"
    scheme, found, _ = url.partition("://") if isinstance(url, str) else ("", "", "")
    if scheme == "ds":
        # keys and passwords of a profile stay with it: only its address is used
        url, _ = registry.resolve("mlrun_like.artifacts.profiles:resolve_profile")(str(url))
        return open_stream(url, **options)
    if scheme in ("v3io", "v3ios") and config.v3io_root:
        url, scheme = f"file://{quote(os.path.abspath(mapped_url(str(url))))}", "file"
    if scheme in _ELSEWHERE or not found:
        raise InvalidArgumentError(
            f"{url!r} is not the address of a stream: "
            + _ELSEWHERE.get(scheme, "it does not start with a kind and '://'"),
            fix="use redis://HOST:PORT/NAME, kafka://HOST:PORT/TOPIC or memory://NAME",
        )
    parts = urlsplit(url)
    named = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **options}
    # parameters that a URL names are texts
    for name, cast in _NUMBERS.items():
        if named.get(name) is not None:
            named[name] = _number(name, named[name], cast, url)
    made = registry.load("streams", scheme)
    parameters = signature_of(made).parameters
    known = set(parameters) - {"url"}
    takes_all = any(item.kind is item.VAR_KEYWORD for item in parameters.values())
    unknown = [] if takes_all else [name for name in named if name not in known]
    if unknown:
        raise InvalidArgumentError(
            f"a {scheme} stream has no option {unknown[0]!r}.{nearest(unknown[0], known)}",
            where=without_password(url),
            fix=f"options: {', '.join(sorted(known))}",
        )
    stream: Stream = made(urlunsplit(parts._replace(query="", fragment="")), **named)
    return stream


def get_stream_pusher(stream_path: str, **kwargs: Any) -> Stream:
    """MLRun's name of `open_stream`; options that only its platform has are ignored."""
    given = {name: value for name, value in kwargs.items() if name not in _MLRUN_ONLY}
    return open_stream(stream_path, **given)


def without_password(url: str) -> str:
    """A URL as it may be shown.

    >>> without_password("redis://me:secret@host/0/events")
    'redis://***@host/0/events'
    """
    head, at, tail = url.rpartition("@")
    scheme, found, _ = head.partition("://")
    return f"{scheme}://***@{tail}" if at and found else url


def _number(name: str, value: Any, cast: Callable[[str], Any], url: str) -> Any:
    try:
        number = cast(value)
        if isinstance(value, bool) or not number > 0 or number != number or number > 1e12:
            raise ValueError(value)
    except (TypeError, ValueError, OverflowError) as exc:
        raise InvalidArgumentError(
            f"option {name}={value!r} of a stream must be a number above 0",
            where=without_password(url),
        ) from exc
    return number
