"""What is seen of a pipeline that runs: lines, a table, a picture that changes in place."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl, progress
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.pipelines.progress import (
    Lines,
    Listener,
    NotebookPicture,
    TerminalTable,
    watching,
)
from mlrun_like.pipelines.run import StepRun


@function(returns=["x"])
def one(n: Any = 1) -> Any:
    return n


@pipeline
def flow(count: list = [1, 2, 3]) -> None:  # type: ignore[type-arg]  # noqa: B006
    one.step(name="first")
    with dsl.ParallelFor(count) as item:
        one.step(name="each", params={"n": item})


def play(listener: Listener, rounds: int) -> None:
    listener.begin("uid")
    listener.started("first")
    listener.ended("first", StepRun("completed", "u", seconds=1.0))
    listener.rounds("for", rounds)
    for number in range(rounds):
        listener.started(f"each[{number}]")
        bad = number == 7
        run = StepRun("error", "u", "boom\x1b[2J") if bad else StepRun("completed", "u")
        listener.ended(f"each[{number}]", run)
    listener.end()


def test_every_line() -> None:
    lines: list[str] = []
    LocalEngine(workers=1, report=lines.append).run(flow.plan)
    assert lines[0] == "flow: first started"
    assert lines[1].startswith("flow: first completed in 0.")
    assert len(lines) == 8


def test_long_loops_have_few_lines() -> None:
    lines: list[str] = []
    play(Lines("p", lines.append, every=False), 1000)
    assert len(lines) < 40
    assert "p: each: 900 rounds ended" in lines
    assert "p: each[7] error in 0.0 s: boom\x1b[2J" in lines  # escaped where it is printed


def test_a_table_has_a_line_for_each_step() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=20, color_system=None)
    play(TerminalTable(flow.plan, console), 100)
    last = out.getvalue().rpartition("pipeline flow")[2]
    assert "completed" in last and "1.0 s" in last
    assert "100/100, 1 error" in last
    assert "\x1b[2J" not in out.getvalue()


def test_a_long_table_shows_what_matters() -> None:
    @pipeline
    def long() -> None:
        for _ in range(60):
            one()

    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=15, color_system=None)
    table = TerminalTable(long.plan, console)
    table.begin("uid")
    table.started("one-60")
    table.ended("one-2", StepRun("error", "u", "it broke"))
    table.end()
    last = out.getvalue().rpartition("pipeline long")[2]
    assert "one-60" in last and "it broke" in last and "more steps" in last
    assert last.count("\n") <= 15


class Display:
    """Stands for IPython's display: keeps what it is given."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def display(self, data: dict[str, str], raw: bool, display_id: bool) -> Display:
        assert raw and display_id
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], raw: bool) -> None:
        assert raw
        self.shown.append(data)


def test_a_picture_changes_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    display = Display()
    monkeypatch.setattr(progress, "require", lambda package, feature: display)
    play(NotebookPicture(flow.plan), 10)
    assert "step waiting" in display.shown[0]["text/html"]
    assert "step completed" in display.shown[-1]["text/html"]
    assert "10/10" in display.shown[-1]["image/svg+xml"]


def test_the_place_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(watching(flow.plan), Lines)
    shell: Any = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert isinstance(watching(flow.plan), NotebookPicture)
    shell.kernel = None
    assert isinstance(watching(flow.plan), Lines)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(watching(flow.plan), TerminalTable)


def test_lines_go_to_stderr_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    LocalEngine().run(flow.plan)
    err = capsys.readouterr().err
    assert "flow: first started" in err and "flow: each[2] completed" in err
