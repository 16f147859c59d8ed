"""What a table remembers of its aggregated features, so that queries know how they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.windows import FixedWindows, SlidingWindows

__all__ = ["merged_schema", "stored_layout"]


def merged_schema(
    stored: Mapping[str, Any] | None, layouts: Sequence[Layout], table: str
) -> dict[str, Any]:
    """The schema of a table to which these features are added.

    Raises:
        InvalidArgumentError: if a feature is stored with another period or kind of window.
    """
    schema = dict(stored or {})
    for layout in layouts:
        new: dict[str, Any] = {
            "period_millis": layout.period,
            "window_type": "FixedWindow" if layout.fixed else "SlidingWindow",
            "max_window_millis": layout.longest * layout.period,
            "aggregates": list(layout.aggregates),
        }
        old = schema.get(layout.name)
        if old is not None:
            for name, words in (("period_millis", "period"), ("window_type", "kind of window")):
                if old[name] != new[name]:
                    raise InvalidArgumentError(
                        f"Requested {words} for aggregate {layout.name} does not match existing "
                        f"{words} at {table}. Requested: {new[name]}, existing: {old[name]}",
                        fix="use the same windows and period, another feature name or table",
                    )
            new["max_window_millis"] = max(new["max_window_millis"], old["max_window_millis"])
            new["aggregates"] = sorted({*old["aggregates"], *new["aggregates"]})
        schema[layout.name] = new
    return schema


def stored_layout(
    schema: Mapping[str, Any],
    name: str,
    wanted: Mapping[str, Sequence[str]],
    table: str,
    aliases: Mapping[str, str],
) -> Layout:
    """How a feature that is stored gives these aggregates.

    Args:
        schema: The table's schema.
        name: The feature.
        wanted: Windows by aggregate.
        table: The table's name, for errors.
        aliases: Other names of columns.

    Raises:
        InvalidArgumentError: if the table does not aggregate it, or not over such windows.
    """
    known = schema.get(name)
    if known is None:
        raise InvalidArgumentError(
            f"Requested aggregate {name}, does not exist in existing feature store at {table}."
            f"{nearest(name, schema)}",
            fix=f"the table aggregates: {', '.join(sorted(schema)) or 'nothing'}",
        )
    texts = sorted({window for windows in wanted.values() for window in windows})
    kind = FixedWindows if known["window_type"] == "FixedWindow" else SlidingWindows
    windows = kind(texts)
    if windows.max_window_millis > known["max_window_millis"]:
        raise InvalidArgumentError(
            f"feature {name} is kept for {known['max_window_millis'] / 1000:g} s at {table}, "
            f"but a window of {windows.names()[-1]} is requested",
            fix="aggregate it over the longer window as well",
        )
    layout = Layout(name, list(wanted), windows, period=known["period_millis"], aliases=aliases)
    asked = {f"{name}_{aggregate}_{text}" for aggregate in wanted for text in wanted[aggregate]}
    asked |= {aliases[column] for column in asked & set(aliases)}
    layout.outputs = [output for output in layout.outputs if output[0] in asked]
    return layout
