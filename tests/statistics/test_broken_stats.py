"""Statistics that somebody else wrote badly."""

from __future__ import annotations

import pytest

from mlrun_like.statistics.column_profile import DataProfile


@pytest.mark.parametrize("count", ["x", None, -1, float("nan"), float("inf"), [], 2.0])
def test_a_count_that_is_none(count: object) -> None:
    stats = {"x": {"count": count, "missing": "y", "rows": "z", "hist": [[1, 1], [0, 1, 2]]}}
    found = DataProfile.from_stats(stats).columns["x"]
    assert found.count == (2 if count == 2.0 else 0)
    assert found.missing == 0
