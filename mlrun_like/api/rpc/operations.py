"""Queued operations as they come from outside: checked, and made anew from their documents.

Columns by which records are found are never believed: they are computed from the document that is
stored beside them, as the recording side did. What is not known here is left out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.specs.run import TRANSITIONS
from mlrun_like.tracking.documents import artifact_row, function_row, run_row
from mlrun_like.tracking.operations import Operation
from mlrun_like.tracking.remote.codec import codec_of
from mlrun_like.tracking.remote.protocol import OPERATIONS
from mlrun_like.types import Document

__all__ = ["Clock", "checked"]

_PASSED = 10_000
_LAST = 1e11
_NEAR = 2.0
"""Seconds by which two clocks may differ, and a request may be on its way."""
_PLACE = {"project": str, "uid": str}
_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "state": {**_PLACE, "iteration": int, "state": str, "error": str},
    "beat": {**_PLACE, "iter": int, "time": float},
    "tag": {**_PLACE, "key": str, "tag": str, "time": float},
    "log": {**_PLACE, "token": str, "data": bytes},
    "edge": {**_PLACE, "artifact_uri": str, "direction": str, "time": float},
    "step": {
        **dict.fromkeys(("project", "workflow", "step", "state", "uid", "body"), str),
        **dict.fromkeys(("started", "ended", "updated"), float),
    },
    "cached": {
        **dict.fromkeys(("project", "key", "name", "workflow", "step", "uid", "body"), str),
        "made": float,
    },
}
_READ = {
    kind: {name: codec_of(type_, True).read for name, type_ in fields.items()}
    for kind, fields in _FIELDS.items()
}
_MOMENTS = {"tag": "time", "step": "updated"}
"""What decides which of two is the newer one."""
_TEXT, _WHOLE = codec_of(str, True).read, codec_of(int, True).read
_NUMBER, _TEXTS = codec_of(float, True).read, codec_of(list[str], True).read


def checked(value: object, clock: Clock | None = None) -> Operation:
    """An operation that can be applied.

    Args:
        value: As it came.
        clock: How the sender's times are read; None: as they are.

    Raises:
        InvalidArgumentError: if it is none.
        SpecError: if a document in it cannot be recorded.
    """
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise InvalidArgumentError("an operation is a list of its kind and its payload")
    kind, payload = value
    if kind not in OPERATIONS:
        raise InvalidArgumentError(
            f"there is no operation {kind[:60]!r} here", fix="update the service"
        )
    clock = clock or Clock(None)
    if kind == "metrics":
        return kind, _metrics(payload)
    if not isinstance(payload, dict):
        raise InvalidArgumentError(f"the payload of {kind!r} must be an object")
    try:
        if kind in _MADE:
            return kind, _MADE[kind](payload, clock)
        found = {name: read(payload[name]) for name, read in _READ[kind].items()}
    except KeyError as exc:
        raise InvalidArgumentError(f"{exc} is missing in an operation {kind!r}") from None
    for name in ("project", "uid"):
        if name in found and not found[name] and kind not in ("step", "cached"):
            raise InvalidArgumentError(f"{name!r} of an operation {kind!r} is empty")
    if "body" in found:
        _document(found["body"])
    moment = _MOMENTS.get(kind)
    if moment is not None:
        found[moment] = clock.here(found[moment])
    if kind == "state":
        _state(found["state"])
    return kind, found


class Clock:
    """A sender's times by the service's clock.

    Which of two versions is the newer one is decided by their times. A machine whose clock is an
    hour fast would win against all others for an hour, and one that is slow would never be heard.

    Args:
        sent: When the batch was sent, as its sender believes; None: it does not say.

    >>> Clock(None).here(5.0)
    5.0
    """

    def __init__(self, sent: object) -> None:
        self._now, self._off = time.time(), 0.0
        # a number that is none of seconds says nothing either
        if isinstance(sent, (int, float)) and 0.0 < sent < _LAST:
            off = self._now - sent
            self._off = off if abs(off) > _NEAR else 0.0

    def here(self, moment: float) -> float:
        """A moment of the sender's clock; nothing was recorded later than now."""
        return min(self._now, moment + self._off)


def _document(text: object) -> Document:
    if not isinstance(text, str):
        raise SpecError("a document must be text")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise SpecError("a document is not JSON, or is nested too deeply") from None
    if not isinstance(found, dict):
        raise SpecError("a document must be an object")
    return found


def _state(state: str) -> None:
    if state not in TRANSITIONS:
        raise SpecError(f"{state[:60]!r} is no state of a run")


def _metrics(payload: object) -> list[Any]:
    if not isinstance(payload, list) or len(payload) != 4 or not isinstance(payload[3], list):
        raise InvalidArgumentError("metrics are a list of project, uid, iteration and points")
    project, uid, iteration = _TEXT(payload[0]), _TEXT(payload[1]), _WHOLE(payload[2])
    if not project or not uid:
        raise InvalidArgumentError("metrics need a project and a uid")
    points = []
    for point in payload[3]:
        if not isinstance(point, list) or len(point) != 4:
            raise InvalidArgumentError("a point is a list of key, value, step and time")
        points.append((_TEXT(point[0]), _NUMBER(point[1]), _WHOLE(point[2]), _NUMBER(point[3])))
    return [project, uid, iteration, points]


def _made(
    make: Callable[[Document], dict[str, Any]], given: object, clock: Clock
) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidArgumentError("the row of an operation must be an object")
    try:
        row = make(_document(given["body"]))
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as exc:
        if isinstance(exc, SpecError):
            raise
        raise SpecError(f"a document cannot be recorded: {exc}"[:200]) from None
    if "updated" in given:
        row["updated"] = clock.here(_NUMBER(given["updated"]))
    return row


def _run(payload: dict[str, Any], clock: Clock) -> dict[str, Any]:
    row = _made(run_row, payload, clock)
    # when it changed here: who looks for what changed since a moment must not miss what comes late
    row["updated"] = time.time()
    _state(row["state"])
    if row.get("started") is None and payload.get("started") is not None:
        row["started"] = _NUMBER(payload["started"])  # an earlier record of it, joined here, told
    passed = payload.get("passed") or []
    if not isinstance(passed, list) or len(passed) > _PASSED:
        raise InvalidArgumentError("what a record stands for must be a list, and not too long")
    if passed:
        row["passed"] = earlier = []
        for item in passed:
            if not isinstance(item, dict):
                raise InvalidArgumentError("what a record stands for must be records")
            one = _run({name: value for name, value in item.items() if name != "passed"}, clock)
            if any(one[name] != row[name] for name in ("project", "uid", "iter")):
                raise InvalidArgumentError("a record stands for others of the same run only")
            earlier.append(one)
    return row


def _artifact(payload: dict[str, Any], clock: Clock) -> dict[str, Any]:
    return {"row": _made(artifact_row, payload["row"], clock), "tags": _TEXTS(payload["tags"])}


def _function(payload: dict[str, Any], clock: Clock) -> dict[str, Any]:
    return {"row": _made(function_row, payload["row"], clock), "tags": _TEXTS(payload["tags"])}


_MADE: dict[str, Callable[[dict[str, Any], Clock], dict[str, Any]]] = {
    "run": _run,
    "artifact": _artifact,
    "function": _function,
}
