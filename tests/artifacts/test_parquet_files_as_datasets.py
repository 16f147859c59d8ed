from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import mlrun_like as ml


def _log(**given: Any) -> Any:
    def handler(context: ml.MLClientCtx) -> None:
        context.log_dataset("made", df=None, **given)
        context.log_result("below", context.artifact_subpath("a", "/b/"))

    return ml.new_function("logging", kind="local", handler=handler).run(local=True)


def test_a_file_that_is_there_is_recorded_with_what_it_is_like(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pd.DataFrame({"a": range(20_000), "b": "x"}).to_parquet(file)
    spec = _log(local_path=str(file)).artifact("made").meta.spec
    assert spec.length == 20_000 and {"a", "b"} <= set(spec.header) and spec.preview
    assert not spec.stats
    pd.DataFrame({"a": [1, 3]}).to_parquet(file)
    spec = _log(local_path=str(file)).artifact("made").meta.spec
    assert spec.length == 2 and spec.stats["a"]["mean"] == 2


def test_files_without_rows_or_of_another_kind_are_recorded(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pd.DataFrame({"a": pd.Series([], dtype="int64")}).to_parquet(file)
    assert _log(local_path=str(file)).artifact("made").meta.spec.length == 0
    file.write_bytes(b"PAR1 nothing")
    assert _log(local_path=str(file)).artifact("made").meta is not None
    (tmp_path / "t.csv").write_text("a\n1\n")
    run = _log(local_path=str(tmp_path / "t.csv"), format="csv")
    assert run.artifact("made").as_df()["a"].tolist() == [1]


def test_a_path_below_the_artifacts_is_never_at_the_root(home: Path) -> None:
    file = home / "t.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(file)
    below = Path(_log(local_path=str(file)).outputs["below"])
    assert below.parts[-2:] == ("a", "b") and below.is_relative_to(home)
