"""run_batch: a graph over a source of rows."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.serving.batch.chunks import Runner, frame_steps, runner_for
from mlrun_like.serving.batch.frames import table_through_frames
from mlrun_like.serving.batch.halving import Failure
from mlrun_like.serving.batch.progress import Progress, progress_of
from mlrun_like.serving.batch.rows import Rows
from mlrun_like.serving.batch.sources import Chunk, Source, open_source
from mlrun_like.serving.batch.targets import ERROR, Target, answer_columns
from mlrun_like.serving.engine.binding import BoundStep
from mlrun_like.serving.function import ServingFunction, graph_of
from mlrun_like.serving.models.routing import BaseModelRouter
from mlrun_like.serving.models.server import V2ModelServer
from mlrun_like.serving.server import GraphServer

__all__ = ["BatchResult", "run_batch"]

_KEPT_ERRORS = 100


@dataclass
class BatchResult:
    """What a batch did.

    Args:
        rows: How many rows there were.
        failed: How many of them failed.
        seconds: How long it took.
        answers: The answers in the order of the rows, None for failing rows; empty with a target.
        errors: The errors of failing rows, by row from 0: the first 100, or all without a target.
        target: The file that was written, or empty.
        value: The result of the flow (of a step such as `Reduce`), if the server was made here.
    """

    rows: int = 0
    failed: int = 0
    seconds: float = 0.0
    answers: list[Any] = field(default_factory=list, repr=False)
    errors: dict[int, Exception] = field(default_factory=dict)
    target: str = ""
    value: Any = None
    _chunks: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _index: Any = field(default=None, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The rows of the result as a table, with a column `error` if rows failed."""
        if not self._chunks:
            return pd.DataFrame()
        names = dict.fromkeys(name for columns in self._chunks for name in columns)
        names.pop(ERROR)
        if self.failed:
            names[ERROR] = None
        joined = {
            name: [value for columns in self._chunks for value in _listed(columns, name)]
            for name in names
        }
        return pd.DataFrame(joined, index=self._index)


def run_batch(
    graph: Any,
    source: Any,
    target: str | Path | None = None,
    *,
    rows: Rows | None = None,
    chunk: int = 10_000,
    max_in_flight: int = 64,
    errors: Literal["keep", "raise"] = "keep",
    progress: bool | Progress = False,
) -> BatchResult:
    """Send every row of a source through a graph; the answers are those of the graph online.

    Steps with a method `do_batch(frame)` (from a DataFrame of bodies to a frame, series, array or
    list with one item per row) get a whole chunk, and model servers predict the rows of a chunk in
    one call, where every event takes the same steps one after the other; other graphs answer row
    by row. A row that fails, fails alone: what fails together is tried apart.

    Args:
        graph: A graph, a step of one, a serving function, or a `GraphServer`. Names of classes are
            looked up in the calling module.
        source: A DataFrame, an Arrow table, a `.parquet`, `.csv` or `.jsonl` file (path or URL), a
            folder of Parquet files, or an iterable of bodies.
        target: A `.parquet`, `.csv` or `.jsonl` file for the answers, in the order of the rows,
            with a column `error`. It appears when all rows are done. None: answers are returned.
        rows: What a row is to the graph; see `Rows`.
        chunk: Rows that are in memory at a time.
        max_in_flight: Rows under way at once in graphs with `async` steps.
        errors: `keep` a failing row's error in its place, or `raise` it and write nothing.
        progress: True: lines on stderr; or a function of rows done, failed, and all (or None).

    Raises:
        GraphError: naming every mistake of the graph.
        InvalidArgumentError: if source, target or an option cannot be used.
        StepError: with `errors="raise"`, the first failing row's error.

    >>> from mlrun_like.serving.definition.graph import flow
    >>> graph = flow()
    >>> step = graph.to(name="double", handler="({'y': event['x'] * 2})")
    >>> run_batch(graph, pd.DataFrame({"x": [1, 2]})).frame["y"].tolist()
    [2, 4]
    """
    for name, value in (("chunk", chunk), ("max_in_flight", max_in_flight)):
        if value < 1:
            raise InvalidArgumentError(f"{name} cannot be {value!r}", fix="give 1 or more")
    if errors not in ("keep", "raise"):
        raise InvalidArgumentError(f"errors cannot be {errors!r}", fix='use "keep" or "raise"')
    opened = open_source(source)
    namespace = sys._getframe(1).f_globals
    made = not isinstance(graph, GraphServer)
    server = _server_of(graph, namespace) if made else graph
    try:
        wanted = _form(server, opened, rows or Rows())
        runner, steps = runner_for(server, wanted, max_in_flight), frame_steps(server, wanted)
        work = _Work(opened, wanted, runner, steps, errors)
        result = work.run(chunk, str(target) if target is not None else "", progress_of(progress))
        if made:
            result.value = server.wait_for_completion()
        return result
    finally:
        if made:
            server.close()


def _server_of(graph: Any, namespace: Mapping[str, Any]) -> GraphServer:
    if isinstance(graph, ServingFunction):  # its parameters, code and secrets count too
        return graph.server((), namespace)
    return GraphServer(graph_of(graph), namespace)


def _form(server: GraphServer, source: Source, rows: Rows) -> Rows:
    if rows.form == "auto":
        starts = [server.plan.objects.get(name) for name in server.plan.starts]
        models = all(isinstance(made, (V2ModelServer, BaseModelRouter)) for made in starts)
        form: Literal["inputs", "bodies"] = "bodies"
        if models and starts and source.columns is not None and "inputs" not in source.columns:
            form = "inputs"
        rows = dataclasses.replace(rows, form=form)
    source.check(rows.columns)
    return rows


@dataclass
class _Work:
    source: Source
    rows: Rows
    runner: Runner
    steps: Sequence[BoundStep]
    errors: str

    def run(self, size: int, url: str, progress: Progress) -> BatchResult:
        begin = time.perf_counter()
        result = BatchResult(target=url, _index=None if url else self.source.index)
        target = Target(url) if url else None
        try:
            for chunk in self.source.chunks(size):
                columns = self._as_table(chunk) if target is not None else None
                if columns is None:
                    found = self._answers(chunk)
                    self._note(result, found)
                    columns = self._columns(chunk, found)
                else:
                    result.rows += len(chunk)
                if target is not None:
                    target.write(columns)
                else:
                    result.answers += [None if isinstance(i, Failure) else i for i in found]
                    result._chunks.append(columns)
                progress(result.rows, result.failed, self.source.total)
            if target is not None:
                target.finish()
        finally:
            if target is not None:
                target.drop()
        if self.source.total != result.rows:
            progress(result.rows, result.failed, result.rows)
        result.seconds = time.perf_counter() - begin
        return result

    def _as_table(self, chunk: Chunk) -> dict[str, Any] | None:
        """The columns of the target, if no row of the chunk has to be looked at by itself."""
        if not self.steps or chunk.table is None or not len(chunk):
            return None
        wanted = list(self.rows.columns)
        table = chunk.table.select(wanted) if wanted else chunk.table
        columns: dict[str, Any] | None = table_through_frames(self.steps, table)
        return None if columns is None else {**columns, ERROR: pa.nulls(len(chunk), pa.string())}

    def _answers(self, chunk: Chunk) -> list[Any]:
        inputs = self.rows.form == "inputs"
        columns = self.rows.columns
        return self.runner(chunk.as_lists(columns) if inputs else chunk.as_bodies(columns))

    def _note(self, result: BatchResult, found: Sequence[Any]) -> None:
        for number, item in enumerate(found, result.rows):
            if isinstance(item, Failure):
                if self.errors == "raise":
                    raise _of_row(item.error, number) from item.error.__cause__
                result.failed += 1
                if not result.target or len(result.errors) < _KEPT_ERRORS:
                    result.errors[number] = item.error
        result.rows += len(found)

    def _columns(self, chunk: Chunk, found: Sequence[Any]) -> dict[str, Any]:
        answers = [None if isinstance(item, Failure) else item for item in found]
        columns: dict[str, Any] = {}
        if self.rows.form == "inputs":
            if chunk.table is not None:
                columns.update(zip(chunk.table.schema.names, chunk.table.columns, strict=True))
            columns[self.rows.prediction] = answers
        else:
            columns.update(answer_columns(answers, "answer"))
        told = [str(item.error) if isinstance(item, Failure) else None for item in found]
        columns[ERROR] = pa.array(told, pa.string())
        return columns


def _listed(columns: dict[str, Any], name: str) -> Sequence[Any]:
    """The values of a column in one chunk; None where the chunk has no such column."""
    values: Any = columns.get(name, [None] * len(columns[ERROR]))
    found: Sequence[Any] = values.to_pylist() if hasattr(values, "to_pylist") else values
    return found


def _of_row(error: Exception, number: int) -> Exception:
    if isinstance(error, StepError):
        error.where = f"row {number}, {error.where}" if error.where else f"row {number}"
        return error
    return StepError(f"{type(error).__name__}: {error}", where=f"row {number}")
