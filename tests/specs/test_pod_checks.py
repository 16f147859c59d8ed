"""What Kubernetes takes, checked where users write it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.pod_checks import (
    check_affinity,
    check_name,
    check_quantity,
    check_security_context,
    check_tolerations,
    plain,
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@pytest.mark.parametrize("value", ["1", "0.5", "500m", "1Gi", "2G", "1e3", "100k", ".5", 3, 0.1])
def test_quantities(value: Any) -> None:
    assert check_quantity("mem", value) == value


@pytest.mark.parametrize(
    ("value", "fix"),
    [("1GB", '"1Gi"'), ("512 mb", '"512Mi"'), ("1K", '"1Ki"'), ("2gi", '"2Gi"'), ("x", '"512Mi"')],
)
def test_quantities_have_a_nearest_form(value: str, fix: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check_quantity("mem", value)
    assert fix in caught.value.fix


@pytest.mark.parametrize("value", [0, "0", "0.0", -1, "-1", "", None, True, [], "1 Gi", "\u0661"])
def test_no_quantities(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a quantity"):
        check_quantity("mem", value)


@given(anything)
def test_anything_is_taken_or_refused(value: Any) -> None:
    for check in (
        check_tolerations,
        check_affinity,
        check_security_context,
        lambda item: check_name("x", item),
        lambda item: check_quantity("mem", item),
        plain,
    ):
        with contextlib.suppress(InvalidArgumentError):
            check(value)
