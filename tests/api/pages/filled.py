"""A store with what a team has after some weeks, hostile names among it."""

from __future__ import annotations

import base64
import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["HOSTILE", "PROJECT", "Filled", "fill"]

PROJECT = "churn"
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
_NOW = datetime.now(timezone.utc).replace(microsecond=0)

SOURCE = '''"""Trains the churn model."""

import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier


def train(context, data: pd.DataFrame, lr: float = 0.1, depth: int = 3, kind: str = "gbm"):
    """Train a model of churn.

    :param data: one row a customer
    :param lr: learning rate
    :param depth: depth of trees
    :param kind: which model
    """
    model = GradientBoostingClassifier(learning_rate=lr, max_depth=depth)
    model.fit(data.drop(columns="churned"), data["churned"])
    context.log_result("accuracy", model.score(data.drop(columns="churned"), data["churned"]))
    context.log_model("model", model=model)


def validate(context, threshold: float = 0.5):
    # </script><script>alert("from a comment")</script>
    context.log_result("valid", True)
'''


@dataclass(frozen=True)
class Filled:
    """Ids of what is in the store.

    Args:
        done: A completed run with everything.
        failed: A run that failed.
        running: A run that goes on.
        sweep: A run with iterations.
        hostile: A run whose names are hostile.
    """

    done: str
    failed: str
    running: str
    sweep: str
    hostile: str


def fill(store: SqlStore, folder: Path, runs: int = 240) -> Filled:
    """Fill a store; files of artifacts are written to a folder.

    Args:
        store: An empty store.
        folder: Where files go, which the service must be allowed to read.
        runs: How many runs the project has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in (
        (PROJECT, "Who will leave, and why"),
        ("fraud", "Card fraud in real time"),
        ("empty", ""),
    ):
        store.store_project(
            {
                "kind": "project",
                "metadata": {"name": name, "labels": {"team": "growth"}, "created": _ago(60)},
                "spec": {"description": words, "owner": "ada"},
                "status": {"state": "online"},
            }
        )
    _functions(store)
    chance = random.Random(7)
    for at in range(runs):
        store.store_run(_plain_run(at, chance), wait=False)
    found = Filled("run-done", "run-failed", "run-running", "run-sweep", "run-hostile")
    _special(store, found)
    _sweep(store, found.sweep, chance)
    _curves(store, [f"run-{at:04}" for at in range(6)] + [found.done, found.running])
    _artifacts(store, folder, found)
    _logs(store, found)
    store.flush()
    return found


def _ago(hours: float) -> str:
    return (_NOW - timedelta(hours=hours)).isoformat()


def _run(uid: str, name: str, state: str, hours: float, **more: Document) -> Document:
    took = more.pop("took", None)
    seconds = float(took["s"]) if took else 95.0
    begin = _NOW - timedelta(hours=hours)
    is_over = state in ("completed", "error", "aborted")
    status: Document = {
        "state": state,
        "start_time": begin.isoformat(),
        "last_update": (begin + timedelta(seconds=seconds)).isoformat(),
        "host": "worker-3",
        **more.get("status", {}),
    }
    if is_over:
        status["end_time"] = status["last_update"]
    return {
        "kind": "run",
        "metadata": {
            "name": name,
            "uid": uid,
            "project": PROJECT,
            "iteration": 0,
            "labels": {"owner": "ada", "kind": "job", **more.get("labels", {})},
            "annotations": {},
        },
        "spec": {
            "function": f"{PROJECT}/trainer@{store_hash()}",
            "handler": "train",
            **more.get("spec", {}),
        },
        "status": status,
    }


def store_hash() -> str:
    """The hash in the names of functions of runs."""
    return "0" * 40


def _plain_run(at: int, chance: random.Random) -> Document:
    rate = round(10 ** chance.uniform(-3, -0.5), 5)
    depth = chance.randint(2, 9)
    score = round(0.93 - abs(math.log10(rate) + 1.6) * 0.08 + chance.gauss(0, 0.01), 4)
    state = "completed" if at % 11 else ("error" if at % 2 else "aborted")
    status: Document = {
        "results": {"accuracy": score, "auc": round(score + 0.03, 4), "loss": round(1 - score, 4)}
    }
    if state == "error":
        status = {"error": "ValueError: Input contains NaN"}
    return _run(
        f"run-{at:04}",
        ("train", "validate", "prepare-data", "batch-predict")[at % 4],
        state,
        1.5 + at * 0.7,
        labels={"owner": ("ada", "grace", "linus")[at % 3], "git": f"{at % 5:07x}"},
        spec={"parameters": {"lr": rate, "depth": depth, "kind": ("gbm", "forest")[at % 2]}},
        status=status,
        took={"s": chance.uniform(4, 900)},
    )


def _special(store: SqlStore, found: Filled) -> None:
    everything = _run(
        found.done,
        "train",
        "completed",
        0.9,
        labels={"owner": "ada", "git": "8f3c1d2", "workflow": "nightly"},
        spec={
            "parameters": {"lr": 0.05, "depth": 5, "kind": "gbm", "columns": ["age", "plan"]},
            "inputs": {"data": f"store://datasets/{PROJECT}/customers#0@run-0002"},
            "output_path": "artifacts",
        },
        status={
            "results": {"accuracy": 0.9312, "auc": 0.9644, "loss": 0.188, "confusion": [[90, 3]]},
            "artifact_uris": {
                "model": f"store://models/{PROJECT}/churn-model#0@{found.done}",
                "report": f"store://artifacts/{PROJECT}/report#0@{found.done}",
            },
        },
    )
    store.store_run(everything, wait=False)
    store.store_run(
        _run(
            found.failed,
            "train",
            "error",
            0.5,
            spec={"parameters": {"lr": 3.5, "depth": 5}},
            status={
                "error": "ValueError: Input X contains NaN in column 'income' (1,204 rows)",
                "traceback": "Traceback (most recent call last):\n"
                '  File "train.py", line 16, in train\n    model.fit(rows, labels)\n'
                "ValueError: Input X contains NaN in column 'income'\n",
            },
        ),
        wait=False,
    )
    store.store_run(
        _run(
            found.running,
            "train-deep",
            "running",
            0.02,
            spec={"parameters": {"lr": 0.01, "epochs": 40}},
            status={"results": {"loss": 0.31}},
        ),
        wait=False,
    )
    store.store_run(
        _run(
            found.hostile,
            HOSTILE,
            "completed",
            0.7,
            labels={"owner": "<b>eve</b>", "note": HOSTILE[:60]},
            spec={"parameters": {HOSTILE[:40]: HOSTILE, "lr": 0.1}},
            status={"results": {"<i>score</i>": "<svg onload=alert(2)>", "accuracy": 0.5}},
        ),
        wait=False,
    )
    for uid, uri, way in (
        (found.done, f"store://datasets/{PROJECT}/customers#0@run-0002", "read"),
        ("run-0002", f"store://datasets/{PROJECT}/customers#0@run-0002", "write"),
        (found.done, f"store://models/{PROJECT}/churn-model#0@{found.done}", "write"),
        (found.done, f"store://artifacts/{PROJECT}/report#0@{found.done}", "write"),
        ("run-0003", f"store://models/{PROJECT}/churn-model#0@{found.done}", "read"),
    ):
        store.record_use(PROJECT, uid, uri, way)


def _sweep(store: SqlStore, uid: str, chance: random.Random) -> None:
    header: list[object] = [
        "state",
        "iter",
        "param.lr",
        "param.depth",
        "output.accuracy",
        "output.loss",
    ]
    rows: list[list[object]] = [header]
    best, top = 1, 0.0
    for at in range(1, 25):
        rate, depth = round(10 ** chance.uniform(-3, -0.5), 4), chance.randint(2, 9)
        score = round(0.9 - abs(math.log10(rate) + 1.5) * 0.1 + depth * 0.004, 4)
        if score > top:
            best, top = at, score
        rows.append(["completed", at, rate, depth, score, round(1 - score, 4)])
        child = _run(
            uid, "sweep", "completed", 4 - at * 0.01,
            spec={"parameters": {"lr": rate, "depth": depth}},
            status={"results": {"accuracy": score, "loss": round(1 - score, 4)}},
        )  # fmt: skip
        child["metadata"]["iteration"] = at
        store.store_run(child, wait=False)
    parent = _run(
        uid, "sweep", "completed", 4,
        spec={
            "hyperparams": {"lr": [0.001, 0.3], "depth": [2, 9]},
            "hyper_param_options": {"strategy": "random", "selector": "max.accuracy"},
        },
        status={"results": {"best_iteration": best, "accuracy": top}, "iterations": rows},
        took={"s": 840},
    )  # fmt: skip
    store.store_run(parent, wait=False)


def _curves(store: SqlStore, uids: list[str]) -> None:
    for place, uid in enumerate(uids):
        points = []
        for step in range(60):
            loss = 0.9 * math.exp(-step / (12 + place)) + 0.1 + 0.01 * math.sin(step * (place + 1))
            when = _NOW.timestamp() - 3600 + step * 20
            points.append(MetricPoint("loss", loss, step, when))
            points.append(MetricPoint("val/accuracy", 0.95 - loss * 0.4, step, when))
        store.log_metrics(PROJECT, uid, 0, points)


def _artifacts(store: SqlStore, folder: Path, found: Filled) -> None:
    table = "age,plan,churned\n" + "".join(
        f"{20 + at % 50},{'basic' if at % 3 else 'pro'},{at % 7 == 0}\n" for at in range(300)
    )
    image = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFklEQVR4nGPQS7iAFTEMLYkL2NFQ"
        "kgAAWYFkCdmYcgIAAAAASUVORK5CYII="
    )
    page = (
        "<!doctype html><h1>Report</h1><p id=p>still</p>"
        "<script>document.getElementById('p').textContent='ran in a sandbox';"
        "try{parent.document.title='stolen'}catch(e){}</script>"
    )
    card = "# Churn model\n\nGradient boosting over *50,000* customers.\n\n- **owner**: ada\n" + (
        f"- note: {HOSTILE}\n\n| metric | value |\n|---|---|\n| auc | 0.96 |\n"
    )
    for key, kind, name, body, uid in (
        ("customers", "dataset", "customers.csv", table.encode(), "run-0002"),
        ("report", "", "report.html", page.encode(), found.done),
        ("confusion", "plot", "confusion.png", image, found.done),
        ("notes", "", "notes.md", card.encode(), found.done),
        ("settings", "", "settings.json", b'{"rows": 50000, "seed": [1, 2, 3]}', found.done),
        ("raw", "", "raw.bin", bytes(range(256)), "run-0003"),
        ("words", "", "words.txt", ("a line <b>of</b> text\n" * 80).encode(), "run-0003"),
        (HOSTILE[:30].replace("/", "-"), "", "evil.txt", b"<script>alert(3)</script>", "run-0003"),
    ):
        place = folder / name
        place.write_bytes(body)
        store.store_artifact(_artifact(key, kind, place, len(body), uid), wait=False)
    model = folder / "model.pkl"
    model.write_bytes(b"not read")
    document = _artifact("churn-model", "model", model, 8, found.done)
    document["spec"].update(
        {
            "metrics": {"accuracy": 0.9312, "auc": 0.9644},
            "parameters": {"lr": 0.05, "depth": 5},
            "framework": "sklearn",
            "algorithm": "GradientBoostingClassifier",
            "model_file": "model.pkl",
            "inputs": [{"name": "age", "value_type": "int"}],
            "outputs": [{"name": "churned", "value_type": "bool"}],
        }
    )
    store.store_artifact(document, tag="production", wait=False)


def _artifact(key: str, kind: str, place: Path, size: int, uid: str) -> Document:
    found: Document = {
        "metadata": {
            "key": key,
            "project": PROJECT,
            "iter": 0,
            "tree": uid,
            "uid": f"{abs(hash((key, uid))):040x}"[-40:],
            "hash": f"{abs(hash((key, uid))):040x}"[-40:],
            "updated": _ago(1.2),
            "labels": {"owner": "ada"},
        },
        "spec": {
            "db_key": key,
            "size": size,
            "format": place.suffix[1:],
            "target_path": str(place),
            "producer": {"kind": "run", "name": "train", "uri": f"{PROJECT}/{uid}"},
        },
    }
    if kind:
        found["kind"] = kind
    return found


def _functions(store: SqlStore) -> None:
    def parameter(name: str, kind: str, default: object, doc: str = "") -> Document:
        return {"name": name, "type": kind, "default": default, "doc": doc,
                "required": default is None, "choices": []}  # fmt: skip

    for at, depth in enumerate((3, 4)):
        text = SOURCE.replace("depth: int = 3", f"depth: int = {depth}")
        store.store_function(
            {
                "kind": "job",
                "metadata": {"name": "trainer", "project": PROJECT, "hash": f"{at}" * 40,
                             "updated": _ago(30 - at), "labels": {"owner": "ada"}},
                "spec": {
                    "image": "python:3.11",
                    "description": "Trains the model of churn",
                    "default_handler": "train",
                    "build": {
                        "functionSourceCode": base64.b64encode(text.encode()).decode(),
                        "origin_filename": "train.py",
                        "requirements": ["pandas>=2", "scikit-learn"],
                    },
                    "entry_points": {
                        "train": {
                            "name": "train", "doc": "Train a model of churn.", "lineno": 7,
                            "outputs": [], "has_varargs": False, "has_kwargs": False,
                            "parameters": [
                                parameter("context", "", None),
                                parameter("data", "pd.DataFrame", None, "one row a customer"),
                                parameter("lr", "float", 0.1, "learning rate"),
                                parameter("depth", "int", depth, "depth of trees"),
                                parameter("kind", "str", "gbm", "which model"),
                            ],
                        },
                        "validate": {
                            "name": "validate", "doc": "", "lineno": 21, "outputs": [],
                            "parameters": [parameter("threshold", "float", 0.5)],
                        },
                    },
                    "environment": {"python": "3.11.7", "platform": "linux-x86_64",
                                    "lock": {"pandas": "2.2.3", "scikit-learn": "1.5.2"}},
                },
            }
        )  # fmt: skip
    store.store_function(
        {
            "kind": "serving",
            "metadata": {"name": "predictor", "project": PROJECT, "hash": "b" * 40,
                         "updated": _ago(3)},
            "spec": {"description": HOSTILE, "build": {}},
        }
    )  # fmt: skip


def _logs(store: SqlStore, found: Filled) -> None:
    lines = "".join(
        f"2026-01-01 10:{at // 60:02}:{at % 60:02} epoch {at} loss {1 / (at + 1):.4f}\n"
        for at in range(400)
    )
    store.append_log(PROJECT, found.done, lines.encode())
    store.append_log(PROJECT, found.running, b"loading data\nepoch 1 loss 0.52\n")
    bad = f"{HOSTILE}\n\x1b[31mred\x1b[0m \x00\xff text\n".encode("latin-1")
    store.append_log(PROJECT, found.hostile, bad)
    store.append_log(PROJECT, found.failed, b"fitting\nValueError: Input X contains NaN\n")
