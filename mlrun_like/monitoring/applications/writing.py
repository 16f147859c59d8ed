"""From what an application gave to what is written: numbers, statistics, happenings."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationResult,
    ModelMonitoringApplicationStats,
    ResultStatusApp,
)
from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.tracking.window_abilities import ResultRow
from mlrun_like.types import Document

__all__ = ["Written", "failure_happening", "from_results", "plain_document"]

EXTRA_LIMIT = 16_384
"""Characters of extra data that stay with a result; more becomes an artifact."""

_SUFFIX = {ResultStatusApp.detected: "detected", ResultStatusApp.potential_detection: "suspected"}


class Written(NamedTuple):
    """What one window leads to."""

    rows: list[ResultRow]
    stats: list[ModelMonitoringApplicationStats]
    happenings: list[Happening]


def from_results(context: MonitoringApplicationContext, given: Sequence[Any]) -> Written:
    """Rows and happenings of one window's results."""
    written = Written([], [], [])
    for one in given:
        if isinstance(one, ModelMonitoringApplicationStats):
            written.stats.append(one)
            continue
        row = _row(context, one)
        written.rows.append(row)
        written.happenings.extend(_happenings(context, one, row))
    return written


def _row(context: MonitoringApplicationContext, one: Any) -> ResultRow:
    window = context.window
    place = (context.project_name, context.endpoint_id, context.application_name, one.name)
    if not isinstance(one, ModelMonitoringApplicationResult):
        return ResultRow(*place, "metric", window.start, window.end, one.value)
    extra = plain_document(one.extra_data) if one.extra_data else {}
    if context.logged:
        extra["artifacts"] = {artifact.key: artifact.uri for artifact in context.logged}
    if len(extra) and len(text := json.dumps(extra)) > EXTRA_LIMIT:
        key = f"{context.application_name}-{one.name.replace('_', '-')}-extra"
        made = context.log_artifact(key, text, format="json")
        extra = {"artifact": made.uri, "characters": len(text)}
    return ResultRow(
        *place, "result", window.start, window.end, one.value, one.kind.name, one.status.value,
        extra,
    )  # fmt: skip


def _happenings(context: MonitoringApplicationContext, one: Any, row: ResultRow) -> list[Happening]:
    entity = f"{row.endpoint}.{row.application}.{row.type}.{row.name}"
    body: Document = {
        "endpoint": row.endpoint,
        "endpoint_name": context.endpoint_name,
        "application": row.application,
        "name": row.name,
        "start": row.start,
        "end": row.end,
    }
    kinds = [row.type]
    if row.type == "result":
        body |= {"status": row.status, "kind": one.kind.value, "result_kind": row.kind}
        if one.status in _SUFFIX:
            kinds.append(f"{row.kind}_{_SUFFIX[one.status]}")
            body["extra"] = row.extra
    return [
        Happening(
            _id(row.project, entity, kind, row.end), row.project, kind, "model-endpoint-result",
            entity, row.end, row.value, body,
        )
        for kind in kinds
    ]  # fmt: skip


def failure_happening(
    project: str, endpoint: str, application: str, end: float, error: str
) -> Happening:
    """What tells that an application failed on a window; the same one for every try."""
    return Happening(
        _id(project, f"{endpoint}.{application}", "mm_app_failed", end), project, "mm_app_failed",
        "model-monitoring-application", application, end, None,
        {"endpoint": endpoint, "application": application, "error": error[:2000], "end": end},
    )  # fmt: skip


def plain_document(value: Any) -> Any:
    """Extra data as JSON can hold it: numpy's numbers, NaN as None, other objects as text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain_document(value.item())
    if isinstance(value, dict):
        return {str(key): plain_document(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return [plain_document(one) for one in value]
    return str(value)


def _id(project: str, entity: str, kind: str, end: float) -> str:
    text = f"{project}\n{entity}\n{kind}\n{end!r}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
