"""Lists by pages: cursors, sorting, and the words of query parameters."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.types import Document

__all__ = [
    "Page",
    "decode_cursor",
    "encode_cursor",
    "named_like",
    "page_of",
    "paged",
    "pagination",
]

_SIZE = 100
_MOST = 1000
_LONGEST = 2000


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted.

    Args:
        size: How many rows.
        sort: The field to sort by.
        descending: Whether the largest comes first.
        after: The key of the last row that the caller has; None: from the start.
    """

    size: int = _SIZE
    sort: str = ""
    descending: bool = False
    after: tuple[Any, ...] | None = None


def encode_cursor(key: Sequence[Any], sort: str = "") -> str:
    """The cursor that continues after a key.

    >>> decode_cursor(encode_cursor(["2026-01-01", 7]))
    ('2026-01-01', 7)
    """
    packed = orjson.dumps([sort, *key])
    sum_ = binascii.crc32(packed).to_bytes(4, "big")
    return base64.urlsafe_b64encode(sum_ + packed).rstrip(b"=").decode()


def decode_cursor(cursor: str, sort: str = "") -> tuple[Any, ...]:
    """The key in a cursor.

    Raises:
        InvalidArgumentError: if it is broken, or belongs to another order.
    """
    wrong = InvalidArgumentError(
        "the page token cannot be read",
        where="query parameter 'page-token'",
        fix="use the token of the page before, with the same sort, or leave it out",
    )
    if len(cursor) > _LONGEST:
        raise wrong
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if binascii.crc32(raw[4:]).to_bytes(4, "big") != raw[:4]:
            raise wrong
        values = orjson.loads(raw[4:])
    except ValueError:
        raise wrong from None
    if not isinstance(values, list) or len(values) < 2 or values[0] != sort:
        raise wrong
    return tuple(values[1:])


def page_of(
    request: Request, *, sorts: Sequence[str] = (), default: str = "", size: int = _SIZE
) -> Page:
    """The page that a request asks for by `page-size`, `page-token` and `sort`.

    Args:
        request: The request.
        sorts: Fields that can be sorted by.
        default: The order if none is asked for: `name` or `-start_time`.
        size: Rows of a page if the request does not say.

    Raises:
        InvalidArgumentError: if one of them cannot be used.
    """
    query = request.query_params
    text = query.get("page-size") or query.get("page_size") or ""
    try:
        rows = int(text) if text else size
    except ValueError:
        rows = 0
    if not 1 <= rows <= _MOST or len(text) > 9:
        raise InvalidArgumentError(
            f"page-size {text[:40]!r} cannot be used", fix=f"a whole number from 1 to {_MOST}"
        )
    asked = query.get("sort") or default
    name = asked[1:] if asked.startswith("-") else asked
    if asked != default and name not in sorts:
        raise InvalidArgumentError(
            f"sort {asked[:80]!r} is not possible", fix=f"one of: {', '.join(sorts) or 'none'}"
        )
    token = query.get("page-token") or query.get("page_token") or ""
    after = decode_cursor(token, asked) if token else None
    return Page(rows, name, asked.startswith("-"), after)


def pagination(page: Page, last: Sequence[Any] | None) -> Document:
    """The part of an answer that says how to go on; `last`: the key of the last row, if there are
    more."""
    asked = ("-" if page.descending else "") + page.sort
    token = None if last is None else encode_cursor(last, asked)
    return {"page-token": token, "page-size": page.size}


def named_like(name: str, wanted: str) -> bool:
    """Whether a filter by name takes a name: nothing takes all, `~part` what contains the part.

    >>> named_like("Train", "~rai"), named_like("Train", "train"), named_like("Train", "")
    (True, False, True)
    """
    if wanted.startswith("~"):
        return wanted[1:].lower() in name.lower()
    return not wanted or name == wanted


def paged(
    rows: Sequence[Any],
    request: Request,
    *,
    key: Callable[[Any], str],
    sorts: Mapping[str, Callable[[Any], Any]] | None = None,
    default: str = "",
) -> tuple[list[Any], Document]:
    """One page of a small list that is in memory, and its `pagination`.

    Args:
        rows: All rows.
        request: Says which page.
        key: The unique text of a row (its name), which orders rows that are else equal.
        sorts: Field -> its value in a row. Values of one field must be of one kind, or None.
        default: The order if none is asked for; empty: by key.
    """
    sorts = sorts or {}
    page = page_of(request, sorts=tuple(sorts), default=default)
    value = sorts.get(page.sort)

    def place(row: Any) -> tuple[Any, ...]:
        if value is None:
            return (key(row),)
        found = value(row)
        return (found is not None, "" if found is None else found, key(row))

    try:
        ordered = sorted(((place(row), row) for row in rows), key=_first, reverse=page.descending)
        if page.after is not None:
            after = page.after
            ordered = [
                pair
                for pair in ordered
                if (pair[0] < after if page.descending else pair[0] > after)
            ]
    except TypeError:
        raise InvalidArgumentError("the page token belongs to another list") from None
    shown = ordered[: page.size]
    last = shown[-1][0] if len(ordered) > len(shown) else None
    return [row for _, row in shown], pagination(page, last)


def _first(pair: tuple[tuple[Any, ...], Any]) -> tuple[Any, ...]:
    return pair[0]
