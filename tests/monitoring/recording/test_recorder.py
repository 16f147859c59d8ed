"""The recorder: what is taken is written once, in bounds, whatever fails."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import StoreUnavailableError
from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.recording import recorder as module
from mlrun_like.monitoring.recording.channel import Channel
from mlrun_like.monitoring.recording.ground_truth import join_ground_truth, log_ground_truth
from mlrun_like.monitoring.recording.reading import count_events, read_events, read_sketches
from mlrun_like.monitoring.recording.recorder import Recorder, flush_recorders
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch


def make() -> tuple[Recorder, Channel]:
    open_store().store_endpoint({"metadata": {"project": "p", "uid": "u"}})
    recorder = Recorder()
    return recorder, recorder.channel("p", "u")


def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_thread_writes_by_itself() -> None:
    config.monitoring_flush_interval = 0.1
    recorder, channel = make()
    for number in range(100):
        channel.push(f"e{number}", [[number, 1.0]], [number], 250.0)
    channel.push_error("bad", [["x"]], ValueError("no"), 10.0)
    channel.push_label("e1", 5)
    until(lambda: len(read_events("p", "u")) == 101)
    counts = count_events("p", "u")
    assert (counts.requests, counts.errors, counts.dropped) == (101, 1, 0)
    assert counts.error_kinds == {"ValueError": 1} and counts.error_rate == 1 / 101
    assert counts.latency_us(0.5) == pytest.approx(250, rel=0.03)
    assert open_store().series_span("p", "u", "labels") is not None
    assert recorder.totals()[("p", "u")] == {"recorded": 101, "dropped": 0, "waiting": 0}
    recorder.close()
    assert open_store().read_endpoint("p", "u")["status"]["requests"] == 101


def test_the_thread_ends_with_its_last_channel() -> None:
    recorder, channel = make()
    channel.push("a", [[1]], [1], 1.0)
    recorder.remove(channel)
    assert len(read_events("p", "u")) == 1  # removing wrote it
    until(lambda: recorder._thread is None)
    again = recorder.channel("p", "u")
    again.push("b", [[1]], [1], 1.0)
    recorder.close()
    assert len(read_events("p", "u")) == 2


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    config.monitoring_queue, config.monitoring_queue_cells = 10, 1000
    recorder, channel = make()
    channel.awake = True
    for number in range(25):
        channel.push(f"e{number}", [[1.0]], [1], 1.0)
    assert channel.waiting() == 10 and channel.dropped == 15
    recorder.flush()
    channel.push("wide", [[0.0] * 5000], [1], 1.0)
    channel.push("many", [[0.0]] * 5000, [1], 1.0)
    channel.push("long", ["x" * 5000], [1], 1.0)
    channel.push_error("wide", [[0.0] * 5000], ValueError("x"), 1.0)
    assert channel.waiting() == 0
    recorder.flush()
    counts = count_events("p", "u")
    assert (counts.requests, counts.rows, counts.dropped) == (29, 10, 19)
    assert open_store().read_endpoint("p", "u")["status"]["dropped"] == 19
    recorder.close()


def test_sampling_keeps_numbers_of_all() -> None:
    recorder = Recorder()
    open_store().store_endpoint({"metadata": {"project": "p", "uid": "u"}})
    channel = recorder.channel("p", "u", every=10)
    channel.awake = True
    with simulated(1_000_000.0) as clock:
        for number in range(100):
            channel.push(f"e{number}", [[float(number)]], [0.5], 1.0)
        channel.push_error("bad", [[1.0]], ValueError("x"), 1.0)
        clock.advance(120)
        recorder.close()
    counts = count_events("p", "u")
    assert (counts.requests, counts.rows, counts.errors) == (101, 11, 1)
    assert counts.left_out == 90
    assert [name for name in read_events("p", "u")["event_id"]][:3] == ["bad", "e0", "e10"]
    sketches = open_store().read_batches("p", "u", "sketches")
    assert sum(batch.rows for batch in sketches) == 100


def test_an_object_that_cannot_be_read_loses_itself_only() -> None:
    class Hostile(list[Any]):
        def __len__(self) -> int:
            raise RuntimeError("no length")

    recorder, channel = make()
    channel.awake = True
    channel.push("good", [[1.0]], [1], 1.0)
    channel.push("bad", [Hostile()], Hostile(), 1.0)
    channel.push("good2", [[1.0]], [1], 1.0)
    recorder.flush()
    assert set(read_events("p", "u")["event_id"]) >= {"good", "good2"}
    assert count_events("p", "u").requests == 3
    recorder.close()


class Away:
    """Makes the store's file unusable for a while, as a full or missing disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._real = type(open_store()).append_batches

    def go(self) -> None:
        def fail(*_: Any) -> int:
            raise StoreUnavailableError("the store is away")

        self._patch.setattr(type(open_store()), "append_batches", fail)

    def come(self) -> None:
        self._patch.setattr(type(open_store()), "append_batches", self._real)


def test_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr("mlrun_like.monitoring.recording.delivering._AGAIN", 0.0)
    recorder, channel = make()
    channel.awake = True
    store = Away(monkeypatch)
    store.go()
    for number in range(3):
        channel.push(f"e{number}", [[1.0]], [1], 1.0)
        recorder.flush()
    files = list((home / "spool").glob("monitoring-*/*.batch"))
    assert len(files) == 3 and recorder._delivery.away
    # a worker that was killed half-way left these; the next one goes on
    (files[0].parent / "broken.batch").write_bytes(b"\x00\xff no json")
    (files[0].parent / "half.1.tmp").write_bytes(b"half")
    store.come()
    other = Recorder()
    other.channel("p", "u").awake = True
    other._delivery.away = True
    other.flush()
    assert len(read_events("p", "u")) == 3
    recorder.close()
    assert len(read_events("p", "u")) == 3
    assert not list((home / "spool").glob("monitoring-*/*.batch"))
    assert list((home / "spool").glob("monitoring-*/broken.bad"))
    other.close()


def test_files_that_are_no_batches_hold_nobody_back(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr("mlrun_like.monitoring.recording.delivering._AGAIN", 0.0)
    recorder, channel = make()
    channel.awake = True
    store = Away(monkeypatch)
    store.go()
    channel.push("e", [[1.0]], [1], 1.0)
    recorder.flush()
    spool = recorder._delivery.spool()
    (whole,) = spool.waiting()
    head, _, body = whole.read_bytes().partition(b"\n")
    size = spool.size()
    bad = {
        "list": b"[]\n",
        "number": b"1\n",
        "types": json.dumps({**json.loads(head), "first": "x"}).encode() + b"\n" + body,
        "nobody": json.dumps({**json.loads(head), "project": None}).encode() + b"\n" + body,
        "summary": json.dumps({**json.loads(head), "summary": []}).encode() + b"\n" + body,
    }
    for name, data in bad.items():
        (spool.folder / f"{name}.batch").write_bytes(data)
    (spool.folder / "folder.batch").mkdir()
    dead = spool.folder / "dead.1.tmp"
    dead.write_bytes(b"x" * 1000)
    os.utime(dead, (1, 1))
    store.come()
    recorder.flush()
    assert len(read_events("p", "u")) == 1 and not recorder._delivery.away
    assert spool.size() == 0 < size and not spool.waiting() and not dead.exists()
    assert len(list(spool.folder.glob("*.bad"))) == len(bad) + 1
    recorder.close()


def test_damaged_batches_in_the_store_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    recorder, channel = make()
    channel.push("e", [[1.0]], [1], 1.0)
    recorder.close()
    log_ground_truth("p", "u", {"e": 1})
    store = open_store()
    (batch,) = store.read_batches("p", "u", "events")
    (label,) = store.read_batches("p", "u", "labels")
    for number, one in enumerate((batch, label)):
        for cut in (b"", b"\x00" * 50, one.body[: len(one.body) // 2], (label, batch)[number].body):
            name = f"bad-{number}-{cut[:40]!r}-{len(cut)}"
            store.append_batches([replace(one, batch_id=name, body=cut)])
    store.append_batches([replace(batch, kind="sketches", batch_id="bad", body=b"nothing")])
    assert read_events("p", "u")["event_id"].tolist() == ["e"]
    assert join_ground_truth("p", "u")["label"].tolist() == [1]
    assert read_sketches("p", "u") is not None
    assert "cannot be read" in caplog.text


def test_neither_store_nor_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlrun_like.monitoring.recording.delivering._AGAIN", 0.0)
    config.monitoring_spool_bytes = 10
    recorder, channel = make()
    channel.awake = True
    store = Away(monkeypatch)
    store.go()
    channel.push("lost", [[1.0]], [1], 1.0)
    recorder.flush()
    assert channel.dropped == 1
    store.come()
    channel.push("kept", [[1.0]], [1], 1.0)
    recorder.close()
    counts = count_events("p", "u")
    assert (counts.requests, counts.rows, counts.dropped) == (2, 1, 1)


def test_a_full_disk_leaves_memory_which_is_bounded(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr("mlrun_like.monitoring.recording.delivering._AGAIN", 0.0)
    monkeypatch.setattr("mlrun_like.monitoring.recording.delivering._MEMORY", 15_000)
    recorder, channel = make()
    channel.awake = True
    store = Away(monkeypatch)
    store.go()
    (home / "spool").mkdir(exist_ok=True)
    folder = recorder._delivery.spool().folder
    folder.write_bytes(b"in the way")  # no folder can be made here
    for number in range(20):
        channel.push(f"e{number}", [[1.0]], [1], 1.0)
        recorder.flush()
    waiting = len(recorder._delivery._memory)
    assert 0 < waiting < 20 and channel.dropped == 20 - waiting
    folder.unlink()
    store.come()
    recorder.close()
    counts = count_events("p", "u")
    assert (counts.requests, counts.rows, counts.dropped) == (20, waiting, 20 - waiting)


def test_a_batch_that_the_store_refuses_loses_itself_only(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, channel = make()
    channel.awake = True
    real = type(open_store()).append_batches

    def picky(self: Any, batches: list[SeriesBatch]) -> int:
        if any(batch.endpoint == "u" for batch in batches):
            raise ValueError("not this one")
        return real(self, batches)

    monkeypatch.setattr(type(open_store()), "append_batches", picky)
    other = recorder.channel("p", "v")
    other.awake = True
    channel.push("a", [[1]], [1], 1.0)
    other.push("b", [[1]], [1], 1.0)
    recorder.close()
    assert channel.dropped == 1
    assert read_events("p", "v")["event_id"].tolist() == ["b"]


def test_a_forked_child_starts_empty() -> None:
    recorder = module.recorder_of_process()
    open_store().store_endpoint({"metadata": {"project": "p", "uid": "u"}})
    channel = recorder.channel("p", "u")
    channel.awake = True
    channel.push("parent", [[1]], [1], 1.0)
    pid = os.fork()
    if not pid:
        try:
            assert channel.waiting() == 0
            channel.push("child", [[1]], [1], 1.0)
            flush_recorders()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    recorder.remove(channel)
    assert sorted(read_events("p", "u")["event_id"]) == ["child", "parent"]


@pytest.mark.slow
def test_memory_stays_bounded_under_a_flood() -> None:
    """A hundred thousand requests of all sizes: memory grows by no more than its bounds."""
    config.monitoring_flush_interval = 0.2
    config.monitoring_queue, config.monitoring_queue_cells = 2000, 200_000
    recorder, channel = make()

    def flood(count: int) -> None:
        for number in range(count):
            width = 20 if number % 50 else 3000
            channel.push(f"e{number}", [[0.5] * width], [1.0], 1.0)
            if number % 1000 == 0:
                time.sleep(0.005)

    flood(20_000)
    recorder.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    flood(80_000)
    recorder.flush()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    recorder.close()
    assert after - before < 100_000  # kilobytes
    counts = count_events("p", "u")
    assert counts.requests == 100_000
    assert counts.rows + counts.dropped == 100_000
