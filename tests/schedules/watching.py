"""What tests of triggers share: a function to start, a trigger, one look at it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.schedules import Trigger
from mlrun_like.schedules.define import read_schedule
from mlrun_like.schedules.service import Scheduler
from mlrun_like.schedules.triggers import claim_events
from mlrun_like.tracking.abilities import Firing
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore

__all__ = ["keys", "look", "runs", "serve_until", "start", "state_of", "work"]

CODE = """
def work(context, event=None):
    context.log_result("got", event)
    keys = [e["key"] for e in event] if isinstance(event, list) else [event["key"]]
    context.log_result("keys", ",".join(k.rpartition("/")[2] for k in keys))
    if any("bad" in k for k in keys):
        raise ValueError("bad data")
"""


@pytest.fixture
def work(tmp_path: Path) -> ml.Function[..., Any]:
    file = tmp_path / "work.py"
    file.write_text(CODE)
    return ml.code_to_function("work", filename=file, kind="process", handler="work")


def start(work: Any, kind: str, source: str = "", **options: Any) -> FullStore:
    given = {"interval": 0.1, "backoff": 0.0, "settle": 0.0, "param": "event", **options}
    work.run(schedule=Trigger(kind, source, **given), name="watch")
    return open_store()


def runs(store: FullStore) -> list[dict[str, Any]]:
    found = store.list_runs(RunQuery(project="default", labels={"schedule": "watch"}))
    return found[::-1]


def keys(store: FullStore) -> list[str]:
    return [run["status"]["results"]["keys"] for run in runs(store)]


def serve_until(store: FullStore, count: int, seconds: float = 40.0) -> list[Firing]:
    """Let a service work until so many runs have ended."""
    end = time.monotonic() + seconds
    with Scheduler(store, longest_wait=0.05) as service:
        while time.monotonic() < end:
            service.tick()
            time.sleep(0.02)
            found = [f for f in store.list_firings("default", "watch") if f.outcome != "received"]
            if len(found) >= count and all(item.outcome != "running" for item in found):
                return found
    raise AssertionError(f"firings: {store.list_firings('default', 'watch')}")


def look(store: FullStore) -> list[Firing]:
    """One look, without running what it takes."""
    ((document, due),) = store.due_schedules(1e18)[0]
    schedule = read_schedule(store, document["project"], document["name"])
    return claim_events(store, schedule, due)


def state_of(store: FullStore) -> dict[str, Any]:
    return read_schedule(store, "default", "watch").spec.state
