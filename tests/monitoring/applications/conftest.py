"""Endpoints with recorded events, in real stores."""

from __future__ import annotations

import importlib.util
import io
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlrun_like.artifacts.preview import statistics
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

FEATURES = ["age", "income", "score"]


@pytest.fixture(autouse=True)
def closed(home: Path) -> Iterator[None]:
    """No store outlives its test."""
    yield
    close_stores()


def _servers() -> Any:
    if "tests_servers" not in sys.modules:
        path = Path(__file__).parents[2] / "servers.py"
        spec = importlib.util.spec_from_file_location("tests_servers", path)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["tests_servers"] = module
        spec.loader.exec_module(module)
    return sys.modules["tests_servers"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """One PostgreSQL server for the session."""
    with _servers().postgres_server() as server:
        yield server


def training(rows: int = 2000) -> pd.DataFrame:
    """What the model was trained with."""
    rng = np.random.default_rng(1)
    return pd.DataFrame({name: rng.normal(size=rows) for name in FEATURES})


def batch_of(uid: str, frame: pd.DataFrame, project: str = "p") -> SeriesBatch:
    """Rows as a recorder writes them; columns `time` and optionally `status` and others."""
    rows = len(frame)
    table = {
        "event_id": frame.get("event_id", pd.Series([uuid.uuid4().hex for _ in range(rows)])),
        "row": np.zeros(rows, "int32"),
        "time": frame["time"].to_numpy("float64"),
        "latency_us": frame.get("latency_us", pd.Series([900] * rows)),
        "operation": ["infer"] * rows,
        "status": frame.get("status", pd.Series(["ok"] * rows)),
        "error_kind": frame.get("error_kind", pd.Series([None] * rows, dtype="object")),
        "error": pd.Series([None] * rows, dtype="object"),
        "extra": pd.Series([None] * rows, dtype="object"),
    }
    own = set(table)
    for name in frame.columns:
        if name not in own:
            table[("p:" if name in ("y", "answer") else "f:") + name] = frame[name]
    made = pa.table({key: pa.array(value) for key, value in table.items()})
    body = io.BytesIO()
    with pa.ipc.new_stream(body, made.schema) as writer:
        writer.write_table(made)
    errors = int((np.asarray(table["status"]) == "error").sum())
    return SeriesBatch(
        project, uid, "events", uuid.uuid4().hex, float(frame["time"].min()),
        float(frame["time"].max()), rows, body.getvalue(), {"requests": rows, "errors": errors},
    )  # fmt: skip


@pytest.fixture
def make_endpoint(home: Path) -> Callable[..., str]:
    """Make an endpoint; its uid."""

    def make(name: str = "m", project: str = "p", **parts: Any) -> str:
        endpoint = ModelEndpoint()
        endpoint.metadata.project, endpoint.metadata.name = project, name
        endpoint.metadata.uid = uid = f"uid-{name}"
        endpoint.spec.feature_names = list(FEATURES)
        endpoint.spec.label_names = parts.pop("labels", ["y"])
        endpoint.spec.monitoring_mode = "enabled"
        endpoint.status.feature_stats = parts.pop("stats", None) or statistics(training())
        if parts.pop("bare", False):
            endpoint.status.feature_stats = {}
        open_store().store_endpoint(endpoint.to_dict())
        return uid

    return make


@pytest.fixture
def put_events(home: Path) -> Callable[..., pd.DataFrame]:
    """Record events of [start, end) evenly; gives the frame."""

    def put(
        uid: str, start: float, end: float, every: float = 1.0, *, shift: float = 0.0,
        project: str = "p", **columns: Any,
    ) -> pd.DataFrame:  # fmt: skip
        times = np.arange(start, end, every)
        rng = np.random.default_rng(int(start) + 7)
        frame = pd.DataFrame({name: rng.normal(size=len(times)) + shift for name in FEATURES})
        frame.insert(0, "time", times)
        for name, value in columns.items():
            frame[name] = value
        open_store().append_batches([batch_of(uid, frame, project)])
        return frame

    return put
