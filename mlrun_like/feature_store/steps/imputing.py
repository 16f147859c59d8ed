"""Imputer: values for missing ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.base import FeatureStep, SetFacts, need_mapping
from mlrun_like.feature_store.steps.columns import column_of, is_missing, values_of, with_columns
from mlrun_like.feature_store.steps.running import METHODS, STATISTICS, Running

__all__ = ["Imputer"]


class Imputer(FeatureStep):
    """Replaces missing values (MLRun's step, with methods that work).

    What a missing value of a column becomes is, the first of these that there is:

    1. the column's entry in `mapping`;
    2. `default_value`;
    3. what `method` gives: the entry of `statistics`; else the statistic that the feature set has
       of an earlier ingestion; else that of the values this step saw before, in the order in
       which they came.

    Methods apply to the columns whose entry in `mapping` is None, or, without mapping and default
    value, to all columns of numbers ("mode": of all) that are neither entities nor the time. As
    only earlier values count, batches of any size and single events give the same, and nothing is
    known before it happened. A value before which there is nothing stays missing. A column of
    `mapping` that is not there is missing.

    Args:
        method: "avg" (or "mean"), "median", "min", "max", "mode" (the most frequent), or "const":
            `default_value` and `mapping` only.
        default_value: For columns that `mapping` does not name.
        mapping: Values by column.
        statistics: Fixed values that the method stands for, by column, as `fit` makes them.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if there is no such method.

    >>> Imputer(mapping={"age": 30}).do({"age": None, "name": None})
    {'age': 30, 'name': None}
    """

    vectorised: ClassVar[bool] = True

    def __init__(
        self,
        method: str = "avg",
        default_value: Any = None,
        mapping: Mapping[str, Any] | None = None,
        statistics: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if method not in METHODS:
            raise InvalidArgumentError(
                f"Imputer has no method {method!r:.80}.{nearest(str(method), METHODS)}",
                where=f"step {self.name!r}",
                fix=f"methods: {', '.join(METHODS)}",
            )
        self.method = method
        self.default_value = None if is_missing(default_value) else default_value
        self.mapping = need_mapping(mapping or {}, "mapping", "Imputer")
        self.statistics = need_mapping(statistics or {}, "statistics", "Imputer")
        self._learns = method != "const"
        self._everywhere = self._learns and default_value is None and not self.mapping
        self._left_out: frozenset[str] = frozenset()
        self._known: dict[str, Any] = dict(self.statistics)
        self._running: dict[str, Running] = {}

    def attach(self, facts: SetFacts) -> None:
        self._left_out = frozenset((*facts.entities, facts.timestamp_key))
        name = STATISTICS.get(self.method, "")
        for column, known in facts.statistics.items():
            value = known.get(name) if name else None
            if column not in self._known and _is_number(value):
                self._known[column] = value

    def fit(self, frame: pd.DataFrame) -> Imputer:
        """Learn the statistics of all rows of a frame, once and for all; returns the step.

        >>> Imputer("median").fit(pd.DataFrame({"a": [1, 3, None]})).statistics
        {'a': 2.0}
        """
        for column in frame.columns:
            if self._constant(column) is None and self._is_learnt(column):
                running = Running(self.method)
                for value in values_of(frame[column]):
                    if value is not None and self._counts(value):
                        running.add(value)
                if running.count:
                    self.statistics[column] = self._known[column] = running.value()
        return self

    def _constant(self, column: str) -> Any:
        value = self.mapping.get(column, self.default_value)
        return None if is_missing(value) else value

    def _is_learnt(self, column: str) -> bool:
        if self._everywhere:
            return column not in self._left_out
        return self._learns and column in self.mapping

    def _counts(self, value: Any) -> bool:
        if self.method == "mode":
            return value.__hash__ is not None
        return _is_number(value)

    def _do_storey(self, event: Any) -> dict[str, Any]:
        made = {column: self._imputed(column, value) for column, value in event.items()}
        for column in self.mapping:
            if column not in made:
                made[column] = self._imputed(column, None)
        return made

    def _imputed(self, column: str, value: Any) -> Any:
        if not is_missing(value):
            if self._learns and column not in self._known:
                self._learn(column, value)
            return value
        found = self._constant(column)
        if found is None and self._is_learnt(column):
            running = self._running.get(column)
            found = self._known.get(column)
            if found is None and running is not None:
                found = running.value()
        if found is None:
            return None
        self.note(f"imputed {column}")
        return found

    def _learn(self, column: str, value: Any) -> None:
        running = self._running.get(column)
        if running is None:
            if self._constant(column) is not None or not self._is_learnt(column):
                return
            running = self._running[column] = Running(self.method)
        if self._counts(value):
            running.add(value)

    def _do_pandas(self, event: Any) -> pd.DataFrame:
        frame: pd.DataFrame = event
        absent = [column for column in self.mapping if column not in frame.columns]
        if absent:
            empty = pd.Series([None] * len(frame), dtype=object)
            frame = with_columns(frame, dict.fromkeys(absent, empty))
        made = {}
        for column in frame.columns:
            series = frame[column]
            fixed = self._constant(column)
            learnt = fixed is None and self._is_learnt(column)
            if not learnt and fixed is None:
                continue
            running = learnt and column not in self._known
            if running and (self.method == "mode" or _may_hold_numbers(series.dtype)):
                values = [self._imputed(column, value) for value in values_of(series)]
                if series.isna().any():
                    made[column] = column_of(values, series.dtype)
            elif not running and series.isna().any():
                values = [self._imputed(column, value) for value in values_of(series)]
                made[column] = column_of(values, series.dtype)
        return with_columns(frame, made)

    def _do_spark(self, event: Any) -> Any:
        functions = spark.functions()
        selected = []
        for column in event.columns:
            value = self._constant(column)
            if value is None and self._is_learnt(column):
                value = self._known.get(column, self._of_spark(event, column))
            if value is None:
                selected.append(event[column])
                continue
            filled = functions.when(spark.is_null(event, column), spark.literal(value))
            selected.append(filled.otherwise(event[column]).alias(column))
        return event.select(*selected)

    def _of_spark(self, frame: Any, column: str) -> Any:
        """The statistic of a whole column: a frame of Spark has no order."""
        functions = spark.functions()
        kind = spark.kind_of(frame, column)
        numeric = kind in ("tinyint", "smallint", "int", "bigint", "float", "double")
        if self.method != "mode" and not numeric:
            return None
        name = {"avg": "avg", "mean": "avg", "median": "median"}.get(self.method, self.method)
        held = frame.where(~spark.is_null(frame, column))
        row = held.agg(getattr(functions, name)(column).alias("found")).first()
        return None if row is None else row["found"]


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _may_hold_numbers(dtype: Any) -> bool:
    return getattr(dtype, "kind", "O") in "iufO"
