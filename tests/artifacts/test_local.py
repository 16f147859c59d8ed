"""Files of this machine: atomic writes, folders, hostile names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.local import TEMPORARY
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingFileError,
)


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_local_put_stat_delete(tmp_path: Path, prefix: str) -> None:
    item = get_dataitem(f"{prefix}{tmp_path}/new/folder/a.txt")
    item.put("test string")
    assert item.stat().size == 11
    assert item.stat().content_type == "text/plain"
    assert (item.get(), item.get(encoding="utf-8"), item.get(4, offset=5)) == (
        b"test string", "test string", b"stri",
    )  # fmt: skip
    assert (item.kind, item.suffix, item.exists()) == ("file", ".txt", True)
    item.put("!", append=True)
    assert item.get() == b"test string!"
    item.delete()
    with pytest.raises(FileNotFoundError):
        item.stat()
    with pytest.raises(MissingFileError, match="does not exist"):
        item.get()
    assert not item.exists()
    item.delete()


def test_local_percent_and_tilde(tmp_path: Path) -> None:
    get_dataitem(f"file://{tmp_path}/a%20b.txt").put("x")
    assert (tmp_path / "a b.txt").read_text() == "x"
    assert get_dataitem(f"file://localhost{tmp_path}/a%20b.txt").get() == b"x"


def test_local_folder(tmp_path: Path) -> None:
    folder = get_dataitem(str(tmp_path))
    folder.child("sub/b.txt").put("b")
    folder.child("a.txt").put("a")
    (tmp_path / f"{TEMPORARY}left").write_text("unfinished")
    assert folder.ls() == ["a.txt", "sub/"]
    assert folder.listdir() == ["a.txt", "sub"]
    assert folder.isdir() and folder.stat().is_dir
    with pytest.raises(InvalidArgumentError, match="Is a directory"):
        folder.get()
    with pytest.raises(InvalidArgumentError, match="Is a directory"):
        folder.put("x")
    with pytest.raises(InvalidArgumentError, match="recursive"):
        folder.delete()
    with pytest.raises(InvalidArgumentError, match="Not a directory"):
        folder.child("a.txt").ls()
    copy = tmp_path / "copy"
    folder.child("sub").download(copy)
    assert (copy / "b.txt").read_text() == "b"
    get_dataitem("memory://up").upload(copy)
    assert get_dataitem("memory://up/b.txt").get() == b"b"
    folder.child("sub").delete(recursive=True)
    assert folder.listdir() == ["a.txt", "copy"]


def test_local_open_is_atomic(tmp_path: Path) -> None:
    item = open_url(tmp_path / "a.txt")
    item.put("old")
    with pytest.raises(RuntimeError), item.open("w") as file:
        file.write("half")
        raise RuntimeError("killed")
    assert item.get() == b"old"
    with pytest.raises(RuntimeError), item.open("wb") as file:
        file.write(b"half")
        raise RuntimeError("killed")
    with item.open("w") as file:
        file.write("né")
        assert item.get() == b"old"
    assert item.get(encoding="utf-8") == "né"
    with item.open("r") as file:
        assert file.read() == "né"
    with item.open("a") as file:
        file.write("w")
    assert item.get(encoding="utf-8") == "néw"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_local_write_fails_half_way(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("source broke")

    item = open_url(tmp_path / "a.bin")
    item.put(b"old")
    with pytest.raises(RuntimeError):
        item.write(chunks())
    assert item.get() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_writer_killed_half_way(tmp_path: Path) -> None:
    """Whatever moment the writer is killed at, the file is the old one or a whole new one."""
    target = tmp_path / "a.bin"
    target.write_bytes(b"0" * 1_000_000)
    code = textwrap.dedent(
        f"""
        from mlrun_like.artifacts.data import open_url
        item, n = open_url({str(target)!r}), 0
        print("ready", flush=True)
        while True:
            n = (n + 1) % 10
            item.write([str(n).encode() * 100_000] * 10)
        """
    )
    for wait in (0.0, 0.013, 0.031, 0.052):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        data = target.read_bytes()
        assert len(data) == 1_000_000 and len(set(data)) == 1
    assert get_dataitem(str(tmp_path)).listdir() == ["a.bin"]


def test_local_devices_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    item = open_url(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    item.put(b"through")
    reader.join(10)
    assert got == [b"through"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("url", ["", "  ", "a\0b", None, 3])
def test_hostile_urls(url: Any) -> None:
    with pytest.raises((InvalidArgumentError, TypeError)):
        get_dataitem(url)


def test_long_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="too long"):
        open_url(tmp_path / ("x" * 300)).put(b"")
    open_url(tmp_path / ("x" * 255)).put(b"fits")


@pytest.mark.parametrize("data", [{"a": 1}, 5, None, ["x"]])
def test_put_takes_only_text_and_bytes(tmp_path: Path, data: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="put"):
        open_url(tmp_path / "a").put(data)
    assert not (tmp_path / "a").exists()


def test_get_hostile_arguments(tmp_path: Path) -> None:
    item = open_url(tmp_path / "a")
    item.put(b"\xff\xfe\xfa")
    with pytest.raises(InvalidArgumentError, match="not utf-8 text"):
        item.get(encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="not nonsense text"):
        item.get(encoding="nonsense")
    with pytest.raises(InvalidArgumentError):
        item.get(-1)
    assert item.get(0) == b"" and item.get(5, offset=50) == b""
