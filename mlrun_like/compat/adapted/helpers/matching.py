"""Labels, times and values that fit a filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mlrun_like.compat.adapted.helpers.times import ensure_tz_aware
from mlrun_like.compat.adapted.helpers.values import as_list, get_in, missing

__all__ = ["match_labels", "match_times", "match_value", "match_value_options"]


def match_labels(labels: Mapping[str, Any], conditions: Iterable[str]) -> bool:
    """Whether labels fit `a=1`, `a!=1`, `a~=part` and `a` (there is one).

    Raises:
        ValueError: if a condition cannot be read.

    >>> match_labels({"owner": "me"}, ["owner=me", "owner~=m"])
    True
    """
    return all(_fits(labels, condition) for condition in conditions)


def _fits(labels: Mapping[str, Any], condition: str) -> bool:
    for verb in ("~=", "!=", "="):
        parts = condition.split(verb)
        if len(parts) == 1:
            continue
        if len(parts) != 2:
            raise ValueError(f"illegal condition - {condition}")
        found, wanted = labels.get(parts[0].strip(), ""), parts[1].strip()
        if verb == "~=":
            return wanted in found
        return (wanted == found) is (verb == "=")
    return condition.strip() in labels


def match_times(time_from: datetime | None, time_to: datetime | None, obj: Any, key: str) -> bool:
    """Whether the time at a path is not before the one nor after the other."""
    text = get_in(obj, key)
    if not text:
        return not time_from and not time_to
    found = ensure_tz_aware(datetime.fromisoformat(str(text).replace("Z", "+00:00")))
    first, last = ensure_tz_aware(time_from), ensure_tz_aware(time_to)
    if found is None:
        return False
    return not (first and first > found) and not (last and last < found)


def match_value(value: Any, obj: Any, key: str) -> bool:
    """Whether the value at a path is this; an empty one fits all."""
    return not value or get_in(obj, key, missing) == value


def match_value_options(value_options: Any, obj: Any, key: str) -> bool:
    """Whether the value at a path is one of these; none fit all."""
    return not value_options or get_in(obj, key, missing) in as_list(value_options)
