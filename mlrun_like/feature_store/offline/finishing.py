"""From the joined table to what the caller gets: names, labels, conditions, order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError

__all__ = ["finished", "sort_columns"]


def finished(
    frame: pd.DataFrame,
    names: Mapping[str, str],
    *,
    drop: Sequence[str] = (),
    label: str = "",
    query: str = "",
    order: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Select and name columns, drop rows without a label, filter and sort.

    Args:
        frame: The joined table.
        names: Its columns -> their names in the result, in order.
        drop: Names that the caller does not want; unknown ones do not matter.
        label: The label's name; rows without it are no use for training.
        query: A condition as `DataFrame.query` takes it.
        order: Names to sort by, ascending.
        aliases: Names of features in their sets -> names in the result, for `order`.

    Raises:
        InvalidArgumentError: if the query fails or a column to sort by is not there.
    """
    kept = {old: new for old, new in names.items() if new not in set(drop)}
    found = frame[list(kept)]
    found = found.rename(columns=kept)
    if label and label in found.columns:
        missing = found[label].isna()
        if missing.any():
            found = found[~missing]
    if query:
        try:
            found = found.query(query)
        except Exception as exc:  # an expression of the user can raise anything
            raise InvalidArgumentError(
                f"the query {query!r} fails: {type(exc).__name__}: {exc}",
                where="get_offline_features",
                fix=f"use the columns {', '.join(map(str, found.columns))}",
            ) from exc
    if order:
        by: Any = sort_columns(list(found.columns), order, aliases)
        found = found.sort_values(by=by, kind="stable")
    return found if found.index.equals(pd.RangeIndex(len(found))) else found.reset_index(drop=True)


def sort_columns(
    columns: Sequence[str], order: Sequence[str], aliases: Mapping[str, str] | None
) -> list[str]:
    """The columns to sort by; a feature may be called as in its set.

    Raises:
        InvalidArgumentError: if there is no such column.
    """
    by = [one if one in columns else (aliases or {}).get(one, "") for one in order]
    unknown = [one for one, real in zip(order, by, strict=True) if real not in columns]
    if unknown:
        raise InvalidArgumentError(
            f"the result has no column {', '.join(map(repr, unknown))} to order by",
            where="order_by",
            fix=f"use one of: {', '.join(map(str, columns))}",
        )
    return by
