"""Inputs that do not fit into memory: iterators of frames and Arrow's lazy data sets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pytest

import mlrun_like as ml
from mlrun_like.artifacts.chunked import frames_of
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.packers import unpack_input
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.connect import close_stores

ROWS = pd.DataFrame({"x": range(60_000), "word": ["a", "b"] * 30_000})


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_stores()


@pytest.fixture(params=["parquet", "csv", "tsv", "jsonl", "feather", "folder"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    form = str(request.param)
    path = str(tmp_path / f"data.{form}")
    if form == "parquet":
        ROWS.to_parquet(path)
    elif form == "folder":
        ROWS.to_parquet(path, partition_cols=["word"])
    elif form == "feather":
        ROWS.to_feather(path)
    elif form == "jsonl":
        ROWS.to_json(path, orient="records", lines=True)
    else:
        ROWS.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    return path


def test_iterators_of_frames(url: str) -> None:
    for hint in (Iterator[pd.DataFrame], Generator[pd.DataFrame, None, None]):
        parts = list(unpack_input(get_dataitem(url), hint))
        assert len(parts) >= 2 and max(map(len, parts)) <= 50_000
        whole = pd.concat(parts)
        assert sorted(whole["x"]) == list(range(60_000))
        assert list(whole.index) == list(range(60_000))
        assert set(whole["word"].astype(str)) == {"a", "b"}


def test_lazy_datasets_and_batches(url: str) -> None:
    dataset = unpack_input(get_dataitem(url), pads.Dataset)
    assert dataset.count_rows() == 60_000 and set(dataset.schema.names) == {"x", "word"}
    reader = unpack_input(get_dataitem(url), pa.RecordBatchReader)
    assert isinstance(reader, pa.RecordBatchReader)
    assert sum(batch.num_rows for batch in reader) == 60_000


def test_a_handler_names_what_it_wants(tmp_path: Path) -> None:
    path = str(tmp_path / "data.parquet")
    ROWS.to_parquet(path)

    @ml.function(returns=["rows:result"])
    def count(df: Iterator[pd.DataFrame]) -> int:
        return sum(len(part) for part in df)

    assert count.run(inputs={"df": path}).outputs["rows"] == 60_000

    @ml.function(returns=["table:dataset"])
    def make() -> pd.DataFrame:
        return ROWS

    run = count.run(inputs={"df": make.run().outputs["table"]})  # warnings are errors here
    assert run.outputs["rows"] == 60_000


def test_text_hints(tmp_path: Path) -> None:
    path = str(tmp_path / "data.parquet")
    ROWS.head(10).to_parquet(path)
    found = unpack_input(get_dataitem(path), "pyarrow.dataset.Dataset")
    assert found.count_rows() == 10
    frames = unpack_input(get_dataitem(path), "collections.abc.Iterator[pandas.DataFrame]")
    assert sum(map(len, frames)) == 10


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.parquet", b"PAR1 not at all"),
        ("empty.parquet", b""),
        ("broken.csv", b'a,b\n1,2\n3,4,5,6\n"'),
        ("empty.csv", b""),
        ("broken.jsonl", b'{"a": 1}\n{"a"'),
        ("broken.feather", b"ARROW1"),
        ("table.xlsx", b"PK"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgumentError):
        list(frames_of(get_dataitem(str(tmp_path / name))))


def test_folders_that_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidArgumentError, match="no data files"):
        list(frames_of(get_dataitem(str(tmp_path / "none"))))
    (tmp_path / "none" / "a.csv").write_text("x\n1\n")
    (tmp_path / "none" / "b.parquet").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="mixes"):
        list(frames_of(get_dataitem(str(tmp_path / "none"))))


_BOUNDED = """
import resource, sys
from collections.abc import Iterator
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.packers import unpack_input

path = sys.argv[1]
part = pd.DataFrame({f"c{n}": np.random.rand(100_000) for n in range(8)})
with pq.ParquetWriter(path, pa.Schema.from_pandas(part)) as writer:
    for _ in range(40):
        writer.write_table(pa.Table.from_pandas(part))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20),) * 2)
print(sum(len(one) for one in unpack_input(get_dataitem(path), Iterator[pd.DataFrame])))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")
def test_memory_is_bounded(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "big.py"
    script.write_text(_BOUNDED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "big.parquet")],
        env={"MLRUN_LIKE_HOME": str(home), "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == "4000000"
