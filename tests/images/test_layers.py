from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import BuildError, InvalidArgumentError, MLRunLikeError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.compressing import LayerWriter
from mlrun_like.images.digests import digest_of
from mlrun_like.images.entries import Entry, entries_of
from mlrun_like.images.layers import (
    EPOCH,
    Layer,
    build_layer,
    kept_layer,
    recall_layer,
    remember_layer,
)


def members(layer: Layer) -> list[tarfile.TarInfo]:
    data = gzip.decompress(BlobCache().path(layer.digest).read_bytes())
    assert digest_of(data) == layer.diff_id
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getmembers()


def fill(folder: Path) -> None:
    (folder / "pkg" / "deep").mkdir(parents=True)
    (folder / "pkg" / "a.py").write_text("a = 1\n")
    (folder / "pkg" / "deep" / "ünïcode name.txt").write_text("x")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o700)
    (folder / "link").symlink_to("pkg/a.py")
    (folder / ("long" * 40)).write_bytes(bytes(2000))


def test_what_a_layer_holds(tmp_path: Path) -> None:
    fill(tmp_path)
    layer = build_layer([*entries_of(tmp_path, "/app", owner=1000), Entry.whiteout("/old")])
    found = {member.name: member for member in members(layer)}
    assert list(found) == sorted(found)
    assert {"app", "app/pkg/a.py", "app/pkg/deep/ünïcode name.txt", ".wh.old"} < set(found)
    assert all(member.mtime == EPOCH for member in found.values())
    assert {member.uname + member.gname for member in found.values()} == {""}
    assert found["app/run.sh"].mode == 0o755 and found["app/pkg/a.py"].mode == 0o644
    assert found["app/run.sh"].uid == found["app/run.sh"].gid == 1000
    assert found["app/link"].issym() and found["app/link"].linkname == "pkg/a.py"
    assert found["app/pkg"].isdir() and found["app/pkg"].mode == 0o755
    data = BlobCache().path(layer.digest).read_bytes()
    assert len(data) == layer.size and digest_of(data) == layer.digest
    assert data[4:8] == bytes(4) and data[3] == 0, "gzip holds no time and no name"


def test_whiteouts() -> None:
    layer = build_layer([Entry.whiteout("/etc/motd"), Entry.opaque("/opt"), Entry.whiteout("x")])
    assert [member.name for member in members(layer)] == [
        ".wh.x",
        "etc/.wh.motd",
        "opt/.wh..wh..opq",
    ]


_CHILD = """
import os, sys, time
os.umask(int(sys.argv[2], 8))
from pathlib import Path
from tests.images.test_layers import fill
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.entries import entries_of
from mlrun_like.images.layers import build_layer
folder = Path(sys.argv[1]); folder.mkdir(); fill(folder)
entries = list(entries_of(folder, "/app"))
entries.sort(key=lambda entry: hash(entry.path))
print(build_layer(entries, cache=BlobCache(folder / "cache")).digest)
"""


@pytest.mark.slow
def test_other_process_umask_time_zone_and_language(tmp_path: Path) -> None:
    digests = set()
    cases = [("077", "C", "UTC"), ("000", "C.UTF-8", "Asia/Tokyo"), ("022", "de_DE", "EST5EDT")]
    for number, (umask, language, zone) in enumerate(cases):
        folder = tmp_path / str(number)
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", _CHILD, str(folder), umask],
            env={**os.environ, "LC_ALL": language, "TZ": zone, "PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            cwd=Path(__file__).parents[2],
        )
        digests.add(done.stdout)
        time.sleep(0.05)
    assert len(digests) == 1
    assert digests.pop().startswith("sha256:")


NAMES = st.text("abc/.-_é", min_size=1, max_size=12)
ENTRIES = st.dictionaries(
    NAMES, st.one_of(st.binary(max_size=50), st.just("directory"), st.just("symlink")), max_size=12
)


def _made(chosen: dict[str, bytes | str]) -> list[Entry]:
    entries = []
    for path, what in chosen.items():
        if isinstance(what, bytes):
            entries.append(Entry.data(path, what))
        elif what == "directory":
            entries.append(Entry.directory(path))
        else:
            entries.append(Entry.symlink(path, "target"))
    return entries


@given(chosen=ENTRIES, seed=st.integers())
@settings(max_examples=60, deadline=None)
def test_order_does_not_matter(chosen: dict[str, bytes | str], seed: int) -> None:
    try:
        entries = _made(chosen)
        one = build_layer(entries)
    except MLRunLikeError:
        return
    random.Random(seed).shuffle(entries)
    assert build_layer(entries) == one
    assert build_layer([*entries, *entries]) == one
    names = [member.name for member in members(one)]
    assert names == sorted(names) and len(names) == len(set(names))
    assert not any(".." in name.split("/") or name.startswith("/") for name in names)


@given(st.lists(st.integers(1, 700_000), max_size=8), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_compressed_bytes_do_not_depend_on_pieces_or_threads(sizes: list[int], count: int) -> None:
    data = random.Random(sum(sizes)).randbytes(sum(sizes) // 3) * 3
    results = []
    for threads, pieces in ((1, [len(data)]), (count, sizes)):
        out, position = io.BytesIO(), 0
        writer = LayerWriter(out, threads=threads)
        for size in [*pieces, len(data)]:
            writer.write(data[position : position + size])
            position += size
        made = writer.finish()
        assert digest_of(out.getvalue()) == made.digest
        assert made.size == len(out.getvalue()) and made.plain_size == len(data)
        assert digest_of(data) == made.diff_id
        results.append(out.getvalue())
    assert results[0] == results[1]
    assert gzip.decompress(results[0]) == data


@pytest.mark.parametrize(
    "path", ["", "/", "..", "../x", "/a/../../b", "a/..", "x\0y", ".", "./", "a\udc80"]
)
def test_paths_that_leave_the_image(path: str) -> None:
    makers: list[Callable[[], Entry]] = [
        lambda: Entry.data(path, b""),
        lambda: Entry.directory(path),
        lambda: Entry.symlink(path, "x"),
        lambda: Entry.whiteout(path),
    ]
    for make in makers:
        with pytest.raises(InvalidArgumentError, match="cannot be a path"):
            make()


def test_contradictions() -> None:
    with pytest.raises(InvalidArgumentError, match="two entries"):
        build_layer([Entry.data("a", b"1"), Entry.data("/a", b"2")])
    with pytest.raises(InvalidArgumentError, match="is below 'etc', which is a symlink"):
        build_layer([Entry.symlink("etc", "/"), Entry.data("etc/deep/passwd", b"")])
    with pytest.raises(InvalidArgumentError, match="is below 'a', which is a file"):
        build_layer([Entry.data("a", b""), Entry.directory("a/b")])
    with pytest.raises(InvalidArgumentError, match="would remove a file"):
        Entry.data("/app/.wh.secret", b"x")
    with pytest.raises(InvalidArgumentError, match="would remove a file"):
        Entry.directory("/app/.wh.secret")
    with pytest.raises(InvalidArgumentError, match="cannot point at"):
        Entry.symlink("a", "")
    with pytest.raises(InvalidArgumentError, match="out of range"):
        Entry.data("a", b"", mode=0o77777)
    with pytest.raises(InvalidArgumentError, match="cannot be a 'device'"):
        Entry("a", "device")
    for created in (-1, 8**11):
        with pytest.raises(InvalidArgumentError, match="no time of a file"):
            build_layer([], created)
    assert not list(BlobCache().folder.rglob("blobs/*/*"))


def test_files_that_cannot_be_packed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BuildError, match="socket, pipe or device"):
        list(entries_of(tmp_path))
    with pytest.raises(BuildError, match="cannot be read"):
        build_layer([Entry.file("/x", tmp_path / "missing")])
    with pytest.raises(BuildError, match="cannot be read"):
        list(entries_of(tmp_path / "missing"))
    with pytest.raises(BuildError):
        build_layer([Entry.file("/x", tmp_path)])
    assert not list(BlobCache().folder.rglob("*/*"))


def test_skipping(tmp_path: Path) -> None:
    fill(tmp_path)
    entries = entries_of(tmp_path, "/", skip=lambda path: path in ("pkg/deep", "link"))
    paths = {entry.path for entry in entries}
    assert paths == {"pkg", "pkg/a.py", "run.sh", "long" * 40}


def test_a_file_that_grows_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"1" * 100)
    real = os.fstat

    def later(number: int) -> os.stat_result:
        state = real(number)
        with path.open("ab") as file:
            file.write(b"2")
        return state

    monkeypatch.setattr(os, "fstat", later)
    with pytest.raises(BuildError, match="changed while it was packed"):
        build_layer([Entry.file("/log", path)])


def test_large_files_are_streamed(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(150_000_000)
    tracemalloc.start()
    try:
        layer = build_layer([Entry.file("/big", tmp_path / "big")])
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
    assert layer.size < 1_000_000


def test_kept_layers(tmp_path: Path) -> None:
    calls: list[int] = []

    def entries() -> list[Entry]:
        calls.append(1)
        return [Entry.data("/a", b"1")]

    cache = BlobCache()
    first = kept_layer("lock 1", entries)
    assert kept_layer("lock 1", entries) == first and len(calls) == 1
    cache.path(first.digest).write_bytes(b"cut")
    assert recall_layer("lock 1", cache) is None
    assert kept_layer("lock 1", entries) == first and len(calls) == 2
    remember_layer("other", first, cache)
    assert recall_layer("other", cache) == first
    note = next(cache.folder.glob("notes/*"))
    for text in ("", "[]", "{}", '{"key": "lock 1", "digest": "../../x", "size": 1}', "\xff"):
        for path in cache.folder.glob("notes/*"):
            path.write_text(text, encoding="latin-1")
        assert recall_layer("lock 1", cache) is None
    assert note.name.endswith(".json")


@pytest.mark.slow
def test_killed_half_way_leaves_nothing_that_looks_complete(home: Path, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(60_000_000))
    code = (
        "import sys; from mlrun_like.images.layers import *\n"
        "print('go', flush=True)\n"
        "build_layer([Entry.file('/big', sys.argv[1])])\n"
        "print('done', flush=True)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "big")],
        env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout as output:
        output.readline()
        partial = home / "images" / "partial"
        end = time.monotonic() + 20
        while time.monotonic() < end and not any(
            path.stat().st_size > 1_000_000 for path in partial.glob("*")
        ):
            time.sleep(0.002)
        child.kill()
        assert "done" not in output.read()
    child.wait(10)
    cache = BlobCache()
    assert list(partial.iterdir()) and not list(cache.folder.glob("blobs/*/*"))
    old = time.time() - 2 * 24 * 3600
    for path in partial.iterdir():
        os.utime(path, (old, old))
    assert cache.prune() > 1_000_000
    assert not list(partial.iterdir())
    layer = build_layer([Entry.file("/big", tmp_path / "big")])
    assert cache.size(layer.digest) == layer.size
