"""DateExtractor that reads numbers as nanoseconds since 1970, as pandas does."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mlrun_like.feature_store.steps import dates

__all__ = ["DateExtractor"]


class DateExtractor(dates.DateExtractor):
    """Adds parts of a time as columns; numbers are nanoseconds since 1970.

    Args:
        parts: See `mlrun_like.feature_store.steps.DateExtractor`, which takes seconds.
        timestamp_col: The same.
        options: The same.

    >>> DateExtractor(["year"], "at").do({"at": 1_700_000_000.5})["at_year"]
    1970
    """

    def _moment(self, value: Any) -> pd.Timestamp | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
            return pd.Timestamp(int(value), unit="ns")
        return super()._moment(value)
