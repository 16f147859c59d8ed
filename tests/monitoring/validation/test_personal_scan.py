from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.monitoring.validation.personal_scan import scan_values
from tests.monitoring.validation.personal_corpus import CLEAN, PERSONAL


@pytest.mark.parametrize(("column", "values", "kind"), PERSONAL, ids=lambda x: str(x)[:30])
def test_personal_data_is_found(column: str, values: list[Any], kind: str) -> None:
    found = scan_values(column, values)
    assert found and found[0].kind == kind, found
    assert found[0].confidence >= 0.5
    assert found[0].examples


@pytest.mark.parametrize(("column", "values"), CLEAN, ids=lambda x: str(x)[:30])
def test_other_data_is_not(column: str, values: list[Any]) -> None:
    assert scan_values(column, values) == []
