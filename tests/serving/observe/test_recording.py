from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError, SpecError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.journal import Journal, read_journal
from mlrun_like.serving.observe.recording import Recorder, without_secrets
from mlrun_like.serving.server import GraphServer

WRITE = """
import sys
from mlrun_like.serving.observe.recording import Recorder
from mlrun_like.serving.event import Event, Response
recorder = Recorder(sys.argv[1], max_bytes=20000, format=sys.argv[2])
number = 0
while True:
    event = Event({"n": number, "fill": "x" * 200}, id=str(number))
    recorder.begin(event)
    recorder.end(event, Response(number), None)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
"""


def grow(body: Any) -> Any:
    body["seen"] = True
    return body


def served(recorder: Recorder) -> GraphServer:
    graph = flow()
    graph.to(grow, "grow").to(lambda body: 10 / body["x"], "divide")
    server = graph.to_mock_server()
    server.observe(recorder)
    return server


def test_what_is_recorded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, steps=True)
    server = served(recorder)
    headers = {"Authorization": "Bearer x", "X-User": "ann", "Cookie": "c", "My-API-Key": "k"}
    server.test("/a?token=abc&n=1", {"x": 4}, headers=headers, event_id="e1")
    server.test(body={"x": 0}, event_id="e2", silent=True)
    recorder.close()
    good, bad = read_journal(tmp_path)
    assert good["id"] == "e1" and good["path"] == "/a" and good["method"] == "POST"
    assert good["query"] == "token=***&n=1"
    assert good["headers"] == {
        "authorization": "***", "x-user": "ann", "cookie": "***", "my-api-key": "***",
    }  # fmt: skip
    assert good["body"] == {"x": 4}, "as it came, though a step changed it in place"
    assert (good["status"], good["answer"]) == (200, 2.5) and good["seconds"] > 0
    grown, divided = good["steps"]
    assert (grown["step"], grown["body"], grown["result"]) == (
        "grow", {"x": 4}, {"x": 4, "seen": True},
    )  # fmt: skip
    assert (divided["body"], divided["result"]) == ({"x": 4, "seen": True}, 2.5)
    assert "error" not in good
    assert bad["status"] == 500 and bad["steps"][1]["error"]["type"] == "ZeroDivisionError"
    assert bad["error"] == {
        "type": "ZeroDivisionError", "message": "division by zero", "step": "divide",
    }  # fmt: skip


def test_only_named_steps(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, steps=["divide"])
    served(recorder).test(body={"x": 1})
    recorder.close()
    (record,) = read_journal(tmp_path)
    assert [entry["step"] for entry in record["steps"]] == ["divide"]


def test_a_sample_and_all_errors(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, sample=0.2, errors=True)
    server = served(recorder)
    for number in range(500):
        server.test(body={"x": number % 10}, silent=True)
    recorder.close()
    statuses = [record["status"] for record in read_journal(tmp_path)]
    assert statuses.count(500) == 50 and 40 < statuses.count(200) < 150


def test_nothing_is_recorded_at_zero(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, sample=0, steps=True)
    served(recorder).test(body={"x": 1})
    assert not list(tmp_path.iterdir())


def test_large_and_odd_bodies(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, max_body=1000, redact=lambda body: body and {**body, "pin": 0})
    for body in ({"x": "y" * 2000}, {"b": b"\x00"}, {"o": object(), "pin": 1234}):
        event = Event(body)
        recorder.begin(event)
        recorder.end(event, Response(None), None)
    recorder.close()
    large, binary, odd = [record["body"] for record in read_journal(tmp_path)]
    assert list(large) == ["$truncated"] and large["$truncated"] > 2000
    assert binary == {"b": {"$bytes": "AA=="}, "pin": 0}
    assert odd == {"o": {"$opaque": "builtins.object"}, "pin": 0}


def test_rotation_and_limit(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_bytes=1000, max_total=5000)
    for number in range(300):
        assert journal.append(b'{"n": %d, "fill": "%s"}' % (number, b"x" * 80))
    journal.close()
    files = sorted(tmp_path.iterdir())
    assert 3 <= len(files) <= 6 and sum(file.stat().st_size for file in files) <= 6000
    assert all(file.stat().st_size <= 1000 for file in files)
    numbers = [record["n"] for record in read_journal(tmp_path)]
    assert numbers == list(range(numbers[0], 300)), "the newest are kept, in order"


def test_parquet(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, format="parquet", max_bytes=2000)
    server = served(recorder)
    for number in range(30):
        server.test(body={"x": number % 5}, event_id=str(number), silent=True)
    recorder.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) > 2 and all(file.suffix == ".parquet" for file in files)
    table = pq.read_table(files[0])
    assert table.column("status").to_pylist()[:2] == [500, 200]
    assert table.column("error").to_pylist()[:2] == ["ZeroDivisionError", None]
    records = list(read_journal(tmp_path))
    assert [record["id"] for record in records] == [str(n) for n in range(30)]
    assert records[7]["body"] == {"x": 2}


@pytest.mark.slow
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_killed_writer_loses_at_most_the_last_record(tmp_path: Path, format: str) -> None:
    for _ in range(3):
        command = [sys.executable, "-c", WRITE, str(tmp_path), format]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.3)
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.communicate()[0].split()]
        newest = sorted(
            path for path in tmp_path.iterdir() if path.suffix in (".jsonl", ".parquet")
        )
        assert newest
        kept = {int(record["id"]) for record in read_journal(tmp_path)}
        assert set(range(max(told) + 1)) <= kept
        for path in tmp_path.iterdir():
            path.unlink()


def test_what_a_dead_writer_left_becomes_parquet_later(tmp_path: Path) -> None:
    (tmp_path / "events-20200101T000000.000000-1-0.jsonl").write_bytes(b'{"id": "old"}\n{"id": "h')
    journal = Journal(tmp_path, parquet=True)
    journal.append(b'{"id": "new"}')
    journal.close()
    assert [record["id"] for record in read_journal(tmp_path)] == ["old", "new"]
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}


def test_lines_that_are_not_whole_are_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "events-1.jsonl"
    path.write_bytes(b'{"id": "1"}\n\n{"id": \xff\n[1]\n{"id": "2"}\n{"id": "3')
    assert [record["id"] for record in read_journal(path)] == ["1", "2"]
    assert "3 lines are not whole" in caplog.text


def test_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no recording"):
        list(read_journal(tmp_path / "nothing"))
    text, table = tmp_path / "notes.txt", tmp_path / "events-x.parquet"
    text.write_text("Dear all,\nthis is not JSON\n")
    with pytest.raises(SpecError, match="none of its 2 lines"):
        list(read_journal(text))
    table.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(SpecError, match="is not a recording"):
        list(read_journal(table))


@given(st.binary(max_size=300))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "events-1.jsonl"
    path.write_bytes(data)
    with contextlib.suppress(MLRunLikeError):
        assert all(isinstance(record, dict) for record in read_journal(path))


def test_a_full_disk_does_not_stop_requests(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    recorder = Recorder(tmp_path)
    server = served(recorder)
    server.test(body={"x": 1})
    journal = recorder.journal
    kept = journal._file
    with open(full, "wb", buffering=0) as stream:
        journal._file = stream.fileno()
        assert server.test(body={"x": 1}) == 10
        assert server.test(body={"x": 1}) == 10
    journal._file = kept
    assert journal.lost == 2 and caplog.text.count("recording to") == 1
    assert server.test(body={"x": 1}) == 10
    recorder.close()
    assert len(list(read_journal(tmp_path))) == 2


def test_threads_do_not_mix_lines(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, max_bytes=5000)
    server = served(recorder)
    threads = [
        threading.Thread(target=lambda: [server.test(body={"x": 1}) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    assert len({record["id"] for record in read_journal(tmp_path)}) == 400


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"sample": 1.5}, "sample cannot be 1.5"),
        ({"sample": float("nan")}, "sample cannot be nan"),
        ({"format": "csv"}, "format cannot be 'csv'"),
        ({"max_bytes": 0}, "max_bytes cannot be 0"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidArgumentError, match=word):
        Recorder(tmp_path, **arguments)
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        Recorder(tmp_path / "file")


@pytest.mark.parametrize("name", ["Authorization", "set-cookie", "X-Auth-Token", "x-amz-signature"])
def test_secret_headers(name: str) -> None:
    assert without_secrets({name: "v"}) == {name: "***"}
