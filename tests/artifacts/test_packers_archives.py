"""Archives: every format there and back, and archives that were made to do harm."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlrun_like.artifacts import archives
from mlrun_like.artifacts.archives import ARCHIVE_FORMATS, create_archive, extract_archive
from mlrun_like.artifacts.packed import room_for
from mlrun_like.errors import InvalidArgumentError


class _Disk(NamedTuple):
    total: int
    used: int
    free: int


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("form", ARCHIVE_FORMATS)
@pytest.mark.parametrize(
    "layout",
    [
        [],
        ["a.bin"],
        ["empty/"],
        ["a.bin", "in/", "in/b.bin", "in/empty/", "in/deep/c.bin", "empty/"],
        ["it is 10:30.txt", "ünï/código.txt"],
    ],
)
def test_round_trip(form: str, layout: list[str], tmp_path: Path) -> None:
    source = tmp_path / "data"
    source.mkdir()
    for name in layout:
        path = source / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(1000))
    archive = create_archive(source, tmp_path, form)
    assert archive == tmp_path / f"data.{form}"
    extracted = extract_archive(archive, tmp_path / "out")
    assert extracted.name == "data"
    assert _tree(extracted) == _tree(source)


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_links_are_stored_as_what_they_point_to(form: str, tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "in").mkdir(parents=True)
    (source / "in" / "a.txt").write_text("a")
    (source / "file").symlink_to("in/a.txt")
    (source / "folder").symlink_to("in")
    (source / "broken").symlink_to("nowhere")
    extracted = extract_archive(create_archive(source, tmp_path, form), tmp_path / "out")
    assert _tree(extracted) == {
        "in": None, "in/a.txt": b"a", "file": b"a", "folder": None, "folder/a.txt": b"a",
    }  # fmt: skip


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "in").mkdir(parents=True)
    (source / "in" / "up").symlink_to("..")
    with pytest.raises(InvalidArgumentError, match="leads back"):
        create_archive(source, tmp_path)


def test_unknown_formats_and_files_that_are_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"zip, tar"):
        create_archive(tmp_path, tmp_path, "rar")
    with pytest.raises(InvalidArgumentError, match="is not a folder"):
        create_archive(tmp_path / "none", tmp_path)
    with pytest.raises(InvalidArgumentError, match="known format"):
        extract_archive(tmp_path / "data.rar", tmp_path / "out")


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def _zip(path: Path, *members: tuple[Any, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def _link(kind: bytes, name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _zip_link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


HOSTILE = {
    "tar parent": lambda p: _tar(p / "a.tar", (tarfile.TarInfo("../evil"), b"x")),
    "tar deep parent": lambda p: _tar(p / "a.tar", (tarfile.TarInfo("a/../../evil"), b"x")),
    "tar absolute": lambda p: _tar(p / "a.tar", (tarfile.TarInfo("/tmp/evil"), b"x")),
    "tar symlink": lambda p: _tar(p / "a.tar", (_link(tarfile.SYMTYPE, "l", "/etc"), b"")),
    "tar inner symlink": lambda p: _tar(
        p / "a.tar", (_link(tarfile.SYMTYPE, "l", "b"), b""), (tarfile.TarInfo("l/c"), b"")
    ),
    "tar hardlink": lambda p: _tar(p / "a.tar", (_link(tarfile.LNKTYPE, "l", "/etc/passwd"), b"")),
    "tar device": lambda p: _tar(p / "a.tar", (_link(tarfile.CHRTYPE, "dev", ""), b"")),
    "tar fifo": lambda p: _tar(p / "a.tar", (_link(tarfile.FIFOTYPE, "fifo", ""), b"")),
    "tar twice": lambda p: _tar(
        p / "a.tar", (tarfile.TarInfo("a"), b"x"), (tarfile.TarInfo("a"), b"y")
    ),
    "zip parent": lambda p: _zip(p / "a.zip", ("../evil", b"x")),
    "zip absolute": lambda p: _zip(p / "a.zip", ("/tmp/evil", b"x")),
    "zip symlink": lambda p: _zip(p / "a.zip", (_zip_link(), b"/etc/passwd")),
    "zip file as folder": lambda p: _zip(p / "a.zip", ("a", b"x"), ("a/b", b"x")),
    "zip without a name": lambda p: _zip(p / "a.zip", (".", b"x")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_write_nothing(name: str, tmp_path: Path) -> None:
    archive = HOSTILE[name](tmp_path)
    with pytest.raises(InvalidArgumentError) as caught:
        extract_archive(archive, tmp_path / "out")
    assert str(archive) in caught.value.where
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("form", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_bombs_stop_at_the_bound(form: str, tmp_path: Path) -> None:
    source = tmp_path / "data"
    source.mkdir()
    (source / "zeros").write_bytes(bytes(5_000_000))
    archive = create_archive(source, tmp_path, form)
    with pytest.raises(InvalidArgumentError, match="more than 1000000 bytes"):
        extract_archive(archive, tmp_path / "out", max_bytes=1_000_000)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_small_disk_takes_small_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_bytes(bytes(10_000))
    path = create_archive(tmp_path / "data", tmp_path)
    place = tmp_path / "out"
    for free, passes in ((100 << 20, True), ((6 << 20) + 10_000, False), (0, False)):
        disk = _Disk(128 << 20, (128 << 20) - free, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, disk=disk: disk)
        if passes:
            assert (extract_archive(path, place / "a") / "x").stat().st_size == 10_000
            continue
        with pytest.raises(InvalidArgumentError, match="the disk has no more room") as caught:
            extract_archive(path, place / "b")
        assert caught.value.fix == "make room on the disk"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Disk(1 << 40, 0, 300 << 20))
    assert room_for(tmp_path, 1 << 40)[0] == 44 << 20  # of a large one more is kept


def test_too_many_members(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", *[(f"{i}/", b"") for i in range(20)])
    with pytest.raises(InvalidArgumentError, match="more than 10 members"):
        extract_archive(archive, tmp_path / "out", max_members=10)


@pytest.mark.parametrize("form", ARCHIVE_FORMATS)
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped"])
def test_broken_archives(form: str, damage: str, tmp_path: Path) -> None:
    source = tmp_path / "data"
    source.mkdir()
    (source / "a").write_bytes(os.urandom(20_000))
    archive = create_archive(source, tmp_path, form)
    data = bytearray(archive.read_bytes())
    if damage == "flipped":
        data[100:200] = bytes(byte ^ 0xFF for byte in data[100:200])
    whole = {"empty": b"", "text": b"hello" * 200, "cut": bytes(data[: len(data) // 2])}
    archive.write_bytes(whole.get(damage, bytes(data)))
    with pytest.raises(InvalidArgumentError):
        extract_archive(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_extraction_that_stops_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _zip(tmp_path / "a.zip", ("a", b"x"), ("b", b"y"))
    real, calls = archives._safe_parts, []

    def failing(name: str) -> tuple[str, ...]:
        calls.append(name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(name)

    monkeypatch.setattr(archives, "_safe_parts", failing)
    with pytest.raises(KeyboardInterrupt):
        extract_archive(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    monkeypatch.undo()
    assert _tree(extract_archive(archive, tmp_path / "out")) == {"a": b"x", "b": b"y"}
