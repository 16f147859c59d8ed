"""Describes a data set: statistics, charts, and what a person should look at."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

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
from mlrun_like.monitoring.description.table import Table

__all__ = ["analyze"]

MAX_SIZE_OF_DF = 500_000
"""Cells of the sample that single points are drawn from; numbers are of all rows."""
_MANY_CLASSES = 50
_STATISTICS = 500
_PROBLEMS = ("classification", "regression", None, "")


def analyze(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    name: str = "dataset",
    table: ml.DataItem | None = None,
    label_column: str | None = None,
    plots_dest: str = "plots",
    random_state: int = 1,
    problem_type: str | None = "classification",
    dask_key: str = "dask_key",
    dask_function: str | None = None,
    dask_client: Any = None,
) -> None:
    """Describe a table.

    Artifacts: `report` (a page that says it all), `describe-csv`, `hist` (all columns on one page),
    `histograms`, `scatter-2d`, `violin`, `correlation`, `correlation-matrix-csv`, `missing-values`,
    with a label `imbalance` and `imbalance-weights-vec`; and `dataset`, where the table is not one
    yet. Charts are interactive if plotly is installed, else SVG. Results: `rows`, `columns`,
    `missing_share`, `duplicate_rows` and how many columns of each kind there are.

    Args:
        context: The run.
        name: The name under which the data set is stored, if it is not stored yet.
        table: A file, a folder, a data set, or a feature set.
        label_column: The column to predict; empty: none.
        plots_dest: A folder below the run's artifacts for charts; "plots": beside the others.
        random_state: Of the samples.
        problem_type: "classification", "regression" or None: what the label is.
        dask_key: Name of a data set that is published on the Dask cluster.
        dask_function: URL of a function of kind dask, whose cluster has it.
        dask_client: A client of the cluster.

    Raises:
        InvalidArgumentError: if the table has no columns, or the problem is unknown.
        NotFoundError: if there is no such data set on the cluster, and no table.
    """
    if problem_type not in _PROBLEMS:
        raise InvalidArgumentError(
            f"problem_type is {problem_type!r:.60}.{nearest(str(problem_type), _PROBLEMS[:2])}",
            where="describe",
            fix="classification, regression or None",
        )
    given = _read(context, table, dask_key, dask_function, dask_client)
    frame = plain_frame(given)
    if not frame.shape[1]:
        raise InvalidArgumentError("the table has no columns", where=_where(table))
    context.logger.info("read", rows=len(frame), columns=frame.shape[1])
    label = _label(context, frame, label_column)
    is_classes = bool(label) and _is_classes(context, frame[label], problem_type)
    found = describe_frame(
        frame,
        _title(name, table),
        label=label,
        is_classes=is_classes,
        seed=random_state,
        progress=lambda done, of: context.logger.info(f"described {done:,} of {of:,} columns"),
    )
    for note in found.notes:
        context.logger.info(note)
    context.log_results(found.results())
    extra = _log_tables(context, found, plots_dest)
    rows = max(1, MAX_SIZE_OF_DF // frame.shape[1])
    sample = frame.sample(rows, random_state=random_state) if len(frame) > rows else frame
    extra |= _log_charts(context, found, sample, plots_dest)
    _log_dataset(context, name, table, given, label, extra)


def _read(
    context: ml.MLClientCtx, table: Any, key: str, function: str | None, client: Any
) -> pd.DataFrame:
    if function or client is not None:
        if client is None:
            client = getattr(ml.import_function(function or ""), "client", None)
        if client is None:
            raise InvalidArgumentError(f"{function!r:.200} is no function of kind dask")
        published = list(client.list_datasets())
        if key in published:
            context.logger.info(f"reading {key!r} from the Dask cluster")
            return pd.DataFrame(client.get_dataset(key).compute())
        if table is None:
            raise NotFoundError(
                f"the Dask cluster has no data set {key!r:.80}.{nearest(key, published)}",
                where="describe",
                fix=f"it has: {', '.join(map(str, published)) or 'none'}; or give table",
            )
    if table is None:
        raise InvalidArgumentError(
            "there is no table to describe",
            where="describe",
            fix='fn.run(inputs={"table": "data.parquet"}, local=True)',
        )
    return table if isinstance(table, pd.DataFrame) else pd.DataFrame(table.as_df())


def _title(name: str, table: Any) -> str:
    """What a person calls it: the given name, the artifact's key, or the file's name."""
    meta = getattr(table, "meta", None)
    if name != "dataset" or table is None:
        return name
    return str(meta.key) if meta is not None else PurePosixPath(str(table)).stem or name


def _where(table: Any) -> str:
    return str(table) if table is not None else "describe"


def _label(context: ml.MLClientCtx, frame: pd.DataFrame, asked: str | None) -> str:
    if not asked:
        return ""
    if asked in frame.columns:
        return asked
    context.logger.warning(
        f"there is no label column {asked!r:.80}, so nothing is said about it."
        f"{nearest(asked, list(frame.columns))}"
    )
    return ""


def _is_classes(context: ml.MLClientCtx, values: pd.Series[Any], problem: str | None) -> bool:
    if problem == "regression":
        return False
    different = values.nunique()
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    if numeric and different > _MANY_CLASSES:
        context.logger.info(f"the label has {different:,} numbers: it is described as a number")
        return False
    return True


def _log_tables(context: ml.MLClientCtx, found: Table, folder: str) -> dict[str, Any]:
    place = _place(folder)
    extra = {"describe csv": context.log_artifact(
        TableArtifact("describe-csv", df=statistics_frame(found)), artifact_path=place
    )}  # fmt: skip
    names, matrix = found.correlation
    if len(names):
        index = pd.Index(list(names), name="column")
        matrix = pd.DataFrame(matrix, index=index, columns=list(names))
        extra["correlation-matrix-csv"] = context.log_artifact(
            TableArtifact("correlation-matrix-csv", df=matrix), artifact_path=place
        )
    target = found.column(found.label) if found.label else None
    if target is not None:
        extra["imbalance-csv"] = context.log_artifact(
            TableArtifact("imbalance-weights-vec", df=_weights(found)), artifact_path=place
        )
    return extra


def _weights(found: Table) -> pd.DataFrame:
    """Shares of classes; or where bars of a numeric label begin and how much is in each."""
    classes = found.classes()
    if classes:
        total = sum(count for _, count in classes)
        shares = [count / total for _, count in classes]
        return pd.DataFrame({"count": shares, found.label: [name for name, _ in classes]})
    target = found.column(found.label)
    if target is None or len(target.edges) != len(target.bars) + 1:
        return pd.DataFrame({"min_val": [], "count": []})
    return pd.DataFrame({"min_val": list(target.edges), "count": [*target.bars, 0]})


def _log_charts(
    context: ml.MLClientCtx, found: Table, sample: pd.DataFrame, folder: str
) -> dict[str, Any]:
    place, extra = _place(folder), {}
    notes = []
    if len(sample) < found.rows:
        notes = [f"Single points are of {len(sample):,} rows, taken at random; numbers are of all."]
    pages: dict[str, Any] = {"report": overview_page(found, notes)}
    pages["hist"] = charts_of(found, sample, interactive=False)["histograms"]
    pages |= charts_of(found, sample)
    for key, drawn in pages.items():
        context.logger.info(f"drawn: {key}")
        if isinstance(drawn, str):
            item: Any = Artifact(key, body=drawn, format="html", viewer="web-app")
        else:
            item = PlotlyArtifact(drawn, key)
        extra[key] = context.log_artifact(item, artifact_path=place)
    return extra


def _place(folder: str) -> str | None:
    return None if folder in ("", "plots") else f"+/{folder.strip('/')}"


def _log_dataset(
    context: ml.MLClientCtx,
    name: str,
    table: ml.DataItem | None,
    frame: pd.DataFrame,
    label: str,
    extra: dict[str, Any],
) -> None:
    known = getattr(table, "meta", None)
    links = {key: artifact.uri for key, artifact in extra.items()}
    if known is None:
        label_column = label if label in frame.columns else None
        context.log_dataset(
            "dataset",
            df=frame,
            db_key=name,
            stats=True,
            extra_data=links,
            label_column=label_column,
        )
        context.logger.info(f"the data set is stored as {name!r}")
    elif known.kind == "dataset":
        known.spec.extra_data = {**known.spec.extra_data, **links}
        context.store.store_artifact(known.to_dict(), tag=known.metadata.tag)
        context.logger.info(f"the data set {known.key!r} leads to its charts")
