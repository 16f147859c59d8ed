"""What a CI system does with an exported file, as far as the files use it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import MLRunLikeError
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.exports.arguments import read_arguments
from mlrun_like.pipelines.exports.package import read_package
from mlrun_like.pipelines.exports.state import StateFolder
from mlrun_like.pipelines.exports.stepwise import Order, Outcome, run_node
from mlrun_like.pipelines.plan import Plan
from tests.pipelines.programs import PROGRAMS, Program

__all__ = [
    "CORPUS",
    "Trace",
    "copy_files",
    "expected_trace",
    "in_order",
    "local_trace",
    "step_of",
    "trace_of",
    "worker",
]

_QUICK = {
    "elif-chain-2", "exit-handler-after-a-failure", "failure-in-one-round", "ignored-failure",
    "loop-with-outer-values", "nested-pipelines", "nested-runtime-loops", "one-of-in-a-loop",
    "parameter-loop", "retried-failure", "runtime-loop", "value-of-a-skipped-step",
}  # fmt: skip
CORPUS = [
    pytest.param(each, id=each.name, marks=() if each.name in _QUICK else pytest.mark.slow)
    for each in PROGRAMS
]
"""All programs; each target does them all in CI."""

Trace = dict[str, tuple[str, str]]
"""By step: its state and its outputs as JSON; steps that were skipped are left out."""


_TRACES: dict[str, Trace] = {}


def expected_trace(program: Program) -> Trace:
    """What the local engine does; each program is run once for all tests."""
    if program.name not in _TRACES:
        _TRACES[program.name] = local_trace(program.flow.plan, program.arguments)
    return _TRACES[program.name]


def local_trace(plan: Plan, arguments: Mapping[str, Any]) -> Trace:
    run = LocalEngine(report=None).run(plan, arguments)
    return {
        path: (step.state, json.dumps(dict(step.outputs), default=str, sort_keys=True))
        for path, step in run.steps.items()
        if step.state != "skipped"
    }


def trace_of(folder: Path) -> Trace:
    return {
        path: (step.state, json.dumps(dict(step.outputs), sort_keys=True))
        for path, step in StateFolder(str(folder)).read().items()
        if step.state != "skipped"
    }


def in_order(jobs: Mapping[str, Any], needs: Callable[[Any], list[str]]) -> list[str]:
    """Jobs after those they need."""
    found: list[str] = []
    while len(found) < len(jobs):
        ready = [n for n in jobs if n not in found and set(needs(jobs[n])) <= set(found)]
        assert ready, "the jobs wait for each other"
        found += ready
    return found


def step_of(script: str, round_: str = "") -> str:
    match = re.search(r'--step "([^"]+)"', script)
    assert match is not None
    return match[1].replace("$MLRUN_LIKE_ROUND", round_)


def worker(
    package: str, workflow: str, arguments: str = "", typed: Mapping[str, str] | None = None
) -> Callable[[str, Path], Outcome]:
    """Runs one job of a package with a state folder."""
    plan = read_package(package)
    values = read_arguments(plan, arguments, typed or {})

    def work(node: str, state: Path) -> Outcome:
        try:
            return run_node(plan, Order(node, str(state), workflow), values, lambda line: None)
        except MLRunLikeError as exc:  # the command prints it and ends with 1
            return Outcome("error", failed=True, reason=str(exc))

    return work


def copy_files(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.json"):
        shutil.copy(file, target / file.name)
