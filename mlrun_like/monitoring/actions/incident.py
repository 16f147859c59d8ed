"""What an action needs to know of an activation of an alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.documents import epoch

__all__ = ["Incident"]


@dataclass(frozen=True)
class Incident:
    """An activation: which alert was raised, when, by what.

    Args:
        id: Of the activation: the incident's number, with `.2` the second time it went off.
        project: Its project.
        alert: The alert's name.
        time: When it was raised, seconds since 1970.
        entity_kind: What it is about: `model-endpoint-result`, `job`, ...
        entity_id: Which one.
        events: What raised it, oldest first.
        body: All of it as plain data.
    """

    id: str
    project: str
    alert: str
    time: float = 0.0
    entity_kind: str = ""
    entity_id: str = ""
    events: Sequence[Mapping[str, Any]] = ()
    body: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, activation: Any) -> Incident:
        """Read an activation: a mapping, or an object with `to_dict`.

        Raises:
            InvalidArgumentError: if it has no id, project or alert.
        """
        if isinstance(activation, Incident):
            return activation
        given = activation.to_dict() if hasattr(activation, "to_dict") else activation
        if not isinstance(given, Mapping):
            raise InvalidArgumentError(f"an activation is a mapping, not {activation!r:.80}")
        entity = given.get("entity") or given.get("entities") or {}
        entity = entity if isinstance(entity, Mapping) else {}
        ids = entity.get("ids") or [entity.get("id") or ""]
        firing = str(given.get("firing") or 1)
        number = str(given.get("id") or given.get("activation_id") or "")
        found = cls(
            # an alert may go off again while its incident is open
            f"{number}.{firing}" if number and firing != "1" else number,
            str(given.get("project") or ""),
            str(given.get("alert") or given.get("name") or ""),
            _seconds(given.get("time") or given.get("activation_time")),
            str(given.get("entity_kind") or entity.get("kind") or ""),
            str(given.get("entity_id") or ids[0]),
            [event for event in given.get("events") or () if isinstance(event, Mapping)],
            dict(given),
        )
        for word in ("id", "project", "alert"):
            if not getattr(found, word):
                raise InvalidArgumentError(
                    f"the activation has no {word}: {sorted(map(str, given))}",
                    fix='{"id": ..., "project": ..., "name": <the alert>, "time": ...}',
                )
        return found

    @property
    def endpoint(self) -> str:
        """The uid of the model endpoint that it is about; empty: none is."""
        for kind, name in (
            (self.entity_kind, self.entity_id),
            *((str(each.get("entity_kind")), str(each.get("entity_id"))) for each in self.events),
        ):
            if kind.startswith("model-endpoint") and name.strip("*"):
                return name.partition(".")[0]
        for each in self._bodies():
            found = each.get("endpoint") or each.get("endpoint_id")
            if isinstance(found, str) and found:
                return found
        return ""

    @property
    def runs(self) -> list[str]:
        """Uids of the runs that it is about."""
        found = [
            str(each[word])
            for each in self._bodies()
            for word in ("uid", "run_uid", "run", "pipeline")
            if isinstance(each.get(word), str) and each[word]
        ]
        return list(dict.fromkeys(found))

    @property
    def until(self) -> float:
        """The end of the newest data that raised it, seconds since 1970; 0: not known."""
        words = ("end", "end_infer_time")
        return max(
            (_seconds(each.get(word)) for each in self._bodies() for word in words), default=0.0
        )

    def _bodies(self) -> Iterator[Mapping[str, Any]]:
        for each in (self.body, *self.events):
            yield each
            for word in ("body", "value", "value_dict"):
                inner = each.get(word)
                if isinstance(inner, Mapping):
                    yield inner


def _seconds(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, datetime):
        return epoch(value.isoformat()) or 0.0
    return epoch(value, "the time of an activation") or 0.0 if isinstance(value, str) else 0.0
