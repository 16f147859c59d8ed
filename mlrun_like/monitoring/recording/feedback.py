"""Labels in the body of `POST .../feedback`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.recording.times import seconds_of

__all__ = ["expand", "labels_of"]

_FIX = '{"id": "<id of the answer>", "label": 1}, or {"labels": {"<id>": 1, ...}}'
_MOST = 100_000

Label = tuple[Any, Any, int, float]


def labels_of(body: Any) -> list[Label]:
    """Event id, label, row and time of each label in a body.

    Forms: `{"id": ..., "label": ...}`, a list of these, `{"labels": {id: label}}`. A list as label
    has one for each row of the request. `time` (seconds since 1970 or ISO text) is when the label
    became known; `row` names one row.

    Raises:
        InvalidArgumentError: if there are no ids or labels in it, or too many.

    >>> [label[:3] for label in labels_of({"labels": {"a": 1, "b": [0, 1]}})]
    [('a', 1, 0), ('b', 0, 0), ('b', 1, 1)]
    """
    if isinstance(body, (bytes, str)):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise InvalidArgumentError(f"the labels are no JSON: {exc!s:.100}", fix=_FIX) from exc
    found: list[Label] = []
    if isinstance(body, Mapping) and isinstance(body.get("labels"), Mapping):
        time = _time(body.get("time"))
        for event_id, label in body["labels"].items():
            found += expand(event_id, label, time)
    else:
        items = body if isinstance(body, list) else [body]
        for item in items:
            if not isinstance(item, Mapping) or "id" not in item or "label" not in item:
                raise InvalidArgumentError(
                    f"feedback needs the id of an answer and its label, not {item!r:.100}",
                    fix=_FIX,
                )
            time = _time(item.get("time"))
            if "row" in item:
                found.append((item["id"], item["label"], _row(item["row"]), time))
            else:
                found += expand(item["id"], item["label"], time)
    if len(found) > _MOST:
        raise InvalidArgumentError(
            f"{len(found):,} labels in one request are more than {_MOST:,}",
            fix="send several requests",
        )
    for event_id, *_ in found:
        if not isinstance(event_id, (str, int)) or isinstance(event_id, bool) or event_id == "":
            raise InvalidArgumentError(f"{event_id!r:.60} is no id of an answer", fix=_FIX)
    return found


def expand(event_id: Any, label: Any, time: float) -> list[Label]:
    """One label for each row of a request: a list has several."""
    if isinstance(label, (list, tuple)):
        return [(event_id, one, row, time) for row, one in enumerate(label)]
    return [(event_id, label, 0, time)]


def _time(value: Any) -> float:
    return now() if value is None else seconds_of(value)


def _row(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise InvalidArgumentError(f"row {value!r:.60} is no number of a row", fix=_FIX)
    return value
