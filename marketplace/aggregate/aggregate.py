"""Rolling aggregates of columns, over all rows or within groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, MissingFileError, nearest

__all__ = ["aggregate"]

_AGGREGATIONS = (
    "count",
    "kurt",
    "max",
    "mean",
    "median",
    "min",
    "sem",
    "skew",
    "std",
    "sum",
    "var",
)
_PARQUET = (".parquet", ".pq")


def aggregate(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    df_artifact: ml.DataItem | pd.DataFrame,
    save_to: str = "aggregated-df.pq",
    keys: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    metric_aggregations: Sequence[str] = ("mean",),
    label_aggregations: Sequence[str] = ("max",),
    suffix: str = "",
    window: int = 3,
    center: bool = False,
    inplace: bool = False,
    drop_na: bool = True,
    files_to_select: int = 1,
) -> pd.DataFrame | None:
    """Aggregate columns over a window of rows that moves along the table.

    Rows stay in their order. A new column is `<column>_<aggregation>[_<suffix>]`.

    Args:
        context: The run.
        df_artifact: A table; of a folder of Parquet files the latest are read.
        save_to: Where the result goes; a relative path is below the run's artifacts.
        keys: Columns or levels of the index; a window holds rows with the same values only.
        metrics: Columns for `metric_aggregations`.
        labels: Columns for `label_aggregations`.
        metric_aggregations: count, kurt, max, mean, median, min, sem, skew, std, sum, var.
        label_aggregations: The same.
        suffix: Ends the names of new columns.
        window: Rows in a window.
        center: Whether the row is the middle of its window, not its end.
        inplace: Whether the result has the new columns only (and the keys' index).
        drop_na: Whether rows are left out whose window is not full.
        files_to_select: How many files of a folder are read.

    Returns:
        The result if a frame was given, else None: it is logged as `aggregate`.

    Raises:
        InvalidArgumentError: for a column or aggregation that there is not, or columns of text.
    """
    frame = _read(context, df_artifact, files_to_select)
    if not (metrics or labels):
        raise InvalidArgumentError(
            "neither metrics nor labels are named",
            where="aggregate",
            fix=f"metrics=[...] with columns of: {', '.join(map(str, frame.columns[:20]))}",
        )
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise InvalidArgumentError(f"window is {window!r:.40}, not a number of rows from 1")
    made: dict[str, pd.Series[Any]] = {}
    rolled = [(metrics, metric_aggregations), (labels, label_aggregations)]
    for columns, names in rolled:
        wanted = [columns] if isinstance(columns, str) else list(columns or ())
        how = [names] if isinstance(names, str) else list(names)
        made |= _roll(frame, wanted, how, _group(frame, keys), (window, center, suffix))
        if wanted:
            context.logger.info(f"aggregated {', '.join(wanted)}", window=window, by=how)
    new = pd.DataFrame(made, index=frame.index)
    taken = [name for name in new.columns if name in frame.columns and not inplace]
    if taken:
        raise InvalidArgumentError(
            f"the table has a column {taken[0]!r} already", where="aggregate", fix="set suffix"
        )
    result = new if inplace else pd.concat([frame, new], axis=1)
    if drop_na:
        result = result[new.notna().all(axis=1).to_numpy()]
    context.log_results({"rows": len(result), "columns": result.shape[1]})
    if isinstance(df_artifact, pd.DataFrame):
        return result
    place = save_to if "://" in save_to or save_to.startswith("/") else ""
    context.log_dataset(
        "aggregate",
        df=result,
        format="parquet",
        target_path=place or context.artifact_subpath(save_to),
    )
    return None


def _read(context: ml.MLClientCtx, given: Any, most: int) -> pd.DataFrame:
    if isinstance(given, pd.DataFrame):
        frame: pd.DataFrame = given
        return frame
    if not given.isdir():
        context.logger.info(f"reading {given.key}")
        return pd.DataFrame(given.as_df())
    files = [given.child(name) for name in given.listdir() if name.endswith(_PARQUET)]
    if not files:
        raise MissingFileError("the folder has no Parquet files", where=str(given))
    if most < 1:
        raise InvalidArgumentError(f"files_to_select is {most!r:.40}", fix="a number from 1")
    latest = sorted(files, key=lambda one: str(one.stat().modified), reverse=True)[:most]
    context.logger.info(f"reading {', '.join(one.url for one in latest)}")
    frames: list[pd.DataFrame] = [one.as_df() for one in reversed(latest)]
    return pd.concat(frames)


def _group(frame: pd.DataFrame, keys: Sequence[str] | None) -> list[Any]:
    wanted = [keys] if isinstance(keys, str) else list(keys or ())
    found = []
    for key in wanted:
        if key in frame.columns:
            found.append(frame[key].to_numpy())
        elif key in frame.index.names:
            found.append(frame.index.get_level_values(key).to_numpy())
        else:
            known = [*map(str, frame.columns), *(str(one) for one in frame.index.names if one)]
            raise InvalidArgumentError(
                f"there is no column or level {key!r:.80} to group by.{nearest(key, known)}",
                where="aggregate: keys",
                fix=f"there are: {', '.join(known[:20])}",
            )
    return found


def _roll(
    frame: pd.DataFrame,
    columns: list[str],
    names: list[str],
    groups: list[Any],
    how: tuple[int, bool, str],
) -> dict[str, pd.Series[Any]]:
    window, center, suffix = how
    for name in names:
        if name not in _AGGREGATIONS:
            raise InvalidArgumentError(
                f"there is no aggregation {name!r:.60}.{nearest(str(name), _AGGREGATIONS)}",
                where="aggregate",
                fix=f"use: {', '.join(_AGGREGATIONS)}",
            )
    made = {}
    for column in columns:
        if column not in frame.columns:
            known = list(map(str, frame.columns))
            raise InvalidArgumentError(
                f"there is no column {column!r:.80}.{nearest(str(column), known)}",
                where="aggregate",
                fix=f"columns: {', '.join(known[:20])}",
            )
        values = pd.Series(_numbers(frame[column], column))
        for name in names:
            if groups:
                each = values.groupby([pd.Series(one) for one in groups], dropna=False, sort=False)
                rolled = each.rolling(window, center=center)
                result = getattr(rolled, name)()
                result = result.droplevel(list(range(len(groups)))).sort_index()
            else:
                result = getattr(values.rolling(window, center=center), name)()
            title = f"{column}_{name}" + (f"_{suffix}" if suffix else "")
            made[title] = result.set_axis(frame.index)
    return made


def _numbers(values: pd.Series[Any], column: str) -> Any:
    try:
        return values.to_numpy(dtype="float64", na_value=float("nan"))
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"column {column!r:.80} holds no numbers: {str(exc)[:120]}",
            where="aggregate",
            fix="name columns of numbers or of true and false",
        ) from exc
