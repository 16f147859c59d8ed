"""Batches of what endpoints saw in the store, over each database."""

from __future__ import annotations

import threading

from mlrun_like.monitoring.clock import simulated
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.monitoring_abilities import QualityRow, SeriesBatch, SeriesStore


def batch(name: str, first: float, last: float, kind: str = "events", rows: int = 2) -> SeriesBatch:
    return SeriesBatch("p", "u", kind, name, first, last, rows, b"\x00\xff", {"requests": rows})


def test_batches_by_time(store: FullStore) -> None:
    assert isinstance(store, SeriesStore)
    batches = [
        batch("c", 20, 30),
        batch("a", 0, 10),
        batch("b", 10, 19),
        batch("l", 5, 5, "labels"),
    ]
    with simulated(100.0):
        assert store.append_batches(batches) == 4
    with simulated(200.0):
        assert store.append_batches([batch("d", 0, 40), *batches]) == 1

    def names(start: float | None, end: float | None) -> list[str]:
        found = store.read_batches("p", "u", "events", start, end)
        return [item.batch_id for item in found]

    assert names(None, None) == ["a", "b", "c", "d"]
    assert names(10, 19) == ["a", "b", "d"]
    assert names(11, 20) == ["b", "d"]
    assert names(31, None) == ["d"] and names(41, None) == []
    (one,) = store.read_batches("p", "u", "labels")
    assert one == SeriesBatch("p", "u", "labels", "l", 5, 5, 2, b"\x00\xff", {"requests": 2}, 100.0)
    (late,) = store.read_batches("p", "u", "events", added_since=150.0, bodies=False)
    assert late.batch_id == "d" and late.body == b""
    assert store.series_span("p", "u", "events") == (0.0, 40.0, 8)
    assert store.series_span("p", "u", "sketches") is None


def test_endpoints_that_have_rows_of_a_kind(store: FullStore) -> None:
    for uid in ("u", "v"):
        store.store_endpoint({"metadata": {"project": "p", "uid": uid, "name": uid}})
    assert store.series_endpoints("p", "labels") == set()
    store.append_batches([batch("a", 0, 10), batch("l", 5, 5, "labels")])
    assert store.series_endpoints("p", "labels") == {"u"} == store.series_endpoints("p", "events")
    assert store.series_endpoints("q", "labels") == set()


def test_retention(store: FullStore) -> None:
    store.append_batches([batch("a", 0, 10), batch("b", 5, 20), batch("l", 0, 1, "labels")])
    assert store.delete_batches("p", "u", 20, "events") == 1
    assert store.delete_batches("*", "*", 5) == 1
    assert store.delete_batches("q", "*", 100) == 0
    assert [item.batch_id for item in store.read_batches("p", "u", "events")] == ["b"]


def test_quality_is_one_row_for_a_window(store: FullStore) -> None:
    store.store_quality("p", "u", [QualityRow(0, 10, 50, {"accuracy": 0.5})])
    store.store_quality(
        "p", "u", [QualityRow(10, 20, 60, {}), QualityRow(0, 10, 60, {"accuracy": 0.75})]
    )
    rows = store.list_quality("p", "u")
    assert rows == [QualityRow(0, 10, 60, {"accuracy": 0.75}), QualityRow(10, 20, 60, {})]
    assert store.list_quality("p", "u", 5, 15) == rows[1:]
    assert store.list_quality("p", "other") == []


def test_many_threads_deliver_the_same(store: FullStore) -> None:
    store.store_endpoint({"metadata": {"project": "p", "uid": "u"}})
    batches = [batch(f"b{number}", number, number + 1) for number in range(20)]
    new: list[int] = []

    def deliver() -> None:
        new.append(store.append_batches(batches))

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == 20
    assert store.read_endpoint("p", "u")["status"]["requests"] == 40
