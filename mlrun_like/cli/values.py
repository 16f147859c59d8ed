"""What users type: `key=value` pairs, labels, lists of values, kinds of records."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["KINDS", "parse_kind", "parse_labels", "parse_lists", "parse_pairs", "parse_value"]

KINDS = ("runs", "artifacts", "functions")


def parse_value(text: str) -> Any:
    """A Python literal if it is one, else the text.

    >>> [parse_value(text) for text in ("4", "0.5", "[1, 2]", "true story")]
    [4, 0.5, [1, 2], 'true story']
    """
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value


def parse_pairs(texts: Iterable[str], option: str, fix: str = "") -> dict[str, str]:
    """`k=v` texts as a dict.

    Args:
        texts: What was typed.
        option: What it was typed for.
        fix: What to type instead; by default the option with a parameter.

    >>> parse_pairs(["a=1", "b=x=y"], "--param")
    {'a': '1', 'b': 'x=y'}

    Raises:
        InvalidArgumentError: if one has no name or no `=`, or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        name = name.strip()
        if not mark or not name:
            raise InvalidArgumentError(
                f"{option} {text!r} is not of the form name=value",
                fix=fix or f"{option} depth=4",
            )
        if name in pairs:
            raise InvalidArgumentError(f"{option} {name!r} is given twice", fix="give it once")
        pairs[name] = value
    return pairs


def parse_lists(texts: Iterable[str], option: str) -> dict[str, list[Any]]:
    """`k=[v, v]` texts as a dict of lists.

    >>> parse_lists(["depth=[2, 4]"], "--hyperparam")
    {'depth': [2, 4]}

    Raises:
        InvalidArgumentError: if a value is not a list.
    """
    lists: dict[str, list[Any]] = {}
    for name, text in parse_pairs(texts, option).items():
        value = parse_value(text)
        if not isinstance(value, list):
            raise InvalidArgumentError(
                f"{option} {name!r} must be a list of values, not {text!r}",
                fix=f'{option} "{name}=[1, 2, 3]"',
            )
        lists[name] = value
    return lists


def parse_labels(texts: Iterable[str]) -> dict[str, str | None]:
    """`k=v` or `k` (the label must exist) as a filter.

    >>> parse_labels(["owner=ann", "gpu"])
    {'owner': 'ann', 'gpu': None}
    """
    labels: dict[str, str | None] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not name.strip():
            raise InvalidArgumentError(f"--label {text!r} has no name", fix="--label owner=ann")
        labels[name.strip()] = value if mark else None
    return labels


def parse_kind(text: str) -> str:
    """A kind of records by any beginning of its name.

    >>> parse_kind("run"), parse_kind("art")
    ('runs', 'artifacts')

    Raises:
        InvalidArgumentError: if it is none.
    """
    for kind in KINDS:
        if text and kind.startswith(text.lower()):
            return kind
    raise InvalidArgumentError(
        f"there are no {text!r} to look at.{nearest(text, KINDS)}",
        fix=f"use one of: {', '.join(KINDS)}",
    )
