"""Values too large for a record travel as artifacts, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import pipeline

SIZE = 2_000_000


@function(returns=["text"])
def write(n: int) -> str:
    return "é" * n


@function(returns=["rows"])
def rows(n: int) -> list[dict[str, int]]:
    return [{"number": number} for number in range(n)]


@function(returns=["length", "kind"])
def measured(what: str) -> tuple[int, str]:
    return len(what), type(what).__name__


@function(returns=["length", "kind"])
def unhinted(what):  # type: ignore[no-untyped-def]
    return len(what), type(what).__name__


def test_long_results_go_on_as_artifacts(home: Path) -> None:
    @pipeline
    def flow(n: int = SIZE) -> Any:
        text: Any = write(n)
        table: Any = rows(100_000)
        return {
            "text": measured(text).outputs["length"],  # type: ignore[attr-defined]
            "plain": unhinted(text).outputs["length"],
            "kind": unhinted(text).outputs["kind"],
            "rows": unhinted(table).outputs["length"],
        }

    run = LocalEngine(report=None).run(flow.plan).check()
    assert run.outputs == {"text": SIZE, "plain": SIZE, "kind": "str", "rows": 100_000}
    assert run.steps["write"].outputs["text"].startswith("store://artifacts/")
    assert run.steps["rows"].outputs["rows"].startswith("store://artifacts/")
    assert sum(file.stat().st_size for file in home.glob("store.db*")) < SIZE


def test_a_long_argument_is_not_cut_off() -> None:
    @pipeline
    def flow(text: str) -> Any:
        return measured(text).outputs["length"]  # type: ignore[attr-defined]

    run = LocalEngine(report=None).run(flow.plan, {"text": "x" * SIZE}).check()
    assert list(run.outputs.values()) == [SIZE]
