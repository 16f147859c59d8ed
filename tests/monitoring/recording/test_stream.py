"""Tracking streams become batches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.monitoring.endpoints.document import endpoint_uid
from mlrun_like.monitoring.endpoints.records import list_model_endpoints
from mlrun_like.monitoring.recording.reading import count_events, read_events
from mlrun_like.monitoring.recording.stream import StreamReader, consume_stream
from mlrun_like.streams.opening import open_stream
from mlrun_like.tracking.connect import open_store

RECORD = {
    "class": "Net", "worker": "0", "model": "net", "version": "v1", "host": "h",
    "function_uri": "p/serve", "op": "infer", "when": "2026-01-01 00:00:00.5+00:00",
    "microsec": 120, "request": {"id": "a", "inputs": [[1, 2.5]]},
    "resp": {"id": "a", "outputs": [1]},
}  # fmt: skip
UID = endpoint_uid("p/serve", "net:v1")


def test_records_of_every_form() -> None:
    stream = open_stream("memory://monitoring-forms")
    headers = ["request", "op", "resp", "when", "microsec", "metrics"]
    rows = [
        [{"id": f"b{i}", "inputs": [[i, 0.5]]}, "infer", {"outputs": [0]}, RECORD["when"], 80, {}]
        for i in range(3)
    ]
    base = {key: RECORD[key] for key in ("model", "version", "function_uri")}
    failed = {**RECORD, "request": {"id": "bad", "inputs": "x"}, "error": "no\nway"}
    del failed["resp"]
    stream.push([RECORD, {**base, "headers": headers, "values": rows}, failed])
    assert consume_stream(stream) == 5
    frame = read_events("p", UID)
    assert sorted(frame["event_id"]) == ["a", "b0", "b1", "b2", "bad"]
    row = frame[frame["event_id"] == "a"].iloc[0]
    assert (row["f0"], row["f1"], row["p0"], row["latency_us"]) == (1.0, 2.5, 1.0, 120)
    assert row["time"] == 1767225600.5
    assert count_events("p", UID).errors == 1
    (endpoint,) = list_model_endpoints("p")
    assert endpoint.metadata.uid == UID and endpoint.spec.stream_path.startswith("memory://")
    assert endpoint.status.requests == 5
    assert consume_stream(stream) == 0
    stream.delete()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"3", b"null", b"\xff", b"{}", b'{"function_uri": 3, "model": "m"}',
        b'{"function_uri": "p/f"}', b'{"function_uri": "///", "model": "m"}',
        json.dumps({**RECORD, "headers": ["a"], "values": [[1, 2]]}).encode(),
        json.dumps({**RECORD, "when": "soon"}).encode(),
        json.dumps({**RECORD, "microsec": "long"}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_tracking_record_is_left_out(body: bytes) -> None:
    stream = open_stream("memory://monitoring-broken")
    stream.push([body, RECORD])
    with StreamReader(stream) as reader:
        while reader.step(wait=0.0):
            pass
        assert (reader.stored, reader.refused) == (1, 1)
    stream.delete()


def test_a_reader_that_dies_before_it_acknowledges(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_stream("memory://monitoring-killed")
    stream.push([{**RECORD, "request": {"id": f"e{i}", "inputs": [[i]]}} for i in range(3)])
    reader = StreamReader(stream)

    def killed(records: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reader._consumer, "ack", killed)
    with pytest.raises(KeyboardInterrupt):
        reader.step()
    reader.close()
    stream.push([{**RECORD, "request": {"id": "e3", "inputs": [[3]]}}])
    assert consume_stream(stream) == 4
    assert sorted(read_events("p", UID)["event_id"]) == ["e0", "e1", "e2", "e3"]
    stream.delete()


def test_a_store_that_is_away_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_stream("memory://monitoring-away")
    stream.push([RECORD])
    reader = StreamReader(stream)
    store = type(open_store())

    def away(*_: Any) -> Any:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "append_batches", away)
        with pytest.raises(StoreUnavailableError):
            reader.step()
    reader.close()
    assert consume_stream(stream) == 1
    stream.delete()
