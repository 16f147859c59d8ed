from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError
from mlrun_like.serving.batch.csv_types import column_types
from mlrun_like.serving.batch.run import run_batch
from mlrun_like.serving.batch.sources import open_source
from mlrun_like.serving.batch.targets import Target
from mlrun_like.serving.definition.graph import Graph, flow


def rows_of(source: Any, chunk: int = 3) -> list[Any]:
    return [row for part in open_source(source).chunks(chunk) for row in part.as_bodies(())]


def same() -> Graph:
    graph = flow()
    graph.to(lambda body: body, "same")
    return graph


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(
        "n,f,b,zip,text,empty,when\n"
        "1,1,true,01234,a,,2024-01-31\n"
        ",2.5,False,12345,,,2024-02-01\n"
        '-3,1e3,,7,"x, ""y""",,\n'
    )
    assert rows_of(path, 2) == [
        {"n": 1, "f": 1.0, "b": True, "zip": "01234", "text": "a", "empty": None,
         "when": "2024-01-31"},
        {"n": None, "f": 2.5, "b": False, "zip": "12345", "text": None, "empty": None,
         "when": "2024-02-01"},
        {"n": -3, "f": 1000.0, "b": None, "zip": "7", "text": 'x, "y"', "empty": None,
         "when": None},
    ]  # fmt: skip


def test_types_of_a_csv_file_do_not_depend_on_its_order(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    lines = [str(n) for n in range(200_000)]
    path.write_text("a,b\n" + "\n".join(f"{n},{n}" for n in lines) + "\nx,1.5\n")
    types = column_types(lambda: path.open("rb"), "in.csv")
    assert types == {"a": pa.string(), "b": pa.float64()}
    first = next(open_source(path).chunks(1)).as_bodies(())
    assert first == [{"a": "0", "b": 0.0}]


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"a": 1}\n\n[1, 2]\n"x"\n')
    assert rows_of(path, 2) == [{"a": 1}, [1, 2], "x"]
    path.write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(InvalidArgumentError, match="line 2 is not JSON"):
        rows_of(path)


def test_parquet_file_and_folder(tmp_path: Path) -> None:
    when = datetime.datetime(2024, 1, 31, tzinfo=datetime.timezone.utc)
    table = pa.table({"a": [1, None, 3], "t": [when] * 3, "l": [[1], [], None]})
    for number in range(2):
        (tmp_path / "sub").mkdir(exist_ok=True)
        pq.write_table(table, tmp_path / "sub" / f"{number}.parquet")
    found = rows_of(tmp_path, 2)
    assert len(found) == 6 and open_source(str(tmp_path)).total == 6
    assert found[1] == {"a": None, "t": when, "l": []}
    pq.write_table(pa.table({"z": [1]}), tmp_path / "sub" / "2.parquet")
    with pytest.raises(InvalidArgumentError, match="other columns"):
        open_source(tmp_path)


def test_frames_with_odd_columns() -> None:
    frame = pd.DataFrame({1: [1, "x"], "n": [1.5, float("nan")], "o": [object, None]})
    assert rows_of(frame) == [{"1": 1, "n": 1.5, "o": object}, {"1": "x", "n": None, "o": None}]
    with pytest.raises(InvalidArgumentError, match="two columns of one name"):
        open_source(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    assert rows_of(pd.DataFrame({"a": []})) == []


def test_files_elsewhere() -> None:
    system = fsspec.filesystem("memory")
    with system.open("/in.csv", "w") as stream:
        stream.write("x\n1\n2\n")
    result = run_batch(same(), "memory://in.csv", "memory://out.csv")
    assert result.rows == 2
    assert system.cat("/out.csv") == b"x,error\n1,\n2,\n"
    system.rm("/in.csv")
    system.rm("/out.csv")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("x.parquet", b"PAR1nothing", "Parquet file cannot be read"),
        ("x.parquet", b"", "Parquet file cannot be read"),
        ("x.csv", b"a,b\n1\n", "CSV file cannot be read"),
        ("x.csv", b"a,b\n\xff\xfe,1\n", "CSV file cannot be read"),
        ("x.jsonl", b"\xff\n", "line 1 is not JSON"),
        ("x.txt", b"", "is no file of rows"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgumentError, match=word):
        rows_of(tmp_path / name)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        open_source(tmp_path / "no.csv")
    with pytest.raises(InvalidArgumentError, match="cannot be opened"):
        open_source("nothing://x/y.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidArgumentError, match="has no Parquet files"):
        open_source(tmp_path / "empty")


def test_empty_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "b.csv").write_text("x,y\n")
    (tmp_path / "c.jsonl").write_text("")
    for name in ("a.csv", "b.csv", "c.jsonl"):
        assert rows_of(tmp_path / name) == []
        for ending in ("parquet", "csv", "jsonl"):
            result = run_batch(same(), tmp_path / name, tmp_path / f"out.{ending}")
            assert result.rows == 0 and (tmp_path / f"out.{ending}").exists()
            assert run_batch(same(), tmp_path / name).frame.empty


@given(st.binary(max_size=200))
def test_any_csv_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "in.csv"
    path.write_bytes(data)
    try:
        found = rows_of(path)
    except MLRunLikeError:
        return
    assert all(isinstance(row, dict) for row in found)


ANSWERS: list[Any] = [
    {"a": 1, "s": "x"},
    {"a": 2, "s": None},
    {"a": 2.5, "s": "y", "late": True},
    None,
    {"a": None, "s": {"deep": [1]}, "late": False},
]


@pytest.mark.parametrize("chunk", [1, 2, 10])
def test_answers_of_changing_types(tmp_path: Path, chunk: int) -> None:
    graph = flow()
    graph.to(lambda row: ANSWERS[row], "answers")
    for ending in ("parquet", "csv", "jsonl"):
        run_batch(graph, range(5), tmp_path / f"out.{ending}", chunk=chunk)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column("a").to_pylist() == [1.0, 2.0, 2.5, None, None]
    assert table.column("s").to_pylist() == ["x", None, "y", None, '{"deep":[1]}']
    assert table.column("late").to_pylist() == [None, None, True, None, False]
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines == [
        "a,s,late,error",
        "1.0,x,,",
        "2.0,,,",
        "2.5,y,true,",
        ",,,",
        ',"{""deep"":[1]}",false,',
    ]
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert '"s":{"deep":[1]}' in lines[4] and len(lines) == 5


def test_answers_that_are_no_dictionaries(tmp_path: Path) -> None:
    graph = flow()
    graph.to(lambda row: [row, 10 / row], "answers")
    run_batch(graph, range(3), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[-1] == '"[2.0,5.0]",'
    run_batch(graph, range(3), tmp_path / "out.jsonl")
    first, second, _ = (tmp_path / "out.jsonl").read_text().splitlines()
    assert '"answer":null,"error":"ZeroDivisionError' in first.replace("\\n", " ")
    assert second == '{"answer":[1,10.0],"error":null}'


def test_objects_are_text_in_files(tmp_path: Path) -> None:
    graph = flow()
    graph.to(lambda row: {"o": object, "n": row}, "answers")
    for ending in ("parquet", "csv", "jsonl"):
        run_batch(graph, range(2), tmp_path / f"out.{ending}")
    assert pq.read_table(tmp_path / "out.parquet").column("o")[0].as_py() == "<class 'object'>"
    assert "<class 'object'>" in (tmp_path / "out.jsonl").read_text()


def test_a_target_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidArgumentError, match="the target cannot be written"):
        Target(str(tmp_path / "file" / "out.csv"))
    assert os.listdir(tmp_path) == ["file"]
