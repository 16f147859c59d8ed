"""Describes a data set on Dask: its numbers are computed by the cluster."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

import mlrun_like as ml
from mlrun_like.artifacts import Artifact, PlotlyArtifact, TableArtifact
from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.monitoring.description.charts import charts_of
from mlrun_like.monitoring.description.overview import overview_page
from mlrun_like.monitoring.description.reading import (
    describe_frame,
    plain_frame,
    statistics_frame,
)
from mlrun_like.monitoring.description.table import Column, Table
from mlrun_like.registry import require

__all__ = ["summarize"]

_SAMPLE = 100_000
_CELLS = 20_000_000
_CLASSES = 200
_NUMBERS = ("count", "mean", "std", "min", "max")
_QUANTILES = {0.25: "25%", 0.5: "50%", 0.75: "75%"}


def summarize(
    context: ml.MLClientCtx,
    dask_key: str = "dask_key",
    dataset: ml.DataItem | None = None,
    label_column: str = "label",
    plots_dest: str = "plots",
    dask_function: str | None = None,
    dask_client: Any = None,
) -> None:
    """Describe a table that may be larger than this machine's memory.

    Artifacts as of `describe`: `report`, `describe-csv`, `histograms`, `scatter-2d`, `violin`,
    `correlation`, `correlation-matrix`, `missing-values`, with a label `imbalance` and
    `imbalance-weights-vec`. Counts, means, deviations, least and greatest values, correlations and
    classes are of all rows, quartiles approximately; shapes of distributions of a sample.

    Args:
        context: The run.
        dask_key: Name of a data set that is published on the cluster.
        dataset: A table, if none is published under that name.
        label_column: The column with the class; none, if there is no such column.
        plots_dest: A folder below the run's artifacts; "plots": beside the others.
        dask_function: URL of a function of kind dask, whose cluster computes.
        dask_client: A client of a cluster. Without either the threads of this process compute.

    Raises:
        NotFoundError: if nothing is published under the name, and there is no table.
        InvalidArgumentError: if the table has no columns.
    """
    frame = _read(context, dask_key, dataset, dask_function, dask_client)
    if not len(frame.columns):
        raise InvalidArgumentError("the table has no columns", where="describe_dask")
    label = label_column if label_column in frame.columns else ""
    if label_column and not label:
        context.logger.warning(
            f"there is no label column {label_column!r:.80}."
            f"{nearest(label_column, list(map(str, frame.columns)))}"
        )
    context.logger.info("computing", partitions=frame.npartitions, columns=len(frame.columns))
    found, sample = _compute(context, frame, label, dataset.key if dataset else dask_key)
    context.log_results(found.results())
    place = None if plots_dest in ("", "plots") else f"+/{plots_dest.strip('/')}"
    for key, table in _tables(found).items():
        context.log_artifact(TableArtifact(key, df=table), artifact_path=place)
    pages: dict[str, Any] = {"report": overview_page(found), **charts_of(found, sample)}
    for key, drawn in pages.items():
        context.logger.info(f"drawn: {key}")
        if isinstance(drawn, str):
            item: Any = Artifact(key, body=drawn, format="html", viewer="web-app")
        else:
            item = PlotlyArtifact(drawn, key)
        context.log_artifact(item, artifact_path=place)


def _read(
    context: ml.MLClientCtx, key: str, dataset: Any, function: str | None, client: Any
) -> Any:
    module = require("dask.dataframe", extra="dask", feature="describe_dask")
    if client is None and function:
        client = getattr(ml.import_function(function), "client", None)
        if client is None:
            raise InvalidArgumentError(f"{function!r:.200} is no function of kind dask")
    published = [] if client is None else list(client.list_datasets())
    if key in published:
        context.logger.info(f"reading {key!r} from the cluster")
        found = client.get_dataset(key)
        return found if hasattr(found, "npartitions") else module.from_pandas(found, npartitions=1)
    if dataset is None:
        raise NotFoundError(
            f"there is no table: no data set {key!r:.80} is published.{nearest(key, published)}",
            where="describe_dask",
            fix='fn.run(inputs={"dataset": "data.parquet"}), or client.publish_dataset(...)',
        )
    return dataset.as_df(df_module=module)


def _compute(
    context: ml.MLClientCtx, frame: Any, label: str, name: str
) -> tuple[Table, pd.DataFrame]:
    dask = require("dask", extra="dask", feature="describe_dask")
    kinds = {str(n): k for n, k in zip(frame.columns, frame.dtypes, strict=True)}
    numeric = [n for n, k in kinds.items() if pd.api.types.is_numeric_dtype(k)
               and not pd.api.types.is_bool_dtype(k) and k.kind != "c"]  # fmt: skip
    # what is infinite would spoil sums; it is counted with the missing
    numbers = frame[numeric].astype("float64").replace([np.inf, -np.inf], np.nan)
    (rows,) = dask.compute(frame.map_partitions(len, meta=("rows", "int64")).sum())
    if not rows:
        empty = plain_frame(frame.head(0, npartitions=-1, compute=True))
        return describe_frame(empty, name, label=label), empty
    share = min(1.0, min(_SAMPLE, max(1, _CELLS // len(kinds))) / rows)
    wanted: dict[str, Any] = {"count": frame.count()}
    if numeric:
        wanted |= {key: getattr(numbers, key)() for key in _NUMBERS[1:]}
        wanted["quantiles"] = numbers.quantile(list(_QUANTILES))
    features = [one for one in numeric if one != label]
    if len(features) > 1:
        wanted["corr"] = numbers[features].corr()
    if label:
        wanted["classes"] = frame[label].value_counts()
    wanted["sample"] = frame if share == 1 else frame.sample(frac=share, random_state=1)
    with warnings.catch_warnings():
        # Dask tries its plan on empty columns, of which there is no mean
        warnings.simplefilter("ignore", RuntimeWarning)
        exact = dict(zip(wanted, dask.compute(*wanted.values()), strict=True))
    sample = plain_frame(exact["sample"].reset_index(drop=True))
    is_classes = bool(label) and len(exact["classes"]) <= _CLASSES
    found = describe_frame(sample, name, label=label, is_classes=is_classes)
    if share < 1:
        words = f"shapes of distributions are of {len(sample):,} rows, taken at random"
        found = replace(found, notes=[*found.notes, words], duplicates=-1, size=0)
        context.logger.info(words)
    columns = [_exact(one, exact, int(rows), numeric) for one in found.columns]
    if is_classes:
        columns = [_counted(one, exact["classes"]) if one.name == label else one for one in columns]
    found = replace(found, rows=int(rows), columns=columns)
    if "corr" in exact:
        found = replace(found, correlation=(features, exact["corr"].to_numpy()))
    return found, sample


def _exact(column: Column, exact: dict[str, Any], rows: int, numeric: list[str]) -> Column:
    name = column.name
    if name not in exact["count"].index:
        return column
    count = int(exact["count"][name])
    column = replace(column, count=count, missing=rows - count)
    if name not in numeric or not count:
        return column
    said = {key: float(exact[key][name]) for key in _NUMBERS[1:]}
    said |= {key: float(exact["quantiles"][name][at]) for at, key in _QUANTILES.items()}
    return replace(column, statistics={**column.statistics, **said})


def _counted(column: Column, classes: Any) -> Column:
    counts = classes.sort_values(ascending=False)
    named = [_named(one) for one in counts.index.to_list()]
    pairs = [(name, int(count)) for name, count in zip(named, counts, strict=True)]
    return replace(column, top=pairs, distinct=len(pairs))


def _named(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _tables(found: Table) -> dict[str, pd.DataFrame]:
    tables = {"describe-csv": statistics_frame(found)}
    names, matrix = found.correlation
    if len(names):
        index = pd.Index(list(names), name="column")
        tables["correlation-matrix"] = pd.DataFrame(matrix, index=index, columns=list(names))
    classes = found.classes()
    if classes:
        total = sum(count for _, count in classes)
        index = pd.Index([name for name, _ in classes], name=found.label)
        shares = [count / total for _, count in classes]
        tables["imbalance-weights-vec"] = pd.DataFrame({"weights": shares}, index=index)
    return tables
