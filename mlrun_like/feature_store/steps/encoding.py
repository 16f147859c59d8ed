"""OneHotEncoder: a column of 0 and 1 for each category."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.base import FeatureStep, need_column, need_mapping
from mlrun_like.feature_store.steps.columns import is_missing, values_of

__all__ = ["OneHotEncoder"]

_logger = logging.getLogger("mlrun_like.feature_store")


class OneHotEncoder(FeatureStep):
    """Replaces columns of categories by a column of 0 and 1 for each category (MLRun's step).

    The new columns are called `<column>_<category>`, spaces and dashes written as underscores, and
    stand in the column's place. A value that is no category, or is missing, has 0 in all of them;
    the first of each column is logged, `counts` has how many there were.

    Args:
        mapping: For each column the categories, texts or integers.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if the mapping is no dictionary of lists.
        InvalidArgumentError: if a category is neither text nor integer, or two give one name.

    >>> OneHotEncoder({"sex": ["female", "male"]}).do({"id": 1, "sex": "male"})
    {'id': 1, 'sex_female': 0, 'sex_male': 1}
    """

    vectorised: ClassVar[bool] = True

    def __init__(self, mapping: Mapping[str, Sequence[int | str]], **options: Any) -> None:
        super().__init__(**options)
        self.mapping = {
            str(column): _categories(column, values)
            for column, values in need_mapping(mapping, "mapping", "OneHotEncoder").items()
        }
        self._names = {
            column: {value: f"{column}_{_sanitized(value)}" for value in values}
            for column, values in self.mapping.items()
        }
        for column, names in self._names.items():
            if len(set(names.values())) < len(names):
                raise InvalidArgumentError(
                    f"two categories of column {column!r} have one name: {sorted(names.values())}",
                    where="step class OneHotEncoder",
                    fix="spaces and dashes become underscores; map one of them first (MapValues)",
                )

    def _category(self, column: str, value: Any) -> Any:
        """The name of the column that is 1 for this value, or None."""
        names = self._names[column]
        try:
            found = names.get(value)
        except TypeError:
            found = None
        if found is None and not is_missing(value) and self.note(f"unknown {column}"):
            _logger.warning(
                "OneHotEncoder does not have an encoding for value %r of feature %r; further ones "
                "are counted", value, column
            )  # fmt: skip
        return found

    def _do_storey(self, event: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for column, value in event.items():
            if column in self._names:
                made.update(self._encoded(column, value))
            else:
                made[column] = value
        for column in self._names:  # a field that an event leaves out is a missing value
            if column not in event:
                made.update(self._encoded(column, None))
        return made

    def _encoded(self, column: str, value: Any) -> dict[str, int]:
        found = self._category(column, value)
        return {name: int(name == found) for name in self._names[column].values()}

    def _do_pandas(self, event: Any) -> pd.DataFrame:
        frame: pd.DataFrame = event
        for column in self._names:
            need_column(frame.columns, column, self)
        made: dict[Any, Any] = {}
        for column in frame.columns:
            if column not in self._names:
                made[column] = frame[column]
                continue
            places: dict[str | None, int] = {
                name: place for place, name in enumerate(self._names[column].values())
            }
            places[None] = -1
            found = [places[self._category(column, v)] for v in values_of(frame[column])]
            codes = np.array(found, dtype=np.int64)
            for name, place in places.items():
                if name is not None:
                    made[name] = (codes == place).astype(np.int64)
        return pd.DataFrame(made, index=frame.index)

    def _do_spark(self, event: Any) -> Any:
        functions = spark.functions()
        selected = []
        for column in event.columns:
            if column not in self._names:
                selected.append(event[column])
                continue
            for value, name in self._names[column].items():
                same = functions.coalesce(
                    event[column] == functions.lit(value), functions.lit(False)
                )
                selected.append(same.cast("long").alias(name))
        for column in self._names:
            need_column(event.columns, column, self)
        return event.select(*selected)


def _categories(column: Any, values: Any) -> list[int | str]:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise InvalidTypeError(
            f"the categories of column {column!r} are {values!r:.80}, not a list",
            where="step class OneHotEncoder",
            fix='OneHotEncoder({"color": ["red", "blue"]})',
        )
    found: dict[int | str, None] = {}
    for value in values:
        if not isinstance(value, (str, int, np.integer)):
            raise InvalidArgumentError(
                "For OneHotEncoder you must provide int or string mapping list",
                where=f"column {column!r}: {value!r:.80}",
            )
        found[value if isinstance(value, str) else int(value)] = None
    return list(found)


def _sanitized(category: int | str) -> str:
    return re.sub("[ -]", "_", category) if isinstance(category, str) else str(category)
