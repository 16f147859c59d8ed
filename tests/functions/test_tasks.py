"""Tasks: run options written down before there is a function."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like import HyperParamOptions, MLClientCtx
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.functions.tasks import RunTemplate


@ml.function()
def show(context: MLClientCtx, a: int = 0, b: Any = None, table: str = "") -> list[Any]:
    return [a, b, Path(table).name, context.get_secret("KEY")]


def test_a_task_gives_defaults_and_arguments_win(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("x\n1\n", encoding="utf-8")
    task = (
        ml.new_task("from-task", project="fraud", params={"a": 1})
        .with_params(b=[1])
        .with_input("table", str(file))
        .set_label("team", 5)
        .with_secrets("inline", {"KEY": "canary"})
    )
    run = show.run(task)
    assert run.outputs == {"return": [1, [1], "t.csv", "canary"]}
    assert (run.metadata.name, run.metadata.project) == ("from-task", "fraud")
    assert run.metadata.labels["team"] == "5"
    run = show.run(runspec=task, params={"a": 2}, name="other", labels={"team": "b"})
    assert run.outputs["return"][:2] == [2, [1]]
    assert (run.metadata.name, run.metadata.labels["team"]) == ("other", "b")
    assert task.spec.parameters == {"a": 1, "b": [1]}


@pytest.mark.parametrize("form", ["task", "dict", "json"])
def test_tasks_may_be_plain_data(form: str) -> None:
    task = ml.new_task("t", params={"a": 3}, handler="show")
    given: Any = {
        "task": task,
        "dict": task.to_dict(),
        "json": json.loads(json.dumps(task.to_dict())),
    }[form]
    assert show.run(given).outputs["return"][0] == 3
    assert show.run(runspec=given).outputs["return"][0] == 3


def test_a_run_is_a_task_for_the_next_one() -> None:
    first = show.run(params={"a": 4}, labels={"team": "x"}, timeout=30, retry=1)
    again = show.run(first, name="second", params={"b": 5})
    assert again.outputs["return"][:2] == [4, 5]
    assert again.metadata.uid != first.metadata.uid
    assert (again.metadata.name, again.metadata.labels["team"]) == ("second", "x")
    assert (again.spec.timeout, again.spec.retry["count"]) == (30.0, 1)


def test_live_values_in_tasks_stay_live() -> None:
    frame = pd.DataFrame({"x": [1]})
    seen = []

    def look(b: Any) -> None:
        seen.append(b)

    ml.new_function("look").run(ml.new_task(params={"b": frame}), handler=look)
    assert seen[0] is frame


def test_a_task_may_name_a_live_handler() -> None:
    def train(context: Any, depth: int = 1) -> None:
        context.log_result("leaves", 2**depth)

    task = ml.new_task("grown", handler=train, params={"depth": 3})
    assert task.spec.handler == "train" and "train" in task.to_json()
    run = ml.new_function().run(task.copy())
    assert run.outputs["leaves"] == 8 and run.metadata.name == "grown"
    again = ml.new_task(base=task, handler="other")
    assert again.spec.handler == "other" and again.live_handler is None


def test_copies_are_independent() -> None:
    task = ml.new_task("t", params={"a": [1]}).with_secrets("inline", {"KEY": "x"})
    other = task.copy().with_params(b=2).with_secrets("inline", {"KEY": "y"})
    other.spec.parameters["a"].append(2)
    assert task.spec.parameters == {"a": [1]}
    assert len(task.secret_sources) == 1 and len(other.secret_sources) == 2


def test_a_base_is_copied() -> None:
    base = ml.new_task("base", params={"a": {"deep": [1]}}, selector="max.x")
    before = copy.deepcopy(base.to_dict())
    child = ml.new_task(base=base, name="child", params={"b": 2})
    child.spec.parameters["a"]["deep"].append(2)
    assert base.to_dict() == before
    assert child.metadata.name == "child"
    assert child.spec.hyper_param_options == {"selector": "max.x"}


def test_sweep_options_are_merged_and_checked() -> None:
    task = ml.new_task(
        hyper_params={"a": [1, 2]},
        selector="max.return",
        hyper_param_options=HyperParamOptions(strategy="list", max_errors=1),
    )
    assert task.spec.hyper_param_options == {
        "strategy": "list",
        "selector": "max.return",
        "max_errors": 1,
    }
    task = ml.new_task(hyper_param_options={"strategy": "random"}).with_hyper_params(
        {"a": [3]}, selector="min.x", strategy="grid"
    )
    assert task.spec.hyper_param_options["strategy"] == "grid"
    task = ml.new_task().with_param_file("p.csv", selector="max.x")
    assert task.spec.hyper_param_options == {"param_file": "p.csv", "selector": "max.x"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: ml.new_task(params=5),  # type: ignore[arg-type]
        lambda: ml.new_task(inputs=[1]),  # type: ignore[arg-type]
        lambda: ml.new_task(inputs={"a": 5}),
        lambda: ml.new_task(selector="best.x"),
        lambda: ml.new_task(hyper_params=5),  # type: ignore[arg-type]
        lambda: ml.new_task(hyper_param_options=5),  # type: ignore[arg-type]
        lambda: ml.new_task(artifact_path=5),  # type: ignore[arg-type]
        lambda: ml.new_task(hyper_param_options={"slector": "max.x"}),
        lambda: ml.new_task(returns=["a:b:c"]),
        lambda: ml.new_task(base=5),  # type: ignore[arg-type]
        lambda: ml.new_task().with_hyper_params([1]),  # type: ignore[arg-type]
        lambda: ml.new_task().with_hyper_params({"a": [1]}, strategey="grid"),
        lambda: ml.new_task().with_param_file("p.csv", max_error=1),
        lambda: ml.new_task().with_hyper_params({"a": [1]}, strategy="all"),
        lambda: ml.new_task().with_secrets("inline", "x"),
        lambda: ml.new_task().with_secrets("vault", ["a"]),
        lambda: ml.new_task().with_input("", "x"),
    ],
)
def test_bad_tasks_are_refused_when_they_are_written(make: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert caught.value.fix


def test_one_text_is_one_log_hint() -> None:
    assert ml.new_task(returns="model").spec.returns == ["model"]
    assert ml.new_task(outputs="model").spec.returns == ["model"]


def test_a_refused_source_of_secrets_is_not_kept() -> None:
    task = ml.new_task()
    with pytest.raises(InvalidArgumentError):
        task.with_secrets("vault", ["a"])
    assert task.secret_sources == [] and "secret_sources" not in task.to_dict().get("spec", {})


@pytest.mark.parametrize("part", ["metadata", "spec"])
def test_a_misspelt_field_of_plain_data_is_not_dropped(part: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"the task's {part} has no field 'nmae'"):
        ml.new_function("x", handler=max).run({part: {"nmae": 1}})


def test_a_missing_secret_file_is_found_before_the_run(tmp_path: Path) -> None:
    task = ml.new_task().with_secrets("file", str(tmp_path / "none.env"))  # it may come yet
    with pytest.raises(NotFoundError):
        ml.new_function("f").run(task, handler=lambda: None)


def test_secrets_are_never_recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "CANARY-7f3a"
    monkeypatch.setenv("OTHER_KEY", canary + "-env")
    task = ml.new_task().with_secrets("inline", {"KEY": canary}).with_secrets("env", "OTHER_KEY")
    assert canary not in json.dumps(task.to_dict())

    def use(context: MLClientCtx) -> None:
        assert context.get_secret("KEY") == canary
        assert context.get_secret("OTHER_KEY") == canary + "-env"

    run = ml.new_function("use").run(task, handler=use)
    ml.get_run_db().flush()
    assert run.spec.secret_sources[0] == {"kind": "inline", "source": ["KEY"]}
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert all(canary.encode() not in path.read_bytes() for path in files)


def test_inputs_with_types(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("x\n1\n2\n", encoding="utf-8")
    seen = []

    def look(table: Any) -> None:
        seen.append(type(table).__name__)

    task = ml.new_task(inputs={"table: pandas.DataFrame": file})
    fn = ml.new_function("look")
    run = fn.run(task, handler=look)
    fn.run(run, handler=look)
    fn.run(task, handler=look, inputs={"table": ml.get_dataitem(str(file))})
    assert seen == ["DataFrame"] * 3


def test_a_recorded_run_with_inline_secrets_cannot_be_repeated_silently() -> None:
    run = show.run(ml.new_task().with_secrets("inline", {"KEY": "x"}))
    with pytest.raises(MLRunLikeError) as caught:
        show.run(run)
    assert caught.value.fix


def test_plain_mappings_come_first_as_parameters_and_inputs(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a\n1\n")

    @ml.function()
    def rows(depth: int, data: ml.DataItem) -> int:
        return depth + len(data.as_df())

    assert rows.run({"depth": 4}, {"data": str(table)}).outputs["return"] == 5


def test_the_document_of_a_recorded_run_makes_another_run() -> None:
    run = show.run(watch=False)
    again = show.run(RunTemplate.from_dict(run.to_dict()), watch=False)
    assert again.metadata.uid != run.metadata.uid
    new = ml.new_task()
    new.metadata.uid = "a" * 32
    assert show.run(RunTemplate.from_dict(new.to_dict()), watch=False).metadata.uid == "a" * 32
