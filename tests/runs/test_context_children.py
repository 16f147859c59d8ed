from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    RunError,
)
from mlrun_like.runs.context import MLClientCtx

if TYPE_CHECKING:
    from tests.runs.conftest import Bench


def test_children(bench: Bench) -> None:
    parent = bench.context(parameters={"p": 1}, inputs={"x": "memory://x"})
    with parent.get_child_context(with_parent_params=True, q=2) as child:
        assert (child.uid, child.iteration) == (f"{parent.uid}-1", 1)
        assert child.parameters == {"p": 1, "q": 2}
        child.log_result("acc", 0.5)
        with pytest.raises(ConflictError, match="cannot have children"):
            child.get_child_context()
    with parent.get_child_context(q=3) as child:
        child.log_result("acc", 0.9)
        child.log_artifact("notes", body="best")
        child.mark_as_best()
        child.log_result("late", 1)
    with pytest.raises(ValueError, match="bad"), parent.get_child_context(q=4):
        raise ValueError("bad")
    parent.commit(completed=True)
    run = bench.recorded(parent)
    assert run.status.results == {"acc": 0.9, "late": 1, "best_iteration": 2}
    assert run.status.iterations == [
        ["state", "iter", "param.p", "param.q", "output.acc", "output.late"],
        ["completed", 1, 1, 2, 0.5, None],
        ["completed", 2, None, 3, 0.9, 1],
        ["error", 3, None, 4, None, None],
    ]
    item = run.artifact("notes")
    assert item is not None and item.get() == b"best"
    assert bench.recorded(parent, 2).status.results == {"acc": 0.9, "late": 1}
    assert bench.recorded(parent, 3).error == "ValueError: bad"
    assert len(bench.all(iterations=True)) == 4


def test_update_child_iterations(bench: Bench) -> None:
    parent = bench.context()
    children = [parent.get_child_context(p=n) for n in range(3)]
    for child in children:
        child.log_result("r", child.get_param("p") * 10)
    parent.update_child_iterations(best_run=2, commit_children=True)
    assert parent.results == {"r": 10, "best_iteration": 2}
    assert [child.state for child in children] == ["completed"] * 3
    for number in (4, -1):
        with pytest.raises(InvalidArgumentError, match="this run has 3"):
            parent.update_child_iterations(best_run=number)
    with pytest.raises(ConflictError):
        parent.mark_as_best()


def test_children_of_a_handler(bench: Bench) -> None:
    def handler(context: MLClientCtx, scale: float) -> None:
        for n in (1, 2):
            with context.get_child_context(with_parent_params=True, n=n) as child:
                child.log_result("y", child.get_param("scale") * n)
        context.update_child_iterations(best_run=2)

    run = bench.run(handler, params={"scale": 2.0})
    assert run.outputs == {"y": 4.0, "best_iteration": 2}

    def fails(context: MLClientCtx) -> None:
        with context.get_child_context():
            raise ValueError("in the child")

    with pytest.raises(RunError, match="in the child"):
        bench.run(fails)
    assert bench.last().status.iterations[1][0] == "error"


def test_a_child_keeps_how_inputs_are_read(bench: Bench) -> None:
    parent = bench.context(inputs_type_hints={"df": "pandas.DataFrame"}, input_path="/data")
    child = parent.get_child_context()
    assert child._run.spec.inputs_type_hints == {"df": "pandas.DataFrame"}
    assert child.in_path == "/data"
