"""CSVTarget: storey's files, batches by number and time, and what a killed process leaves."""

from __future__ import annotations

import csv
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.serving import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.targets_csv import CSVTarget

DICTS = [{"n": n, "n*10": 10 * n} for n in range(3)]
LISTS = [[n, 10 * n] for n in range(3)]
ROWS = "0,0\n1,10\n2,20\n"
KEYED = "key0,0,0\nkey1,1,10\nkey2,2,20\n"


def write(target: CSVTarget, bodies: list[Any]) -> None:
    for n, body in enumerate(bodies):
        event = Event(body, key=f"key{n}")
        assert list(target.process(event)) == [event]
    assert list(target.flush()) == []
    target.close()


@pytest.mark.parametrize(
    ("options", "bodies", "text"),
    [
        ({"header": True}, DICTS, "n,n*10\n" + ROWS),
        ({}, DICTS, ROWS),
        ({"columns": ["n", "n*10"], "header": True}, LISTS, "n,n*10\n" + ROWS),
        ({"columns": ["n", "n x 10=n*10"], "header": True}, DICTS, "n,n x 10\n" + ROWS),
        (
            {"columns": ["event_key=$key", "n", "n*10"], "header": True},
            DICTS,
            "event_key,n,n*10\n" + KEYED,
        ),
        ({"columns": ["$key", "n", "n*10"], "header": True}, DICTS, "key,n,n*10\n" + KEYED),
        (
            {"columns": ["event_key=$key", "n", "n*10"], "header": True},
            LISTS,
            "event_key,n,n*10\n" + KEYED,
        ),
        (
            {"columns": ["event_key=$key", "n*10"], "header": True},
            DICTS,
            "event_key,n*10\nkey0,0\nkey1,10\nkey2,20\n",
        ),
        (
            {"columns": ["event_key=$key"], "header": True, "infer_columns_from_data": True},
            DICTS,
            "event_key,n,n*10\n" + KEYED,
        ),
        ({"columns": ["n"], "infer_columns_from_data": True}, DICTS, ROWS),
        (
            {"header": True},
            [{"b": None, "a": 'x,"y"\nz'}, {"a": 1.5}, {"a": True, "c": 5}],
            'a,b\n"x,""y""\nz",\n1.5,\nTrue,\n',
        ),
    ],
)
def test_storeys_files(
    tmp_path: Path, options: dict[str, Any], bodies: list[Any], text: str
) -> None:
    path = tmp_path / "deep" / "out.csv"
    write(CSVTarget(str(path), **options), bodies)
    assert path.read_bytes().decode() == text


def test_files_grow(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    target = CSVTarget(str(path), header=True)
    write(target, DICTS[:1])
    write(target, DICTS[1:2])
    write(CSVTarget(f"file://{path}", header=True), DICTS[2:])
    assert path.read_text() == "n,n*10\n" + ROWS


def test_other_places() -> None:
    url = f"memory://{new_uid()}/out.csv"
    target = CSVTarget(url, header=True, max_events=1)
    write(target, DICTS[:2])
    write(CSVTarget(url, header=True), DICTS[2:])
    assert target.place.read() == b"n,n*10\n" + ROWS.encode()
    name = new_uid()
    other = CSVTarget(f"memory://{name}/out.csv", storage_options={"skip_instance_cache": True})
    write(other, DICTS)
    assert other.place.read().decode() == ROWS
    assert other.place.at("none").read() == b""


def test_batches_by_number_and_time(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    target = CSVTarget(str(path), max_events=2, flush_after_seconds=0.05)
    target.process(Event(DICTS[0]))
    assert not path.exists()
    target.process(Event(DICTS[1]))
    assert path.read_text() == "0,0\n1,10\n"
    target.process(Event(DICTS[2]))
    limit = time.monotonic() + 5
    while path.read_text() != ROWS:
        assert time.monotonic() < limit
        time.sleep(0.01)
    target.process(Event(DICTS[0]))
    target.close()
    assert path.read_text() == ROWS + "0,0\n"


def test_in_a_graph(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    graph = flow()
    graph.to("storey.CSVTarget", "csv", path=str(path), columns=["n"]).to(
        lambda body: body["n"] + 1, name="plus"
    ).respond()
    server = graph.to_mock_server()
    assert [server.test(body=body) for body in DICTS] == [1, 2, 3]
    server.wait_for_completion()
    assert path.read_text() == "0\n1\n2\n"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    path = str(tmp_path / "out.csv")
    with pytest.raises(TypeError, match="Cannot infer_columns_from_data"):
        CSVTarget(path, header=True).process(Event([0]))
    with pytest.raises(TypeError, match="not a str"):
        CSVTarget(path).process(Event("text"))
    target = CSVTarget(path, columns=["a", "b"])
    with pytest.raises(InvalidArgumentError, match="3 values does not fit 2 columns"):
        target.process(Event([1, 2, 3]))
    for options, words in (
        ({"max_events": 0}, "at least 1"),
        ({"flush_after_seconds": -1}, "negative"),
        ({"columns": ["a", "a"]}, "name 'a' twice"),
        ({"columns": ["$a b"]}, "no attribute"),
        ({"columns": [("a", "text")]}, "unknown type"),
        ({"columns": [5]}, "cannot hold 5"),
        ({"colums": ["a"]}, "Did you mean 'columns'"),
    ):
        with pytest.raises(ValueError, match=words):
            CSVTarget(path, **options)
    with pytest.raises(InvalidArgumentError, match="no path"):
        CSVTarget("")


def test_a_place_that_fails_keeps_the_batch(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.write_text("a file, not a folder")
    target = CSVTarget(str(folder / "out.csv"), max_events=2)
    target.process(Event(DICTS[0]))
    for body in DICTS[1:]:
        with pytest.raises(StoreUnavailableError, match="cannot be written"):
            target.process(Event(body))
    folder.unlink()
    target.close()
    assert (folder / "out.csv").read_text() == ROWS


WRITER = """
import sys
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.targets_csv import CSVTarget
target = CSVTarget(sys.argv[1], header=True, max_events=50, flush_after_seconds=None)
number = 0
while True:
    target.process(Event({"n": number, "text": 'a "quoted"\\nvalue' * 40}))
    number += 1
    if number % 50 == 0:
        print(number, flush=True)
"""


def test_killed_while_writing(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    expected = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            seen = 0
            while seen < 500:
                seen = int(process.stdout.readline())
            process.kill()
            lines = process.stdout.read().split("\n")[:-1]
            expected += max([seen, *map(int, lines)])
    # what a process that is killed in the middle of a write leaves
    with path.open("ab") as file:
        file.write(b'77,"torn "" va\nl')
    write(CSVTarget(str(path), header=True), [{"n": -1, "text": "last"}])
    with path.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert rows.pop() == {"n": "-1", "text": "last"}
    assert len(rows) >= expected
    assert all(set(row) == {"n", "text"} and row["text"].endswith("value") for row in rows)
    assert (tmp_path / "out.csv.torn").read_bytes() == b'77,"torn "" va\nl\n'


def test_a_file_that_was_all_torn(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"n,n")
    write(CSVTarget(str(path), header=True), DICTS)
    assert path.read_text() == "n,n*10\n" + ROWS


def test_several_writers(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    targets = [CSVTarget(str(path), header=True, max_events=7) for _ in range(4)]

    def work(target: CSVTarget) -> None:
        for n in range(200):
            target.process(Event({"n": n, "text": "x" * 100}))
        target.close()

    threads = [threading.Thread(target=work, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    lines = path.read_text().splitlines()
    assert lines[0] == "n,text"
    assert len(lines) == 801
    assert lines.count("5," + "x" * 100) == 4
