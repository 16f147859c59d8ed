"""MapValues: other values for values, or for ranges of them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.base import FeatureStep, SetFacts, need_mapping
from mlrun_like.feature_store.steps.columns import is_missing, mapped, with_columns

__all__ = ["MapValues"]

_RANGES = "ranges"
_ENDS = {"-inf": -math.inf, "inf": math.inf}


class MapValues(FeatureStep):
    """Replaces values of columns, each by another one, or all those in a range (MLRun's step).

    A value that nothing is said about stays as it is. A missing value stays missing, unless the
    mapping has an entry for None. Ranges include their first value, not their last; the first
    range that holds a value counts.

    Without the original features only the mapped columns go on, with the entities, time and label
    of the feature set. With them, the mapped columns come last.

    Args:
        mapping: For each column, new values by old ones; or `{"ranges": {new: [first, last]}}`,
            where "-inf" and "inf" stand for no limit.
        with_original_features: Whether the columns stay, and the mapped ones have a suffix.
        suffix: What is put behind the column's name then, after an underscore.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if the mapping is no dictionary of dictionaries.
        InvalidArgumentError: if a column has both ranges and values, or values of several types.

    >>> MapValues({"age": {"ranges": {"child": [0, 18], "adult": [18, "inf"]}}}).do({"age": 18})
    {'age': 'adult'}
    """

    vectorised: ClassVar[bool] = True

    def __init__(
        self,
        mapping: Mapping[str, Mapping[Any, Any]],
        with_original_features: bool = False,
        suffix: str = "mapped",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.mapping = {
            str(column): need_mapping(entry, f"mapping[{column!r}]", "MapValues")
            for column, entry in need_mapping(mapping, "mapping", "MapValues").items()
        }
        self.with_original_features = bool(with_original_features)
        self.suffix = suffix
        self._functions: dict[str, Any] = {}
        self._kept: frozenset[str] = frozenset()
        self._prepare()

    def _prepare(self) -> None:
        _refuse_mixed(self.mapping)
        self._functions = {name: _function(name, entry) for name, entry in self.mapping.items()}

    def attach(self, facts: SetFacts) -> None:
        self._kept = frozenset(facts.kept)

    def _name(self, column: str) -> str:
        return f"{column}_{self.suffix}" if self.with_original_features else column

    def _do_storey(self, event: Any) -> dict[str, Any]:
        functions = self._functions
        if self.with_original_features:
            made = dict(event)
            for column, function in functions.items():
                if column in event:
                    made[self._name(column)] = function(event[column])
            return made
        return {
            column: functions[column](value) if column in functions else value
            for column, value in event.items()
            if column in functions or column in self._kept
        }

    def _do_pandas(self, event: Any) -> pd.DataFrame:
        frame: pd.DataFrame = event
        made = {
            self._name(column): _mapped(frame[column], self.mapping[column], function)
            for column, function in self._functions.items()
            if column in frame.columns
        }
        if self.with_original_features:
            return with_columns(frame, made)
        kept = [name for name in frame.columns if name in self._functions or name in self._kept]
        return with_columns(frame[kept], made)

    def _do_spark(self, event: Any) -> Any:
        frame = event
        for column, entry in self.mapping.items():
            if column in event.columns:
                made = _spark_column(event, column, entry, self.name)
                frame = frame.withColumn(self._name(column), made)
        if self.with_original_features:
            return frame
        kept = [name for name in frame.columns if name in self.mapping or name in self._kept]
        return frame.select(*kept)

    @classmethod
    def get_ranges_key(cls) -> str:
        """The word that says that a mapping is one of ranges."""
        return _RANGES

    @classmethod
    def validate_args(cls, feature_set: Any, **kwargs: Any) -> None:
        mapping = kwargs.get("mapping") or {}
        if isinstance(mapping, Mapping) and all(isinstance(m, Mapping) for m in mapping.values()):
            _refuse_mixed(mapping)


def _refuse_mixed(mapping: Mapping[str, Mapping[Any, Any]]) -> None:
    for column, entry in mapping.items():
        if _RANGES not in entry:
            kinds = {_kind(value) for value in entry.values()} - {""}
        elif len(entry) > 1:
            raise InvalidArgumentError(
                "MapValues - mapping values of the same column can not combine ranges and single "
                f"replacement, which is the case for column '{column}'"
            )
        else:
            kinds = {_kind(end) for ends in _ranges(column, entry) for end in ends[:2]} - {""}
        if len(kinds) > 1:
            raise InvalidArgumentError(
                "MapValues - mapping values of the same column must be in the same type, which was "
                f"not the case for Column '{column}'"
            )


def _kind(value: Any) -> str:
    """The kind of a value; empty: it fits all kinds."""
    if is_missing(value) or value in (math.inf, -math.inf):
        return ""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return "number" if number else type(value).__name__


def _ranges(column: str, entry: Mapping[Any, Any]) -> list[tuple[Any, Any, Any]]:
    """First value, last value and label of each range."""
    found = []
    for label, ends in need_mapping(entry[_RANGES], f"ranges of {column!r}", "MapValues").items():
        if not isinstance(ends, (list, tuple)) or len(ends) != 2:
            raise InvalidTypeError(
                f"the range {label!r} of column {column!r} is {ends!r:.80}, not [first, last]",
                where="step class MapValues",
                fix='such as {"ranges": {"child": [0, 18], "adult": [18, "inf"]}}',
            )
        first, last = (_ENDS.get(end, end) if isinstance(end, str) else end for end in ends)
        found.append((first, last, label))
    return found


def _function(column: str, entry: Mapping[Any, Any]) -> Callable[[Any], Any]:
    """What the mapping of a column makes of a value."""
    if _RANGES not in entry:
        values = {_plain(old): _plain(new) for old, new in entry.items()}

        def replaced(value: Any) -> Any:
            try:
                return values.get(None if is_missing(value) else value, value)
            except TypeError:  # a list is the key of nothing
                return value

        return replaced
    ranges = _ranges(column, entry)

    def labelled(value: Any) -> Any:
        if is_missing(value):
            return value
        try:
            for first, last, label in ranges:
                if first <= value < last:
                    return label
        except TypeError as exc:
            raise InvalidArgumentError(
                f"{value!r:.80} in column {column!r} cannot be compared with the ranges: {exc}",
                fix="use ranges of the column's type, or convert the column before",
            ) from exc
        return value

    return labelled


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if is_missing(value) else value


def _mapped(
    series: pd.Series[Any], entry: Mapping[Any, Any], function: Callable[[Any], Any]
) -> pd.Series[Any]:
    """A column through the function; values that come again and again are mapped once."""
    if _RANGES in entry or len(series) < 64:
        return mapped(series, function)
    try:
        codes, found = pd.factorize(series, use_na_sentinel=True)
    except TypeError:  # values such as lists
        return mapped(series, function)
    if len(found) * 2 > len(series) or series.dtype == object:  # 1, 1.0 and True are one there
        return mapped(series, function)
    # one value more, for the missing ones, to which the code -1 points
    labels = mapped(pd.Series(found), function)
    empty = function(None)
    if empty is None and (codes >= 0).all():
        return labels.take(codes).reset_index(drop=True)
    return mapped(series, function)


def _spark_column(frame: Any, column: str, entry: Mapping[Any, Any], step: str) -> Any:
    functions = spark.functions()
    old = frame[column]
    empty = spark.is_null(frame, column)
    if _RANGES in entry:
        made = functions.when(empty, spark.literal(None))
        labels: list[Any] = []
        for first, last, label in _ranges(column, entry):
            inside = functions.lit(True)
            if first != -math.inf:
                inside = inside & (old >= functions.lit(first))
            if last != math.inf:
                inside = inside & (old < functions.lit(last))
            made = made.when(inside, spark.literal(label))
            labels.append(label)
    else:
        labels = [value for value in entry.values() if not is_missing(value)]
        made = functions.when(empty, spark.literal(entry.get(None)))
        for key, label in entry.items():
            if not is_missing(key):
                made = made.when(old == functions.lit(key), spark.literal(label))
    if not labels or _fits(spark.kind_of(frame, column), labels[0]):
        return made.otherwise(old)
    # a column has one type in Spark: every value must have a label
    told = functions.concat(
        functions.lit(
            "MapValues - mapping that changes column type must change all values accordingly, "
            f"which is not the case for column '{column}' in step {step!r}: "
        ),
        old.cast("string"),
    )
    wrong = functions.raise_error(told).cast(_spark_type(labels[0]))
    return made.otherwise(wrong)


def _fits(kind: str, label: Any) -> bool:
    """Whether a column of Spark can hold a label beside its values."""
    if isinstance(label, str):
        return kind == "string"
    if isinstance(label, bool):
        return kind == "boolean"
    if isinstance(label, datetime.datetime):
        return kind.startswith("timestamp")
    return kind in ("tinyint", "smallint", "int", "bigint", "float", "double")


def _spark_type(label: Any) -> str:
    if isinstance(label, bool):
        return "boolean"
    if isinstance(label, int):
        return "bigint"
    return "double" if isinstance(label, float) else "string"
