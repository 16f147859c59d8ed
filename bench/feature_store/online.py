"""Online get: a vector of 20 features from three sets of 8, against raw Redis, raw SQLite, Feast.

Raw Redis is one `HMGET` of the 20 fields with redis-py, for many keys a pipeline of them. Raw
SQLite is one prepared `SELECT` of 20 columns from a table for each set, joined by key, for many
keys with `IN` ("three tables"), and the same from one table of 20 columns ("wide"), which is what a
table made for this one vector would be. Raw calls give tuples, ours dictionaries. Calls of ours and
of the raw client take turns, so that both see the same machine.

Expected before measuring: Redis: the round trip is most of it, and redis-py's own Python more than
ours. SQLite: the raw call is a few microseconds of locks and lookups; three lookups, three JSON
objects and a dictionary come on top, so SQLite is where Python shows.
"""

from __future__ import annotations

import argparse
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas as pd
import redis
from common import arguments, median, peer, percentile, report

from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Entity, Feature
from mlrun_like.feature_store.definitions.target_spec import DataTargetBase
from mlrun_like.feature_store.online.api import get_online_feature_service
from mlrun_like.feature_store.online.places import online_place
from mlrun_like.feature_store.online.store import open_online
from mlrun_like.feature_store.online.writing import OnlineWriter
from mlrun_like.feature_store.targets.writing import WriteJob

ENTITIES = 20_000
FEATURES = [f"v{view}f{column}" for view in range(3) for column in range(8)][:20]

FEAST = """
import datetime, json, random, sys, tempfile, time
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64
kind, url, n = sys.argv[1] if len(sys.argv) > 1 else KIND, URL, N
folder = tempfile.mkdtemp()
online = ({"type": "sqlite", "path": folder + "/online.db"} if kind == "sqlite"
          else {"type": "redis", "connection_string": url})
store = FeatureStore(config=RepoConfig(registry=folder + "/registry.db", project="bench",
    provider="local", online_store=online, offline_store={"type": "file"},
    entity_key_serialization_version=3))
user = Entity(name="user", join_keys=["user"])
frame = {"user": range(n), "ts": pd.Timestamp("2026-02-01", tz="UTC")}
views = []
for v in range(3):
    made = pd.DataFrame({**frame, **{f"v{v}f{c}": 0.123456 for c in range(8)}})
    made.to_parquet(f"{folder}/{v}.parquet")
    source = FileSource(path=f"{folder}/{v}.parquet", timestamp_field="ts")
    views.append(FeatureView(name=f"fv{v}", entities=[user], ttl=datetime.timedelta(days=3650),
        schema=[Field(name=f"v{v}f{c}", dtype=Float64) for c in range(8)], source=source))
store.apply([user, *views])
for v in range(3):
    store.write_to_online_store(f"fv{v}", pd.read_parquet(f"{folder}/{v}.parquet"))
names = [f"fv{v}:v{v}f{c}" for v in range(3) for c in range(8)][:20]
def get(users):
    rows = [{"user": u} for u in users]
    return store.get_online_features(features=names, entity_rows=rows).to_dict()
assert get([1])["v0f0"] == [0.123456]
found = {}
for count, reps in ((1, 400), (100, 60)):
    took = []
    for _ in range(reps):
        users = [random.randrange(n) for _ in range(count)]
        start = time.perf_counter(); get(users); took.append(time.perf_counter() - start)
    found[str(count)] = sorted(took)[len(took) // 2] * 1e6
print(json.dumps(found))
"""


@contextmanager
def redis_server() -> Iterator[int]:
    """A server of our own; its port."""
    with socket.socket() as sock, tempfile.TemporaryDirectory() as folder:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        sock.close()
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            client = redis.Redis(port=port)
            for _ in range(200):
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)
            client.close()
            yield port
        finally:
            server.kill()
            server.wait()


def service(url: str) -> Any:
    """A service of a vector over three sets that are written to a store."""
    open_online(url).purge(b"")
    sets = {}
    for view in range(3):
        made = FeatureSet(f"fv{view}", entities=[Entity("user", "int64")])
        for column in range(8):
            made.add_feature(Feature("float", name=f"v{view}f{column}"))
        made.spec.targets = [DataTargetBase("nosql", path=url)]
        place = online_place(made)
        columns: dict[str, Any] = {f"v{view}f{column}": 0.123456 for column in range(8)}
        frame = pd.DataFrame({"user": range(ENTITIES), **columns})
        writer = OnlineWriter(open_online(place.url), WriteJob.of(made, "f"), place.namespace)
        writer.write_all([frame], "end")
        sets[made.metadata.name] = made
    vector = FeatureVector("bench", [f"fv{name[1]}.{name}" for name in FEATURES])
    return get_online_feature_service(vector, store=sets)


def raw_redis(port: int) -> Callable[[list[int]], Any]:
    """HMGET of 20 fields."""
    client = redis.Redis(port=port, db=1)
    for begin in range(0, ENTITIES, 2000):
        pipe = client.pipeline(transaction=False)
        for user in range(begin, begin + 2000):
            pipe.hset(f"b:{user}", mapping=dict.fromkeys(FEATURES, 0.123456))
        pipe.execute()

    def get(users: list[int]) -> Any:
        if len(users) == 1:
            return client.hmget(f"b:{users[0]}", FEATURES)
        pipe = client.pipeline(transaction=False)
        for user in users:
            pipe.hmget(f"b:{user}", FEATURES)
        return pipe.execute()

    return get


def raw_sqlite(path: Path, tables: int) -> Callable[[list[int]], Any]:
    """SELECT of the 20 columns by key, from one wide table or one table for each set."""
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA journal_mode = WAL")
    held = [FEATURES] if tables == 1 else [
        [f"v{view}f{column}" for column in range(8)] for view in range(3)
    ]  # fmt: skip
    base.execute("BEGIN")
    for number, columns in enumerate(held):
        names = ", ".join(columns)
        base.execute(f"CREATE TABLE t{number} (user TEXT PRIMARY KEY, {names}) WITHOUT ROWID")
        marks = ", ".join("?" * (len(columns) + 1))
        rows = ([f"b:{user}", *[0.123456] * len(columns)] for user in range(ENTITIES))
        base.executemany(f"INSERT INTO t{number} VALUES ({marks})", rows)
    base.execute("COMMIT")
    joined = "t0" if tables == 1 else "t0 JOIN t1 USING (user) JOIN t2 USING (user)"
    head = f"SELECT {', '.join(FEATURES)} FROM {joined} WHERE user"

    def get(users: list[int]) -> Any:
        if len(users) == 1:
            return base.execute(f"{head} = ?", (f"b:{users[0]}",)).fetchone()
        text = f"{head} IN ({', '.join('?' * len(users))})"
        return base.execute(text, [f"b:{user}" for user in users]).fetchall()

    return get


def compare(ours: Any, raw: Callable[[list[int]], Any], args: argparse.Namespace) -> dict[str, Any]:
    """Microseconds of both for 1 and 100 keys; calls take turns in blocks."""
    found: dict[str, Any] = {}
    for count, block, blocks in ((1, 200, 10 * args.reps), (100, 10, 6 * args.reps)):
        took: dict[str, list[float]] = {"ours": [], "raw": []}
        medians: dict[str, list[float]] = {"ours": [], "raw": []}
        for _ in range(blocks):
            for name in ("ours", "raw"):
                times = []
                for _ in range(block):
                    users = [random.randrange(ENTITIES) for _ in range(count)]
                    if name == "ours":
                        rows = [{"user": user} for user in users]
                        start = time.perf_counter()
                        ours.get(rows)
                    else:
                        start = time.perf_counter()
                        raw(users)
                    times.append((time.perf_counter() - start) * 1e6)
                took[name] += times
                medians[name].append(median(times))
        for name, times in took.items():
            found[f"{name} {count} p50"] = median(times)
            found[f"{name} {count} p99"] = percentile(times, 0.99)
        ratios = [a / b for a, b in zip(medians["ours"], medians["raw"], strict=True)]
        found[f"ratio {count}"] = median(ratios)
    return found


def main() -> int:
    """Measure all and report medians."""
    args = arguments(__doc__ or "", skip_feast={"action": "store_true"})
    folder = Path(tempfile.mkdtemp())
    figures: dict[str, Any] = {}
    bars: dict[str, bool] = {}
    try:
        with redis_server() as port:
            cases = (
                ("redis", 1.3, f"redis://127.0.0.1:{port}/0", lambda: raw_redis(port)),
                ("sqlite", 1.5, f"sqlite:///{folder}/online.db",
                 lambda: raw_sqlite(folder / "raw.db", 3)),
            )  # fmt: skip
            for kind, limit, url, make in cases:
                ours = service(url)
                assert ours.get([{"user": 5}]) == [dict.fromkeys(FEATURES, 0.123456)]
                found = compare(ours, make(), args)
                figures.update({f"{kind} {name} [us]": value for name, value in found.items()})
                if kind == "sqlite":  # what a table made for this one vector would need
                    wide = compare(ours, raw_sqlite(folder / "wide.db", 1), args)
                    for name in ("raw 1 p50", "raw 100 p50", "ratio 1", "ratio 100"):
                        figures[f"sqlite wide {name}"] = wide[name]
                    bars["sqlite: one get <= 1.5 x raw, wide"] = wide["ratio 1"] <= limit
                    bars["sqlite: 100 keys <= 1.5 x raw, wide"] = wide["ratio 100"] <= limit
                beside = ", three tables" if kind == "sqlite" else ""
                bars[f"{kind}: one get <= {limit} x raw{beside}"] = found["ratio 1"] <= limit
                bars[f"{kind}: 100 keys <= {limit} x raw{beside}"] = found["ratio 100"] <= limit
                bars[f"{kind}: p99 of one < 1 ms"] = found["ours 1 p99"] < 1000
                bars[f"{kind}: p99 of 100 keys < 5 ms"] = found["ours 100 p99"] < 5000
                if args.skip_feast:
                    continue
                head = f"KIND, URL, N = {kind!r}, '127.0.0.1:{port},db=2', {ENTITIES // 10}\n"
                feast = peer(args.peers, head + FEAST)
                if feast is not None:
                    for count in ("1", "100"):
                        times = feast[count] / found[f"ours {count} p50"]
                        figures[f"{kind} feast {count} [us]"] = feast[count]
                        bars[f"{kind}: {count} keys >= 5 x Feast"] = times >= 5
                ours.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report("feature_store/online", figures, bars, args.json)


if __name__ == "__main__":
    raise SystemExit(main())
