"""Types of the items of loops, as far as they stand in the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.pipelines.values import refs_in

__all__ = ["is_plain", "part_at", "type_of_all", "type_of_items"]

_NUMBERS = {int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE"}


def is_plain(items: Any) -> bool:
    """Whether it is a list without references."""
    return isinstance(items, (list, tuple)) and not list(refs_in(items))


def type_of_items(items: Any) -> str:
    """The type of a loop's item; a text if nobody knows.

    >>> type_of_items([1, 2]), type_of_items([1, "a"])
    ('NUMBER_INTEGER', 'STRING')
    """
    if isinstance(items, int):
        return "NUMBER_INTEGER"
    return (type_of_all(list(items)) if is_plain(items) else "") or "STRING"


def type_of_all(values: list[Any]) -> str:
    """The type that all values have; empty: there is none."""
    types = {type(value) for value in values}
    if types in ({int}, {float}):
        return _NUMBERS[types.pop()]
    known: Mapping[type, str] = {bool: "BOOLEAN", str: "STRING", dict: "STRUCT", list: "LIST"}
    return known.get(types.pop(), "") if len(types) == 1 else ""


def part_at(item: Any, path: tuple[str | int, ...]) -> Any:
    """A part of an item; None: it has none there."""
    for key in path:
        try:
            item = item[key]
        except (LookupError, TypeError):
            return None
    return item
