"""Pipelines, runs and serving performance as plain data."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.pages.health import survey
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.survey_abilities import SurveyStore
from mlrun_like.types import Document

__all__ = ["work_data"]

_NEWEST = 50


def work_data(store: Any, project: str = "", *, span: float = 7 * 86400.0) -> Document:
    """Counts of runs, the newest pipelines, and how fast each endpoint answers.

    Args:
        store: The store.
        project: The project; empty: all.
        span: Seconds up to now whose runs are counted.
    """
    since = now() - span
    counts = store.count_runs(project, since) if isinstance(store, SurveyStore) else []
    place = project or "*"
    pipelines = store.list_runs(RunQuery(project=place, labels={"kind": "pipeline"}, limit=_NEWEST))
    failed = store.list_runs(RunQuery(project=place, states=("error",), limit=20))
    return {
        "time": now(),
        "span": span,
        "counts": [
            {**one._asdict(), "mean_seconds": one.seconds / one.ended if one.ended else None}
            for one in counts
        ],
        "pipelines": [_run(one) for one in pipelines],
        "failed": [_run(one) for one in failed],
        "serving": [one.to_dict() for one in survey(store, project)],
    }


def _run(document: Document) -> Document:
    metadata, status = document.get("metadata") or {}, document.get("status") or {}
    started, ended = _seconds(status.get("start_time")), _seconds(status.get("end_time"))
    return {
        "project": metadata.get("project", ""),
        "uid": metadata.get("uid", ""),
        "name": metadata.get("name", ""),
        "kind": (metadata.get("labels") or {}).get("kind", ""),
        "state": status.get("state", ""),
        "started": started,
        "seconds": None if started is None or ended is None else max(0.0, ended - started),
        "error": str(status.get("error") or "")[:500],
    }


def _seconds(value: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
