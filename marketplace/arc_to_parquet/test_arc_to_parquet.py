from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


def _run(file: Path, artifact_path: str = "", **params: Any) -> Any:
    fn: Any = ml.import_function("hub://arc_to_parquet")
    return fn.run(
        inputs={"archive_url": str(file)}, params=params, local=True, artifact_path=artifact_path
    )


def _frame(rows: int = 500) -> pd.DataFrame:
    random = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "id": range(rows),
            "value": random.normal(size=rows).round(6),
            "word": random.choice(["a,b", 'say "x"', "two\nlines", "ü"], rows),
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%Y-%m-%d"),
        }
    )


def _packed(folder: Path, form: str, data: bytes) -> Path:
    file = folder / f"data.{form}"
    if form == "zip":
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("in/data.csv", data)
            packed.writestr("__MACOSX/._data.csv", b"\x00")
    elif form.startswith("tar"):
        mode: Any = f"w:{form[4:]}"
        with tarfile.open(file, mode) as tar:
            info = tarfile.TarInfo("data.csv")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    else:
        pack: Any = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "csv": bytes}[
            form
        ]
        file.write_bytes(pack(data))
    return file


@pytest.mark.parametrize("form", ["csv", "gz", "bz2", "xz", "zip", "tar", "tar.gz"])
def test_rows_are_those_of_pandas(tmp_path: Path, form: str) -> None:
    frame = _frame()
    run = _run(_packed(tmp_path, form, frame.to_csv(index=False).encode()), key="mine")
    found = run.artifact("mine").as_df()
    assert found["id"].tolist() == frame["id"].tolist()
    assert found["word"].tolist() == frame["word"].tolist()
    assert np.array_equal(found["value"].to_numpy(), frame["value"].to_numpy())
    assert pd.to_datetime(found["day"]).dt.strftime("%Y-%m-%d").tolist() == frame["day"].tolist()
    assert run.outputs["rows"] == 500 and run.outputs["columns"] == 4
    meta = run.artifact("mine").meta
    assert meta is not None and meta.spec.length == 500 and "word" in meta.spec.header


def test_columns_whose_later_values_are_of_another_kind(tmp_path: Path) -> None:
    rows = 900_000
    lines = ["a,b,c,d"] + ["1,2,,x"] * rows + ["1.5,word,7,x"]
    (tmp_path / "long.csv").write_text("\n".join(lines))
    frame = _run(tmp_path / "long.csv").artifact("data").as_df()
    assert len(frame) == rows + 1
    assert frame["a"].iloc[0] == 1.0 and frame["a"].iloc[-1] == 1.5
    assert frame["b"].iloc[0] == "2" and frame["b"].iloc[-1] == "word"
    assert frame["c"].notna().sum() == 1 and frame["c"].iloc[-1] == 7


def test_several_files_of_an_archive_are_one_table(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as packed:
        packed.writestr("1.csv", "a,b\n1,x\n")
        packed.writestr("2.csv", "a,b\n2.5,y\n")
        packed.writestr("readme.md", "# about")
    frame = _run(tmp_path / "many.zip", index=True).artifact("data").as_df()
    assert frame["a"].tolist() == [1.0, 2.5] and frame["index"].tolist() == [0, 1]
    with zipfile.ZipFile(tmp_path / "many.zip", "a") as packed:
        packed.writestr("3.csv", "a,c\n1,x\n")
    with pytest.raises(RunError, match="different columns"):
        _run(tmp_path / "many.zip")


def test_encodings_headers_types_and_tabs(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes("name,zip\nMüller,01234\n".encode("latin-1"))
    assert _run(tmp_path / "old.csv").artifact("data").as_df()["name"].tolist() == ["Müller"]
    (tmp_path / "new.csv").write_text("name,zip\nMüller,01234\n", encoding="utf-8")
    frame = _run(tmp_path / "new.csv", dtype={"zip": "str"}).artifact("data").as_df()
    assert frame.iloc[0].tolist() == ["Müller", "01234"]
    (tmp_path / "bare.tsv").write_text("1\tx\n2\ty\n")
    frame = _run(tmp_path / "bare.tsv", header=["n", "w"]).artifact("data").as_df()
    assert frame["n"].tolist() == [1, 2] and frame["w"].tolist() == ["x", "y"]


def test_a_data_set_in_parts(tmp_path: Path) -> None:
    frame = pd.DataFrame({"kind": ["a", "b", "c"] * 20, "x": range(60)})
    frame.to_csv(tmp_path / "in.csv", index=False)
    run = _run(tmp_path / "in.csv", dataset="parts", part_cols=["kind"])
    assert sorted(run.artifact("data").listdir()) == ["kind=a", "kind=b", "kind=c"]
    found = run.artifact("data").as_df().sort_values("x")
    assert found["x"].tolist() == list(range(60))
    assert found["kind"].astype(str).tolist() == frame["kind"].tolist()


def test_a_file_that_is_there_is_made_again_only_if_asked(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n")
    place = str(tmp_path / "out")
    _run(tmp_path / "in.csv", place)
    (tmp_path / "in.csv").write_text("a\n2\n")
    assert _run(tmp_path / "in.csv", place).artifact("data").as_df()["a"].tolist() == [1]
    run = _run(tmp_path / "in.csv", place, refresh_data=True)
    assert run.artifact("data").as_df()["a"].tolist() == [2]
    for refresh in (False, True):
        run = _run(tmp_path / "in.csv", place, dataset="many", refresh_data=refresh)
        assert run.artifact("data").as_df()["a"].tolist() == [2]


def test_formats_groups_and_statistics(tmp_path: Path) -> None:
    frame = _frame(100)
    frame.to_csv(tmp_path / "in.csv", index=False)
    run = _run(tmp_path / "in.csv", file_ext="csv")
    assert run.artifact("data").url.endswith("data.csv")
    assert run.artifact("data").as_df()["word"].tolist() == frame["word"].tolist()
    run = _run(tmp_path / "in.csv", chunksize=30, stats=True)
    meta = run.artifact("data").meta
    assert meta is not None and meta.spec.stats["value"]["mean"] == pytest.approx(
        frame["value"].mean()
    )
    (tmp_path / "head.csv").write_text("a,b\n")
    run = _run(tmp_path / "head.csv", chunksize=30)
    assert run.outputs["rows"] == 0 and list(run.artifact("data").as_df().columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "params", "said"),
    [
        (b"", {}, "cannot be read as CSV: Empty CSV file"),
        (b"a,b\n1,2\n1\n", {}, "Expected 2 columns, got 1"),
        (b"a,a\n1,2\n", {}, "two columns are called 'a'"),
        (b"a\nx\n", {"dtype": {"a": "int64"}}, "int64"),
        (b"a\n1\n", {"dtype": {"b": "int64"}}, "dtype names the column 'b'"),
        (b"a\n1\n", {"dtype": {"a": "colour"}}, "dtype of 'a' is 'colour'"),
        (b"a\n1\n", {"part_cols": ["b"]}, "part_cols names the column 'b'"),
        (b"a\n1\n", {"file_ext": "xls"}, "file_ext is 'xls'"),
        (gzip.compress(b"a\n" + b"1\n" * 9000, mtime=0)[:40], {}, "the file is broken"),
        (b"\x1f\x8bnothing", {}, "the file is broken"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, data: bytes, params: dict[str, Any], said: str) -> None:
    (tmp_path / "in.csv").write_bytes(data)
    with pytest.raises(RunError, match=said):
        _run(tmp_path / "in.csv", **params)


@pytest.mark.parametrize("form", ["gz", "xz", "zip", "tar.gz", "csv"])
def test_what_unpacks_to_more_than_allowed_is_refused(tmp_path: Path, form: str) -> None:
    data = b"a,b\n" + b"1,2\n" * 100_000
    file = _packed(tmp_path, form, data)
    with pytest.raises(RunError, match=r"it unpacks to more than 300,000 bytes(.|\n)*max_bytes"):
        _run(file, max_bytes=300_000)
    assert _run(file, max_bytes=len(data)).outputs["rows"] == 100_000


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = _packed(tmp_path, "csv", b"a\n1\n")
    monkeypatch.setattr("pyarrow.parquet.ParquetWriter", full)
    with pytest.raises(RunError, match="the disk is full"):
        _run(file)
