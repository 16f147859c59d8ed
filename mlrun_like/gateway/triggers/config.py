"""What a trigger is told, and which triggers the deployed functions have."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.gateway.deployment import Deployment, Version
from mlrun_like.runtimes.nuclio.trigger_kinds import ALIASES

__all__ = ["LOCAL_ALIASES", "ORDERS", "TriggerConfig", "seconds", "triggers_of"]

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")

LOCAL_ALIASES: Mapping[str, str] = {
    **ALIASES,
    "redis-stream": "redis",
    "redisStream": "redis",
    "redis-streams": "redis",
    "file": "files",
    "event": "events",
}
"""Names that people write -> ours."""

ORDERS: Mapping[str, str] = {"kafka-cluster": "shard", "redis": "key", "files": "none"}
"""Kind -> what is kept in order unless it is said; others: nothing beyond one worker."""

_ATTEMPTS = {"cron": 3}
"""Cron: one and Nuclio's two of `jobBackoffLimit`."""
_OVERLAPS = 8
"""Events of one cron trigger at a time, if it allows several."""


@dataclass(frozen=True)
class TriggerConfig:
    """One trigger of one deployed function. Times are in seconds.

    Args:
        key: The function, `<project>/<name>`.
        name: The trigger's name.
        kind: Such as `kafka-cluster`.
        url: Where its source is, if that is one URL.
        username: For the source.
        password: For the source.
        attributes: Of its kind, with Nuclio's names.
        workers: Events or batches that are under way at a time.
        batch_size: Events given to the handler at a time; 0: it gets each by itself, not a list.
        batch_timeout: How long a batch waits for its last event.
        ack_mode: `disable`, `enable` or `explicitOnly`, as in Nuclio.
        window: Events of a shard that stay unacknowledged behind the newest one.
        order: What is worked on one after the other: events of one `shard`, of one `key`, or
            `none` of them.
        attempts: How often an event is tried before it is a dead letter.
        first_delay: Pause after the first failure; twice as long after each further one.
        most_delay: The longest pause.
        dead_letter: Where dead letters go: a URL of a stream, a name beside the source, or empty.
        path: Path that the function is called with.
    """

    key: str
    name: str
    kind: str
    url: str = ""
    username: str = ""
    password: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    workers: int = 1
    batch_size: int = 0
    batch_timeout: float = 1.0
    ack_mode: str = "disable"
    window: int = 0
    order: str = "none"
    attempts: int = 5
    first_delay: float = 1.0
    most_delay: float = 60.0
    dead_letter: str = ""
    path: str = "/"

    @property
    def id(self) -> str:
        """Its name among all triggers: `<project>/<function>/<trigger>`."""
        return f"{self.key}/{self.name}"

    @property
    def group(self) -> str:
        """Its name as a consumer group, the same in every gateway."""
        found = self.attributes.get("consumerGroup") or self.attributes.get("queueName")
        return str(found or re.sub(r"[^A-Za-z0-9_.-]+", "-", self.id))

    @property
    def room(self) -> int:
        """Events that are read ahead, those under way included."""
        return max(32, 8 * self.workers, 3 * self.workers * self.batch_size)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TriggerConfig:
        """What `to_dict` wrote."""
        known = {item.name for item in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})

    @classmethod
    def read(cls, key: str, name: str, spec: Mapping[str, Any]) -> TriggerConfig:
        """A trigger in Nuclio's layout, which `check_triggers` found right.

        >>> TriggerConfig.read("p/f", "tick", {"kind": "cron", "attributes": {}}).attempts
        3
        """
        kind = LOCAL_ALIASES.get(str(spec.get("kind")), str(spec.get("kind")))
        attributes = dict(spec.get("attributes") or {})
        batch = spec.get("batch") or {}
        batched = batch.get("mode", "enable" if batch else "disable") == "enable"
        retry = attributes.get("retry") or {}
        limit = attributes.get("jobBackoffLimit")
        attempts = _ATTEMPTS.get(kind, 5) if limit is None else 1 + int(limit)
        workers = spec.get("numWorkers") or spec.get("maxWorkers") or 1
        if kind == "cron" and attributes.get("concurrencyPolicy") == "Allow":
            workers = max(int(workers), _OVERLAPS)
        return cls(
            key=key,
            name=name,
            kind=kind,
            url=str(spec.get("url") or attributes.get("url") or ""),
            username=str(spec.get("username") or ""),
            password=str(spec.get("password") or spec.get("secret") or ""),
            attributes=attributes,
            workers=int(workers),
            batch_size=int(batch.get("batchSize", 10)) if batched else 0,
            batch_timeout=seconds(batch.get("timeout", "1s")),
            ack_mode=str(spec.get("explicitAckMode") or "disable"),
            window=int(attributes.get("ackWindowSize") or 0),
            order=str(attributes.get("order") or ORDERS.get(kind, "none")),
            attempts=max(1, int(retry.get("attempts", attempts))),
            first_delay=seconds(retry.get("delay", "1s")),
            most_delay=seconds(retry.get("maxDelay", "60s")),
            dead_letter=str(attributes.get("deadLetter") or ""),
            path=str(attributes.get("path") or "/"),
        )


def seconds(value: object) -> float:
    """Seconds of a time as Go writes it; a plain number is seconds.

    >>> seconds("1m30s"), seconds("250ms"), seconds(2)
    (90.0, 0.25, 2.0)
    """
    if isinstance(value, (int, float)):
        return float(value)
    text = str(value)
    parts = _PART.findall(text)
    if not parts:
        return float(text or 0)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def triggers_of(deployments: Iterable[Deployment]) -> list[TriggerConfig]:
    """The triggers of deployed functions, sorted by id.

    Events go to all versions as their shares of the traffic say; what the triggers are is said by
    the version with the greatest share, the newest of several.
    """
    found = []
    for deployment in deployments:
        version = _leading(deployment)
        for name, spec in (version.options.triggers if version else {}).items():
            if spec.get("kind") != "http" and not spec.get("disabled"):
                found.append(TriggerConfig.read(deployment.key, name, spec))
    return sorted(found, key=lambda item: item.id)


def _leading(deployment: Deployment) -> Version | None:
    shares = [share for share in deployment.traffic if share.version in deployment.versions]
    if not shares:
        return deployment.versions.get(deployment.newest)
    best = max(shares, key=lambda share: (share.weight, share.version))
    return deployment.versions[best.version]
