"""Partitions and pages of lists, as MLRun's service makes them."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import tell_ignored, text_of
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.tracking.documents import epoch
from mlrun_like.types import Document

__all__ = ["Pages", "between", "moment", "one_page", "partitioned"]

_BY = ("name", "project_and_name")
_SORTS = {
    "created": ("metadata.created", "status.start_time", "metadata.updated"),
    "updated": ("metadata.updated", "status.last_update", "status.start_time"),
}
_ORDERS = ("asc", "desc")
_PAGE = 200  # MLRun's default
_HELD = 100
_TOKEN = "page_token"


def moment(value: Any) -> float | None:
    """Seconds since 1970 of a datetime or an ISO text (without a zone: UTC); None for none.

    >>> moment("1970-01-01T00:01:00")
    60.0
    """
    return epoch(value.isoformat() if isinstance(value, datetime) else text_of(value))


def between(when: Any, first: Any, last: Any) -> bool:
    """Whether a recorded time lies between two, which may be missing.

    >>> between("2024-05-01T12:00:00+02:00", "2024-05-01T10:00:00", None)
    True
    """
    low, high = moment(first), moment(last)
    if low is None and high is None:
        return True
    at = moment(when)
    return at is not None and (low is None or low <= at) and (high is None or at <= high)


def partitioned(items: Sequence[Document], options: Mapping[str, Any], key: str = "name") -> Any:
    """The first rows of each group, in the order in which they were listed.

    Args:
        items: Documents.
        options: `partition_by` (`name`, `project_and_name`), `rows_per_partition`,
            `partition_sort_by` (`created`, `updated`), `partition_order` (`desc`, `asc`) and
            `max_partitions`: those groups whose first row comes first.
        key: The name's field in the metadata.

    Raises:
        InvalidArgumentError: for a word that is not known, and without `partition_sort_by`.
    """
    by = text_of(options.get("partition_by"))
    if not by:
        return list(items)
    by = _one_of(by, _BY, "partition_by")
    sort = text_of(options.get("partition_sort_by"))
    if not sort:
        raise InvalidArgumentError(
            "partition_by needs partition_sort_by", fix='partition_sort_by="updated"'
        )
    paths = _SORTS[_one_of(sort, tuple(_SORTS), "partition_sort_by")]
    order = _one_of(text_of(options.get("partition_order")) or "desc", _ORDERS, "partition_order")
    rows = options.get("rows_per_partition")
    most = 1 if rows is None else int(rows)
    if most < 1:
        raise InvalidArgumentError(f"rows_per_partition is {most}", fix="a number from 1")
    ranked = sorted(
        range(len(items)), key=lambda at: _when(items[at], paths), reverse=order == "desc"
    )
    groups: dict[tuple[str, ...], list[int]] = {}
    for at in ranked:
        groups.setdefault(_group(items[at], by, key), []).append(at)
    chosen = list(groups.values())[: int(options.get("max_partitions") or 0) or None]
    kept = sorted(at for group in chosen for at in group[:most])
    return [items[at] for at in kept]


def one_page(call: str, found: Any, given: Mapping[str, Any]) -> Any:
    """The page that `page` and `page_size` name; other options are told once as unknown."""
    options = dict(given)
    chosen = {name: options.pop(name, None) for name in ("page", "page_size")}
    tell_ignored(call, options)
    if not any(value is not None for value in chosen.values()):
        return found
    return Pages().page(lambda: found, (), chosen)[0]


class Pages:
    """Pages of lists, and what their tokens stand for in this process."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[Any, int, int]] = OrderedDict()

    def page(
        self, ask: Callable[..., Any], args: Sequence[Any], given: Mapping[str, Any]
    ) -> tuple[Any, str | None]:
        """A page, and the token of the next one; None: there is none.

        Args:
            ask: Gives the whole list.
            args: Its arguments.
            given: Its arguments by name, with `page`, `page_size` and `page_token`. A token stands
                for all the others, as in MLRun.

        Raises:
            InvalidArgumentError: for a page or size below 1, and a token that is not known.
        """
        filters = dict(given)
        token = filters.pop(_TOKEN, None)
        number, size = filters.pop("page", None), filters.pop("page_size", None)
        if token:
            if token not in self._held:
                raise InvalidArgumentError(
                    f"page_token {token!r:.80} is not known",
                    fix="begin anew: a token holds in the process and for the last "
                    f"{_HELD} lists only",
                )
            query, following, before = self._held[token]
            number, size = number or following, size or before
        else:
            query = (ask, tuple(args), filters)
        number, size = 1 if number is None else int(number), _PAGE if size is None else int(size)
        if number < 1 or size < 1:
            raise InvalidArgumentError(f"page {number} of {size} rows", fix="numbers from 1")
        call, place, named = query
        found = call(*place, **named)
        end = number * size
        kept = found[end - size : end]
        if not isinstance(kept, type(found)):
            made: Callable[..., Any] = type(found)
            kept = made(kept, **({"tag": found.tag} if hasattr(found, "tag") else {}))
        if end >= len(found):
            return kept, None
        token = token or secrets.token_urlsafe(12)
        self._held[token] = (query, number + 1, size)
        self._held.move_to_end(token)
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return kept, token


def _one_of(word: str, known: Sequence[str], name: str) -> str:
    if word not in known:
        raise InvalidArgumentError(
            f"{name} {word!r:.60} is not known.{nearest(word, known)}",
            fix=f"one of: {', '.join(known)}",
        )
    return word


def _at(item: Document, path: str) -> Any:
    part, _, name = path.partition(".")
    return (item.get(part) or {}).get(name)


def _when(item: Document, paths: Sequence[str]) -> float:
    found = next((text for text in (_at(item, path) for path in paths) if text), None)
    return moment(found) or 0.0


def _group(item: Document, by: str, key: str) -> tuple[str, ...]:
    meta, spec = item.get("metadata") or {}, item.get("spec") or {}
    name = str((spec.get("db_key") if key == "key" else "") or meta.get(key) or "")
    return (name,) if by == "name" else (str(meta.get("project") or ""), name)
