"""Resources, retries and sweep options: checked where they are written."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.values import HyperParamOptions, Resources, Retry, parse_cpu, parse_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        (512, 512),
        ("1k", 1000),
        ("1K", 1000),
        ("1Ki", 1024),
        ("1.5Gi", 1610612736),
        ("2M", 2 * 10**6),
        ("1Ti", 2**40),
        ("1P", 10**15),
        ("500m", 1),
        ("0.1", 1),
    ],
)
def test_memory_quantities(text: str | int, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1Gi", "1 Gi", "1gi", "Gi", "1e9", "nan", True, None, "1Gi\n", "٣", "1GiB", []],
)
def test_what_is_no_memory_quantity(text: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_memory(text)
    assert repr(text) in caught.value.what and "512Mi" in caught.value.fix


@pytest.mark.parametrize(("text", "cores"), [(2, 2.0), (0.5, 0.5), ("250m", 0.25), ("1.5", 1.5)])
def test_cpu_quantities(text: str | float, cores: float) -> None:
    assert parse_cpu(text) == cores


@pytest.mark.parametrize("text", ["", 0, -1, "1c", False, None, "inf", math.nan, [1]])
def test_what_is_no_cpu_quantity(text: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_cpu(text)
    assert caught.value.fix


def test_resources_have_kubernetes_form() -> None:
    assert Resources().to_dict() == {}
    asked = Resources(cpu="500m", memory="1Gi", gpus=2, gpu_type="amd.com/gpu")
    assert asked.to_dict() == {"limits": {"cpu": "500m", "memory": "1Gi", "amd.com/gpu": 2}}


@pytest.mark.parametrize(
    "wrong", [{"cpu": "x"}, {"memory": "1 Gi"}, {"gpus": -1}, {"gpus": 1.5}, {"gpus": True}]
)
def test_bad_resources_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Resources(**wrong)
    assert repr(next(iter(wrong.values()))) in caught.value.what and caught.value.fix


@pytest.mark.parametrize("value", [Resources(), Retry(), HyperParamOptions()])
def test_values_are_frozen(value: Any) -> None:
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": -1},
        {"count": 101},
        {"count": 1.5},
        {"count": True},
        {"count": "3"},
        {"backoff": -0.1},
        {"backoff": math.nan},
        {"backoff": math.inf},
        {"backoff": "1"},
        {"factor": 0.5},
        {"factor": True},
        {"max_backoff": -1},
        {"max_backoff": None},
    ],
)
def test_bad_retries_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Retry(**wrong)
    assert next(iter(wrong)) in caught.value.what and caught.value.fix


def test_waits_grow_up_to_the_longest() -> None:
    retry = Retry(count=100, backoff=1, factor=3, max_backoff=20)
    assert [retry.delay(n) for n in (1, 2, 3, 4, 100)] == [1.0, 3.0, 9.0, 20.0, 20.0]
    assert Retry(count=100, factor=1e300).delay(100) == 300.0
    assert Retry(count=100, backoff=0, factor=10**40).delay(100) == 0.0


@given(
    st.integers(0, 100),
    st.floats(0, 1e9),
    st.floats(1, 1e308),
    st.floats(0, 1e9),
    st.integers(1, 100),
)
def test_every_wait_is_a_number_in_its_range(
    count: int, backoff: float, factor: float, longest: float, attempt: int
) -> None:
    wait = Retry(count, backoff, factor, longest).delay(attempt)
    assert 0 <= wait <= longest
    assert Retry(**Retry(count, backoff, factor, longest).to_dict()).delay(attempt) == wait


def test_options_that_differ_from_their_defaults_are_recorded() -> None:
    assert HyperParamOptions().to_dict() == {}
    options = HyperParamOptions(strategy="random", max_iterations=3, selector="min.loss", seed=0)
    assert options.to_dict() == {
        "strategy": "random",
        "max_iterations": 3,
        "selector": "min.loss",
        "seed": 0,
    }
    assert HyperParamOptions(**options.to_dict()) == options


@pytest.mark.parametrize(
    ("selector", "parts"),
    [("max.accuracy", ("max", "accuracy")), ("min.a.b", ("min", "a.b")), ("f1", ("max", "f1"))],
)
def test_selectors(selector: str, parts: tuple[str, str]) -> None:
    assert HyperParamOptions(selector=selector).selector_parts == parts


@pytest.mark.parametrize(
    "wrong",
    [
        {"strategy": "gird"},
        {"strategy": 1},
        {"max_iterations": 5},
        {"max_iterations": -1, "strategy": "random"},
        {"parallel_runs": -1},
        {"parallel_runs": 1.5},
        {"max_errors": True},
        {"selector": "avg.x"},
        {"selector": "max."},
        {"selector": 5},
        {"stop_condition": 1},
        {"param_file": 3},
        {"seed": "x"},
        {"seed": True},
    ],
)
def test_bad_sweep_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        HyperParamOptions(**wrong)
    assert repr(next(iter(wrong.values()))) in caught.value.what or "only for" in caught.value.what
    assert caught.value.fix
