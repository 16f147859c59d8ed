"""What every store does, over each database."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    SpecError,
    StateError,
)
from mlrun_like.names import new_uid
from mlrun_like.tracking.base import ArtifactQuery, MetricPoint, RunQuery
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.remote.store import RemoteStore
from mlrun_like.tracking.store import SqlStore

MakeRun = Callable[..., dict[str, Any]]


def art(key: str = "a", **parts: Any) -> dict[str, Any]:
    """An artifact document."""
    kind = parts.pop("kind", "")
    labels = parts.pop("labels", {})
    spec = parts.pop("spec", {})
    return {
        "kind": kind,
        "metadata": {"key": key, "project": parts.pop("project", "p"), "labels": labels, **parts},
        "spec": {"target_path": parts.get("tree", "") + "/x", **spec},
    }


def uids(store: FullStore, **query: Any) -> list[str]:
    """The uids that a query finds."""
    return [run["metadata"]["uid"] for run in store.list_runs(RunQuery(**query))]


# runs


def test_a_run_is_read_back_unchanged(store: FullStore, make_run: MakeRun) -> None:
    run = make_run("u1", "running", name="ünï", results={"x": 1.5, "y": [1, {"z": None}]})
    store.store_run(run)
    assert store.read_run("p", "u1") == run


def test_a_stored_run_survives_reopening(url: str, make_run: MakeRun) -> None:
    open_store(url).store_run(make_run("u1", "completed"))
    close_stores()
    assert uids(open_store(url)) == ["u1"]


def test_an_unwaited_run_is_seen_by_its_own_process(store: FullStore, make_run: MakeRun) -> None:
    run = make_run("u1")
    store.store_run(run, wait=False)
    run["metadata"]["name"] = "changed-later"
    assert store.read_run("p", "u1")["metadata"]["name"] == "train"


def test_missing_run(store: FullStore) -> None:
    with pytest.raises(NotFoundError, match="nope"):
        store.read_run("p", "nope")
    assert store.read_metrics("p", "nope") == {}
    assert store.heartbeat("p", "nope") == ""


def test_a_broken_run_is_refused_at_once(store: FullStore) -> None:
    whole = {"project": "p", "uid": "u"}
    broken: list[dict[str, Any]] = [
        {},
        {"metadata": {}},
        {"metadata": {"project": "p"}},
        {"metadata": {"uid": "u"}},
        {"metadata": {"project": "p", "uid": 3}},
        {"metadata": "x"},
        {"metadata": whole, "status": {"start_time": "yesterday"}},
        {"metadata": whole, "spec": {"a": object()}},
    ]
    for document in broken:
        with pytest.raises(SpecError):
            store.store_run(document)


@pytest.mark.parametrize("final", ["completed", "error", "aborted", "skipped"])
def test_a_terminal_state_sticks_and_results_merge(
    store: FullStore, make_run: MakeRun, final: str
) -> None:
    store.store_run(
        make_run("u1", final, error="first", results={"a": 1}, artifact_uris={"m": "1"})
    )
    store.store_run(
        make_run("u1", "running", error="late", results={"b": 2}, artifact_uris={"n": "2"})
    )
    status = store.read_run("p", "u1")["status"]
    assert (status["state"], status["error"]) == (final, "first")
    assert status["results"] == {"a": 1, "b": 2}
    assert status["artifact_uris"] == {"m": "1", "n": "2"}
    assert uids(store, states=(final,)) == ["u1"] and uids(store, states=("running",)) == []


def test_an_abort_request_is_not_undone_by_a_commit(store: FullStore, make_run: MakeRun) -> None:
    store.store_run(make_run("u1", "running"))
    store.set_run_state("p", "u1", 0, "aborting", "")
    store.store_run(make_run("u1", "running", results={"a": 1}))
    assert store.heartbeat("p", "u1") == "aborting"
    assert store.read_run("p", "u1")["status"]["results"] == {"a": 1}
    store.store_run(make_run("u1", "aborted"))
    assert store.heartbeat("p", "u1") == "aborted"


def test_set_run_state(store: FullStore, make_run: MakeRun) -> None:
    store.store_run(make_run("u1", "running"))
    store.set_run_state("p", "u1", 0, "error", "boom")
    status = store.read_run("p", "u1")["status"]
    assert (status["state"], status["error"]) == ("error", "boom") and status["end_time"]
    with pytest.raises(StateError, match="error"):
        store.set_run_state("p", "u1", 0, "running", "")
    with pytest.raises(NotFoundError):
        store.set_run_state("p", "u2", 0, "error", "")


def test_list_filters(store: FullStore, make_run: MakeRun) -> None:
    for number in range(6):
        store.store_run(
            make_run(
                f"u{number}",
                "completed" if number % 2 else "error",
                project="pq"[number // 3],
                name=f"Train-{number}",
                labels={"n": str(number % 3), "odd" if number % 2 else "ev": ""},
                start_time=f"2026-01-0{number + 1}T00:00:00+00:00",
            ),
            wait=False,
        )
    store.store_run(make_run("u5", iteration=2, project="q", labels={"n": "2"}), wait=False)
    assert uids(store) == uids(store, project="*") == ["u5", "u4", "u3", "u2", "u1", "u0"]
    assert uids(store, project="p") == ["u2", "u1", "u0"]
    assert uids(store, limit=2) == ["u5", "u4"]
    assert uids(store, name="Train-3") == ["u3"] and uids(store, name="train-3") == []
    assert uids(store, name="~RAIN-3") == ["u3"] and uids(store, name="~%") == []
    assert uids(store, uid=("u1", "u4", "zz")) == ["u4", "u1"] and uids(store, uid="u1") == ["u1"]
    assert uids(store, labels={"n": "1"}) == ["u4", "u1"]
    assert uids(store, labels={"odd": None}) == ["u5", "u3", "u1"]
    assert uids(store, labels={"n": "1", "odd": None}, project="p") == ["u1"]
    assert uids(store, labels={"odd": None}, limit=1) == ["u5"]
    assert uids(store, states=("error",)) == ["u4", "u2", "u0"]
    assert uids(store, since="2026-01-03", until="2026-01-04T00:00:00Z") == ["u3", "u2"]
    assert uids(store, iterations=True, project="q").count("u5") == 2
    assert uids(store, iteration=2) == ["u5"]
    with pytest.raises(SpecError, match="not an ISO time"):
        uids(store, since="soon")


def test_labels_follow_the_run(store: FullStore, make_run: MakeRun) -> None:
    store.store_run(make_run("u1", labels={"a": "1"}))
    store.store_run(make_run("u1", labels={"b": "2"}))
    assert uids(store, labels={"a": None}) == [] and uids(store, labels={"b": "2"}) == ["u1"]


def test_delete_runs(store: FullStore, make_run: MakeRun) -> None:
    for number in range(3):
        store.store_run(make_run(f"u{number}", "completed"))
    store.store_run(make_run("u0", "completed", iteration=1))
    store.store_run(make_run("live", "running"))
    with pytest.raises(ConflictError, match="live"):
        store.delete_runs(RunQuery(project="p"))
    assert len(uids(store)) == 4, "nothing may be deleted by half"
    assert store.delete_runs(RunQuery(project="p", uid="u0")) == 2
    assert uids(store, iterations=True, states=("completed",)) == ["u2", "u1"]
    assert uids(store, deleted=True) == ["u0"]
    with pytest.raises(NotFoundError):
        store.read_run("p", "u0")
    store.append_log("p", "u1", b"text")
    assert store.delete_runs(RunQuery(project="p", uid="u1"), hard=True) == 1
    assert store.log_size("p", "u1") == 0 and uids(store, deleted=True) == ["u0"]


def test_heartbeat_returns_the_recorded_state(store: FullStore, make_run: MakeRun) -> None:
    store.store_run(make_run("u1", "running"))
    assert store.heartbeat("p", "u1") == "running"


# metrics


def test_metrics_are_series_and_odd_numbers_survive(store: FullStore, make_run: MakeRun) -> None:
    store.store_run(make_run("u1"))
    values = [math.nan, math.inf, -math.inf, 0.0, -1e308, 5e-324]
    points = [MetricPoint("loss", value, step, 1.5) for step, value in enumerate(values)]
    store.log_metrics("p", "u1", 0, points)
    store.log_metrics("p", "u1", 0, points)  # delivered twice
    store.log_metrics("p", "u1", 0, [MetricPoint("acc", 0.5, -1, 2.0)])
    series = store.read_metrics("p", "u1")
    assert list(series) == ["loss", "acc"] or list(series) == ["acc", "loss"]
    read = [point.value for point in series["loss"]]
    assert math.isnan(read[0]) and read[1:] == values[1:]
    assert store.read_metrics("p", "u1", keys=["acc"]) == {
        "acc": [MetricPoint("acc", 0.5, -1, 2.0)]
    }


def test_metrics_that_come_before_their_run(store: FullStore, make_run: MakeRun) -> None:
    store.log_metrics("p", "u1", 3, [MetricPoint("a", 1.0, 0, 0.0)])
    store.flush()
    assert uids(store, iterations=True) == []
    store.store_run(make_run("u1", iteration=3))
    assert store.read_run("p", "u1", 3)["metadata"]["name"] == "train"
    assert len(store.read_metrics("p", "u1", 3)["a"]) == 1


def test_bad_points_do_not_take_good_ones_along(
    store: FullStore, make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    store.store_run(make_run("u1"))
    points = [MetricPoint("a", float(n), n, 0.0) for n in range(9)]
    points[4] = MetricPoint("a", 4.0, 2**70, 0.0)
    points[7] = MetricPoint("a", "text", 7, 0.0)  # type: ignore[arg-type]
    store.log_metrics("p", "u1", 0, points)
    store.store_run(make_run("u1", "completed"))
    assert [p.step for p in store.read_metrics("p", "u1")["a"]] == [0, 1, 2, 3, 5, 6, 8]
    assert isinstance(store, (SqlStore, RemoteStore))
    lines = store.writer.spool.rejected.read_text().splitlines()
    assert len(lines) == 2 and "text" in lines[1]
    assert "put it aside" in caplog.text


# artifacts


def test_artifact_versions_and_tags(store: FullStore) -> None:
    store.store_artifact(art(tree="t1"), tag="v1")
    store.store_artifact(art(tree="t2"))
    latest = store.read_artifact("p", "a")
    assert latest["metadata"]["tree"] == "t2" and latest["metadata"]["tag"] == "latest"
    assert store.read_artifact("p", "a", tag="v1")["metadata"]["tree"] == "t1"
    assert store.read_artifact("p", "a", tree="t1")["metadata"]["tag"] == "v1"
    store.tag_artifact("p", "a", latest["metadata"]["uid"], "v1")
    assert store.read_artifact("p", "a", tag="v1")["metadata"]["tree"] == "t2"
    listed = store.list_artifacts(ArtifactQuery(project="p"))
    assert [(a["metadata"]["tree"], a["metadata"].get("tag")) for a in listed] == [
        ("t2", "v1"),
        ("t1", None),
    ]
    with pytest.raises(NotFoundError, match="v9"):
        store.read_artifact("p", "a", tag="v9")
    with pytest.raises(NotFoundError, match="uid"):
        store.tag_artifact("p", "a", "uid-nobody-has", "x")


def test_the_same_version_again_replaces(store: FullStore) -> None:
    store.store_artifact(art(tree="t1", labels={"a": "1"}))
    store.store_artifact(art(tree="t1", labels={"b": "2"}))
    found = store.list_artifacts(ArtifactQuery())
    assert len(found) == 1 and found[0]["metadata"]["labels"] == {"b": "2"}
    assert store.list_artifacts(ArtifactQuery(labels={"a": None})) == []
    assert len(store.list_artifacts(ArtifactQuery(labels={"b": "2"}))) == 1


def test_iterations_and_links(store: FullStore) -> None:
    for number in (1, 2, 3):
        store.store_artifact(art(tree="t1", iter=number))
    assert store.read_artifact("p", "a")["metadata"]["iter"] == 3
    store.store_artifact(art(tree="t1", kind="link", spec={"link_iteration": 2, "link_key": "a"}))
    assert store.read_artifact("p", "a")["metadata"]["iter"] == 2
    assert store.read_artifact("p", "a", tree="t1")["metadata"]["iter"] == 2
    assert store.read_artifact("p", "a", iteration=3)["metadata"]["iter"] == 3
    assert store.read_artifact("p", "a", iteration=0)["kind"] == "link"
    store.store_artifact(art(tree="t2"))
    assert store.read_artifact("p", "a")["metadata"]["tree"] == "t2"
    assert len(store.list_artifacts(ArtifactQuery(tag="latest"))) == 1, "older trees lose the tag"
    assert store.read_artifact("p", "a", iteration=3)["metadata"]["tree"] == "t1", "the newest"
    store.store_artifact(art(tree="t3", iter=3))
    store.store_artifact(art(tree="t4", iter=1))
    assert store.read_artifact("p", "a", iteration=3)["metadata"]["tree"] == "t3"
    assert store.read_artifact("p", "a", tag="latest", iteration=3)["metadata"]["tree"] == "t3"
    assert store.read_artifact("p", "a", iteration=1)["metadata"]["tree"] == "t4"
    for wanted in ({"iteration": 4}, {"iteration": 3, "tag": "v1"}, {"iteration": 3, "tree": "t4"}):
        with pytest.raises(NotFoundError, match="iteration"):
            store.read_artifact("p", "a", **wanted)
    store.store_artifact(art("b", kind="link", spec={"link_iteration": 7}))
    with pytest.raises(NotFoundError, match="link to iteration 7"):
        store.read_artifact("p", "b")


def test_artifact_filters(store: FullStore) -> None:
    store.store_artifact(art("Model.1", kind="model", tree="t1"), tag="prod")
    store.store_artifact(art("data", kind="dataset", tree="t1", iter=1))
    store.store_artifact(art("text", tree="t2", project="q"))

    def keys(**query: Any) -> set[str]:
        return {a["metadata"]["key"] for a in store.list_artifacts(ArtifactQuery(**query))}

    assert keys() == keys(project="*") == {"Model.1", "data", "text"}
    assert keys(project="q") == {"text"} == keys(category="other") == keys(kind="")
    assert keys(category="model") == {"Model.1"} == keys(tag="prod") == keys(key="~odel.")
    assert keys(tree="t1") == {"Model.1", "data"} and keys(iteration=1) == {"data"}
    assert keys(since="2020-01-01") == keys() and keys(until="2020-01-01") == set()
    assert len(store.list_artifacts(ArtifactQuery(limit=2))) == 2


def test_delete_artifacts(store: FullStore) -> None:
    store.store_artifact(art(tree="t1"), tag="v1")
    assert store.delete_artifacts(ArtifactQuery(project="p", key="a")) == 1
    wanted: list[dict[str, Any]] = [{}, {"tag": "v1"}, {"tree": "t1"}]
    for arguments in wanted:
        with pytest.raises(NotFoundError):
            store.read_artifact("p", "a", **arguments)
    store.store_artifact(art(tree="t1"))
    assert store.read_artifact("p", "a")
    assert store.delete_artifacts(ArtifactQuery(project="p", key="a"), hard=True) == 1


def test_threads_that_move_one_tag_leave_one_holder(store: FullStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.store_artifact(art(tree=f"t{n}"), tag="best"), range(40)))
    assert len(store.list_artifacts(ArtifactQuery(tag="best"))) == 1
    assert len(store.list_artifacts(ArtifactQuery(tag="latest"))) == 1
    assert len(store.list_artifacts(ArtifactQuery(tag="*"))) == 40


# functions, logs, lineage


def test_functions(store: FullStore) -> None:
    def fn(version: str) -> dict[str, Any]:
        return {
            "kind": "job",
            "metadata": {"name": "f", "project": "p"},
            "spec": {"image": version},
        }

    one, two = store.store_function(fn("1"), tag="v1"), store.store_function(fn("2"))
    assert one != two and store.store_function(fn("1"), tag="v1") == one
    assert store.read_function("p", "f")["spec"]["image"] == "1"
    assert store.read_function("p", "f", hash=two)["spec"]["image"] == "2"
    assert store.read_function("p", "f", tag="v1")["metadata"]["hash"] == one
    assert [f["metadata"]["hash"] for f in store.list_functions("p")] == [one, two]
    assert len(store.list_functions("p", "~F", "v1")) == 1
    assert len(store.list_functions("p", tag="latest")) == 1
    with pytest.raises(NotFoundError, match="'g'"):
        store.read_function("p", "g")
    with pytest.raises(SpecError, match="name"):
        store.store_function({"metadata": {"project": "p"}})


def test_logs(store: FullStore) -> None:
    assert store.read_log("p", "u1") == b"" and store.log_size("p", "u1") == 0
    pieces = [b"abc", b"", bytes(range(256)), "ü".encode() * 9]
    for piece in pieces:
        store.append_log("p", "u1", piece)
        store.flush()
    whole = b"".join(pieces)
    assert store.read_log("p", "u1") == whole and store.log_size("p", "u1") == len(whole)
    for start in (0, 1, 3, 200, len(whole), len(whole) + 5):
        assert store.read_log("p", "u1", start) == whole[start:]
        assert store.read_log("p", "u1", start, 10) == whole[start : start + 10]
    big = bytes(3 << 20) + b"end"
    store.append_log("p", "u2", big)
    assert store.read_log("p", "u2") == big


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pieces=st.lists(st.binary(max_size=40), max_size=12),
    start=st.integers(0, 300),
    size=st.integers(-1, 300),
)
def test_log_slices(store: FullStore, pieces: list[bytes], start: int, size: int) -> None:
    uid = new_uid()
    for piece in pieces:
        store.append_log("p", uid, piece)
    whole = b"".join(pieces)
    wanted = whole[start:] if size < 0 else whole[start : start + size]
    assert store.read_log("p", uid, start, size) == wanted


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text())
def test_any_text_is_recorded(store: FullStore, make_run: MakeRun, text: str) -> None:
    uid = new_uid()
    run = make_run(uid, "completed", results={"text": text, text: 1})
    store.store_run(run)
    assert store.read_run("p", uid) == run


def test_lineage_in_both_directions(store: FullStore) -> None:
    uri = "store://models/p/m"
    store.record_use("p", "maker", uri, "write")
    store.record_use("p", "user", uri, "read")
    store.record_use("p", "user", uri, "read")
    assert [(e["uid"], e["direction"]) for e in store.lineage("p", artifact_uri=uri)] == [
        ("maker", "write"),
        ("user", "read"),
    ]
    assert [e["artifact_uri"] for e in store.lineage("p", uid="user")] == [uri]
    assert store.lineage("q") == []
    with pytest.raises(InvalidArgumentError, match="sideways"):
        store.record_use("p", "u", uri, "sideways")


def test_threads_write_together(store: FullStore, make_run: MakeRun) -> None:
    def work(number: int) -> None:
        store.store_run(make_run(f"u{number}"))
        store.log_metrics("p", f"u{number}", 0, [MetricPoint("a", 1.0, s, 0.0) for s in range(50)])
        store.store_run(make_run(f"u{number}", "completed"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert len(uids(store, states=("completed",))) == 40
    assert all(len(store.read_metrics("p", f"u{n}")["a"]) == 50 for n in range(40))


def test_closing_twice_and_going_on(store: FullStore, make_run: MakeRun) -> None:
    store.log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, 0, 0.0)])
    store.close()
    store.close()
    store.store_run(make_run("u1"))
    assert len(store.read_metrics("p", "u1")["a"]) == 1
