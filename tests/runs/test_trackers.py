"""Trackers of other platforms, of a package that provides one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like import registry
from mlrun_like.configuration import config

MODULE = """
calls = []


class Tracker:
    def pre_run(self, context):
        calls.append("pre")
        if context.parameters.get("fail") == "pre":
            raise OSError("no answer")

    def post_run(self, context):
        calls.append("post")
        if context.parameters.get("fail") == "post":
            raise OSError("no answer")
        context.log_result("taken", 1)
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    (tmp_path / "other_platform.py").write_text(MODULE, encoding="utf-8")
    info = tmp_path / "other_platform-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-platform\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[mlrun_like.trackers]\nother_platform = other_platform:Tracker\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._entry_points.cache_clear()
    import other_platform  # type: ignore[import-not-found]

    with config.override(track_mlflow=False):
        yield other_platform.calls
    del sys.modules["other_platform"]
    registry._entry_points.cache_clear()


def run(**parameters: Any) -> Any:
    def work(context: ml.MLClientCtx) -> int:
        if context.parameters.get("fail") == "work":
            raise KeyError("broken")
        return 3

    return ml.new_function().run(handler=work, params=parameters, returns=["n"])


def test_it_is_asked_only_when_the_setting_is_on(calls: list[str]) -> None:
    assert run().outputs == {"n": 3} and calls == []
    with config.override(track_external=True):
        assert run().outputs == {"taken": 1, "n": 3}
    assert calls == ["pre", "post"]


@pytest.mark.parametrize(("moment", "asked"), [("pre", ["pre"]), ("post", ["pre", "post"])])
def test_a_platform_without_an_answer_fails_no_run(
    calls: list[str], moment: str, asked: list[str]
) -> None:
    with config.override(track_external=True):
        found = run(fail=moment)
    assert found.outputs == {"n": 3} and calls == asked
    assert "not taken over: no answer" in found.logs()


def test_what_a_failing_handler_recorded_is_taken_over(calls: list[str]) -> None:
    with config.override(track_external=True), pytest.raises(ml.errors.RunError, match="broken"):
        run(fail="work")
    assert calls == ["pre", "post"]


def test_other_ranks_are_left_alone(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    with config.override(track_external=True):
        run()
    assert calls == []
