"""Pages of 1,000,000 runs with two filters, on SQLite and on PostgreSQL.

    python bench/service/listing.py [--rows 1000000] [--store URL] [--keep]

Bar: the newest 100 with two filters in less than 30 ms (median over the kinds of pairs, and each
of them shown); a page that lies deep costs what the first one costs. `--store` names an empty
store or one that this script has filled before; without it a SQLite file is made. Without
`--http` the store is asked directly; with it, the service's route in the same process (the test
client alone costs some 2 ms; "three projects" are all projects there). "work" is the processor
time of this process, which tells more than the clock on a machine that others use.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select, text
from starlette.testclient import TestClient

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.listing_abilities import ListPage
from mlrun_like.tracking.store import SqlStore

__all__ = ["fill", "main"]

PROJECTS, NAMES, OWNERS = 20, 40, 50
STATES = ("completed",) * 90 + ("error",) * 8 + ("aborted",) * 2
START = 1_700_000_000.0
COLUMNS = (
    *("run_id", "project", "uid", "iter", "name", "state", "function", "kind", "host", "pid"),
    *("pid_started", "started", "updated", "ended", "labels", "body", "duration"),
)


def rows(count: int) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Rows of runs with those of their labels, the same each time."""
    chance = random.Random(7)
    for number in range(1, count + 1):
        project = f"project-{int(PROJECTS * chance.random() ** 2)}"
        name, state = f"train-{int(NAMES * chance.random() ** 2)}", chance.choice(STATES)
        started = START + number * 5.0
        seconds = chance.expovariate(1 / 600)
        labels = {
            "kind": "job",
            "owner": f"user-{int(OWNERS * chance.random() ** 2)}",
            "dataset": f"d{chance.randrange(1000)}",
            "host": f"node-{chance.randrange(8)}",
        }
        if number % 25_000 == 0:
            labels["release"] = "1"
        uid = f"{number:032x}"
        body = json.dumps(
            {
                "kind": "run",
                "metadata": {
                    "name": name, "uid": uid, "project": project, "iteration": 0, "labels": labels
                },
                "spec": {
                    "function": f"{project}/{name}@{number % 97:040x}",
                    "parameters": {"lr": 0.01, "depth": number % 9, "note": "x" * 200},
                    "inputs": {"data": f"store://datasets/{project}/data#0@{uid}"},
                },
                "status": {
                    "state": state,
                    "results": {"loss": chance.random(), "accuracy": chance.random()},
                    "artifact_uris": {"model": f"store://models/{project}/model#0@{uid}"},
                },
            },
            separators=(",", ":"),
        )  # fmt: skip
        run = (
            *(number, project, uid, 0, name, state, "", "job", "", 0, 0.0, started),
            *(started + seconds, started + seconds, json.dumps(labels), body, seconds),
        )
        yield run, [(project, key, value, started, number) for key, value in labels.items()]


def fill(store: SqlStore, count: int) -> None:
    """Fill an empty store in bulk, by the database's own fast way."""
    with store.database.read() as connection:
        if connection.execute(select(t.runs.c.run_id).limit(1)).first():
            return
    if store.database.path is not None:
        _fill_file(str(store.database.path), count)
    else:
        _fill_server(store, count)


def _fill_file(path: str, count: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; BEGIN")
    marks = ",".join("?" * len(COLUMNS))
    runs, labels = f"INSERT INTO runs ({','.join(COLUMNS)}) VALUES ({marks})", []
    batch = []
    for run, of_run in rows(count):
        batch.append(run)
        labels.extend(of_run)
        if len(batch) == 20_000:
            connection.executemany(runs, batch)
            batch = []
    connection.executemany(runs, batch)
    labels.sort()  # an index is made fastest in its own order
    connection.executemany("INSERT INTO run_labels VALUES (?,?,?,?,?)", labels)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _fill_server(store: SqlStore, count: int) -> None:
    connection: Any = store.database.engine.raw_connection()
    driver = connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        every = list(rows(count))
        with cursor.copy(f"COPY runs ({','.join(COLUMNS)}) FROM STDIN") as copy:
            for run, _ in every:
                copy.write_row(run)
        with cursor.copy("COPY run_labels FROM STDIN") as copy:
            for label in sorted(label for _, labels in every for label in labels):
                copy.write_row(label)
    driver.commit()
    driver.autocommit = True
    driver.execute("SET statement_timeout = 0")
    driver.execute("VACUUM ANALYZE")
    driver.autocommit = False
    connection.close()


QUERIES: dict[str, RunQuery] = {
    "no filter": RunQuery(),
    "project": RunQuery(project="project-3"),
    "project + state often": RunQuery(project="project-3", states=("completed",)),
    "project + state seldom": RunQuery(project="project-15", states=("aborted",)),
    "label + state": RunQuery(labels={"owner": "user-3"}, states=("error",)),
    "label + label, often": RunQuery(labels={"owner": "user-3", "host": "node-1"}),
    "label + label, seldom": RunQuery(labels={"owner": "user-30", "dataset": "d77"}),
    "label + label, one very seldom": RunQuery(labels={"kind": "job", "release": "1"}),
    "name + label": RunQuery(name="train-7", labels={"host": "node-2"}),
    "name + label, seldom": RunQuery(name="train-39", labels={"dataset": "d5"}),
    "~name + state": RunQuery(name="~AIN-1", states=("error",)),
    "~name + label": RunQuery(name="~-39", labels={"owner": "user-9"}),
    "~name that nobody has + state": RunQuery(name="~zzz", states=("error",)),
    "project + label that is there": RunQuery(project="project-2", labels={"release": None}),
    "project + since": RunQuery(project="project-9", since="2025-01-01"),
    "three projects + label": RunQuery(
        projects=("project-1", "project-7", "project-19"), labels={"host": "node-3"}
    ),
    "by duration, project + state": RunQuery(
        project="project-3", states=("completed",), sort="-duration"
    ),
    "by update, label + state": RunQuery(
        labels={"host": "node-1"}, states=("error",), sort="-updated"
    ),
    "by name, project + label": RunQuery(
        project="project-4", labels={"owner": "user-2"}, sort="name"
    ),
    "by state, project + label": RunQuery(
        project="project-4", labels={"owner": "user-2"}, sort="state"
    ),
}


def deep(ask: Callable[[RunQuery], Any], query: RunQuery, pages: int) -> RunQuery:
    """The query for a page that lies deep."""
    for _ in range(pages):
        after = ask(query).after
        if not after:
            break
        query = replace(query, after=after)
    return query


def timed(ask: Callable[[RunQuery], Any], query: RunQuery, times: int) -> tuple[float, float, int]:
    """Median milliseconds of a page, those of this process's work, and how many rows it has."""
    found, taken, worked = ask(query), [], []
    for _ in range(times):
        start, work = time.perf_counter(), time.process_time()
        found = ask(query)
        taken.append((time.perf_counter() - start) * 1e3)
        worked.append((time.process_time() - work) * 1e3)
    return statistics.median(taken), statistics.median(worked), len(found.items)


def through_route(url: str) -> Callable[[RunQuery], Any]:
    """Ask by HTTP, in this process; positions are page tokens then."""
    app = create_app(ServiceOptions(store=url))
    client = TestClient(app, base_url="http://127.0.0.1:8080")
    sorts = {"started": "start_time", "updated": "last_update"}

    def ask(query: RunQuery) -> ListPage:
        sort, mark = query.sort.removeprefix("-"), "-" * query.sort.startswith("-")
        wanted: list[tuple[str, str]] = [("sort", mark + sorts.get(sort, sort))]
        wanted += [("format", "summary"), ("name", query.name), ("since", query.since)]
        wanted += [("state", state) for state in query.states]
        wanted += [("label", k if v is None else f"{k}={v}") for k, v in query.labels.items()]
        wanted += [("page-token", str(query.after[0]))] if query.after else []
        place = f"/projects/{query.project}" if query.project else ""
        answer = client.get(f"/api/v1{place}/runs", params=[pair for pair in wanted if pair[1]])
        answer.raise_for_status()
        body = answer.json()
        token = body["pagination"]["page-token"]
        return ListPage(body["runs"], (token,) if token else ())

    return ask


def main() -> int:
    """Fill, measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--store", default="")
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--http", action="store_true", help="through the service's route")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="listing")
    os.environ.setdefault("MLRUN_LIKE_HOME", folder)
    store = open_store(options.store or f"sqlite:///{folder}/store.db")
    if not isinstance(store, SqlStore):
        parser.error("name a database, not a service")
    start = time.perf_counter()
    fill(store, options.rows)
    sys.stdout.write(f"filled in {time.perf_counter() - start:.0f} s\n")
    with store.database.read() as connection:
        count = connection.execute(select(func.count()).select_from(t.runs)).scalar()
        version = connection.execute(
            text("SELECT sqlite_version()" if store.database.path else "SHOW server_version")
        ).scalar()
    sys.stdout.write(f"{count:,} runs, {store.database.engine.dialect.name} {version}\n")

    def direct(query: RunQuery) -> Any:
        return store.page_runs(replace(query, limit=100))

    ask = through_route(store.url) if options.http else direct
    medians = []
    for name, query in QUERIES.items():
        first, work, shown = timed(ask, query, options.times)
        later, _, _ = timed(ask, deep(ask, query, 20), options.times)
        medians.append(first)
        line = f"{name:34s} {first:8.1f} ms (work {work:6.1f})   {shown:3d} rows"
        sys.stdout.write(f"  {line}   deep {later:8.1f} ms\n")
    middle = statistics.median(medians)
    sys.stdout.write(f"median of all {middle:.1f} ms, slowest {max(medians):.1f} ms (bar 30 ms)\n")
    close_stores()
    return 0 if middle < 30 else 1


if __name__ == "__main__":
    sys.exit(main())
