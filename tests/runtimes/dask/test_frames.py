"""Dask's data frames as inputs and outputs of runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError

Make = Callable[..., Any]


@pytest.mark.slow
def test_read_and_written_by_the_workers(function: Make, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": range(20000), "s": ["a", "b"] * 10000})
    frame.to_parquet(tmp_path / "in.parquet")
    made = function(
        "import os\n"
        "import dask.dataframe as dd\n"
        "def handler(context, df: dd.DataFrame):\n"
        "    df = df.repartition(npartitions=4)\n"
        "    df['pid'] = df.map_partitions(lambda part: part.x * 0 + os.getpid(), meta=df.x)\n"
        "    return df, df.x.sum(), df[df.x < 100].set_index('x'), df[df.x < 0]\n"
    )
    run = made.run(
        inputs={"df": str(tmp_path / "in.parquet")},
        returns=["all", "total", "few", "none"],
        watch=False,
    )
    assert run.outputs["total"] == 199990000
    whole = run.artifact("all")
    assert whole is not None and whole.meta is not None
    found = whole.as_df()
    pd.testing.assert_frame_equal(found[["x", "s"]].astype({"s": "str"}), frame)
    assert os.getpid() not in set(found["pid"])
    names = sorted(os.listdir(whole.local()))
    assert names == [f"part-{n:05}.parquet" for n in range(4)]
    spec = whole.meta.spec
    assert spec.length == 20000 and len(spec.preview) == 20 and not spec.stats
    assert spec.size == sum(os.path.getsize(Path(whole.local(), name)) for name in names)
    few = run.artifact("few")
    assert few is not None and list(few.as_df().index) == list(range(100))
    assert few.meta is not None and few.meta.spec.stats and few.meta.spec.length == 100
    none = run.artifact("none")
    assert none is not None and none.as_df().shape == (0, 3)
    again = made.run(
        handler="handler",
        inputs={"df": run.outputs["all"]},
        returns=[None, "total", None, None],
        watch=False,
    )
    assert again.outputs["total"] == 199990000


def _log(frame: Any, **options: Any) -> Any:
    with ml.get_or_create_ctx("frames") as context:
        context.log_dataset("table", frame, **options)
        return context.get_cached_artifact("table")


@pytest.mark.parametrize("format", ["", "parquet", "csv", "tsv", "jsonl", "feather"])
def test_formats(format: str) -> None:
    frame = pd.DataFrame({"a": range(10), "b": [f"t{n}" for n in range(10)]})
    artifact = _log(dd.from_pandas(frame, npartitions=3), format=format)
    found = artifact.to_dataitem().as_df().sort_values("a").reset_index(drop=True)
    if format in ("", "parquet", "feather"):
        assert [t.kind for t in found.dtypes] == ["i", "O"]
    assert found[["a", "b"]].values.tolist() == frame.values.tolist()
    assert artifact.spec.length == 10 and artifact.spec.stats and artifact.spec.digest


def test_options_and_a_second_version() -> None:
    frame = dd.from_pandas(pd.DataFrame({"a": [1, 2, 3, 4]}), npartitions=4)
    artifact = _log(frame, preview=2, stats=False, label_column="a")
    assert len(artifact.spec.preview) == 2 and not artifact.spec.stats
    assert artifact.spec.label_column == "a"
    folder = Path(artifact.target_path)
    with ml.get_or_create_ctx("twice") as context:
        for rows in (4, 1):
            part = dd.from_pandas(pd.DataFrame({"a": range(rows)}), npartitions=rows)
            artifact = context.log_dataset("table", part, target_path=str(folder))
    assert sorted(os.listdir(folder)) == ["part-00000.parquet"]
    assert [name for name in os.listdir(folder.parent) if name.startswith(".")] == []
    with pytest.raises(InvalidArgumentError, match="label column 'z'"):
        _log(frame, label_column="z")
    with pytest.raises(InvalidArgumentError, match="cannot be logged as json"):
        _log(frame, format="json")


def test_nothing_is_left_of_a_write_that_fails(tmp_path: Path) -> None:
    def broken(part: pd.DataFrame) -> pd.DataFrame:
        if len(part) and part.a.iloc[0] == 3:
            raise OSError("disk gone")
        return part

    frame = dd.from_pandas(pd.DataFrame({"a": [1, 2, 3, 4]}), npartitions=4)
    target = tmp_path / "out" / "table.parquet"
    with ml.get_or_create_ctx("fails") as context:
        mapped = frame.map_partitions(broken, meta=frame._meta)
        with pytest.raises(OSError, match="disk gone"):
            context.log_dataset("table", mapped, target_path=str(target))
    assert os.listdir(tmp_path / "out") == []


def test_other_collections_are_computed() -> None:
    def handler() -> Any:
        return da.ones(4).sum(), da.arange(3), dask.delayed(max)(1, 2)

    run = ml.new_function("collections").run(
        handler=handler, returns=["sum", "array:file", "most"], watch=False
    )
    assert run.outputs["sum"] == 4.0 and run.outputs["most"] == 2
    item = run.artifact("array")
    assert item is not None
    assert np.load(item.local()).tolist() == [0, 1, 2]
