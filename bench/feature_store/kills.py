"""kill -9 at random moments, while a feature set is ingested from a file and from a Redis stream.

    python bench/feature_store/kills.py batch --kills 30
    python bench/feature_store/kills.py stream --kills 30

A process ingests 40,000 events of 200 users, with steps and windows, into Parquet and the embedded
online store. It is killed after a random time and started again until it has done all. The offline
rows, the online rows, the aggregates and the window log must be those of a process that nobody
killed.

Expected: no row lost, none twice, whatever the moment. Found: so, in more than 200 kills, a
fifth of which hit a process that was starting.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS, USERS = 40_000, 200


def events() -> pd.DataFrame:
    """Events in order of time."""
    rows = int(os.environ.get("KILLS_ROWS", ROWS))
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "user": rng.integers(0, USERS, rows),
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows) * 7, "s"),
            "amount": rng.integers(0, 1000, rows) / 4,
            "kind": rng.choice(["a", "b"], rows),
        }
    )


def definition(name: str) -> Any:
    """The feature set."""
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet

    made = FeatureSet(name, entities=["user"], timestamp_key="at")
    made.graph.to("storey.Extend", "more", _fn="({'double': event['amount'] * 2})")
    made.add_aggregation("amount", ["sum", "count", "max"], ["1h", "24h"], "10m")
    made.set_targets()
    return made


def work_batch(folder: Path) -> None:
    """One process of the batch ingestion."""
    from mlrun_like.feature_store.ingestion.api import ingest

    ingest(
        definition("batch"), str(folder / "events.parquet"), return_df=False, resume=True,
        chunk_size=1_500, commit_rows=3_000, progress=lambda _: (folder / "begun").touch(),
    )  # fmt: skip
    (folder / "done").touch()


def work_stream(folder: Path, url: str) -> None:
    """One process of the live service; ends by being killed, or when asked to."""
    from mlrun_like.feature_store.ingestion.live_opening import LiveFeed, StreamReader
    from mlrun_like.streams.opening import open_stream

    feature_set = definition("live")
    feature_set.spec.features = [
        {"name": "amount", "value_type": "float"}, {"name": "kind", "value_type": "str"},
        {"name": "double", "value_type": "float"}, *feature_set.spec.features.to_dict(),
    ]  # fmt: skip
    feed = LiveFeed(feature_set, None, "kills", max_events=700, seconds=0.05)
    reader = StreamReader(open_stream(url), "g", "reader", feed)
    (folder / "begun").touch()
    while not (folder / "stop").exists():
        number = int(feed.live.committed.at or 0)
        (folder / "number.part").write_text(json.dumps([number, str(feed.live.error or "")]))
        (folder / "number.part").replace(folder / "number")
        time.sleep(0.02)
    reader.close()
    feed.close()


def content(home: Path, name: str) -> tuple[list[pd.DataFrame], dict[Any, Any]]:
    """Offline rows and the window log in order of time, and online rows by user."""
    root = home / "projects" / "default" / "feature-store"
    place = root / name / "parquet" / "sets"
    offline = [
        pd.read_parquet(path).sort_values(["at", "user"]).reset_index(drop=True)
        for path in (place / name, place / f"{name}.windows" / "Aggregates")
    ]
    from mlrun_like.feature_store.online.store import open_online

    store = open_online(f"sqlite:///{root}/online.db")
    with store:
        rows = {key: blob for key, blob in store.scan(b"") if b"\x00" not in key[:1]}
    return offline, {k: v for k, v in rows.items() if f"/{name}:".encode() in k}


def start(folder: Path, home: Path, work: Callable[[], None]) -> int:
    """A worker process, forked off this one, which has no threads; gives its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.environ["MLRUN_LIKE_HOME"] = str(home)
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - the boundary of a process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int, seconds: float) -> int | None:
    """The worker's exit code, or None if it still runs."""
    end = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            return None
        time.sleep(0.002)


def moment(pid: int, folder: Path, span: float) -> int | None:
    """Wait for a moment to kill: mostly at work, sometimes while it starts; its code if it ends."""
    begun, end = folder / "begun", time.monotonic() + 60
    begun.unlink(missing_ok=True)
    if random.random() < 0.8:
        while not begun.exists() and time.monotonic() < end:
            if (code := wait(pid, 0.002)) is not None:
                return code
    return wait(pid, random.random() * span)


def kill(pid: int) -> None:
    """At once, without a chance to clean up."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def load() -> None:
    """Import all that workers use, once."""
    names = "ingestion.api ingestion.live_opening ingestion.job steps targets.parquet targets.nosql"
    for name in [*names.split(), "online.sqlite", "sources.parquet"]:
        importlib.import_module(f"mlrun_like.feature_store.{name}")
    for name in ("mlrun_like.streams.redis", "mlrun_like.streams.redis_consumer",
                 "mlrun_like.tracking.store", "mlrun_like.tracking.upgrade", "alembic.command",
                 "pyarrow.parquet", "pyarrow.dataset", "redis"):  # fmt: skip
        importlib.import_module(name)
    definition("load")


def batch(folder: Path, kills: int, span: float) -> int:
    """Kill and start again; gives how often it was killed before it was done."""
    home = folder / "home"
    if wait(start(folder, home, lambda: events().to_parquet(folder / "events.parquet")), 60):
        raise SystemExit((folder / "log").read_text())
    killed = 0
    while not (folder / "done").exists():
        pid = start(folder, home, lambda: work_batch(folder))
        code = moment(pid, folder, span) if killed < kills else wait(pid, 300.0)
        if code is None:
            kill(pid)
            killed += 1
        elif code:
            raise SystemExit((folder / "log").read_text())
    return killed


def push(folder: Path, url: str, begin: int, end: int) -> None:
    """Events into the stream."""
    from mlrun_like.streams.opening import open_stream

    rows = json.loads(events().iloc[begin:end].to_json(orient="records", date_format="iso"))
    with open_stream(url) as target:
        target.create(["g"])
        target.push(rows)


def stream(folder: Path, url: str, kills: int, span: float) -> int:
    """Push, kill and start again; gives how often it was killed."""
    rows = int(os.environ.get("KILLS_ROWS", ROWS))
    home, share = folder / "home", rows // (kills + 1) + 1
    for killed in range(kills + 1):
        begin = killed * share
        pid = start(folder, home, lambda at=begin: push(folder, url, at, at + share))  # type: ignore[misc]
        if wait(pid, 60):
            raise SystemExit((folder / "log").read_text())
        pid = start(folder, home, lambda: work_stream(folder, url))
        if killed < kills:
            moment(pid, folder, span)
            kill(pid)
    number: list[Any] = [0, ""]
    while number[0] < rows:
        if wait(pid, 0.02) is not None:
            raise SystemExit((folder / "log").read_text())
        if (folder / "number").exists():
            number = json.loads((folder / "number").read_text())
    (folder / "stop").touch()
    if wait(pid, 120) != 0:
        raise SystemExit((folder / "log").read_text())
    return kills


def differences(one: Path, other: Path, name: str) -> list[str]:
    """What differs between two homes."""
    tables, online = content(one, name)
    wanted, kept = content(other, name)
    found = []
    for what, rows, expected in zip(("offline", "window log"), tables, wanted, strict=True):
        if len(rows) != len(expected):
            found.append(f"{what}: {len(rows)} rows instead of {len(expected)}")
            continue
        for column in sorted(expected.columns):
            if not rows[column].equals(expected[column]):
                found.append(f"{what}: column {column} differs")
    if online != kept:
        wrong = sum(online.get(key) != blob for key, blob in kept.items())
        found.append(f"{wrong} of {len(kept)} online keys differ, {len(online)} are there")
    return found


def check(what: str, kills: int, url: str) -> tuple[int, list[str]]:
    """Kill one, leave one alone; gives how often it was killed, and what differs."""
    load()
    with tempfile.TemporaryDirectory() as place:
        folder, quiet = Path(place, "killed"), Path(place, "quiet")
        folder.mkdir()
        quiet.mkdir()
        if what == "batch":
            killed = batch(folder, kills, 0.3)
            batch(quiet, 0, 0)
        else:
            name = f"{url}-{os.getpid()}"
            killed = stream(folder, f"{name}-a", kills, 0.3)
            stream(quiet, f"{name}-b", 0, 0)
        homes = (folder / "home", quiet / "home")
        return killed, differences(*homes, "batch" if what == "batch" else "live")


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["batch", "stream"])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--url", default="redis://127.0.0.1:6379/kills")
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args()
    os.environ["KILLS_ROWS"] = str(given.rows)
    begin = time.time()
    killed, found = check(given.what, given.kills, given.url)
    seconds = time.time() - begin
    print(f"{given.what}: {killed} kills in {seconds:.0f} s: {'; '.join(found) or 'no difference'}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
