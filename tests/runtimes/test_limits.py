"""Limits that the operating system enforces."""

from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.limits import apply_memory_limit, memory_limit


@pytest.mark.parametrize(
    ("resources", "size"),
    [
        ({}, None),
        ({"limits": None}, None),
        ({"limits": {"cpu": 1}}, None),
        ({"requests": {"memory": "1Gi"}}, None),
        ({"limits": {"memory": "1Gi"}}, 2**30),
        ({"limits": {"mem": "1k"}}, 1000),
        ({"limits": {"memory": 12345}}, 12345),
    ],
)
def test_memory_limit(resources: dict[str, Any], size: int | None) -> None:
    assert memory_limit(resources) == size


@pytest.mark.parametrize("resources", [{"limits": "1Gi"}, {"limits": {"memory": "-1"}}])
def test_malformed_limits(resources: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        memory_limit(resources)


def test_a_limit_below_what_is_used() -> None:
    with pytest.raises(InvalidArgumentError, match="below the"):
        apply_memory_limit(1)
