"""Versions that differ are refused, with both printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import EngineError
from mlrun_like.runtimes.dask.versions import check_versions, differences

OWN = {
    "packages": {
        "python": "3.11.7.final.0",
        "dask": "2026.8.0",
        "distributed": "2026.8.0",
        "cloudpickle": "3.1.2",
        "mlrun_like": "0.1.0",
    }
}


def _with(**changes: Any) -> dict[str, Any]:
    return {"packages": {**OWN["packages"], **changes}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"python": "3.11.2.final.0"}, []),  # the same byte code and pickles
        ({"cloudpickle": "3.1.0"}, []),
        ({"numpy": "9"}, []),
        ({"python": "3.12.1.final.0"}, ["python: 3.11.7 here, 3.12.1 on w"]),
        ({"dask": "2025.1.0"}, ["dask: 2026.8.0 here, 2025.1.0 on w"]),
        ({"cloudpickle": "2.0.0"}, ["cloudpickle: 3.1.2 here, 2.0.0 on w"]),
        ({"mlrun_like": None}, ["mlrun-like: 0.1.0 here, none on w"]),
    ],
)
def test_differences(changes: dict[str, Any], expected: list[str]) -> None:
    assert list(differences(OWN, [("w", _with(**changes))])) == expected


def test_a_worker_that_says_nothing() -> None:
    assert len(list(differences(OWN, [("w", None)]))) == 5


class _Answers:
    """What a client of Dask gives."""

    def __init__(self, scheduler: dict[str, Any], workers: dict[str, Any]) -> None:
        self.found = {"client": OWN, "scheduler": scheduler, "workers": workers}

    def get_versions(self, check: bool, packages: list[str]) -> dict[str, Any]:
        assert not check and packages == ["mlrun_like"]
        return self.found


def test_all_of_them_are_named() -> None:
    check_versions(_Answers(OWN, {"tcp://a:1": OWN}), "tcp://s:1")
    others = {f"tcp://a:{n}": _with(dask="2020.1.0") for n in range(9)}
    with pytest.raises(EngineError) as caught:
        check_versions(_Answers(_with(python="3.8.1.final.0"), others), "tcp://s:1")
    text = str(caught.value)
    assert "dask: 2026.8.0 here, 2020.1.0 on worker tcp://a:0" in text
    assert "and 4 more" in text and "scheduler tcp://s:1" in text and "fix:" in text


@pytest.mark.slow
def test_of_real_processes(function: Callable[..., Any], tmp_path: Path) -> None:
    made = function("def handler(): pass\n")
    check_versions(made.client, made.spec.scheduler_address)
