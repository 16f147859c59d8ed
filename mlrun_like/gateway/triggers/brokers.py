"""Where the streams of triggers are: URLs from Nuclio's attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.triggers.config import TriggerConfig, seconds
from mlrun_like.gateway.triggers.kafka import kafka_options
from mlrun_like.streams.base import Stream
from mlrun_like.streams.opening import open_stream

__all__ = ["beside", "grave_beside", "open_streams"]

_TIMEOUT = 5.0
"""Seconds that one call may take to reach a broker; the trigger goes on trying by itself."""


def open_streams(config: TriggerConfig) -> list[Stream]:
    """The streams that a trigger reads; nothing is connected yet.

    Raises:
        MLRunLikeError: if an address or option is wrong, or a package is missing.
    """
    return _OPENERS[config.kind](config)


def _with_user(config: TriggerConfig, url: str) -> str:
    """A URL with the trigger's user and password, unless it has its own."""
    parts = urlsplit(url)
    if "@" in parts.netloc or not (config.username or config.password):
        return url
    user = f"{quote(config.username, safe='')}:{quote(config.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))


def _texts(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, (str, int)) else [str(item) for item in value or ()]


def _redis(config: TriggerConfig) -> list[Stream]:
    names = _texts(config.attributes.get("streams") or config.attributes.get("stream"))
    base = _with_user(config, config.url)
    urls = [f"{base.rstrip('/')}/{name}" for name in names] or [base]
    options: dict[str, Any] = {"timeout": _TIMEOUT}
    for name in ("shards", "lease"):
        if config.attributes.get(name) is not None:
            options[name] = seconds(config.attributes[name])
    if "shards" in options:
        options["shards"] = int(options["shards"])
    return [open_stream(url, **options) for url in urls]


def _kafka(config: TriggerConfig) -> list[Stream]:
    given = config.attributes
    brokers = given.get("brokers") or []
    places = brokers.split(",") if isinstance(brokers, str) else _texts(brokers)
    places = [place.rpartition("://")[2].strip("/") for place in places]
    options = kafka_options(given, config.username, config.password)
    topics = _texts(given.get("topics"))
    if config.url and not topics:
        return [open_stream(config.url, timeout=_TIMEOUT, **options)]
    base = f"kafka://{','.join(places)}"
    return [open_stream(f"{base}/{topic}", timeout=_TIMEOUT, **options) for topic in topics]


def _rabbit(config: TriggerConfig) -> list[Stream]:
    given = config.attributes
    queue = str(given.get("queueName") or "")
    if not queue:
        queue = "mlrun-like." + config.id.replace("/", ".")
    base = _with_user(config, config.url).rstrip("/")
    prefetch = int(given.get("prefetchCount") or 0) or config.room
    # Nuclio's defaults are false; a queue that a restart of the broker forgets would lose events
    durable = given.get("durableQueue", given.get("durableExchange", True))
    return [
        open_stream(
            f"{base}/{quote(queue, safe='')}",
            exchange=str(given.get("exchangeName") or ""),
            topics=_texts(given.get("topics")),
            durable=bool(durable),
            prefetch=prefetch,
            timeout=_TIMEOUT,
        )
    ]


def _nats(config: TriggerConfig) -> list[Stream]:
    given = config.attributes
    base = _with_user(config, config.url.split(",")[0]).rstrip("/")
    subject = str(given.get("topic") or "")
    more = {"ack_wait": seconds(given["ackWait"])} if given.get("ackWait") else {}
    return [
        open_stream(
            f"{base}/{quote(subject, safe='')}" if subject else base,
            jetstream=str(given.get("jetstream") or "auto"),
            prefetch=max(config.room, 1000 if config.ack_mode != "disable" else 0),
            start=str(given.get("initialOffset") or "earliest"),
            timeout=_TIMEOUT,
            **more,
        )
    ]


def _mqtt(config: TriggerConfig) -> list[Stream]:
    given = config.attributes
    scheme, _, rest = config.url.partition("://")
    names = {"tcp": "mqtt", "ssl": "mqtts", "tls": "mqtts"}
    base = _with_user(config, f"{names.get(scheme, scheme)}://{rest}").rstrip("/")
    rows = given.get("subscriptions") or ()
    wanted = {str(row["topic"]): int(row.get("qos", 0)) for row in rows}
    protocol = int(given.get("protocolVersion") or 5)
    return [
        open_stream(
            f"{base}/{quote(next(iter(wanted)), safe='')}",
            subscriptions=wanted,
            protocol=protocol,
            prefetch=config.room,
            timeout=_TIMEOUT,
        )
    ]


def _v3io(config: TriggerConfig) -> list[Stream]:
    """The stream below the folder that stands for the platform."""
    given = config.attributes
    place = f"{given.get('containerName') or ''}/{given.get('streamPath') or ''}"
    return [open_stream(f"v3io:///{place.strip('/')}", timeout=_TIMEOUT)]


_OPENERS: dict[str, Callable[[TriggerConfig], list[Stream]]] = {
    "redis": _redis,
    "kafka-cluster": _kafka,
    "rabbit-mq": _rabbit,
    "nats": _nats,
    "mqtt": _mqtt,
    "v3ioStream": _v3io,
}


def beside(config: TriggerConfig, name: str) -> str:
    """The URL of the stream with another name at the trigger's broker.

    Raises:
        InvalidArgumentError: if its kind has no streams.
    """
    base = _with_user(config, config.url.split(",")[0])
    parts = urlsplit(base)
    if config.kind == "redis":
        path = parts.path.strip("/").split("/")[0]
        return urlunsplit(
            parts._replace(path=f"/{path}/{name}" if path.isdecimal() else f"/{name}", query="")
        )
    if config.kind == "kafka-cluster":
        brokers = config.attributes.get("brokers") or parts.netloc
        places = brokers if isinstance(brokers, str) else ",".join(_texts(brokers))
        return f"kafka://{places}/{name}"
    if config.kind in ("rabbit-mq", "nats"):
        vhost = parts.path.strip("/") if config.kind == "rabbit-mq" else ""
        place = f"/{vhost}/{quote(name, safe='')}" if vhost else f"/{quote(name, safe='')}"
        return urlunsplit(parts._replace(path=place, query=""))
    raise InvalidArgumentError(
        f"a {config.kind} trigger has no streams beside it, so its deadLetter is no plain name",
        where=config.id,
        fix="write a URL such as redis://HOST/NAME, or file:///var/dead-letters",
    )


def grave_beside(config: TriggerConfig) -> str:
    """The URL of the stream for a trigger's dead letters; empty: its kind has none by itself.

    >>> grave_beside(TriggerConfig("p/f", "t", "redis", url="redis://h:1/orders"))
    'redis://h:1/orders.dead-letter'
    """
    if config.kind not in ("redis", "kafka-cluster", "rabbit-mq"):
        return ""
    return beside(config, f"{_first(config)}.dead-letter")


def _first(config: TriggerConfig) -> str:
    """The name of what is read, of the first if there are several."""
    given = config.attributes
    names = _texts(
        given.get("streams") or given.get("stream") or given.get("topics")
        if config.kind != "rabbit-mq"
        else given.get("queueName")
    )
    if names:
        return names[0]
    if config.kind == "rabbit-mq":
        return "mlrun-like." + config.id.replace("/", ".")
    return urlsplit(config.url).path.strip("/").rpartition("/")[2] or config.name
