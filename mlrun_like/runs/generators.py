"""Which parameter sets a sweep tries."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.values import HyperParamOptions

__all__ = ["parse_param_file", "trials"]


def trials(hyperparams: Mapping[str, Any], options: HyperParamOptions) -> Iterator[dict[str, Any]]:
    """The parameter sets in the order they are tried.

    Grid: the full product, the first parameter varies fastest. List: the n-th values together.
    Random: `max_iterations` (10 by default) draws.

    Raises:
        InvalidArgumentError: if a value list is empty or not a list, or lengths differ for `list`.

    >>> list(trials({"a": [1, 2], "b": [3, 4]}, HyperParamOptions()))
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 3}, {'a': 1, 'b': 4}, {'a': 2, 'b': 4}]
    """
    values = _lists(hyperparams)
    strategy = options.strategy or "grid"
    if strategy == "list":
        lengths = {name: len(items) for name, items in values.items()}
        if len(set(lengths.values())) > 1:
            raise InvalidArgumentError(
                f"strategy 'list' needs lists of one length, not {lengths}",
                fix="make them equal, or use strategy='grid'",
            )
        return (dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True))
    if strategy == "random":
        draw = random.Random(options.seed)
        return (
            {name: draw.choice(items) for name, items in values.items()}
            for _ in range(options.max_iterations or 10)
        )
    names = list(values)
    products = itertools.product(*(values[name] for name in reversed(names)))
    return ({name: row[len(names) - 1 - i] for i, name in enumerate(names)} for row in products)


def _lists(hyperparams: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    if not isinstance(hyperparams, Mapping) or not hyperparams:
        raise InvalidArgumentError(
            f"hyperparams must map parameter names to lists of values, not {hyperparams!r}",
            fix='hyperparams={"depth": [2, 4, 8]}',
        )
    found: dict[str, Sequence[Any]] = {}
    for name, items in hyperparams.items():
        if isinstance(items, (str, bytes, Mapping)) or not hasattr(items, "__iter__"):
            raise InvalidArgumentError(
                f"hyper-parameter {name!r} must be a list of values, not {items!r}",
                fix=f'hyperparams={{"{name}": [{items!r}]}}',
            )
        found[str(name)] = [_plain(name, item) for item in items]
        if not found[str(name)]:
            raise InvalidArgumentError(
                f"hyper-parameter {name!r} has no values", fix=f'hyperparams={{"{name}": [1, 2]}}'
            )
    return found


def _plain(name: str, value: Any) -> Any:
    """A value that can be recorded and sent: numpy's scalars become Python's."""
    if type(value).__module__ == "numpy" and value.ndim == 0:
        value = value.item()
    if isinstance(value, int) and abs(value) >= 2**63:
        raise InvalidArgumentError(
            f"hyper-parameter {name!r} exceeds int64: {hex(value)[:40]}", fix="pass it as a text"
        )
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(name, item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(name, item) for key, item in value.items()}
    raise InvalidArgumentError(
        f"hyper-parameter {name!r} has a value that is not plain data: {type(value).__name__}",
        fix="pass names and choose the object in the handler",
    )


def parse_param_file(url: str, text: str, strategy: str | None) -> tuple[dict[str, list[Any]], str]:
    """The values of a parameter file and the strategy that fits it.

    A `.csv` holds one trial a row (strategy list); a `.json` maps names to lists.

    Raises:
        InvalidArgumentError: if the file is empty, malformed, or contradicts the strategy.
    """
    text = text.removeprefix("\ufeff")
    if url.endswith(".csv"):
        if strategy not in (None, "list"):
            raise InvalidArgumentError(
                f"a csv parameter file holds one trial a row; strategy {strategy!r} needs json",
                where=url,
                fix="strategy='list'",
            )
        rows = list(csv.reader(io.StringIO(text)))
        if len(rows) < 2 or any(len(row) != len(rows[0]) for row in rows if row):
            raise InvalidArgumentError(
                "the parameter file needs a header and rows of the same length", where=url
            )
        twice = [name for name in rows[0] if rows[0].count(name) > 1]
        if twice:
            raise InvalidArgumentError(
                f"the parameter file has column {twice[0]!r} twice", where=url
            )
        body = [row for row in rows[1:] if row]
        return {name: [_number(row[i]) for row in body] for i, name in enumerate(rows[0])}, "list"
    if url.endswith(".json"):
        try:
            values = json.loads(text)
        except json.JSONDecodeError as exc:
            raise InvalidArgumentError(f"the parameter file is not JSON: {exc}", where=url) from exc
        if not isinstance(values, dict):
            raise InvalidArgumentError("the parameter file must map names to lists", where=url)
        return values, strategy or "grid"
    raise InvalidArgumentError(
        f"parameter file {url!r} must end in .csv or .json", fix="rename or convert it"
    )


def _number(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
