"""kill -9 of writers at random moments: nothing is lost, nothing is doubled."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.feature_store.online import open_online
from mlrun_like.feature_store.online.keys import prefix_of
from mlrun_like.feature_store.targets import get_target_driver
from mlrun_like.streams import open_stream
from tests.feature_store.targets.conftest import document

CHUNKS, ROWS, KILLS = 4, 7, 3
SCRIPT = Path(__file__).with_name("killing.py")
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "file": ("file", {}),
    "file, merge": ("file", {"merge": ["key"]}),
    "folder": ("folder", {}),
    "folder, live": ("folder", {"live": True}),
    "by time, overwrite": ("by time", {"overwrite": True}),
    "by column, merge": ("by column", {"merge": ["key"]}),
    "csv": ("csv", {}),
    "csv, live": ("csv", {"live": True}),
    "sqlite": ("sqlite", {}),
    "sqlite, live": ("sqlite", {"live": True}),
    "postgres": ("postgres", {}),
    "delta": ("delta", {}),
    "stream": ("stream", {}),
    "nosql": ("nosql", {}),
}

Killed = dict[str, tuple[dict[str, Any], dict[str, int]]]


@pytest.fixture(scope="module")
def killed(
    tmp_path_factory: pytest.TempPathFactory, postgres_of_targets: str, redis_of_targets: Any
) -> Killed:
    """Each case written through kills: its target, and how often it was killed."""
    base = tmp_path_factory.mktemp("killed")
    orders: list[dict[str, Any]] = []
    for number, (kind, job) in enumerate(CASES.values()):
        folder = base / str(number)
        folder.mkdir()
        if kind == "stream":
            target: dict[str, Any] = {"kind": "stream", "path": f"{redis_of_targets.url}/killed"}
        elif kind == "nosql":
            target = {"kind": "nosql", "path": f"sqlite:///{folder}/online.db"}
        else:
            database = postgres_of_targets if kind == "postgres" else ""
            target = document(kind, str(folder), database)
        made = {"feed": "f", "entities": ["key"], "timestamp_key": "time", "project": "p"}
        orders.append(
            {"target": target, "job": {**made, "name": "s", **job}, "chunks": CHUNKS,
             "kills": KILLS, "seed": number}
        )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT)],
        input=json.dumps({"home": str(base / "home"), "orders": orders}),
        text=True, capture_output=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    return {
        name: (order["target"], result)
        for name, order, result in zip(CASES, orders, found, strict=True)
    }


def expected(feeds: int) -> Counter[int]:
    return Counter({number: feeds for number in range(CHUNKS * ROWS)})


@pytest.mark.slow
def test_rows_arrive_once(killed: Killed) -> None:
    assert sum(result["kills"] for _, result in killed.values()) >= 30
    for name, (target, result) in killed.items():
        job = CASES[name][1]
        feeds = 1 if job.get("merge") or job.get("overwrite") else result["feeds"]
        if target["kind"] in ("stream", "nosql"):
            continue
        found = get_target_driver(target).as_df(columns=["number"])["number"]
        assert Counter(found.tolist()) == expected(feeds), name
        path = Path(target.get("path", "/nothing"))
        folder = path.parent if path.suffix else path
        assert [part for part in folder.rglob("*.staged") if part.is_file()] == [], name
        if target["kind"] == "parquet":  # what others see
            seen = pd.read_parquet(target["path"])["number"]
            assert Counter(seen.tolist()) == expected(feeds), name


@pytest.mark.slow
def test_records_arrive_once_and_in_order(killed: Killed) -> None:
    target, result = killed["stream"]
    with open_stream(target["path"]) as stream, stream.consumer("readers") as consumer:
        records = consumer.read(max=10_000, wait=0)
        consumer.ack(records)
    numbers = [json.loads(record.body)["number"] for record in records]
    assert Counter(numbers) == expected(result["feeds"])
    assert numbers == list(range(CHUNKS * ROWS)) * result["feeds"]
    assert [record.key for record in records] == [str(number) for number in numbers]


@pytest.mark.slow
def test_rows_arrive_online(killed: Killed) -> None:
    target, _ = killed["nosql"]
    with open_online(target["path"]) as store:
        assert len(list(store.scan(prefix_of("p/s")))) == CHUNKS * ROWS
