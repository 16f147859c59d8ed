"""Pictures that compare runs: one line a run, through its parameters and results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.parallel_coordinates import parallel_coordinates
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

__all__ = ["compare_db_runs", "compare_run_objects", "gen_pcp_plot"]


def gen_pcp_plot(
    source_df: pandas.DataFrame,
    index_col: str = "iter",
    hide_identical: bool = True,
    exclude: Sequence[str] | None = None,
    colorscale: str | None = None,
) -> str:
    """An HTML page with the picture; it holds no script and needs no network.

    Args:
        source_df: A row per run; columns `param.*` and `output.*`, and `index_col`.
        index_col: The column that numbers the runs.
        hide_identical: Leave out parameters that are the same in all runs.
        exclude: Parameters to leave out.
        colorscale: Kept for MLRun's callers: the last result colours the lines.

    >>> frame = pandas.DataFrame({"iter": [1, 2], "param.p": [1, 2], "output.score": [0.1, 0.9]})
    >>> "param.p" in gen_pcp_plot(frame)
    True

    Raises:
        InvalidArgumentError: if there are not two columns to compare.
    """
    left_out = {f"param.{name}" for name in exclude or ()}
    columns = [str(c) for c in source_df.columns if str(c).startswith(("param.", "output."))]
    if hide_identical:
        same = [c for c in columns if source_df[c].astype(str).nunique() <= 1]
        left_out.update(c for c in same if c.startswith("param."))
    kept = [column for column in columns if column not in left_out]
    numbers = source_df[index_col] if index_col in source_df else range(1, len(source_df) + 1)
    rows = [
        ["completed", number, *values]
        for number, values in zip(numbers, source_df[kept].values.tolist(), strict=True)
    ]
    page = parallel_coordinates([["state", "iter", *kept], *rows])
    if not page:
        raise InvalidArgumentError(
            f"there is nothing to compare in {len(rows)} runs with the columns {kept}",
            fix="runs need parameters that differ, and results",
        )
    return page


def compare_run_objects(
    runs_list: Any,
    hide_identical: bool = True,
    exclude: Sequence[str] | None = None,
    show: bool | None = None,
    extend_iterations: bool = True,
    filename: str | None = None,
    colorscale: str | None = None,
) -> str:
    """Compare runs, or the iterations of one.

    Args:
        runs_list: A run, or several.
        hide_identical: Leave out parameters that are the same in all.
        exclude: Parameters to leave out.
        show: Kept for MLRun's callers: notebooks show the page with `IPython.display.HTML`.
        extend_iterations: A run with iterations counts as those.
        filename: Also write the page there.
        colorscale: Kept for MLRun's callers.

    Returns:
        The page.

    Raises:
        InvalidArgumentError: if there is nothing to compare.
    """
    runs = list(runs_list) if isinstance(runs_list, (list, tuple)) else [runs_list]
    documents = [run if isinstance(run, dict) else run.to_dict() for run in runs]
    frame = _table(documents, extend_iterations)
    page = gen_pcp_plot(frame, "iter", hide_identical, exclude, colorscale)
    if filename:
        Path(filename).parent.mkdir(parents=True, exist_ok=True)
        Path(filename).write_text(page, encoding="utf-8")
    return page


def compare_db_runs(
    project_name: str | None = None,
    run_name: str | None = None,
    hide_identical: bool = True,
    exclude: Sequence[str] | None = None,
    show: bool | None = None,
    colorscale: str = "Blues",
    filename: str | None = None,
    **query: Any,
) -> str:
    """Compare the runs that are recorded.

    Args:
        project_name: Their project; None: the configured one.
        run_name: Their name.
        hide_identical: Leave out parameters that are the same in all.
        exclude: Parameters to leave out.
        show: Kept for MLRun's callers.
        colorscale: Kept for MLRun's callers.
        filename: Also write the page there.
        query: Further fields of the query, such as `limit`.

    Returns:
        The page.

    Raises:
        InvalidArgumentError: if there is nothing to compare.
    """
    project = project_name or config.default_project
    found = open_store().list_runs(RunQuery(project=project, name=run_name or "", **query))
    return compare_run_objects(
        list(found), hide_identical, exclude, show, filename=filename, colorscale=colorscale
    )


def _table(documents: list[dict[str, Any]], extend: bool) -> pandas.DataFrame:
    rows: list[dict[str, Any]] = []
    for document in documents:
        status = document.get("status", {})
        iterations = status.get("iterations") if extend else None
        if iterations and len(iterations) > 1:
            names = iterations[0]
            found = [dict(zip(names, row, strict=True)) for row in iterations[1:]]
            rows += [{k: v for k, v in row.items() if "." in k} for row in found]
            continue
        parameters = document.get("spec", {}).get("parameters") or {}
        results = status.get("results") or {}
        if results:
            rows.append(
                {f"param.{key}": value for key, value in parameters.items()}
                | {f"output.{key}": value for key, value in results.items()}
            )
    frame = pandas.DataFrame(rows)
    frame.insert(0, "iter", range(1, len(frame) + 1))
    params = [c for c in frame.columns if c.startswith("param.")]
    outputs = [c for c in frame.columns if c.startswith("output.")]
    return frame[["iter", *params, *outputs]]
