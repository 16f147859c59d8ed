from __future__ import annotations

import json
import subprocess
import textwrap
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx

if TYPE_CHECKING:
    from tests.runs.conftest import Bench

Script = Callable[..., "subprocess.Popen[str]"]


def test_inside_a_run_it_is_that_runs_context(bench: Bench) -> None:
    def handler(context: MLClientCtx) -> bool:
        return get_or_create_ctx("other") is context

    assert bench.run(handler).output("return") is True
    assert len(bench.all()) == 1


def test_a_new_run(bench: Bench) -> None:
    with get_or_create_ctx("explore", project="mine", labels={"a": "1"}) as context:
        context.log_result("rows", 3)
        assert bench.all()[0].state() == "running"
    run = bench.last()
    assert (run.metadata.name, run.metadata.project, run.state()) == (
        "explore",
        "mine",
        "completed",
    )
    assert run.status.results == {"rows": 3}
    assert run.metadata.labels["kind"] == "local"
    assert run.metadata.labels["a"] == "1"
    assert run.metadata.labels["host"] == run.status.host != ""


def test_a_run_that_is_given(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"metadata": {"name": "given"}, "spec": {"parameters": {"p": 1}}}
    for arguments in (
        {"spec": spec},
        {"event": SimpleNamespace(body=json.dumps(spec).encode())},
        {"event": SimpleNamespace(body={"run": spec, "function": {}})},
    ):
        with get_or_create_ctx("x", **arguments) as context:
            assert (context.name, context.get_param("p")) == ("given", 1)
    with config.override(exec=json.dumps(spec)):
        with get_or_create_ctx("x") as context:
            assert context.name == "given"
        with get_or_create_ctx("x", with_env=False) as context:
            assert context.name == "x"
    assert spec == {"metadata": {"name": "given"}, "spec": {"parameters": {"p": 1}}}


@pytest.mark.parametrize("body", ["{", "[1]", b"\xff", "5"])
def test_broken_documents(body: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        get_or_create_ctx("x", event=SimpleNamespace(body=body))


def test_foreign_documents_and_bad_names() -> None:
    with pytest.raises(SpecError):
        get_or_create_ctx("x", spec={"status": 5})
    with pytest.raises(InvalidArgumentError):
        get_or_create_ctx("no name!")


def begin(rest: str) -> str:
    """A program with a run."""
    return textwrap.dedent(
        """
        import os, signal, sys, time
        import mlrun_like as ml
        ml.config.heartbeat_interval = 0.1
        context = ml.get_or_create_ctx("program")
        context.log_result("a", 1)
        """
    ) + textwrap.dedent(rest)


@pytest.mark.parametrize(
    ("rest", "state", "error"),
    [
        ("", "completed", ""),
        ("1 / 0", "error", "ZeroDivisionError: division by zero"),
        *(
            pytest.param(*row, marks=pytest.mark.slow)
            for row in (
                ("context.commit(completed=True); 1 / 0", "completed", ""),
                ("raise KeyboardInterrupt", "aborted", "the run was stopped"),
                ("with context:\n    sys.exit(3)", "error", "SystemExit: 3"),
                ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass", "completed", ""),
                ("if os.fork() == 0:\n    sys.exit(0)\nos.wait()", "completed", ""),
            )
        ),
    ],
)
def test_a_run_ends_as_its_program(
    bench: Bench, script: Script, rest: str, state: str, error: str
) -> None:
    process = script(begin(rest))
    process.communicate(timeout=30)
    run = bench.last()
    assert (run.state(), run.error) == (state, error)
    assert run.status.results == {"a": 1}
    if "ZeroDivision" in error:
        assert "program.py" in run.status.traceback


def test_a_killed_program_is_found(bench: Bench, script: Script) -> None:
    process = script(begin("os.kill(os.getpid(), signal.SIGKILL)"))
    process.communicate(timeout=30)
    bench.wait_for(lambda: bench.last().state() == "error")
    assert "killed" in bench.last().error


@pytest.mark.slow
def test_a_program_is_aborted_from_outside(bench: Bench, script: Script) -> None:
    process = script(begin("time.sleep(60)"))
    bench.wait_for(lambda: bench.all(states=("running",)))
    assert bench.last().abort() == "aborted"
    output, _ = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in output


@pytest.mark.slow
def test_a_program_gives_signs_of_life(bench: Bench, script: Script) -> None:
    with config.override(lost_after=0.5):
        process = script(
            begin(
                """
                context.set_hostname("elsewhere")
                context.commit()
                time.sleep(1.5)
                """
            )
        )
        bench.wait_for(lambda: bench.all(states=("running",)))
        process.communicate(timeout=30)
        assert bench.last().state() == "completed"
