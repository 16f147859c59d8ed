"""New files under a URL: exactly the new ones, whole ones, and none lost by a kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.files import FilesSource, matcher
from mlrun_like.gateway.triggers.ledger import Ledger
from mlrun_like.gateway.triggers.running import Running

Wait = Callable[..., Any]
Run = Callable[..., Running]


def spec(folder: Path, **more: Any) -> dict[str, Any]:
    attributes = {"interval": "20ms", "settle": "60ms", **more}
    return {"kind": "files", "url": str(folder), "attributes": attributes}


def names(plane: Any) -> list[str]:
    return sorted(json.loads(body)["name"] for body in plane.bodies)


@pytest.mark.slow
def test_only_new_whole_and_wanted_files_are_told_once(
    plane: Any, run: Run, wait: Wait, tmp_path: Path
) -> None:
    (tmp_path / "old.csv").write_text("x")
    running = run(spec(tmp_path, glob="**/*.csv"))
    wait(lambda: running.status()["state"] == "connected")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.csv").write_text("1,2")
    (tmp_path / "b.csv").write_text("3")
    for other in ("c.txt", ".hidden.csv", "d.csv.part", "e.csv.tmp"):
        (tmp_path / other).write_text("x")
    wait(lambda: names(plane) == ["b.csv", "deep/er/a.csv"])
    (tmp_path / "b.csv").write_text("changed")
    wait(lambda: len(plane.requests) == 3)
    row = json.loads(plane.bodies[-1])
    assert (row["kind"], row["name"], row["size"], row["new"]) == ("file", "b.csv", 7, False)
    assert row["url"] == f"{tmp_path}/b.csv"
    running.close()
    (tmp_path / "while-away.csv").write_text("x")
    run(spec(tmp_path, glob="**/*.csv"))
    wait(lambda: "while-away.csv" in names(plane))
    time.sleep(0.2)
    assert len(plane.requests) == 4


@pytest.mark.slow
def test_a_file_that_is_being_written_is_waited_for(
    plane: Any, run: Run, wait: Wait, tmp_path: Path
) -> None:
    running = run(spec(tmp_path, settle="400ms", content=True))
    wait(lambda: running.status()["state"] == "connected")
    with open(tmp_path / "slow.bin", "w") as file:
        for _ in range(10):
            file.write("x" * 10)
            file.flush()
            time.sleep(0.1)
            assert not plane.requests
    wait(lambda: plane.bodies == ["x" * 100])
    assert plane.requests[0].headers["file-url"] == f"{tmp_path}/slow.bin"


@pytest.mark.slow
def test_existing_files_count_when_that_is_asked_for_and_failures_are_buried(
    plane: Any, run: Run, wait: Wait, tmp_path: Path, gateway_folder: Path
) -> None:
    for n in range(5):
        (tmp_path / f"{n}.csv").write_text("x")
    plane.respond = lambda request: (400 if b"3.csv" in request.body else 200, b"no", {})
    running = run(spec(tmp_path, existing=True, retry={"attempts": 2, "delay": "10ms"}))
    wait(lambda: running.status()["events"] == 4 and running.status()["dead_letters"] == 1)
    row = json.loads((gateway_folder / "dead-letters/p/f/t.jsonl").read_text())
    assert row["headers"]["dead-letter-error"] == "400: no"
    assert row["headers"]["dead-letter-tries"] == "2"


def source(folder: Path, home: Path, **more: Any) -> FilesSource:
    found = FilesSource(TriggerConfig.read("p/f", "t", spec(folder, **more)), home)
    found.open()
    return found


def read(found: FilesSource, count: int) -> list[Any]:
    events: list[Any] = []
    deadline = time.monotonic() + 20
    while len(events) < count and time.monotonic() < deadline:
        events += found.read(10, 0.05)
    return events


def test_what_was_not_ticked_off_comes_again_after_a_kill(tmp_path: Path, home: Path) -> None:
    first = source(tmp_path, home)
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    events = read(first, 3)
    assert [event.key for event in events] == ["a", "b", "c"]
    first.ack([events[1]])
    (tmp_path / "c").unlink()  # the ledger stays as a killed process leaves it
    second = source(tmp_path, home)
    again = read(second, 1)
    assert [event.key for event in again] == ["a"]
    second.ack(again)
    assert second.read(10, 0.0) == []
    first.close()
    second.close()


def test_a_file_that_changes_while_it_is_worked_on_comes_again(tmp_path: Path, home: Path) -> None:
    found = source(tmp_path, home, settle="0s")
    (tmp_path / "a").write_text("1")
    (first,) = read(found, 1)
    (tmp_path / "a").write_text("22")
    (second,) = read(found, 1)
    found.ack([first])
    found.close()
    again = source(tmp_path, home)
    assert [json.loads(event.body)["size"] for event in read(again, 1)] == [2]
    assert second.key == "a"
    again.close()


def test_a_folder_that_is_not_there_yet_is_empty(tmp_path: Path, home: Path) -> None:
    found = source(tmp_path / "later", home, settle="0s")
    assert found.read(10, 0.0) == []
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "x").write_text("")
    assert [event.key for event in read(found, 1)] == ["x"]
    found.close()


def test_a_ledger_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "p/f/t", "x")
    ledger.close()
    ledger.path.write_bytes(b"no database " * 200)
    for end in ("-wal", "-shm"):
        Path(f"{ledger.path}{end}").unlink(missing_ok=True)
    with pytest.raises(StoreUnavailableError, match="ledger"):
        Ledger(tmp_path, "p/f/t", "x")


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("", "anything/at.all", True),
        ("*.csv", "deep/a.csv", True),
        ("in/*.csv", "in/a.csv", True),
        ("in/*.csv", "in/deep/a.csv", False),
        ("in/**/*.csv", "in/a.csv", True),
        ("in/**", "in/a/b", True),
        ("a?c", "abc", True),
        ("a[b].csv", "a[b].csv", True),
        ("a.csv", "aXcsv", False),
    ],
)
def test_globs(pattern: str, name: str, fits: bool) -> None:
    assert matcher(pattern)(name) is fits
