"""Slots: a number for each key that was seen, from whole columns at a time."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.windows.stats import Ints

__all__ = ["Slots", "codes_of", "plain_key"]

Key = tuple[Any, ...]


def plain_key(value: Any) -> Any:
    """A key's value as Python's own type; a missing one is None.

    >>> plain_key(np.int64(3)), plain_key(float("nan"))
    (3, None)
    """
    if isinstance(value, pd.Timestamp):
        return None if value is pd.NaT else value.to_pydatetime(warn=False)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    return value


def codes_of(columns: Sequence[Any]) -> tuple[Ints, list[Key]]:
    """A number per row, and the key of each number.

    >>> codes, keys = codes_of([["a", "b", "a"], [1, 1, 1]])
    >>> codes.tolist(), keys
    ([0, 1, 0], [('a', 1), ('b', 1)])
    """
    parts = []
    for column in columns:
        if not isinstance(column, (np.ndarray, pd.Series, pd.Index)):
            column = pd.Series(column)
        codes, values = pd.factorize(column, use_na_sentinel=False)
        parts.append((codes.astype(np.int64), [plain_key(value) for value in values]))
    codes, first = parts[0]
    if len(parts) == 1:
        return codes, [(value,) for value in first]
    keys: list[Key] = [(value,) for value in first]
    for more, values in parts[1:]:
        codes, pairs = pd.factorize(codes * len(values) + more)
        keys = [(*keys[pair // len(values)], values[pair % len(values)]) for pair in pairs]
        codes = codes.astype(np.int64)
    return codes, keys


class Slots:
    """Keys and their numbers, from 0 on in order of their first appearance.

    >>> slots = Slots()
    >>> slots.of([["a", "b"]]), slots.of([["b"]]), slots.key(1)
    ((array([0, 1]), [0, 1]), (array([1]), []), ('b',))
    """

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}
        self._keys: list[Key] = []

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, columns: Sequence[Any]) -> tuple[Ints, list[int]]:
        """The number of each row's key, and those that are new."""
        codes, keys = codes_of(columns)
        numbers, fresh = self._numbers, []
        mapped = np.empty(len(keys), dtype=np.int64)
        for place, key in enumerate(keys):
            number = numbers.get(key)
            if number is None:
                number = numbers[key] = len(self._keys)
                self._keys.append(key)
                fresh.append(number)
            mapped[place] = number
        return mapped[codes], fresh

    def find(self, key: Key) -> int | None:
        """The number of a key, if it has one."""
        return self._numbers.get(key)

    def key(self, number: int) -> Key:
        """The key of a number."""
        return self._keys[number]

    def dump(self) -> bytes:
        """All keys, for `load`.

        Raises:
            InvalidArgumentError: if a key is neither text, number, bytes, date, time nor None.
        """
        return json.dumps(self._keys, default=_tagged, separators=(",", ":")).encode()

    @classmethod
    def load(cls, data: bytes, count: int) -> Slots:
        """What `dump` gave.

        Raises:
            InvalidArgumentError: if it is damaged.
        """
        made = cls()
        try:
            made._keys = [tuple(map(_untagged, key)) for key in json.loads(data)]
        except (ValueError, TypeError, KeyError) as exc:
            raise InvalidArgumentError(f"the stored windows' keys are damaged: {exc!r}") from exc
        made._numbers = {key: number for number, key in enumerate(made._keys)}
        if not len(made._numbers) == len(made._keys) == count:
            raise InvalidArgumentError("the stored windows' keys are damaged: wrong number")
        return made


def _tagged(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, dt.datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    raise InvalidArgumentError(
        f"{value!r:.80} of type {type(value).__name__} cannot be stored as part of a key",
        fix="use texts, numbers, bytes or times as entities",
    )


def _untagged(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    [(tag, text)] = value.items()
    if tag == "bytes":
        return base64.b64decode(text)
    if tag == "datetime":
        return dt.datetime.fromisoformat(text)
    return {"date": dt.date.fromisoformat}[tag](text)
