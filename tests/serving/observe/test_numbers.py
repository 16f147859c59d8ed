from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.observe.locks import is_held
from mlrun_like.serving.observe.numbers import GAUGE, Key, Numbers, _entries

COUNT = """
import sys, time
from mlrun_like.serving.observe.numbers import Numbers
numbers = Numbers(sys.argv[1])
row, gauge = numbers.row(("requests",), 2), numbers.row(("now", "x"), 1)
gauge[0] = 7.0
sys.stdout.write("ready\\n"); sys.stdout.flush()
while True:
    row[0] += 1.0
    row[1] += 1.0
"""
KEY: Key = ("requests",)


def counting(folder: Path) -> subprocess.Popen[str]:
    made = subprocess.Popen(
        [sys.executable, "-c", COUNT, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert made.stdout is not None and made.stdout.readline() == "ready\n"
    return made


def test_in_memory() -> None:
    numbers = Numbers()
    row = numbers.row(("a", "ü", "x" * 1000), 3)
    row[1] += 2.5
    assert numbers.row(("a", "ü", "x" * 1000), 3) is row
    assert numbers.totals() == {("a", "ü", "x" * 1000): [0.0, 2.5, 0.0]}


def test_many_rows_fill_many_segments(tmp_path: Path) -> None:
    one, two = Numbers(tmp_path), Numbers(tmp_path)
    for number in range(3000):
        one.row(("step", str(number), "x" * (number % 300)), 20)[number % 20] = number
    two.row(("step", "1", "x"), 20)[1] = 10
    found = two.totals()
    assert len(found) == 3000 and found["step", "1", "x"][1] == 11
    for number in (0, 17, 2999):
        row = found["step", str(number), "x" * (number % 300)]
        assert row[number % 20] == number and sum(row) == number
    one.close()
    two.close()


@pytest.mark.slow
def test_killed_workers_keep_their_counts(tmp_path: Path) -> None:
    """Sums, seen from two readers at any time while workers come and die, never go back."""
    readers = [Numbers(tmp_path), Numbers(tmp_path)]
    seen = 0.0
    for turn in range(9):
        worker = counting(tmp_path)
        for reader in readers:
            time.sleep(random.random() * 0.03)
            found = reader.totals()
            assert found[KEY][0] >= seen and found[GAUGE, "x"] == [7.0]
            seen = found[KEY][0]
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        if turn % 4 == 3:
            readers[1].close()
            readers[1] = Numbers(tmp_path)  # merges files of the dead
        found = readers[turn % 2].totals()
        assert found[KEY][0] >= seen and found.get((GAUGE, "x"), [0.0]) == [0.0]
        seen = found[KEY][0]
    assert seen > 9
    assert len(list(tmp_path.glob("*.numbers"))) < 10, "dead workers' files are merged"
    assert readers[0].totals()[KEY] == readers[1].totals()[KEY]
    for reader in readers:
        reader.close()


@pytest.mark.slow
def test_a_merge_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    workers = [Numbers(tmp_path) for _ in range(10)]
    for number, worker in enumerate(workers):
        worker.row(KEY, 1)[0] = 2**number
        worker.close()
    code = (
        "import os, pathlib, sys\n"
        "from mlrun_like.serving.observe.numbers import Numbers\n"
        "place, done = sys.argv[2], [0]\n"
        "def dying(call):\n"
        "    def wrapped(*args, **kwargs):\n"
        "        if place == 'before': os._exit(9)\n"
        "        found = call(*args, **kwargs)\n"
        "        if place == 'after': os._exit(9)\n"
        "        return found\n"
        "    return wrapped\n"
        "if place == 'unlink':\n"
        "    unlink = pathlib.Path.unlink\n"
        "    def third(*args, **kwargs):\n"
        "        done[0] += 1\n"
        "        if done[0] == 3: os._exit(9)\n"
        "        unlink(*args, **kwargs)\n"
        "    pathlib.Path.unlink = third\n"
        "else:\n"
        "    os.replace = dying(os.replace)\n"
        "Numbers(sys.argv[1])\n"
    )
    for place in ("before", "after", "unlink"):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path), place], check=False)
        assert done.returncode == 9, place
        reader = Numbers(tmp_path) if place == "unlink" else None
        if reader is None:  # reading only: a new Numbers would merge, and so repair
            reader = Numbers()
            reader.folder = tmp_path
        assert reader.totals()[KEY] == [1023.0], place
        reader.close()


def test_only_living_processes_have_gauges(tmp_path: Path) -> None:
    one, two = Numbers(tmp_path), Numbers(tmp_path)
    one.row((GAUGE, "x"), 1)[0] = 5
    one.row(("sum",), 1)[0] = 5
    assert two.totals() == {(GAUGE, "x"): [5.0], ("sum",): [5.0]}
    assert all(is_held(path) for path in tmp_path.glob("*.numbers"))
    one.close()
    assert two.totals() == {("sum",): [5.0]}
    two.close()


def _forked(numbers: Numbers, changed: list[int]) -> None:
    numbers.row(KEY, 1)[0] += 100
    os._exit(0 if changed == [1] and numbers.totals()[KEY] == [105.0] else 1)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_counts_for_itself(tmp_path: Path) -> None:
    changed: list[int] = []

    class Owner:
        def renew(self) -> None:
            changed.append(1)

    owner = Owner()
    numbers = Numbers(tmp_path)
    numbers.on_change(owner.renew)
    numbers.row(KEY, 1)[0] = 5
    child = multiprocessing.get_context("fork").Process(target=_forked, args=(numbers, changed))
    child.start()
    child.join()
    assert child.exitcode == 0 and not changed
    assert numbers.totals()[KEY] == [105.0]
    assert len(list(tmp_path.glob("*.numbers"))) == 2
    numbers.close()


@given(st.binary(max_size=400))
def test_any_bytes_can_be_read(data: bytes) -> None:
    for key, row in _entries(data):
        assert isinstance(key, tuple) and isinstance(row, list)


def test_a_damaged_file_gives_what_is_whole(tmp_path: Path) -> None:
    numbers = Numbers(tmp_path)
    for name in ("a", "b", "c"):
        numbers.row((name,), 1)[0] = 1
    (path,) = tmp_path.glob("*.numbers")
    data = path.read_bytes()
    assert [key for key, _ in _entries(data[:40])] == [("a",)]
    (tmp_path / "other.numbers").write_bytes(os.urandom(5000))
    (tmp_path / "merged.json").write_text("{ not json")
    assert set(numbers.totals()) >= {("a",), ("b",), ("c",)}
    (tmp_path / "merged.json").write_text(json.dumps({"rows": [], "files": [path.name]}))
    assert ("a",) not in numbers.totals()
    numbers.close()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidArgumentError, match="the folder for metrics cannot be used"):
        Numbers(tmp_path / "file" / "below")
