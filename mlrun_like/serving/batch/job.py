"""execute_graph: the handler of a job that sends a table, or one request, through a graph."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlrun_like.artifacts.item import DataItem
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.serving.event import Event
from mlrun_like.serving.nuclio.worker import server_of

__all__ = ["async_execute_graph", "execute_graph"]


def execute_graph(
    context: Any,
    data: Any = None,
    data_object: Mapping[str, Any] | None = None,
    timestamp_column: str | None = None,
    batching: bool = False,
    batch_size: int | None = None,
    read_as_lists: bool = False,
    nest_under_inputs: bool = False,
) -> Any:
    """Send the rows of a table, or one request, through the graph of the serving spec.

    Args:
        context: The run's context; it gets the number of rows and the answers.
        data: The table, a DataItem.
        data_object: One request, instead of a table.
        timestamp_column: The column, or field, of when a row happened.
        batching: Whether several rows are one event.
        batch_size: How many; None: all.
        read_as_lists: Whether rows are lists of values, not mappings.
        nest_under_inputs: Whether each body is `{"inputs": ...}`.

    Returns:
        The answers, or that of the one request; empty if no step responds.

    Raises:
        InvalidArgumentError: if not exactly one of the two is given, or it has a wrong form.
        RunError: if the column is missing.
    """
    frame = _frame(data, data_object)
    server = server_of(environment("SERVING_SPEC_ENV") or "", {})
    if timestamp_column and timestamp_column not in frame.columns:
        raise RunError(
            f"event body did not contain timestamp column '{timestamp_column}'",
            where="execute_graph",
        )
    answers = []
    events = _events(
        frame, data_object, timestamp_column, batch_size, batching, read_as_lists,
        nest_under_inputs,
    )  # fmt: skip
    for number, event in enumerate(events):
        event.id = number
        answers.append(server.run(event).body)
    server.wait_for_completion()
    responds = server.plan.responds
    server.close()
    if responds:
        context.log_dataset("prediction", df=_answers(answers, batching), format="parquet")
    context.log_result("num_rows", len(frame))
    if data_object is not None:
        return answers[0] if responds else {"id": 0}
    return answers if responds else []


async def async_execute_graph(context: Any, *args: Any, **kwargs: Any) -> Any:
    """The same for code in an event loop."""
    return execute_graph(context, *args, **kwargs)


def _frame(data: Any, data_object: Any) -> pd.DataFrame:
    if data is None and data_object is None:
        raise InvalidArgumentError(
            "exactly one of 'data' or 'data_object' must be provided", where="execute_graph"
        )
    if data is not None and data_object is not None:
        raise InvalidArgumentError(
            "'data' and 'data_object' are mutually exclusive: provide exactly one",
            where="execute_graph",
        )
    if data_object is not None:
        if not isinstance(data_object, dict):
            raise InvalidArgumentError(
                f"data_object must be a dict, got {type(data_object).__name__}",
                where="execute_graph",
                fix="model.model_dump(), or json.loads(text)",
            )
        return pd.DataFrame([data_object])
    if not isinstance(data, DataItem):
        raise InvalidArgumentError(
            f"Parameter 'data' has type hint 'DataItem' but got {type(data).__name__} instead: "
            "files and artifacts are given as inputs={'data': ...}, simple values as params",
            where="execute_graph",
        )
    found: pd.DataFrame = data.as_df()
    return found


def _events(
    frame: pd.DataFrame,
    data_object: Any,
    timestamp_column: str | None,
    size: int | None,
    batching: bool,
    read_as_lists: bool,
    nest_under_inputs: bool,
) -> Any:
    one = data_object is not None
    rows: list[Any] = [dict(data_object)] if one else frame.to_dict("records")
    times = [row[timestamp_column] for row in rows] if timestamp_column else [None] * len(rows)
    if read_as_lists:
        rows = [list(row.values()) for row in rows]
    many = batching and not one
    step = (size or len(rows) or 1) if many else 1
    for start in range(0, len(rows), step):
        body: Any = rows[start : start + step] if many else rows[start]
        event = Event({"inputs": body} if nest_under_inputs else body)
        moment = times[start]
        event._original_timestamp = _moment(moment)  # type: ignore[attr-defined]
        yield event


def _moment(value: Any) -> Any:
    if value is None:
        return datetime.datetime.now(datetime.timezone.utc)
    return pd.Timestamp(value).to_pydatetime()


def _answers(answers: list[Any], batching: bool) -> pd.DataFrame:
    rows = [row for answer in answers for row in (answer if isinstance(answer, list) else [answer])]
    if rows and all(isinstance(row, Mapping) for row in rows):
        return pd.DataFrame(rows)
    return pd.DataFrame({"prediction": rows})
