"""A store with monitored endpoints, for tests of what shows them."""

from __future__ import annotations

import json
import random
from typing import Any

from mlrun_like.tracking.alert_abilities import Activation, AlertChange, AlertLine
from mlrun_like.tracking.monitoring_abilities import QualityRow, SeriesBatch
from mlrun_like.tracking.schema_monitoring import model_endpoints
from mlrun_like.tracking.window_abilities import ResultRow, WindowCommit, WindowCursor, WindowRow

__all__ = ["add_endpoint", "add_incident", "add_many", "add_results", "add_run", "feature_stats"]


def feature_stats(seed: int, shift: float = 0.0) -> dict[str, Any]:
    """Statistics of two numbers and a text, in MLRun's form."""
    chance = random.Random(seed)
    found: dict[str, Any] = {}
    for name in ("amount", "age"):
        counts = [chance.randrange(1, 100) for _ in range(20)]
        found[name] = {
            "count": sum(counts), "mean": 1.0 + shift, "std": 0.5, "min": 0.0, "max": 2.0 + shift,
            "hist": [counts, [at / 10 for at in range(21)]],
        }  # fmt: skip
    found["city"] = {"count": 100, "unique": 3, "top": "Oslo", "freq": 50}
    return found


def add_endpoint(
    store: Any, uid: str, moment: float, *, project: str = "p", name: str = "fraud",
    function: str = "serve", batches: int = 4, stats: bool = True,
) -> None:  # fmt: skip
    """An endpoint with batches of events every ten minutes up to a moment."""
    document = {
        "metadata": {"project": project, "uid": uid, "name": name, "labels": {"team": "a"}},
        "spec": {
            "function_uri": f"{project}/{function}:latest", "function_name": function,
            "model": f"{name}:v1", "model_class": "M", "active": True,
            "model_uri": f"store://models/{project}/{name}:v1", "monitoring_mode": "enabled",
            "feature_names": ["amount", "age", "city"], "label_names": ["y"],
        },
        "status": {"state": "ready", "feature_stats": feature_stats(1) if stats else {}},
    }  # fmt: skip
    store.store_endpoint(document)
    told = {"requests": 100, "dropped": 1, "latency": {"160": 90, "220": 10}}
    store.append_batches(
        [
            SeriesBatch(
                *(project, uid, "events", f"{uid}-{at}"),
                *(moment - 600 * at - 60, moment - 600 * at - 1, 100, b""),
                {**told, "errors": at},
            )
            for at in range(batches)
        ]
    )
    quality = [
        QualityRow(
            moment - 600 * at - 600, moment - 600 * at, moment, {"accuracy": 0.9, "rows": 50}
        )
        for at in range(3)
    ]
    store.store_quality(project, uid, quality)


def add_results(
    store: Any, uid: str, moment: float, *, project: str = "p", status: int = 2, windows: int = 3,
    application: str = "histogram-data-drift",
) -> None:  # fmt: skip
    """Numbers of some windows, the newest ending at a moment; with statistics of the newest."""
    rows = []
    for at in range(windows):
        end = moment - 600 * (windows - 1 - at)
        last = at == windows - 1
        place = (project, uid, application)
        rows += [
            ResultRow(
                *place, "general_drift", "result", end - 600, end, 0.2 + 0.2 * at,
                "data_drift", status if last else 0, {"note": "x"},
            ),
            ResultRow(*place, "tvd_mean", "metric", end - 600, end, 0.1 * at),
        ]  # fmt: skip
    if windows:
        rows.append(
            ResultRow(
                project, uid, "quality", "accuracy", "result", moment - 600, moment, 0.9,
                "model_performance", 0,
            )
        )  # fmt: skip
    commit = WindowCommit(
        WindowCursor(project, uid, application, moment - 60, updated=moment),
        None,
        [WindowRow(moment - 600, moment, "done", 100)],
        rows,
        {
            "current_stats": feature_stats(2, 0.5),
            "drift_measures": {
                "amount": {"tvd": 0.8, "hellinger": 0.7, "kld": 2.5},
                "age": {"tvd": 0.1, "hellinger": 0.1, "kld": 0.1},
                "tvd_mean": 0.45, "tvd_sum": 0.9, "hellinger_mean": 0.4, "hellinger_sum": 0.8,
                "kld_mean": 1.3, "kld_sum": 2.6,
            },
        },
    )  # fmt: skip
    store.commit_windows([commit])


def add_many(store: Any, count: int, moment: float) -> None:
    """Many endpoints, each with a batch of events and a result about drift."""
    commits, batches, endpoints = [], [], []
    for number in range(count):
        uid = f"u{number}"
        document = {
            "metadata": {"project": "p", "uid": uid, "name": f"m{number}"},
            "spec": {"function_name": "serve", "model": f"m{number}:v1"},
            "status": {"state": "ready", "feature_stats": feature_stats(number)},
        }
        endpoints.append(
            {
                "project": "p", "uid": uid, "name": f"m{number}", "function": "serve",
                "model": f"m{number}:v1", "mode": "enabled", "type": 1, "labels": "", "errors": 0,
                "created": moment, "updated": moment, "requests": 0, "dropped": 0,
                "body": json.dumps(document),
            }
        )  # fmt: skip
        told = {"requests": 100, "errors": 1, "latency": {"160": 90, "220": 10}}
        place = ("p", uid, "events", uid)
        batches.append(SeriesBatch(*place, moment - 60, moment - 1, 100, b"", told))
        row = ResultRow(
            "p", uid, "histogram-data-drift", "general_drift", "result", moment - 600, moment,
            0.5, "data_drift", number % 3,
        )  # fmt: skip
        cursor = WindowCursor("p", uid, "histogram-data-drift", moment, updated=moment)
        commits.append(WindowCommit(cursor, None, (), [row]))
    for at in range(0, count, 50):  # in one transaction each: a thousand would take seconds
        part = model_endpoints.insert().values(endpoints[at : at + 50])
        store.writer.transact(lambda tx, part=part: tx.execute(part))
    store.append_batches(batches)
    store.commit_windows(commits)


def add_incident(
    store: Any, uid: str, moment: float, *, project: str = "p", number: int = 1,
    name: str = "drift-alert", state: str = "open", severity: str = "high",
) -> None:  # fmt: skip
    """An incident of an endpoint's drift, with a time line."""
    entity = f"{uid}.histogram-data-drift.result.general_drift"
    body = {"summary": f"drift of {uid}", "count": 2}
    activation = Activation(
        project, number, name, "model-endpoint-result", entity, severity, state, moment - 300,
        moment - 100, None if state != "resolved" else moment - 50, body,
    )  # fmt: skip
    lines = [
        AlertLine(number, moment - 300, "opened", {"reason": "data-drift-detected"}),
        AlertLine(number, moment - 290, "notification", {"name": "slack", "state": "sent"}),
        AlertLine(number, moment - 200, "action", {"kind": "pipeline", "state": "completed"}),
    ]
    store.commit_alerts(project, AlertChange(activations=[activation], lines=lines))


def add_run(
    store: Any, uid: str, *, project: str = "p", state: str = "completed", kind: str = "pipeline"
) -> None:
    """A run of two seconds."""
    store.store_run(
        {
            "metadata": {
                "project": project, "uid": uid, "name": "retrain", "iteration": 0,
                "labels": {"kind": kind},
            },
            "spec": {"function": f"{project}/retrain"},
            "status": {
                "state": state, "start_time": "2026-01-01T00:00:00+00:00",
                "last_update": "2026-01-01T00:00:02+00:00", "end_time": "2026-01-01T00:00:02+00:00",
            },
        }
    )  # fmt: skip
