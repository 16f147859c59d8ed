"""Pages of runs and artifacts, over each database."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking import walking
from mlrun_like.tracking.base import ArtifactQuery, RunQuery
from mlrun_like.tracking.documents import run_row
from mlrun_like.tracking.store import SqlStore

STATES = ("completed", "error", "running")
HOSTILE = ("it's", '"q"', "50%_\\", "ünïcode ☃", "x" * 1500, "a=b", " ", "'; DROP TABLE runs;--")


def run(number: int, **parts: Any) -> dict[str, Any]:
    """A run whose parts depend on its number."""
    chance = random.Random(number)
    state = parts.get("state") or STATES[chance.randrange(3)]
    status = {"state": state, "start_time": f"2026-01-01T00:{number % 50:02}:00+00:00"}
    if state != "running":
        status["end_time"] = f"2026-01-01T01:{chance.randrange(60):02}:00+00:00"
    metadata = {
        "project": parts.get("project") or f"p{chance.randrange(3)}",
        "uid": f"u{number:04}",
        "name": parts.get("name") or f"Train-{chance.randrange(5)}",
        "iteration": parts.get("iteration", 0),
        "labels": parts.get("labels", {"team": f"t{chance.randrange(3)}", "n": str(number)}),
    }
    return {"kind": "run", "metadata": metadata, "spec": {}, "status": status}


def filled(sql_store: SqlStore, count: int = 120) -> list[dict[str, Any]]:
    """A store with runs, many of which begin in the same second."""
    documents = [run(number) for number in range(count)]
    documents += [run(number, iteration=2) for number in range(0, count, 10)]
    for document in documents:
        sql_store.store_run(document, wait=False)
    sql_store.flush()
    return documents


def through(sql_store: SqlStore, query: RunQuery, size: int = 7) -> list[dict[str, Any]]:
    """All rows, page by page."""
    rows: list[dict[str, Any]] = []
    for _ in range(1000):
        page = sql_store.page_runs(replace(query, limit=size), "columns")
        rows += page.items
        assert len(page.items) == size or not page.after
        assert len(page.positions) == len(page.items)
        if not page.after:
            return rows
        query = replace(query, after=page.after)
    raise AssertionError("the list has no end")


def matching(documents: list[dict[str, Any]], **want: Any) -> set[tuple[str, int]]:
    """What a query must find, worked out from the documents."""
    found = set()
    for document in documents:
        meta, status = document["metadata"], document["status"]
        labels = want.get("labels", {})
        fits = (
            (not want.get("projects") or meta["project"] in want["projects"])
            and want.get("part", "") in meta["name"].lower()
            and want.get("name", meta["name"]) == meta["name"]
            and (not want.get("states") or status["state"] in want["states"])
            and all(
                n in meta["labels"] and v in (None, meta["labels"][n]) for n, v in labels.items()
            )
            and (want.get("iterations") or meta["iteration"] == want.get("iteration", 0))
        )
        if fits:
            found.add((meta["uid"], meta["iteration"]))
    return found


QUERIES: list[tuple[RunQuery, dict[str, Any]]] = [
    (RunQuery(), {}),
    (RunQuery(project="p1"), {"projects": ["p1"]}),
    (RunQuery(projects=("p0", "p2")), {"projects": ["p0", "p2"]}),
    (RunQuery(project="p0", projects=("p1",)), {"projects": ["none"]}),
    (RunQuery(labels={"team": "t1"}), {"labels": {"team": "t1"}}),
    (RunQuery(labels={"team": "t1", "n": None}), {"labels": {"team": "t1"}}),
    (RunQuery(labels={"n": "17"}), {"labels": {"n": "17"}}),
    (RunQuery(labels={"team": "t1", "n": "17"}), {"labels": {"team": "t1", "n": "17"}}),
    (RunQuery(labels={"nobody": None}), {"labels": {"nobody": None}}),
    (
        RunQuery(projects=("p0", "p1"), labels={"team": "t2"}, states=("error", "running")),
        {"projects": ["p0", "p1"], "labels": {"team": "t2"}, "states": ["error", "running"]},
    ),
    (RunQuery(name="Train-3"), {"name": "Train-3"}),
    (RunQuery(name="~AIN-3", states=("error",)), {"part": "ain-3", "states": ["error"]}),
    (RunQuery(name="~%"), {"part": "%"}),
    (RunQuery(iterations=True, project="p1"), {"iterations": True, "projects": ["p1"]}),
    (RunQuery(iteration=2), {"iteration": 2}),
    (RunQuery(iteration=2, labels={"team": "t0"}), {"iteration": 2, "labels": {"team": "t0"}}),
]
SORTS = [
    sign + name for name in ("started", "updated", "duration", "name", "state") for sign in "-+"
]


def test_every_order_of_every_query_is_whole_and_sorted(sql_store: SqlStore) -> None:
    documents = filled(sql_store)
    for (query, want), sort in itertools.product(QUERIES, SORTS):
        expected = matching(documents, **want)
        rows = through(sql_store, replace(query, sort=sort.lstrip("+")), size=13)
        identities = [(row["uid"], row["iteration"]) for row in rows]
        assert len(identities) == len(set(identities)), (query, sort)
        assert set(identities) == expected, (query, sort)
        key = sort[1:]
        values = [row[key] for row in rows if row[key] is not None]
        assert values == sorted(values, reverse=sort[0] == "-"), (query, sort)
        if key == "duration":  # what goes on comes last
            assert [row[key] for row in rows][: len(values)] == values


@pytest.mark.parametrize("sort", ["-started", "updated", "-duration", "name"])
def test_a_walk_of_many_small_chunks_misses_nothing(
    sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    documents = filled(sql_store, 60)
    sizes = {"_FIRST": 1, "_SPARE": 0, "_FIRST_LEFT": 3, "_MOST": 4, "_MOST_LEFT": 9, "_PROBE": 5}
    for name, size in sizes.items():
        monkeypatch.setattr(walking, name, size)
    both = {"team": "t1", "n": None}
    more: list[tuple[RunQuery, dict[str, Any]]] = [
        (RunQuery(labels={"team": "t1"}, states=("error",)),
         {"labels": {"team": "t1"}, "states": ["error"]}),
        (RunQuery(labels=both, name="~ain-2"), {"labels": both, "part": "ain-2"}),
        (RunQuery(project="p1", states=("completed",)),
         {"projects": ["p1"], "states": ["completed"]}),
    ]  # fmt: skip
    for query, want in [*QUERIES, *more]:
        rows = through(sql_store, replace(query, sort=sort), size=3)
        found = [(row["uid"], row["iteration"]) for row in rows]
        assert len(found) == len(set(found)), query
        assert set(found) == matching(documents, **want), query


def test_indexes_hold_what_a_list_is_narrowed_by(sqlite_store: SqlStore) -> None:
    filled(sqlite_store, 5)
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, text: str, values: Any, *rest: Any) -> None:
        if "AS chunk" in text:
            asked.append((text, values))

    event.listen(sqlite_store.database.engine, "before_cursor_execute", note)
    for sort in ("-started", "-updated", "-duration", "name", "state"):
        for query in (
            RunQuery(project="p1", states=("error",)),
            RunQuery(name="~train", states=("error",)),
            RunQuery(labels={"team": "t1"}, name="Train-1"),
            RunQuery(name="Train-1", iteration=0),
            RunQuery(),
        ):
            sqlite_store.page_runs(replace(query, sort=sort))
    event.remove(sqlite_store.database.engine, "before_cursor_execute", note)
    assert len(asked) > 10
    with sqlite_store.database.read() as connection:
        for text, values in asked:
            plan = [
                row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
            ]
            walked = [step for step in plan if " runs " in f"{step} " and "runs_1" not in step]
            assert all("COVERING INDEX runs_by_" in step for step in walked), (text, plan)


def test_pages_agree_with_the_whole_list(sql_store: SqlStore) -> None:
    filled(sql_store)
    for query, _ in QUERIES:
        if query.projects and query.project:
            continue
        whole = [d["metadata"]["uid"] for d in sql_store.list_runs(query)]
        assert [row["uid"] for row in through(sql_store, query)] == whole, query


def test_rows_that_come_meanwhile_move_nothing_into_view_twice(sql_store: SqlStore) -> None:
    filled(sql_store, 40)
    query = RunQuery(limit=10, sort="started")
    first = sql_store.page_runs(query)
    sql_store.store_run(run(0, name="early") | {"metadata": {**run(0)["metadata"], "uid": "new"}})
    second = sql_store.page_runs(replace(query, after=first.after))
    seen = {item["metadata"]["uid"] for item in first.items}
    assert not seen & {item["metadata"]["uid"] for item in second.items}


def test_many_names_and_few_with_a_part(sql_store: SqlStore) -> None:
    for number in range(260):
        name = f"run-{number}" + ("-Needle" if number in (3, 250) else "")
        sql_store.store_run(run(number, name=name, project="p"), wait=False)
    rows = through(sql_store, RunQuery(name="~needle", project="p"))
    assert [row["name"] for row in rows] == ["run-3-Needle", "run-250-Needle"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_only_texts(sql_store: SqlStore, text: str) -> None:
    sql_store.store_run(run(1, project="p", name=text, labels={text: text, "other": "x"}))
    sql_store.store_run(run(2, project="p", name="plain", labels={"other": "x"}))
    for query in (
        RunQuery(name=text),
        RunQuery(name="~" + text, labels={"other": "x"}),
        RunQuery(labels={text: text}),
        RunQuery(labels={text: None, "other": "x"}),
    ):
        rows = sql_store.page_runs(replace(query, limit=5), "columns").items
        assert [row["uid"] for row in rows if row["name"] == text] == ["u0001"], query
    assert sql_store.page_runs(RunQuery(states=(text,), limit=5)).items == []
    assert sql_store.page_runs(RunQuery(uid=text, limit=5)).items == []


@pytest.mark.parametrize(
    "after",
    [
        ("x",), (0, 1.0), (0, "x", 1), (0, 1.0, "1"), (0, 1.0, 2**70), (0, float("nan"), 1),
        (0, True, 1), (None, 1.0, 1), (0, 1.0, 1, 1), ("0", 1.0, 1), (0, None, None),
    ],
)  # fmt: skip
def test_broken_positions_are_refused(sql_store: SqlStore, after: tuple[Any, ...]) -> None:
    sql_store.store_run(run(1))
    with pytest.raises(InvalidArgumentError, match="position"):
        sql_store.page_runs(RunQuery(after=after, limit=1))


def test_unknown_orders_are_refused(sql_store: SqlStore) -> None:
    for sort in ("nothing", "--started", "started;", "body"):
        with pytest.raises(InvalidArgumentError, match="sorted"):
            sql_store.page_runs(RunQuery(sort=sort, limit=1))
        with pytest.raises(InvalidArgumentError, match="sorted"):
            sql_store.page_artifacts(ArtifactQuery(sort=sort, limit=1))


def test_duration_follows_the_run(sql_store: SqlStore) -> None:
    sql_store.store_run(run(1, project="p", state="running"))
    assert sql_store.page_runs(RunQuery(limit=1), "columns").items[0]["duration"] is None
    sql_store.set_run_state("p", "u0001", 0, "error", "x")
    row = sql_store.page_runs(RunQuery(limit=1), "columns").items[0]
    assert row["duration"] == pytest.approx(row["ended"] - row["started"])
    assert run_row(run(1))["started"] == row["started"]


def test_deleted_runs_have_a_list_of_their_own(sql_store: SqlStore) -> None:
    for number in range(6):
        sql_store.store_run(run(number, project="p", state="completed"))
    sql_store.delete_runs(RunQuery(project="p", uid=("u0001", "u0004")))
    assert [row["uid"] for row in through(sql_store, RunQuery(deleted=True))] == ["u0004", "u0001"]
    assert len(through(sql_store, RunQuery(project="p"))) == 4


def artifact(number: int) -> dict[str, Any]:
    """An artifact."""
    kind = ("model", "dataset", "")[number % 3]
    return {
        "kind": kind,
        "metadata": {
            "key": f"Key-{number % 4}", "project": f"p{number % 2}", "tree": f"t{number // 10}",
            "labels": {"n": str(number % 5)},
        },
        "spec": {"target_path": f"/x/{number}"},
    }  # fmt: skip


ARTIFACTS = (
    ArtifactQuery(),
    ArtifactQuery(project="p1"),
    ArtifactQuery(projects=("p0", "p1")),
    ArtifactQuery(key="Key-1", project="p1"),
    ArtifactQuery(key="~EY-2"),
    ArtifactQuery(tree="t1", project="p0"),
    ArtifactQuery(kind="model", labels={"n": "3"}),
    ArtifactQuery(category="dataset"),
    ArtifactQuery(tag="latest"),
    ArtifactQuery(tag="latest", project="p0"),
    ArtifactQuery(labels={"n": None}, project="p1"),
    ArtifactQuery(labels={"no": None}),
    ArtifactQuery(project="p0", projects=("p1",)),
)


@pytest.mark.parametrize("sort", ["-updated", "updated", "key", "-key"])
def test_pages_of_artifacts(sql_store: SqlStore, sort: str) -> None:
    for number in range(45):
        sql_store.store_artifact(artifact(number), wait=False)
    for query in ARTIFACTS:
        expected = {(d["metadata"]["uid"]) for d in sql_store.list_artifacts(query)}
        found: list[str] = []
        asked = replace(query, sort=sort, limit=4)
        for _ in range(100):
            page = sql_store.page_artifacts(asked)
            found += [item["metadata"]["uid"] for item in page.items]
            if not page.after:
                break
            asked = replace(asked, after=page.after)
        assert len(found) == len(set(found)) and set(found) == expected, query


def test_plain_artifacts_are_found_by_both_their_kinds(sql_store: SqlStore) -> None:
    for kind in ("", "artifact", "model"):
        document = artifact(1)
        document["metadata"]["key"] = kind or "older"
        sql_store.store_artifact({**document, "kind": kind})
    for asked, expected in (
        ("", ["artifact", "older"]),
        ("artifact", ["artifact", "older"]),
        ("model", ["model"]),
        (None, ["artifact", "model", "older"]),
    ):
        query = ArtifactQuery(kind=asked, sort="key", limit=5)
        for items in (sql_store.page_artifacts(query).items, sql_store.list_artifacts(query)):
            assert sorted(item["metadata"]["key"] for item in items) == expected


def test_a_page_of_artifacts_knows_tags(sql_store: SqlStore) -> None:
    sql_store.store_artifact(artifact(1), tag="prod")
    page = sql_store.page_artifacts(ArtifactQuery(limit=5))
    assert [item["metadata"]["tag"] for item in page.items] == ["prod"]
