"""Names of columns as a feature set can have them: MLRun's renames, and what is refused."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["clean_name", "renamed"]


def clean_name(name: str) -> str:
    """A column's name as MLRun writes it: spaces become `_`, parentheses go.

    >>> clean_name("price (EUR)")
    'price_EUR'
    """
    return name.replace(" ", "_").replace("(", "").replace(")", "")


def renamed(frame: Any) -> Any:
    """A frame whose columns have clean names; the same frame if all had.

    Args:
        frame: A pandas frame; it is not changed.

    Raises:
        InvalidArgumentError: if two columns would have, or have, one name, or a name is empty.

    >>> import pandas as pd
    >>> list(renamed(pd.DataFrame({"bid (usd)": [1.0]})).columns)
    ['bid_usd']
    """
    columns = list(frame.columns)
    new = _names(columns, "column")
    levels: list[Hashable] = list(frame.index.names)
    kept = [name for name in levels if name is not None]
    new_levels = dict(zip(kept, _names(kept, "index level"), strict=True))
    if new != columns:
        frame = frame.set_axis(new, axis=1)
    if any(new_levels[name] != name for name in kept):
        frame = frame.copy(deep=False)
        frame.index = frame.index.set_names([new_levels.get(name) for name in levels])
    return frame


def _names(columns: Sequence[Hashable], what: str) -> list[str]:
    """The clean names, each once."""
    new: list[str] = []
    origin: dict[str, Hashable] = {}
    present = set(columns)
    for column in columns:
        name = clean_name(column if isinstance(column, str) else str(column))
        if not name:
            raise InvalidArgumentError(
                f"a {what} has the name {column!r}, which is empty without spaces and ()",
                fix="rename it: df.rename(columns={...})",
            )
        if name in origin or (name != column and name in present):
            other = origin.get(name, name)
            raise InvalidArgumentError(
                f'{what} "{column}" cannot be renamed to "{name}": "{other}" has that name',
                fix="give the columns names of their own: df.rename(columns={...})",
            )
        origin[name] = column
        new.append(name)
    return new
