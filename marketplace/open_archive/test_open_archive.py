from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.artifacts.archives import create_archive
from mlrun_like.errors import RunError


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


def _run(archive: Path | str, **params: Any) -> Any:
    fn: Any = ml.import_function("hub://open_archive")
    return fn.run(inputs={"archive_url": str(archive)}, params=params, local=True)


def _files(folder: str | Path) -> dict[str, bytes]:
    root = Path(folder)
    return {
        str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*") if one.is_file()
    }


_CONTENT = {"a.txt": b"one", "deep/er/b.bin": bytes(range(256)), "ümlaut.txt": b""}


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_what_is_packed_comes_out_again(tmp_path: Path, form: str) -> None:
    source = tmp_path / "source"
    for name, data in _CONTENT.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    fn: Any = ml.import_function("hub://open_archive")
    packed = fn.run(
        handler="make_archive", inputs={"folder": str(source)}, params={"archive_format": form},
        local=True,
    )  # fmt: skip
    assert packed.artifact("archive").url.endswith(f".{form}")
    run = _run(packed.outputs["archive"])
    assert _files(run.artifact("content").url) == _CONTENT
    assert run.outputs["files"] == 3 and run.outputs["bytes"] == 259


def test_the_name_tells_nothing_and_files_are_replaced(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.bin", "w") as file:
        file.writestr("x/a.txt", "new")
    (tmp_path / "out" / "x").mkdir(parents=True)
    (tmp_path / "out" / "x" / "a.txt").write_text("old")
    (tmp_path / "out" / "kept.txt").write_text("kept")
    run = _run(tmp_path / "data.bin", target_path=str(tmp_path / "out"), key="mine")
    assert _files(tmp_path / "out") == {"x/a.txt": b"new", "kept.txt": b"kept"}
    assert run.artifact("mine").listdir() == ["kept.txt", "x"]
    assert sorted(os.listdir(tmp_path)) == ["data.bin", "home", "out"]


def test_one_packed_file(tmp_path: Path) -> None:
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    run = _run(tmp_path / "data.csv.gz")
    assert _files(run.artifact("content").url) == {"data.csv": b"a,b\n1,2\n"}


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> None:
    with tarfile.open(path, "w:gz") as file:
        for info, data in members:
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))


def _link(name: str, to: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def _zip(path: Path, name: str, data: bytes = b"x", mode: int = 0) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(info, data)


_HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "zip up": (lambda path: _zip(path, "../out.txt"), "outside of its folder"),
    "zip root": (lambda path: _zip(path, "/tmp/out.txt"), "outside of its folder"),
    "zip link": (lambda path: _zip(path, "a", b"/etc/passwd", 0o120777), "a link or a device"),
    "tar up": (lambda path: _tar(path, (tarfile.TarInfo("a/../../x"), b"x")), "outside"),
    "tar root": (lambda path: _tar(path, (tarfile.TarInfo("/x"), b"x")), "outside"),
    "tar link": (
        lambda path: _tar(path, (_link("a", "/etc", tarfile.SYMTYPE), b"")), "a link or a device"
    ),
    "tar hard link": (
        lambda path: _tar(path, (_link("a", "/etc/passwd", tarfile.LNKTYPE), b"")), "a link"
    ),
    "tar device": (lambda path: _tar(path, (_link("a", "", tarfile.CHRTYPE), b"")), "a device"),
    "bomb": (lambda path: _zip(path, "a", bytes(3_000_000)), "more than 1000000 bytes"),
    "gzip bomb": (
        lambda path: path.write_bytes(gzip.compress(bytes(3_000_000))), "1000000 bytes"
    ),
    "no archive": (lambda path: path.write_bytes(b"hello" * 200), "no archive"),
    "empty": (lambda path: path.write_bytes(b""), "no archive"),
    "broken gzip": (lambda path: path.write_bytes(b"\x1f\x8bxxxxxxxxxxx"), "broken"),
}  # fmt: skip


@pytest.mark.parametrize("kind", _HOSTILE)
def test_hostile_archives_are_refused_as_a_whole(tmp_path: Path, kind: str) -> None:
    make, said = _HOSTILE[kind]
    make(tmp_path / "archive")
    with pytest.raises(RunError, match=said):
        _run(tmp_path / "archive", target_path=str(tmp_path / "out"), max_bytes=1_000_000)
    assert sorted(os.listdir(tmp_path)) == ["archive", "home"]


def test_a_cut_archive_leaves_nothing(tmp_path: Path) -> None:
    _tar(
        tmp_path / "whole.tar.gz", *((tarfile.TarInfo(f"{n}"), os.urandom(5000)) for n in range(9))
    )
    data = (tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(RunError, match=r"cannot be extracted|broken"):
        _run(tmp_path / "cut.tar.gz", target_path=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_bounds_and_mistakes_are_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as file:
        for number in range(20):
            file.writestr(f"{number}", "")
    with pytest.raises(RunError, match="more than 10 members"):
        _run(tmp_path / "many.zip", max_files=10)
    with pytest.raises(RunError, match="max_files is 0"):
        _run(tmp_path / "many.zip", max_files=0)
    with pytest.raises(RunError, match=r"none\.zip|no archive"):
        _run(tmp_path / "none.zip")
    fn: Any = ml.import_function("hub://open_archive")
    with pytest.raises(RunError, match="is not a folder"):
        fn.run(handler="make_archive", inputs={"folder": str(tmp_path / "many.zip")}, local=True)
    with pytest.raises(RunError, match="format 'rar' is unknown"):
        params = {"archive_format": "rar"}
        fn.run(handler="make_archive", inputs={"folder": str(tmp_path)}, params=params, local=True)


def test_nothing_is_written_through_a_link_that_is_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("x/a.txt", "new")
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "x").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="through a link"):
        _run(tmp_path / "a.zip", target_path=str(tmp_path / "out"))
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("form", ["zip", "tar.gz", "gz"])
def test_the_last_bytes_of_a_disk_are_never_used_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "zeros").write_bytes(bytes(2 << 20))
    if form == "gz":
        archive = tmp_path / "zeros.gz"
        archive.write_bytes(gzip.compress(bytes(2 << 20)))
    else:
        archive = create_archive(source, tmp_path, form)
    usage = shutil.disk_usage(tmp_path)._replace(free=(256 << 20) + 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda *_: usage)
    with pytest.raises(RunError, match="to more than 1000000 bytes: the disk has no more room"):
        _run(archive)
    assert not list(tmp_path.rglob("*.partial"))
    monkeypatch.undo()
    assert _run(archive).outputs["bytes"] == 2 << 20
