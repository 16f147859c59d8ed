from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrun_like.artifacts.packed import open_packed, packed_files, packed_format

_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def _tar(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    return buffer.getvalue()


@pytest.mark.parametrize("form", _PACKERS)
def test_content_tells_what_a_file_is(tmp_path: Path, form: str) -> None:
    (tmp_path / "x").write_bytes(_PACKERS[form](b"hello"))
    assert packed_format(tmp_path / "x") == form
    with open_packed(tmp_path / "x", form) as file:
        assert file.read() == b"hello"
    assert [file.read() for file in packed_files(tmp_path / "x")] == [b"hello"]
    (tmp_path / "x").write_bytes(_PACKERS[form](_tar(["a.csv"])))
    assert packed_format(tmp_path / "x") == f"tar.{form}"
    assert [file.read() for file in packed_files(tmp_path / "x")] == [b"a.csv"]


def test_files_of_archives_by_name_without_hidden_ones(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(_tar(["b.csv", "a.csv", "read.me", ".hidden.csv"]))
    assert packed_format(tmp_path / "t") == "tar"
    assert [file.read() for file in packed_files(tmp_path / "t", (".csv",))] == [b"a.csv", b"b.csv"]
    assert len([file.read() for file in packed_files(tmp_path / "t", (".x",))]) == 3
    with zipfile.ZipFile(tmp_path / "z", "w") as packed:
        packed.writestr("in/b.csv", "b")
        packed.writestr("__MACOSX/b.csv", "no")
    assert packed_format(tmp_path / "z") == "zip"
    assert [file.read() for file in packed_files(tmp_path / "z")] == [b"b"]


@pytest.mark.parametrize("data", [b"", b"plain", bytes(2000), b"0" * 600])
def test_what_is_not_packed_is_itself(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert packed_format(tmp_path / "x") == ""
    assert [file.read() for file in packed_files(tmp_path / "x")] == [data]


def test_what_is_broken_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x1f\x8bnothing at all")
    with pytest.raises(OSError):
        packed_format(tmp_path / "x")
