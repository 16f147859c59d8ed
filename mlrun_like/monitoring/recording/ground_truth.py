"""Ground truth: what would have been right, known later, joined by the event's id.

The id of an event is the `id` of the model's answer (what the client sent as `id`, if it did).
Labels may come before their events are stored, late, and more than once: the newest one counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.recording.chunks import label_batch
from mlrun_like.monitoring.recording.feedback import expand
from mlrun_like.monitoring.recording.reading import events_table, predictions_of
from mlrun_like.monitoring.recording.tables import table_of
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.tracking.connect import open_store

if TYPE_CHECKING:
    from mlrun_like.monitoring.recording.feedback import Label

__all__ = ["join_ground_truth", "log_ground_truth", "read_labels"]

_ROWS = 50_000  # labels of one batch
LABEL = "label"
"""The column of a label that has no name; others are `label.<name>`."""


def log_ground_truth(
    project: str,
    endpoint: str,
    labels: Any,
    event_id_column: str = "event_id",
    label_columns: str | Sequence[str] | None = None,
    time: Any = None,
) -> int:
    """Store labels of earlier predictions.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        labels: A mapping from event id to label (a list has one for each row of the request; a
            mapping one for each predicted name), or a DataFrame; its column `row`, if it has one,
            names the row of the request.
        event_id_column: Of a DataFrame: the column with the ids.
        label_columns: Of a DataFrame: the column(s) with labels; None: all others.
        time: When the labels became known (datetime, ISO text, seconds since 1970); None: now.

    Returns:
        How many labels were stored.

    Raises:
        InvalidArgumentError: if there is no such column.
        StoreUnavailableError: if the store cannot be used.
    """
    moment = now() if time is None else seconds_of(time)
    found = (
        _of_frame(labels, event_id_column, label_columns, moment)
        if isinstance(labels, pd.DataFrame)
        else _of_mapping(labels, moment)
    )
    batches = [
        label_batch(project, endpoint, found[start : start + _ROWS])
        for start in range(0, len(found), _ROWS)
    ]
    if batches:
        open_store().append_batches(batches)
    return len(found)


def read_labels(
    project: str, endpoint: str, *, event_ids: Any = None, added_since: float | None = None
) -> pd.DataFrame:
    """Labels of an endpoint, the newest of each event: event_id, row, time, added and labels.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        event_ids: Only of these; None: all.
        added_since: Only labels that the store got at or after this time (seconds since 1970).
    """
    batches = open_store().read_batches(project, endpoint, "labels", added_since=added_since)
    wanted = None if event_ids is None else pa.array(sorted(set(event_ids)), pa.string())
    tables = []
    for batch in sorted(batches, key=lambda item: (item.added, item.last)):
        table = table_of(batch)
        if wanted is not None:
            table = table.filter(pc.is_in(table.column("event_id"), value_set=wanted))
        if table.num_rows:  # of a damaged batch nothing is left
            added = pa.array([batch.added] * table.num_rows, pa.float64())
            tables.append(table.append_column("added", added))
    if not tables:
        return pd.DataFrame({"event_id": [], "row": [], "time": [], "added": [], LABEL: []})
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    frame = frame.drop_duplicates(["event_id", "row"], keep="last").reset_index(drop=True)
    values = [json.loads(text) for text in frame.pop(LABEL)]
    named = [value for value in values if isinstance(value, Mapping)]
    if len(named) < len(values) or not values:
        frame[LABEL] = pd.Series(
            [None if isinstance(value, Mapping) else value for value in values]
        ).infer_objects()
    for name in dict.fromkeys(key for value in named for key in value):
        column = [value.get(name) if isinstance(value, Mapping) else None for value in values]
        frame[f"{LABEL}.{name}"] = pd.Series(column).infer_objects()
    return frame


def join_ground_truth(
    project: str,
    endpoint: str,
    events: pd.DataFrame | None = None,
    start: Any = None,
    end: Any = None,
) -> pd.DataFrame:
    """Events with their labels: the columns of `read_events` and `label` (or `label.<name>`).

    Only events whose label is known are in it.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        events: A frame of `read_events`; None: those in [start, end).
        start: See `read_events`.
        end: See `read_events`.
    """
    if events is None:
        table, features, predictions = events_table(project, endpoint, start, end)
        events = table.to_pandas()
        events.attrs.update(features=features, predictions=predictions)
    labels = read_labels(project, endpoint, event_ids=events["event_id"].tolist())
    # a frame without rows knows no type of its ids, and pandas matches texts with texts only
    joined: pd.DataFrame = events.astype({"event_id": object}).merge(
        labels.astype({"event_id": object}).drop(columns=["time", "added"]),
        on=["event_id", "row"],
        how="inner",
        suffixes=("", "_truth"),
    )
    joined.attrs.update(events.attrs)
    joined.attrs["labels"] = [
        name for name in joined.columns if name == LABEL or name.startswith(f"{LABEL}.")
    ]
    if LABEL in predictions_of(events) and f"{LABEL}_truth" in joined:
        joined.attrs["labels"] = [f"{LABEL}_truth"]
    return joined


def _of_mapping(labels: Any, moment: float) -> list[Label]:
    if not isinstance(labels, Mapping):
        raise InvalidArgumentError(
            f"labels are a {type(labels).__name__}, not a mapping or a DataFrame",
            fix='log_ground_truth(project, uid, {"<id of an answer>": 1})',
        )
    return [label for key, value in labels.items() for label in expand(key, value, moment)]


def _of_frame(
    frame: pd.DataFrame, ids: str, columns: str | Sequence[str] | None, moment: float
) -> list[Label]:
    if columns is None:
        columns = [name for name in frame.columns if name not in (ids, "row", "time")]
    names = [columns] if isinstance(columns, str) else list(columns)
    missing = [name for name in (ids, *names) if name not in frame.columns]
    if missing or not names:
        raise InvalidArgumentError(
            f"the labels have no column {', '.join(missing) or 'with labels'}",
            where=f"columns: {', '.join(map(str, frame.columns))}",
            fix="event_id_column=..., label_columns=[...]",
        )
    rows = frame["row"].tolist() if "row" in frame.columns else [0] * len(frame)
    keys = frame[ids].astype(str).tolist()
    if len(names) == 1:
        values: list[Any] = frame[names[0]].tolist()
    else:
        values = frame[names].to_dict("records")
    return [
        (key, value, int(row), moment) for key, value, row in zip(keys, values, rows, strict=True)
    ]
