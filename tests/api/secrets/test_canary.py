"""A secret that a run uses is found nowhere afterwards: store, logs, spool, backups, answers."""

from __future__ import annotations

import base64
import gzip
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.process.live import LiveService

pytestmark = pytest.mark.slow
CANARY = "wren-9c1f-canary"
P = "/api/v1/projects/fraud"
CODE = """
import os

def use(context):
    secret = context.get_secret("DB_PASSWORD")
    print("length", len(secret or ""), flush=True)
    context.log_result("length", len(secret or ""))
    raise RuntimeError("the work failed after the secret was used")
"""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveService]:
    """A real service with an access log."""
    found = LiveService(tmp_path / "home", service_access_log="true")
    try:
        yield found.start()
    finally:
        found.stop()


def _ended(client: httpx.Client, uid: str) -> Any:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        run = client.get(f"{P}/runs/{uid}").json()
        status = (run.get("data") or run).get("status") or {}
        if status.get("state") in ("completed", "error", "aborted"):
            return status
        time.sleep(0.2)
    raise AssertionError("the run does not end")


def _holders(folder: Path) -> list[str]:
    """Files that hold the secret as it is, also in what is packed."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data += gzip.decompress(data)
        if CANARY.encode() in data:
            found.append(str(path.relative_to(folder)))
    return found


def test_a_secret_is_found_nowhere(live: LiveService, tmp_path: Path) -> None:
    with httpx.Client(base_url=live.url, timeout=60.0) as client:
        function = {
            "kind": "job",
            "metadata": {"name": "use", "project": "fraud"},
            "spec": {"default_handler": "use", "build": {"functionSourceCode": _encoded()}},
        }
        assert client.post("/api/v1/projects", json={"metadata": {"name": "fraud"}}).is_success
        answer = client.post(f"{P}/functions/use", json=function)
        if answer.status_code == 405:
            answer = client.put(f"{P}/functions/use", json=function)
        assert answer.is_success, answer.text
        answer = client.post(f"{P}/secrets", json={"secrets": {"DB_PASSWORD": CANARY}})
        assert answer.is_success, answer.text
        answer = client.post(f"{P}/submit", json={"function": "use"})
        assert answer.status_code == 202, answer.text
        uid = answer.json()["data"]["metadata"]["uid"]
        status = _ended(client, uid)
        assert status["results"]["length"] == len(CANARY), status
        answers = [
            client.get(path, headers={"accept": "text/html, application/json"})
            for path in (
                f"{P}/runs", f"{P}/runs/{uid}", f"{P}/runs/{uid}/log", f"{P}/secrets",
                f"{P}/functions/use", "/api/v1/audit", "/api/v1/settings", "/metrics",
                "/projects/fraud", f"/projects/fraud/runs/{uid}", "/projects/fraud/settings",
                "/projects/fraud/functions/use", f"/api/v1/search?q={CANARY[:4]}",
            )
        ]  # fmt: skip
        assert all(CANARY not in answer.text for answer in answers)
        assert sum(answer.status_code == 200 for answer in answers) > 8, answers
    live.stop()
    with sqlite3.connect(live.home / "store.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    assert _holders(live.home) == []
    (tmp_path / "proof").write_text(CANARY)
    assert _holders(tmp_path) == ["proof"]


def _encoded() -> str:

    return base64.b64encode(CODE.encode()).decode()
