"""What holds a notification back: silences, cooldowns, and the most that may be told in an hour."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

from mlrun_like.types import Document

__all__ = ["HOUR", "allow", "cooling", "silenced"]

HOUR = 3600.0


def silenced(
    silences: Mapping[str, Document], facts: Mapping[str, str], now: float
) -> tuple[str, Document] | None:
    """The silence that holds back an alert with these facts now, if there is one.

    >>> quiet = {"s1": {"start": 0, "end": 10, "matchers": {"entity": "train*"}}}
    >>> silenced(quiet, {"entity": "train-a", "name": "x"}, 5)[0]
    's1'
    """
    for key, silence in silences.items():
        if silence["start"] <= now < silence["end"] and all(
            fnmatch.fnmatchcase(facts.get(name, ""), pattern)
            for name, pattern in silence["matchers"].items()
        ):
            return key, silence
    return None


def cooling(state: Document, name: str, span: float, now: float) -> float:
    """Seconds for which a notification is still held back; 0: it may be sent, which is noted."""
    sent: dict[str, float] = state.setdefault("sent", {})
    left = sent[name] + span - now if span and name in sent else 0.0
    if left > 0:
        return left
    sent[name] = now
    return 0.0


def allow(body: Document, state: Document, name: str, now: float, most: tuple[int, int]) -> bool:
    """Whether an alert may cause one more delivery in this hour; if not, it is counted.

    Args:
        body: The project's memory.
        state: The alert's memory.
        name: The alert's name.
        now: Seconds since 1970.
        most: Deliveries in an hour, of an alert and of all.
    """
    project: Document = body.setdefault("rate", {"start": now, "sent": 0, "held": {}})
    mine: Document = state.setdefault("rate", {})
    if mine.get("start") != project["start"]:
        mine.update(start=project["start"], sent=0)
    if mine["sent"] >= most[0] or project["sent"] >= most[1]:
        project["held"][name] = project["held"].get(name, 0) + 1
        return False
    mine["sent"] += 1
    project["sent"] += 1
    return True
