"""What is allowed and yet probably a mistake: told in the log, with what to do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mlrun_like.errors import nearest

if TYPE_CHECKING:
    import pandas as pd

    from mlrun_like.feature_store.definitions.feature_set import FeatureSet

__all__ = ["Timeless", "tell_empty_aggregations"]

_log = logging.getLogger("mlrun_like.feature_store")


class Timeless:
    """Counts rows of a batch that have no time although windows need one.

    Args:
        feature_set: Whose rows.
    """

    def __init__(self, feature_set: FeatureSet) -> None:
        self._set = feature_set.name
        self._key = feature_set.spec.timestamp_key if feature_set.aggregations() else ""
        self._first = self._count = 0

    def look(self, frame: pd.DataFrame, rows_before: int) -> None:
        """Look at a chunk."""
        if self._key and self._key in frame.columns:
            missing = frame[self._key].isna().to_numpy()
            if missing.any():
                self._first = self._first if self._count else rows_before + int(missing.argmax())
                self._count += int(missing.sum())

    def tell(self) -> None:
        """Say so, if there were any."""
        if self._count:
            _log.warning(
                "feature set %r: %d rows have no %r, the first is row %d; windows count them as of "
                "now, so that older rows of the same entity come too late and get no aggregates\n"
                "  fix: leave such rows out: frame.dropna(subset=[%r])",
                self._set, self._count, self._key, self._first, self._key,
            )  # fmt: skip


def tell_empty_aggregations(
    feature_set: FeatureSet, rows: pd.DataFrame, found: pd.DataFrame
) -> None:
    """Say which features aggregate a column that nobody makes.

    Args:
        feature_set: Whose aggregations.
        rows: The first rows of the source.
        found: What became of them.
    """
    if not len(found):
        return
    for item in feature_set.aggregations():
        name, column = str(item["name"]), item["column"]
        if not isinstance(column, str) or column in rows.columns or column in found.columns:
            continue
        # a step before may have made the column, and one behind removed it
        made = [one for one in found.columns if str(one).startswith(f"{name}_")]
        if (found[made].isna() | (found[made] == 0)).all(axis=None):
            _log.warning(
                "feature set %r: no row has %r, which feature %r aggregates.%s",
                feature_set.name, column, name, nearest(column, map(str, rows.columns)),
            )  # fmt: skip
