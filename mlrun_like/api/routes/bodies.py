"""What handlers check in what callers send: documents, names, numbers, times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request

from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.monitoring.alerts.times import moment
from mlrun_like.names import check_key
from mlrun_like.types import Document

__all__ = ["checked_name", "document_in", "flag", "labels_of", "number", "seen", "text", "when"]

_DEEPEST = 100
_MOST = 500_000


def document_in(body: Any, what: str) -> Document:
    """A body that is a mapping of plain values which every store can keep.

    Args:
        body: What was sent.
        what: What it is, for errors.

    Raises:
        SpecError: if it is not, is too deep, or holds texts that are none (NUL, half characters).

    >>> document_in({"a": [1]}, "a thing")
    {'a': [1]}
    """
    if not isinstance(body, Mapping):
        raise SpecError(f"{what} is a mapping, not {body!r:.60}")
    count, stack = 0, [(body, 0)]
    while stack:
        value, depth = stack.pop()
        count += 1
        if depth > _DEEPEST or count > _MOST:
            raise SpecError(f"{what} is too deep or too large")
        if isinstance(value, str):
            _check_text(value, what)
        elif isinstance(value, float) and not math.isfinite(value):
            raise SpecError(f"{what} holds a number that is not finite", fix="use null")
        elif isinstance(value, Mapping):
            for key, item in value.items():
                _check_text(key, what)
                stack.append((item, depth + 1))
        elif isinstance(value, (list, tuple)):
            stack.extend((item, depth + 1) for item in value)
    return dict(body)


def _check_text(text: str, what: str) -> None:
    if "\x00" in text:
        raise SpecError(f"{what} holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SpecError(f"{what} holds half of a character") from None


def checked_name(name: str) -> str:
    """A name of a path, as far as every kind of thing agrees.

    Raises:
        InvalidArgumentError: if nothing can be called so.
    """
    return check_key(name)


def text(body: Mapping[str, Any], key: str, default: str = "") -> str:
    """A text of a body.

    Raises:
        InvalidArgumentError: if it is none.
    """
    value = body.get(key, default)
    if value is None:
        return default
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{key} must be a text, not {value!r:.60}")
    return value


def flag(request: Request, key: str, default: bool = False) -> bool:
    """A query parameter that is yes or no.

    Raises:
        InvalidArgumentError: if it is neither.
    """
    value = request.query_params.get(key)
    if value is None or value == "":
        return default
    if value.lower() in ("1", "true", "yes", "on"):
        return True
    if value.lower() in ("0", "false", "no", "off"):
        return False
    raise InvalidArgumentError(f"{key} {value[:40]!r} is neither true nor false")


def number(request: Request, key: str, default: int, most: int, least: int = 0) -> int:
    """A query parameter that is a whole number.

    Raises:
        InvalidArgumentError: if it is none, or out of its range.
    """
    value = request.query_params.get(key) or ""
    try:
        found = int(value) if value else default
    except ValueError:
        found = least - 1
    if len(value) > 12 or not least <= found <= most:
        raise InvalidArgumentError(
            f"{key} {value[:40]!r} cannot be used", fix=f"a whole number from {least} to {most}"
        )
    return found


def when(request: Request, *keys: str) -> float | None:
    """A query parameter that is a time: ISO text or seconds since 1970; None: it is not given.

    Raises:
        InvalidArgumentError: if it is none.
    """
    for key in keys:
        value = request.query_params.get(key)
        if value:
            try:
                found = moment(float(value) if value.replace(".", "", 1).isdigit() else value)
            except (ValueError, OverflowError) as exc:
                raise InvalidArgumentError(f"{key} {value[:60]!r} is no time") from exc
            if not math.isfinite(found) or abs(found) > 1e11:
                raise InvalidArgumentError(f"{key} {value[:60]!r} is no time")
            return found
    return None


def labels_of(request: Request) -> dict[str, str | None]:
    """The labels that are asked for: `label=a=b` or `label=a`, repeated."""
    found: dict[str, str | None] = {}
    for item in request.query_params.getlist("label"):
        key, mark, value = item.partition("=")
        if key:
            found[key] = value if mark else None
    return found


def seen(rows: Iterable[Document], visible: frozenset[str] | None) -> list[Document]:
    """The rows whose project a caller may see."""
    if visible is None:
        return list(rows)
    return [row for row in rows if _project(row) in visible]


def _project(row: Document) -> str:
    metadata = row.get("metadata")
    found = metadata.get("project") if isinstance(metadata, Mapping) else None
    return str(found or row.get("project") or "")
