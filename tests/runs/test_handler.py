"""MLRun's decorator `handler`."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError
from mlrun_like.runs.handler import handler


@handler(labels={"team": "a"}, outputs=["frame", "rows: result"])
def make(rows: int) -> tuple[pandas.DataFrame, int]:
    return pandas.DataFrame({"x": range(rows)}), rows


@handler()
def plain(rows: int) -> int:
    return rows


def test_outside_of_a_run_it_is_the_function() -> None:
    assert make(2)[1] == 2 and make.__name__ == "make" and plain(3) == 3


def test_values_are_logged_under_their_names() -> None:
    run = ml.new_function().run(handler=make, params={"rows": 3})
    assert run.outputs["rows"] == 3 and set(run.outputs) == {"frame", "rows"}
    frame = run.artifact("frame")
    assert frame is not None and len(frame.as_df()) == 3
    assert run.metadata.labels["team"] == "a"
    assert ml.new_function().run(handler=plain, params={"rows": 3}, returns=["n"]).outputs == {
        "n": 3
    }


def test_a_decorated_function_of_a_file(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(
        "from mlrun_like.runs.handler import handler\n\n\n"
        "@handler(outputs=['n'])\ndef count(text: str = 'abc'):\n    return len(text)\n",
        encoding="utf-8",
    )
    fn = ml.code_to_function("count", filename=str(code), kind="job", handler="count")
    assert fn.run(local=True).outputs == {"n": 3}


def test_too_few_values() -> None:
    @handler(outputs=["a", "b"])
    def short() -> tuple[int, int, int]:
        return 1, 2, 3

    with pytest.raises(RunError):
        ml.new_function().run(handler=short)
