"""Live ingestion: events over HTTP and from streams, restarts, failures, redelivery."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    GraphError,
    InvalidArgumentError,
    StepError,
    StoreUnavailableError,
)
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.definitions.run_config import RunConfig
from mlrun_like.feature_store.definitions.validators import MinMaxValidator
from mlrun_like.feature_store.ingestion import live_opening
from mlrun_like.feature_store.ingestion.live import LiveIngestion
from mlrun_like.feature_store.ingestion.live_opening import LiveFeed, StreamReader
from mlrun_like.feature_store.ingestion.sinks import Sink
from mlrun_like.feature_store.sources.streams import HttpSource, StreamSource
from mlrun_like.feature_store.targets.parquet import ParquetTarget
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.opening import open_stream
from tests.gateway.gateways import gateway_at, get, settle, until


def _set(name: str = "live", **options: Any) -> FeatureSet:
    made = FeatureSet(name, entities=["user"], timestamp_key="at", **options)
    made.spec.features = [{"name": "x", "value_type": "float"}]
    made.add_aggregation("x", ["sum"], ["1h"], "10m")
    made.set_targets()
    return made


def _event(number: int) -> dict[str, Any]:
    at = pd.Timestamp("2026-01-01") + pd.Timedelta(seconds=number)
    return {"user": number % 3, "at": at.isoformat(), "x": 1.0}


def _read_all(stream: Stream, group: str) -> bool:
    return not stream.depth(group)


def _rows(feature_set: FeatureSet) -> pd.DataFrame:
    found = pd.read_parquet(str(feature_set.get_target_path()))
    return found.sort_values("at").reset_index(drop=True)


def test_events_become_rows_and_windows() -> None:
    fset = _set()
    feed = LiveFeed(fset, None, "s", seconds=0.01)
    assert feed.accept([_event(n) for n in range(9)]) == 9
    assert feed.accept(_event(9)) == 1
    assert feed.live.flush(60)
    assert feed.live.waiting == 0
    feed.close()
    rows = _rows(fset)
    assert rows["x_sum_1h"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]
    assert str(rows["at"].dtype).startswith("datetime64")
    assert fset.status.targets["nosql"].online


def test_a_service_that_starts_again_goes_on() -> None:
    fset = _set()
    for start in range(0, 30, 10):
        feed = LiveFeed(fset, None, "s", max_events=4, seconds=0.01)
        feed.accept([_event(n) for n in range(start, start + 10)])
        feed.close()  # writes what waits
    rows = _rows(fset)
    assert len(rows) == 30
    assert rows["x_sum_1h"].max() == 10


def test_one_process_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_opening, "_WAIT_FOR_OTHER", 0.1)
    fset = _set()
    feed = LiveFeed(fset, None, "s")
    with pytest.raises(ConflictError, match="another process"):
        LiveFeed(fset, None, "s")
    feed.close()
    feed.close()
    with pytest.raises(InvalidArgumentError, match="closed"):
        feed.accept(_event(1))


def test_what_cannot_be_an_event_is_refused_whole() -> None:
    fset = _set()
    fset["x"] = Feature("float", validator=MinMaxValidator(max=10, severity="error"))
    feed = LiveFeed(fset, None, "s", seconds=0.01)
    for wrong in ([1], "x", [_event(1), 7], {**_event(1), "x": 11.0}):
        with pytest.raises(InvalidArgumentError):
            feed.accept(wrong)
    assert feed.live.waiting == 0
    feed.close()


def test_an_event_that_a_step_fails_on_does_not_stop_the_others() -> None:
    fset = FeatureSet("steps", entities=["user"], timestamp_key="at")
    fset.spec.features = [{"name": "x", "value_type": "float"}]
    fset.graph.to("storey.Map", "inverse", _fn="({**event, 'x': 1 / event['x']})")
    fset.set_targets()
    feed = LiveFeed(fset, None, "s", seconds=0.01)
    feed.accept([{**_event(n), "x": float(n)} for n in range(3)])
    assert feed.live.flush(60)
    assert feed.live.rejected == 1
    kept = (feed.live.feed.folder / "rejected.jsonl").read_text()
    assert "division" in json.loads(kept)["error"]
    feed.close()
    assert _rows(fset)["x"].tolist() == [1.0, 0.5]
    again = LiveFeed(fset, None, "s")
    assert again.live.rejected == 1
    again.close()


def test_an_event_of_another_schema_is_rejected_alone() -> None:
    fset = _set()
    feed = LiveFeed(fset, None, "s", seconds=0.01)
    good = [_event(n) for n in range(6)]
    feed.accept([*good[:3], {"user": 1, "at": "nonsense", "x": 1.0}, *good[3:]])
    assert feed.live.flush(60)
    assert feed.live.rejected == 1
    feed.close()
    assert _rows(fset)["x_sum_1h"].tolist() == [1, 1, 1, 2, 2, 2]


def test_a_store_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlrun_like.feature_store.ingestion.live._AGAIN", 0.01)
    fset, failures = _set(), [3]
    commit = Sink.commit

    def failing(self: Sink, place: Any) -> None:
        if self.online and failures[0]:
            failures[0] -= 1
            raise StoreUnavailableError("the store is away")
        commit(self, place)

    monkeypatch.setattr(Sink, "commit", failing)
    feed = LiveFeed(fset, None, "s", max_events=5, seconds=0.01)
    feed.accept([_event(n) for n in range(12)])
    assert feed.live.flush(60)
    assert feed.live.error is None
    feed.close()
    rows = _rows(fset)
    assert rows["x_sum_1h"].tolist() == [n // 3 + 1 for n in range(12)]


def test_redelivered_records_are_not_doubled() -> None:
    fset = _set()
    url = "memory://live-again"
    stream = open_stream(url)
    stream.create(["other"])
    stream.push([_event(n) for n in range(5)])
    feed = LiveFeed(fset, None, "s", seconds=0.01)
    for group in ("one", "two"):  # the second group gets the same records
        reader = StreamReader(open_stream(url), group, "r", feed)
        until(lambda: feed.live.committed.rows == 5)
        until(partial(_read_all, stream, group))
        reader.close()
    feed.close()
    assert len(_rows(fset)) == 5
    stream.delete()


def test_records_that_are_no_events_are_left_out() -> None:
    fset = _set()
    stream = open_stream("memory://live-bad")
    stream.create(["g"])
    stream.push_records([Record(b"{"), Record(b"[]"), Record(json.dumps(_event(1)).encode())])
    feed = LiveFeed(fset, None, "s", seconds=0.01)
    reader = StreamReader(open_stream("memory://live-bad"), "g", "r", feed)
    until(lambda: feed.live.committed.rows == 1)
    reader.close()
    feed.close()
    assert reader.refused == 2
    stream.delete()


def test_targets_that_cannot_be_written_live(tmp_path: Path) -> None:
    fset = _set()
    with pytest.raises(InvalidArgumentError, match="no targets"):
        LiveFeed(fset, [], "s")
    single = ParquetTarget(path=str(tmp_path / "a.parquet"))
    with pytest.raises(InvalidArgumentError, match="single file"):
        LiveFeed(fset, [single], "s")
    with pytest.raises(InvalidArgumentError, match="no entities"):
        LiveFeed(FeatureSet("none"), None, "s")


def test_a_mock_service() -> None:
    fset = _set()
    with fset.deploy_ingestion_service(
        HttpSource(), run_config=RunConfig(local=True), name="mine"
    ) as server:
        assert server.test(body=[_event(1), _event(2)]) == {"accepted": 2}
        assert server.test("/flush")["flushed"]
        assert server.test(method="GET")["waiting"] == 0
        with pytest.raises((StepError, InvalidArgumentError), match="mapping"):
            server.test(body=[1])
    assert len(_rows(fset)) == 2


def test_a_mock_service_reads_its_stream() -> None:
    fset = _set()
    stream = open_stream("memory://live-mock")
    stream.create(["serving"])
    source = StreamSource(path="memory://live-mock", attributes={"flush_after_seconds": 0.01})
    with fset.deploy_ingestion_service(source, run_config=RunConfig(local=True)):
        stream.push([_event(n) for n in range(7)])
        until(lambda: not stream.depth("serving"))
    assert len(_rows(fset)) == 7
    stream.delete()


def doubled(event: dict[str, Any]) -> dict[str, Any]:
    """A step that only this module has."""
    return {**event, "x": event["x"] * 2}


CODE = """
def doubled(event):
    return {**event, "x": event["x"] * 2}
"""


def _with_code(name: str) -> FeatureSet:
    fset = FeatureSet(name, entities=["user"], timestamp_key="at")
    fset.spec.features = [{"name": "x", "value_type": "float"}]
    fset.graph.to("storey.Map", "double", _fn="doubled")
    fset.set_targets()
    return fset


@pytest.mark.parametrize("code", [None, CODE])
def test_a_mock_service_finds_the_callers_code(code: str | None) -> None:
    fset = _with_code("mine")
    with fset.deploy_ingestion_service(run_config=RunConfig(local=True, code=code)) as server:
        server.test(body=[_event(1), _event(2)])
    assert _rows(fset)["x"].tolist() == [2.0, 2.0]


def test_code_that_a_service_will_not_have_is_told() -> None:
    with pytest.raises(GraphError, match="step 'double' uses 'doubled', which only the calling"):
        _with_code("mine").deploy_ingestion_service()
    wrong = RunConfig(code="def other(event):\n    return event\n")
    with pytest.raises(GraphError, match="only the calling"):
        _with_code("mine").deploy_ingestion_service(run_config=wrong)
    fset = FeatureSet("none", entities=["user"], timestamp_key="at")
    fset.graph.to("storey.Map", "first", _fn="nowhere_at_all")
    with pytest.raises(GraphError, match="nowhere_at_all"):
        fset.deploy_ingestion_service()


def test_a_commit_keeps_the_windows_that_changed_only() -> None:
    fset = _set()
    feed = LiveFeed(fset, None, "s", seconds=0.01)
    sizes = []
    for start in (0, 1000):
        rows = [{**_event(n), "user": n} for n in range(start, start + 1000)]
        feed.accept(rows)
        assert feed.live.flush(60)
        sizes.append(len(feed.live.feed.point(feed.live.committed.chunk).dump()))
    feed.close()
    assert max(sizes) < 10_000
    feed = LiveFeed(fset, None, "s", seconds=0.01)  # windows come from the online store
    feed.accept([{**_event(1500), "user": n} for n in (3, 1003)])
    feed.close()
    assert _rows(fset).tail(1002)["x_sum_1h"].max() == 2.0
    assert (_rows(fset)["x_sum_1h"] == 2.0).sum() == 2


def test_a_file_is_no_source_of_events() -> None:
    with pytest.raises(InvalidArgumentError, match="no source of events"):
        _set().deploy_ingestion_service("a.parquet")


def test_concurrent_senders() -> None:
    fset = _set()
    feed = LiveFeed(fset, None, "s", max_events=7, seconds=0.001)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(feed.accept, [_event(n) for n in range(60)]))
    feed.close()
    assert len(_rows(fset)) == 60


@pytest.fixture
def gateway(home: Path, tmp_path: Path) -> Iterator[str]:
    before = dict(config._set)
    with gateway_at(tmp_path / "gateway") as url:
        settle(tmp_path / "gateway")
        yield url
    config._set.clear()
    config._set.update(before)


@pytest.mark.slow
def test_a_deployed_service(gateway: str) -> None:
    fset = _with_code("live")
    address, function = fset.deploy_ingestion_service(run_config=RunConfig(code=CODE))
    assert address == f"{gateway}/default/live-ingest"
    for number in range(5):
        body = json.dumps(_event(number)).encode()
        found = get(gateway, "/default/live-ingest", body)
        assert found[0] == 200, found
    until(lambda: get(gateway, "/default/live-ingest/flush", b"{}")[0] == 200)
    assert get(gateway, "/default/live-ingest", b"[1]")[0] == 400
    fset.reload()
    assert fset.status.function_uri == "default/live-ingest"
    until(lambda: len(_rows(fset)) == 5)
    assert _rows(fset)["x"].tolist() == [2.0] * 5
    function.delete()


def test_closing_twice_is_harmless() -> None:
    feed = LiveFeed(_set(), None, "s")
    assert isinstance(feed.live, LiveIngestion)
    feed.live.close()
    feed.close()
