"""Streams in files: members that die, other processes, damaged files, v3io URLs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlrun_like.artifacts.profile_kinds import DatastoreProfileV3io
from mlrun_like.artifacts.profiles import (
    forget_profiles,
    register_temporary_client_datastore_profile,
)
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.streams import open_stream
from mlrun_like.streams.base import Record


def test_what_a_dead_member_had_goes_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with open_stream(f"file://{tmp_path}/s", lease=5.0) as stream:
        stream.push([1, 2])
        dead = stream.consumer("g", "dead")
        assert len(dead.read(1, wait=0)) == 1
        alive = stream.consumer("g", "alive")
        assert alive.read(wait=0) == []
        monkeypatch.setattr(time, "time", lambda: now + 6)
        found = alive.read(wait=0)
        assert [(record.body, record.deliveries) for record in found] == [(b"1", 2), (b"2", 1)]
        with pytest.raises(ConflictError, match="another took its name"):
            dead.read(wait=0)
        dead.close()
        alive.ack(found)
        assert stream.depth("g") == 0


def test_other_processes_see_the_records(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/deep/er/s"
    program = (
        "import sys; from mlrun_like.streams import open_stream\n"
        "with open_stream(sys.argv[1]) as stream: stream.push(['a', 'b'], 'k')"
    )
    subprocess.run([sys.executable, "-c", program, url], check=True, timeout=60)
    with open_stream(url) as stream, stream.consumer("g") as reader:
        assert [record.body for record in reader.read(wait=0)] == [b"a", b"b"]


def test_a_process_killed_while_it_pushes_leaves_nothing_half(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/s"
    program = (
        "import os, sys; from mlrun_like.streams import open_stream\n"
        "stream = open_stream(sys.argv[1])\n"
        "with stream.writing() as database:\n"
        "    database.execute(\"INSERT INTO records VALUES (0, 0, x'31', '', x'7b7d', 0)\")\n"
        "    os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, url], timeout=60).returncode == 9
    with open_stream(url) as stream:
        assert stream.depth("g") == 0
        stream.push("whole")
        assert stream.depth("g") == 1


def test_records_are_kept_as_long_as_was_said(tmp_path: Path) -> None:
    with open_stream(f"file://{tmp_path}/s", max_length=2) as stream:
        for number in range(5):
            stream.push(number)
        with stream.consumer("late") as reader:
            assert [record.body for record in reader.read(wait=0)] == [b"3", b"4"]


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.stream").write_bytes(b"no database" * 1000)
    damaged = open_stream(f"file://{tmp_path}/s")
    with damaged, pytest.raises(StoreUnavailableError, match="cannot be used"):
        damaged.push(1)


@pytest.mark.parametrize("url", ["file://", "file:///", "file://relative/s", "file:///a\0b"])
def test_urls_without_a_file(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match="names no file"):
        open_stream(url)


def test_v3io_streams_are_below_the_folder_of_the_setting(tmp_path: Path) -> None:
    with config.override(v3io_root=str(tmp_path)):
        stream = open_stream("v3io:///projects/demo/events", shards=2)
    with stream:
        stream.push_records([Record(b"1", "k", {"h": "x"})])
        assert stream.shards == 2
    assert (tmp_path / "projects/demo/events.stream").exists()
    with config.override(v3io_root=str(tmp_path / "in")):
        for path in ("../out", "%2e%2e/out", "a/%2E./%2e%2e/out"):
            with pytest.raises(InvalidArgumentError, match="leads out"):
                open_stream(f"v3io:///{path}")
        with open_stream("v3io:///p/50%25 done#1") as odd:
            odd.push(1)
    assert (tmp_path / "in/p/50%25 done.stream").exists()
    with config.override(v3io_root=""), pytest.raises(InvalidArgumentError, match="v3io_root"):
        open_stream("v3io:///projects/demo/events")


def test_a_profile_stands_for_a_stream(tmp_path: Path) -> None:
    register_temporary_client_datastore_profile(DatastoreProfileV3io(name="streams"))
    with config.override(v3io_root=str(tmp_path)), open_stream("ds://streams/a/b") as stream:
        stream.push(1)
    assert (tmp_path / "a/b.stream").exists()
    forget_profiles()
