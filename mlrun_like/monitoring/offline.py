"""Rows that no server has seen, written as its recorder would have written them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.endpoints import records
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.monitoring.recording.channel import Channel
from mlrun_like.monitoring.recording.chunks import Chunks
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.names import new_uid
from mlrun_like.tracking.connect import open_store

__all__ = ["write_monitoring_df"]

_TIME, _ENDPOINT = "timestamp", "endpoint_id"
_ROWS = 20_000


def write_monitoring_df(
    endpoint_id: str,
    infer_results_df: pd.DataFrame,
    infer_datetime: datetime | float | str | None = None,
    monitoring_feature_set: Any = None,
    feature_set_uri: str = "",
    *,
    project: str = "",
    label_columns: Sequence[str] = (),
) -> None:
    """Write rows of an endpoint to the store, as its server would have.

    Args:
        endpoint_id: The endpoint's uid.
        infer_results_df: Features and predictions; other columns are left out if the endpoint
            knows its features.
        infer_datetime: The time of rows without a column `timestamp`; None: now.
        monitoring_feature_set: Has no effect: the rows need no feature set.
        feature_set_uri: The same.
        project: The endpoint's project; empty: it is looked for.
        label_columns: Which columns are predictions; empty: as the endpoint knows.

    Raises:
        NotFoundError: if there is no such endpoint.
        InvalidArgumentError: if none of its columns is there, or a time is none.
    """
    del monitoring_feature_set, feature_set_uri
    found = records.list_model_endpoints(project, uids=[endpoint_id])
    if not found:
        raise NotFoundError(
            f"there is no model endpoint {endpoint_id!r:.80}",
            fix="get_or_create_model_endpoint makes one",
        )
    endpoint, frame = found[0], infer_results_df
    if frame.empty:
        return
    features, labels = _columns(endpoint, frame, label_columns)
    channel = Channel(endpoint.metadata.project, endpoint_id, _nothing)
    channel.feature_names, channel.label_names = features, labels
    channel.feature_stats = endpoint.status.feature_stats
    chunks, event = Chunks(channel), new_uid()
    moment = now() if infer_datetime is None else seconds_of(infer_datetime)
    for start in range(0, len(frame), _ROWS):
        part = frame.iloc[start : start + _ROWS]
        inputs, outputs = _cells(part, features), _cells(part, labels)
        told = [row[0] for row in outputs] if len(labels) == 1 else outputs
        if _TIME in frame.columns:
            times = [_moment(one, moment) for one in part[_TIME]]
            items = [
                (f"{event}-{start + at}", [inputs[at]], [told[at]] if labels else None, 0.0,
                 times[at], "infer", None, True)
                for at in range(len(part))
            ]  # fmt: skip
        else:
            said = told if labels else None
            items = [(f"{event}-{start}", inputs, said, 0.0, moment, "infer", None, True)]
        chunks.add(items, [])
    open_store().append_batches(chunks.batches(now(), all_sketches=True))


def _columns(
    endpoint: ModelEndpoint, frame: pd.DataFrame, given: Sequence[str]
) -> tuple[list[Any], list[Any]]:
    own = [name for name in frame.columns if name not in (_TIME, _ENDPOINT)]
    labels = [name for name in given or endpoint.spec.label_names if name in own]
    features = [name for name in endpoint.spec.feature_names if name in own]
    if not endpoint.spec.feature_names:
        features = [name for name in own if name not in labels]
    elif not labels:
        labels = [name for name in own if name not in features]
    if not features:
        raise InvalidArgumentError(
            f"none of the model's columns {endpoint.spec.feature_names[:10]} is in the frame",
            where=f"model endpoint {endpoint.metadata.name!r}",
            fix=f"columns: {', '.join(map(str, own[:20]))}",
        )
    return features, labels


def _cells(frame: pd.DataFrame, names: list[Any]) -> list[list[Any]]:
    columns = [frame[name].tolist() for name in names]
    return [list(row) for row in zip(*columns, strict=True)] if columns else []


def _moment(value: Any, default: float) -> float:
    return default if pd.isna(value) else float(seconds_of(value))


def _nothing() -> None:
    """Nobody has to be woken: the rows are written at once."""
