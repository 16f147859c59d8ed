"""What else a team has: pipelines, features, models, endpoints, schedules, a hub."""

# mypy: disable-error-code="arg-type,attr-defined"
# calls are recorded while a pipeline is built, so references stand where values are wanted
from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pandas as pd

import mlrun_like.feature_store as fstore
from mlrun_like.configuration import config
from mlrun_like.feature_store.targets import NoSqlTarget, ParquetTarget
from mlrun_like.functions.decorators import function
from mlrun_like.marketplace.source import HubSource, store_source
from mlrun_like.monitoring.alerts.configs import store_alert_config
from mlrun_like.monitoring.alerts.definition import AlertConfig
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.engine.recording import draft
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.promotion.promote import promote
from mlrun_like.tracking.abilities import Firing, StepRow
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.window_abilities import ResultRow, WindowCommit, WindowCursor, WindowRow
from mlrun_like.types import Document
from tests.api.pages.filled import HOSTILE, PROJECT
from tests.monitoring.worlds import add_endpoint, add_incident, add_results

__all__ = ["PIPELINES", "fill_more", "run_pipeline"]

PIPELINES = {"done": "pipe-done", "failed": "pipe-failed", "running": "pipe-running"}
_GRAPH = {
    "kind": "flow",
    "steps": {
        "enrich": {"kind": "task", "class_name": "features.Enrich", "after": []},
        "churn": {"kind": "router", "after": ["enrich"], "routes": {
            one: {"class_name": "SKLearnModelServer"} for one in ("v1", "v2")}},
        "answer": {"kind": "task", "class_name": "Answer", "after": ["churn"], "responder": True},
        "catch": {"kind": "task", "class_name": "Catch", "after": []},
    },
}  # fmt: skip


@function(returns=["value"])
def load(days: int = 7) -> int:
    return days


@function(returns=["value"])
def clean(value: int) -> int:
    return value


@function(returns=["value"])
def train(value: int, depth: int = 3) -> int:
    return value + depth


@function(returns=["value"])
def score(value: int) -> int:
    return value


@function(returns=["value"])
def report(value: int, other: int = 0) -> int:
    return value


@pipeline
def retrain(days: int = 7) -> None:
    """Loads, cleans, trains three models side by side, scores, reports."""
    loaded = load(days=days)
    cleaned = clean(value=loaded.output)
    with dsl.ParallelFor([2, 4, 6], name="depths") as depth:
        train(value=cleaned.output, depth=depth)
    scored = score(value=cleaned.output)
    report(value=scored.output, other=loaded.output)


def fill_more(store: SqlStore, folder: Path) -> None:
    """Add to a store that `fill` has filled.

    Args:
        store: The configured store.
        folder: Where files go.
    """
    for name in ("done", "failed", "running"):
        run_pipeline(store, PIPELINES[name], name)
    project = store.read_project(PROJECT)
    project["spec"]["workflows"] = [{"name": "retrain", "path": "flow.py", "args": {"days": 7}}]
    store.store_project(project)
    _serving(store)
    _features(folder)
    _models(store, folder)
    _endpoints(store)
    _schedules(store)
    _hub(store, folder / "hub")
    store.flush()


def run_pipeline(store: SqlStore, uid: str, how: str) -> None:
    """Record a run of `retrain` that is `done`, `failed` or `running`."""
    job = draft(retrain.plan, {"days": 7}, store, PROJECT)
    run = job.run.to_dict()
    states = {"done": "completed", "failed": "error", "running": "running"}
    begin = time.time() - {"done": 86400.0, "failed": 7200.0, "running": 40.0}[how]
    run["metadata"]["uid"] = uid
    run["metadata"]["annotations"] = {}
    run["status"].update(state=states[how], start_time=_iso(begin))
    if how != "running":
        run["status"].update(end_time=_iso(begin + 95), last_update=_iso(begin + 95))
    if how == "failed":
        run["status"]["error"] = "step 'train' failed"
    store.store_run(run)
    rows: list[tuple[str, str, float, float, Document]] = [
        ("load", "completed", 0, 12, {"reused": how == "failed", "key": "ab12cd34ef",
         "reason": "reused: the same code and parameters as run-0002, 2 h ago"
         if how == "failed" else "new: its code was changed"}),
        ("clean", "completed", 12, 20, {"reason": "new: its input 'value' is another one"}),
        ("train[0]", "completed", 20, 55, {}),
        ("train[1]", "completed", 20, 60, {}),
        ("score", "completed", 20, 31, {}),
    ]  # fmt: skip
    if how == "failed":
        rows.append(("train[2]", "error", 20, 48, {"reason": f"ValueError: depth 6 {HOSTILE}"}))
        rows.append(("report", "skipped", 0, 0, {"reason": "score was stopped", "blocked": True}))
    elif how == "running":
        rows.append(("train[2]", "running", 22, 0, {}))
        rows.append(("report", "running", 31, 0, {}))
    else:
        rows += [("train[2]", "completed", 20, 70, {}), ("report", "completed", 70, 95, {})]
    for step, state, start, end, body in rows:
        row = StepRow(step, state, f"run-{len(step):04}", begin + start if start or end else 0.0,
                      begin + end if end else 0.0, body)  # fmt: skip
        store.store_step(PROJECT, uid, row)
    store.flush()


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(seconds))


def _serving(store: SqlStore) -> None:
    document = {
        "kind": "serving",
        "metadata": {"name": "scorer", "project": PROJECT, "tag": "latest"},
        "spec": {"graph": _GRAPH},
    }
    store.store_function(document, tag="latest")


def _features(folder: Path) -> None:
    chance = random.Random(3)
    rows = 400
    frame = pd.DataFrame(
        {
            "customer": [f"c{at}" for at in range(rows)],
            "amount": [round(chance.lognormvariate(3, 0.8), 2) for _ in range(rows)],
            "calls": [chance.randint(0, 9) for _ in range(rows)],
            "plan": [chance.choice(["basic", "pro", "team"]) for _ in range(rows)],
            "time": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(range(rows), "min"),
        }
    )
    made = fstore.FeatureSet("payments", entities=["customer"], timestamp_key="time")
    made.metadata.project = PROJECT
    made.spec.description = "What customers paid and how often they called"
    made.set_targets(
        [ParquetTarget(path=str(folder / "payments")), NoSqlTarget(path=str(folder / "online.db"))],
        with_defaults=False,
    )
    fstore.ingest(made, frame)
    vector = fstore.FeatureVector("churn", ["payments.amount", "payments.calls"])
    vector.metadata.project = PROJECT
    vector.spec.description = "What the churn model is asked with"
    vector.save()


def _models(store: SqlStore, folder: Path) -> None:
    for at, auc in enumerate((0.88, 0.91, 0.905), 1):
        uid = f"{at:040x}"
        place = folder / f"model-{at}.pkl"
        place.write_bytes(b"not read")
        store.store_artifact(
            {
                "kind": "model",
                "metadata": {"key": "leaver", "project": PROJECT, "iter": 0, "tree": "run-done",
                             "uid": uid, "hash": uid, "updated": _iso(time.time() - 86400 / at),
                             "labels": {"owner": "ada"}, "description": "Who leaves next month"},
                "spec": {"db_key": "leaver", "target_path": str(place), "size": 8,
                         "framework": "sklearn", "algorithm": "GradientBoostingClassifier",
                         "metrics": {"auc": auc, "recall": auc - 0.1},
                         "parameters": {"depth": at + 2, "rate": 0.1},
                         "inputs": [{"name": "amount", "value_type": "float"}],
                         "outputs": [{"name": "leaves", "value_type": "bool"}]},
                "status": {"state": "created"},
            },
            tag="latest",
        )  # fmt: skip
    store.flush()
    versions = store.model_versions(PROJECT, "leaver")
    promote(versions[0], "champion", ["auc >= 0.85"], why="the first one", store=store)
    promote(versions[1], "champion", ["auc >= 0.9"], why="better by 0.03", store=store)
    promote(versions[2], "champion", ["auc >= 0.9", "recall >= 0.85"], why="a try", store=store)


def _endpoints(store: SqlStore) -> None:
    now = time.time()
    for number in range(3):
        uid = f"e{number}"
        add_endpoint(
            store, uid, now, project=PROJECT, name="leaver", function=f"scorer{number or ''}"
        )
        add_results(store, uid, now, project=PROJECT, status=number, windows=12)
    _scored_windows(store, "e2", now)
    add_incident(store, "e2", now, project=PROJECT)
    add_incident(store, "e1", now - 90000, project=PROJECT, number=2, state="resolved",
                 severity="medium", name="slow")  # fmt: skip
    store_alert_config(
        "drift-alert",
        AlertConfig(
            PROJECT, "drift-alert", template="DataDriftDetected",
            entities={"kind": "model-endpoint-result", "project": PROJECT, "ids": ["*"]},
            notifications=[{"kind": "console", "name": "console"}],
        ),
        project=PROJECT,
    )  # fmt: skip


def _scored_windows(store: SqlStore, uid: str, now: float) -> None:
    chance, rows = random.Random(1), []
    names = ["amount", "age", "calls", "plan", HOSTILE, "tenure", "city"]
    for at in range(18):
        end = now - 3600 * (17 - at)
        scores = {
            name: min(0.95, max(0.02, (0.05 + at * 0.05 if place == 0 else 0.1 * place % 0.6)
                                + chance.gauss(0, 0.05)))
            for place, name in enumerate(names)
        }  # fmt: skip
        rows.append(
            ResultRow(PROJECT, uid, "by-feature", "drift", "result", end - 3600, end,
                      max(scores.values()), "data_drift", 1, {"features": scores})
        )  # fmt: skip
    cursor = WindowCursor(PROJECT, uid, "by-feature", now - 60, updated=now)
    store.commit_windows([WindowCommit(cursor, None, [WindowRow(now - 3600, now, "done")], rows)])


def _schedules(store: SqlStore) -> None:
    now = time.time()
    for name, cron, paused in (("nightly", "0 2 * * *", False), ("every-hour", "@hourly", True)):
        document: dict[str, Any] = {
            "kind": "schedule", "name": name, "project": PROJECT, "paused": paused,
            "creation_time": _iso(now - 9e6), "next_run_time": None if paused else _iso(now + 5000),
            "spec": {"cron": cron, "time_zone": "Europe/Berlin", "function": f"{PROJECT}/trainer",
                     "run": {"metadata": {"name": name}, "spec": {"parameters": {"days": 7}}}},
        }  # fmt: skip
        store.store_schedule(document, None if paused else now + 5000)
        for at in range(30):
            outcome = "error" if at in (4, 19) else "skipped" if at == 11 else "completed"
            due = now - 86400 * (30 - at)
            firing = Firing(due, due + 1, outcome, f"run-{at:04}", "" if at != 4 else "no memory")
            store.record_firing(PROJECT, name, firing)


def _hub(store: SqlStore, folder: Path) -> None:
    config.hub_shipped = False
    for name, words in (("describe", "Statistics and plots of a table"), ("evil", HOSTILE)):
        place = folder / "functions" / "master" / name / "latest" / "src"
        place.mkdir(parents=True)
        code = "def handler(context, table, label: str = ''):\n    '''Describe a table.'''\n"
        (place / f"{name}.py").write_text(code)
        (place / "item.yaml").write_text(
            f"name: {name}\nversion: 1.2.0\ndescription: {json.dumps(words)}\n"
            "categories: [data-analysis]\n"
            f"labels: {{author: ada}}\nspec:\n  kind: job\n  handler: handler\n"
            f"  filename: {name}.py\n  image: python:3.11\n  requirements: [pandas]\n"
        )
        (place / "function.yaml").write_text(
            f"kind: job\nmetadata:\n  name: {name}\nspec:\n  default_handler: handler\n"
            "  entry_points:\n    handler:\n      name: handler\n      doc: Describe a table.\n"
            "      parameters:\n      - {name: table, type: DataItem, doc: the table}\n"
            "      - {name: label, type: str, default: '', doc: column of labels}\n"
        )
    store_source(store, HubSource("team", str(folder), channel="master"))
