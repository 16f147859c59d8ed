"""Comparing runs."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.parallel_coordinates import (
    compare_db_runs,
    compare_run_objects,
    gen_pcp_plot,
)
from mlrun_like.functions.decorators import function
from mlrun_like.runs.context import MLClientCtx


def test_runs_are_compared(tmp_path: Path) -> None:
    @function()
    def train(context: MLClientCtx, depth: int, same: int = 1) -> None:
        context.log_result("score", depth / 10)

    runs = [train.run(params={"depth": n, "same": 1}) for n in (1, 2, 3)]
    target = tmp_path / "deep" / "page.html"
    page = compare_run_objects(runs, filename=str(target))
    assert target.read_text() == page
    assert page.count("<polyline") == 3 and "param.depth" in page and "param.same" not in page
    assert "param.same" in compare_run_objects(runs, hide_identical=False)
    assert compare_db_runs(run_name="train").count("<polyline") == 3


def test_nothing_to_compare() -> None:
    with pytest.raises(InvalidArgumentError, match="nothing to compare in 0 runs"):
        compare_run_objects([])
    with pytest.raises(InvalidArgumentError, match="nothing to compare in 1 runs"):
        gen_pcp_plot(pandas.DataFrame({"iter": [1], "output.a": [1]}))
