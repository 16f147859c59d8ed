"""Live updates: a reader hears of what he may see, from the first event on and after he returns."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.live.changes import Change
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.routes import live
from mlrun_like.configuration import config
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.task_abilities import BackgroundTask
from tests.api.client import TestClient

MARK = "kestrel"
OURS = Caller("u1", "anna", roles={"ours": "viewer"}, via="token")


@pytest.fixture
def service_options(home: Path) -> ServiceOptions:
    return ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required")


def _request(service: TestClient, caller: Caller, **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({
        "type": "http", "method": "GET", "path": "/api/v1/events", "headers": raw,
        "query_string": b"", "app": service.app, "mlrun_like.caller": caller,
    })  # fmt: skip


def _fill(store: SqlStore, round_: int) -> None:
    for project, name in (("theirs", MARK), ("ours", "mine")):
        now = time.time()
        uid = f"{name}{round_}"
        store.store_run({
            "metadata": {"name": name, "uid": uid, "project": project},
            "status": {"state": "running"}, "spec": {},
        })  # fmt: skip
        store.store_function({
            "metadata": {"name": uid, "project": project}, "kind": "job", "spec": {},
        })  # fmt: skip
        store.store_task(
            BackgroundTask(uid, name, project, "running", "anna", {}, 1, 2, name, created=now)
        )
    store.flush()


def _heard(service: TestClient, store: SqlStore, request: Request, project: str) -> list[Any]:
    """What comes until changes of our own were heard that were made meanwhile."""

    async def read() -> list[Any]:
        found: list[Any] = []
        events = live._heard(request, project, frozenset())
        wanted, round_ = {"run", "function", "task"}, 1
        while wanted and round_ < 12:
            coming = asyncio.ensure_future(anext(events))
            while not (await asyncio.wait({coming}, timeout=3.0))[0]:
                # what is made while the first look goes on may be taken for known
                round_ += 1
                await asyncio.to_thread(_fill, store, round_)
            found.append(coming.result())
            if round_ == 1:
                round_ = 2
                await asyncio.to_thread(_fill, store, round_)
            text = json.dumps(found[-1].data)
            if any(f"mine{number}" in text for number in range(2, round_ + 1)):
                wanted.discard(found[-1].kind)
        await events.aclose()  # type: ignore[attr-defined]
        return found

    return asyncio.run(read())


@pytest.mark.parametrize("project", ["", "ours"])
@pytest.mark.parametrize("back", [0, 5, 9999])
def test_a_reader_hears_of_his_own_projects_only(
    service: TestClient, store: SqlStore, project: str, back: int
) -> None:
    config.dbpath = store.url
    _fill(store, 1)
    last = {"last_event_id": str(int(1000 * (time.time() - back)))} if back else {}
    request = _request(service, OURS, **last)
    found = _heard(service, store, request, project)
    text = json.dumps([[event.kind, event.id, event.data] for event in found])
    assert "mine" in text and MARK not in text and "theirs" not in text


def test_nobody_hears_of_what_his_token_does_not_reach(service: TestClient) -> None:
    everything = [
        Change(kind, project, {}) for kind in live.KINDS for project in ("ours", "theirs", "")
    ]
    for caller, wanted in (
        (OURS, {"ours"}),
        (Caller("u", roles={"ours": "admin"}, scopes=frozenset({"read", "project:theirs"})), set()),
        (Caller("u", roles={"ours": "admin"}, scopes=frozenset({"metrics"})), set()),
        (Caller("u", is_admin=True, scopes=frozenset({"project:ours"})), {"ours"}),
        (Caller("", "", kind="nobody"), set()),
    ):
        rights = live._Rights(_request(service, caller), "")
        assert {one.project for one in everything if rights.allow(one)} == wanted
