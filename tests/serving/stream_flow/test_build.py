from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from mlrun_like.serving.steps.maps import Map
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.emit_sources import SyncEmitSource


def named(name: str) -> Map:
    return Map(abs, name=name)


def paths(step: Any, above: str = "") -> list[str]:
    here = above + step.name
    return [found for outlet in step.outlets for found in paths(outlet, here)] or [here]


def test_lists_are_branches() -> None:
    a, b, c, d, e = map(named, "abcde")
    assert paths(build_flow([a, [b, c], d, [e]])) == ["abc", "ade"]


def test_lists_in_lists() -> None:
    a, b, c, d, e = map(named, "abcde")
    assert paths(build_flow([a, [[b]], [[c, d], [e]]])) == ["ab", "acd", "ace"]


def test_the_same_as_chaining() -> None:
    source, a, b = SyncEmitSource(name="s"), named("a"), named("b")
    assert source.to(a).to(b) is b
    assert paths(source) == ["sab"]


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="Cannot build an empty flow"):
        build_flow([])
    with pytest.raises(ValueError, match="Flow must start with a source"):
        build_flow([named("a")]).run()
    with pytest.raises(ValueError, match="SyncEmitSource can only appear as the first step"):
        build_flow([SyncEmitSource(), SyncEmitSource()])
    for value in (abs, None, "Map"):
        with pytest.raises(ValueError, match="is not a step"):
            build_flow([SyncEmitSource(), value])


def test_flows_do_not_need_pandas() -> None:
    code = (
        "import sys; from mlrun_like.serving.stream_flow import build_flow, SyncEmitSource\n"
        "import mlrun_like.serving.steps.maps, mlrun_like.serving.steps.merging\n"
        "print(sorted({'pandas', 'numpy', 'pyarrow', 'sqlalchemy', 'pydantic'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
