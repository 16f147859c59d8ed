"""All charts of a table by their keys: interactive ones if plotly is there, else SVG."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pandas as pd

from mlrun_like.monitoring.description.still import still_charts
from mlrun_like.monitoring.description.table import Table
from mlrun_like.registry import resolve

__all__ = ["charts_of"]


def charts_of(table: Table, sample: pd.DataFrame, *, interactive: bool = True) -> dict[str, Any]:
    """Charts by key: histograms, scatter-2d, violin, imbalance (with a label), correlation,
    missing-values.

    Args:
        table: What is drawn.
        sample: Some of its rows, for the charts that draw single rows.
        interactive: False: as if plotly were not installed.

    Returns:
        Figures of plotly, or whole HTML pages as text.
    """
    if interactive and find_spec("plotly") is not None:
        made: dict[str, Any] = resolve(
            "mlrun_like.monitoring.description.interactive:interactive_charts"
        )(table, sample)
        return made
    return dict(still_charts(table, sample))
