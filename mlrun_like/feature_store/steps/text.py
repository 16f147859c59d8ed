"""TextFeatures: texts in lower case, stripped, their lengths and hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.adding import Added, Adding
from mlrun_like.feature_store.steps.base import need_mapping
from mlrun_like.serving.steps.checks import check_count, check_strings

__all__ = ["TextFeatures"]

_CHANGES = ("lower", "upper", "strip")
_MEASURES = ("length", "words", "hash")
_ALL = (*_CHANGES, *_MEASURES)
_SPACES = " \t\n\r\x0b\x0c"


class TextFeatures(Adding):
    """Cleans texts, and adds what can be measured of them.

    "lower", "upper" and "strip" change the column itself, in the order in which they are named.
    "length" (characters), "words" (parts between white space) and "hash" (a number below
    `buckets`, the same everywhere) then add `<column>_<operation>`. What is no text is taken as
    its text; a missing value stays missing.

    Args:
        mapping: For each column, an operation or several.
        buckets: How many different hashes there are.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if there is no such operation.

    >>> TextFeatures({"city": ["strip", "lower", "length"]}).do({"city": " Rome "})
    {'city': 'rome', 'city_length': 4}
    """

    def __init__(
        self, mapping: Mapping[str, str | Sequence[str]], buckets: int = 1024, **options: Any
    ) -> None:
        super().__init__(**options)
        self.buckets = check_count(buckets, "buckets", "TextFeatures")
        self.mapping = {
            str(column): check_strings(names, f"mapping[{column!r}]", "TextFeatures")
            for column, names in need_mapping(mapping, "mapping", "TextFeatures").items()
        }
        self._added: list[Added] = []
        for column, names in self.mapping.items():
            for name in names:
                if name not in _ALL:
                    raise InvalidArgumentError(
                        f"texts have no operation {name!r:.80}.{nearest(str(name), _ALL)}",
                        where=f"step {self.name!r}",
                        fix=f"operations: {', '.join(_ALL)}",
                    )
            changes = [name for name in names if name in _CHANGES]
            if changes:
                self._added.append(_changed(column, changes))
            for name in names:
                if name in _MEASURES:
                    self._added.append(_measured(column, name, self.buckets))

    def added(self) -> Sequence[Added]:
        return self._added


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _change(text: str, name: str) -> str:
    return text.strip(_SPACES) if name == "strip" else getattr(text, name)()


def _changed(column: str, changes: Sequence[str]) -> Added:
    def compute(value: Any) -> str | None:
        return None if value is None else reduce(_change, changes, _text(value))

    def on_spark(value: Any) -> Any:
        functions = spark.functions()
        for name in changes:
            value = (
                functions.regexp_replace(value, r"^[ \t\n\r\x0B\f]+|[ \t\n\r\x0B\f]+$", "")
                if name == "strip"
                else getattr(functions, name)(value)
            )
        return value

    return Added(column, (column,), compute, on_spark)


def _hash(text: str, buckets: int) -> int:
    """The first 28 bits of the text's MD5, which every engine has."""
    data = text.encode("utf-8", "surrogatepass")
    return int(hashlib.md5(data, usedforsecurity=False).hexdigest()[:7], 16) % buckets


def _measured(column: str, name: str, buckets: int) -> Added:
    def compute(value: Any) -> int | None:
        if value is None:
            return None
        text = _text(value)
        if name == "hash":
            return _hash(text, buckets)
        return len(text) if name == "length" else len(text.translate(_BLANKS).split())

    def on_spark(value: Any) -> Any:
        functions = spark.functions()
        text = value.cast("string")
        if name == "length":
            return functions.length(text).cast("long")
        if name == "hash":
            digits = functions.substring(functions.md5(text), 1, 7)
            return functions.conv(digits, 16, 10).cast("long") % buckets
        parts = functions.split(functions.trim(functions.regexp_replace(text, r"\s+", " ")), " ")
        count = functions.size(functions.array_remove(parts, "")).cast("long")
        return functions.when(text.isNull(), spark.literal(None)).otherwise(count)

    return Added(f"{column}_{name}", (column,), compute, on_spark)


_BLANKS = {ord(space): " " for space in _SPACES}
