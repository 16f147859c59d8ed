from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.exports.kubeflow.executors import COMMAND
from mlrun_like.pipelines.exports.kubeflow.package import export_kubeflow
from mlrun_like.pipelines.exports.kubeflow.step import main, read_value
from tests.pipelines.exports.simulated import CORPUS
from tests.pipelines.ir_interpreter import Interpreter
from tests.pipelines.programs import PROGRAMS, Program


def in_this_process(command: list[str]) -> int:
    assert tuple(command[: len(COMMAND)]) == COMMAND
    return main(command[len(COMMAND) :])


def test_the_corpus_is_large_and_retries_are_made(tmp_path: Path) -> None:
    assert len({each.flow.name for each in PROGRAMS}) >= 30
    program = next(each for each in PROGRAMS if each.name == "retried-failure")
    package = Interpreter(export_kubeflow(program.flow.plan, ""), tmp_path, in_this_process)
    assert package.run({}) == "FAILED" and package.attempts == {"explode": 3}


@pytest.mark.slow
def test_a_step_is_a_process(tmp_path: Path, home: Path) -> None:
    def in_a_process(command: list[str]) -> int:
        variables = {**os.environ, "MLRUN_LIKE_HOME": str(home)}
        return subprocess.run([sys.executable, *command[1:]], env=variables, timeout=60).returncode

    package = Interpreter(export_kubeflow(PROGRAMS[0].flow.plan, ""), tmp_path, in_a_process)
    assert package.run(PROGRAMS[0].arguments) == "SUCCEEDED"
    assert package.trace == trace_of_engine(PROGRAMS[0])


def trace_of_engine(program: Program) -> dict[str, tuple[str, dict[str, Any]]]:
    run = LocalEngine(report=None).run(program.flow.plan, program.arguments)
    return {path: (step.state, dict(step.outputs)) for path, step in run.steps.items()}


@pytest.mark.parametrize("program", CORPUS)
def test_the_exported_package_does_what_the_engine_does(program: Program, tmp_path: Path) -> None:
    text = export_kubeflow(program.flow.plan, "")
    package = Interpreter(text, tmp_path, in_this_process)
    package.run(program.arguments)
    found = {path: (state, whole(outputs)) for path, (state, outputs) in package.trace.items()}
    assert found == trace_of_engine(program)


def whole(outputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs with those read that were too large to be handed over."""
    return {key: read_value(json.dumps(value)) for key, value in outputs.items()}
