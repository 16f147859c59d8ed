"""`fn.run(...)`: options, checks before anything runs, and what a run leaves alone."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like import HyperParamOptions, MLClientCtx, Retry
from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    MissingFileError,
    MLRunLikeError,
    RunError,
    RunTimeoutError,
)
from mlrun_like.tracking.base import RunQuery

CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def _no_calls() -> Iterator[None]:
    CALLS.clear()
    yield


@ml.function()
def echo(value: Any = None) -> Any:
    CALLS.append(value)
    return value


@ml.function(returns=["double"])
def double(n: int) -> int:
    return 2 * n


@ml.function()
def fail(text: str = "no luck") -> None:
    CALLS.append(text)
    raise ValueError(text)


def helper(x: int, y: int = 1) -> int:
    return x * y


def _runs() -> list[dict[str, Any]]:
    return ml.get_run_db().list_runs(RunQuery(project="*", iterations=True))


# -- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 0.0, False, "", [], {}, 7, "x", [1, None], {"a": [1]}])
def test_every_plain_value_is_a_result(value: Any) -> None:
    assert echo.run(params={"value": value}).outputs == {"return": value}


def test_none_is_no_result() -> None:
    assert echo.run().outputs == {}


def test_frames_and_arrays_are_artifacts() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    run = echo.run(params={"value": frame})
    item = run.artifact("return")
    assert item is not None
    pd.testing.assert_frame_equal(item.as_df(), frame)
    array = np.arange(12).reshape(3, 4)
    outputs = echo.run(params={"value": array}).outputs
    assert str(outputs["return"]).startswith("store://")


def test_live_parameters_reach_the_handler_and_are_described_in_the_record() -> None:
    thing = object()
    frame = pd.DataFrame({"a": [1]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an object() cannot be pickled under another name
        run = echo.run(params={"value": {"frame": frame, "thing": thing}}, returns=[None])
    assert CALLS[0]["thing"] is thing and CALLS[0]["frame"] is frame
    assert isinstance(run.spec.parameters["value"]["thing"], str)


# -- nothing of the caller's changes ----------------------------------------------------------


@ml.function(returns=["n"])
def vandal(context: MLClientCtx, rows: list[int], live: Any, tuning: dict[str, Any]) -> int:
    rows.append(99)
    live["list"].append(99)
    tuning["deep"]["x"] = 0
    context.set_label("touched", "yes")
    context.parameters["rows"] = []
    return len(rows)


def test_a_run_changes_neither_arguments_nor_the_function() -> None:
    params = {"rows": [1], "live": {"list": [1], "set": {1}}, "tuning": {"deep": {"x": 1}}}
    labels = {"team": "a"}
    before = copy.deepcopy((params, labels))
    vandal.run(params=params, labels=labels)  # the first run completes the document
    document = copy.deepcopy(vandal._doc().to_dict())
    for _ in range(2):
        run = vandal.run(params=params, labels=labels, project="elsewhere", name="n", timeout=50)
        assert run.outputs == {"n": 2}
        assert run.spec.parameters["rows"] == [1]
    assert (params, labels) == before
    assert vandal._doc().to_dict() == document
    assert "hash" not in document["metadata"] and vandal.metadata.tag == ""


def test_the_default_project_is_asked_for_at_every_run() -> None:
    @ml.function()
    def anywhere() -> None: ...

    assert anywhere.run().metadata.project == "default"
    with ml.config.override(default_project="second"):
        assert anywhere.run().metadata.project == "second"
    assert anywhere.run(project="third").metadata.project == "third"


def test_two_threads_may_run_one_function() -> None:
    seen: dict[int, Any] = {}

    def work(n: int) -> None:
        seen[n] = [double.run(params={"n": n}, watch=False).outputs["double"] for _ in range(4)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {n: [2 * n] * 4 for n in range(6)}
    assert {run["status"]["state"] for run in _runs()} == {"completed"}


# -- options ----------------------------------------------------------------------------------


def test_options_are_recorded() -> None:
    run = double.run(
        params={"n": 2},
        name="my-run",
        project="fraud",
        labels={"team": "a", "n": 1},
        returns=["other"],
        timeout=30,
        retry=Retry(count=1, backoff=0),
        artifact_path="/tmp/{{run.project}}/x",
        verbose=True,
    )
    assert (run.metadata.name, run.metadata.project) == ("my-run", "fraud")
    labels = run.metadata.labels
    assert (labels["team"], labels["n"], labels["kind"]) == ("a", "1", "local")
    assert labels["owner"]
    assert run.outputs == {"other": 4}
    spec = run.spec
    assert (spec.timeout, spec.log_level, spec.retry["count"]) == (30.0, "debug", 1)
    assert spec.output_path == "/tmp/{{run.project}}/x"
    assert spec.function.startswith("fraud/double@")


@pytest.mark.parametrize(
    ("handler", "name"),
    [(None, "double"), (helper, "double-helper"), ("os.path.basename", "double-basename")],
)
def test_default_run_names(handler: Any, name: str) -> None:
    params: dict[str, Any] = {"n": 1}
    if handler is not None:
        params = {"x": 1} if callable(handler) else {"p": "/a/b"}
    assert double.run(handler=handler, params=params).metadata.name == name


def test_long_names_still_make_run_names() -> None:
    fn = ml.new_function("f" * 63, handler=helper)
    run = fn.run(handler=lambda: 1)
    assert len(run.metadata.name) <= 63


def test_owner_of_any_spelling_does_not_stop_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "DOMAIN\\jö smith@corp ")
    assert double.run(params={"n": 1}).metadata.labels["owner"] == "DOMAIN-j-smith-corp"


@pytest.mark.parametrize("handler", [helper, lambda x: x, max, str, double])
def test_any_callable_is_a_handler_of_a_local_run(handler: Any) -> None:
    name = "n" if handler is double else "x"
    fn = ml.new_function("anything")
    if handler in (max, str):
        with pytest.raises(MLRunLikeError):
            fn.run(handler=handler, params={name: 3})
        return
    assert fn.run(handler=handler, params={name: 3}).state() == "completed"


def test_local_true_runs_any_kind_here() -> None:
    fn = ml.code_to_function("t", filename=__file__, kind="databricks", handler="helper")
    with pytest.raises(FunctionError) as caught:
        fn.run(params={"x": 2})
    assert "no runtime is installed" in caught.value.what and "local=True" in caught.value.fix
    run = fn.run(params={"x": 2}, local=True)
    assert run.outputs == {"return": 2}
    assert run.metadata.labels["kind"] == "databricks" and fn.kind == "databricks"


def test_another_handler_of_the_file() -> None:
    fn = ml.code_to_function("t", filename=__file__, kind="local", handler="helper")
    assert fn.run(handler="double", params={"n": 4}).outputs == {"return": 8}
    with pytest.raises(FunctionError) as caught:
        fn.run(handler="helpr", params={"x": 4})
    assert "Did you mean 'helper'" in caught.value.what


def test_a_class_method_is_a_handler() -> None:
    code = (
        "class Model:\n"
        "    def __init__(self, scale=1, context=None):\n"
        "        self.scale, self.name = scale, context.name\n"
        "    def predict(self, x):\n"
        "        return [self.scale * x, self.name]\n"
    )
    fn = ml.new_function("m").with_code(body=code)
    run = fn.run(handler="Model::predict", params={"x": 3, "_init_args": {"scale": 5}})
    assert run.outputs == {"return": [15, "m-predict"]}


# -- failures ---------------------------------------------------------------------------------


def test_a_failed_run_raises_with_the_users_frames_and_stays_recorded() -> None:
    with pytest.raises(RunError) as caught:
        fail.run()
    error = caught.value
    assert "ValueError: no luck" in error.what
    assert "raise ValueError(text)" in error.traceback
    assert "mlrun_like/" not in error.traceback.replace("/tests/", "")
    (record,) = _runs()
    assert record["status"]["state"] == "error"
    assert record["metadata"]["uid"] in error.where and record["metadata"]["uid"] in error.fix


def test_retries_are_made_and_counted() -> None:
    with pytest.raises(RunError):
        fail.run(retry=Retry(count=2, backoff=0))
    assert len(CALLS) == 3
    (record,) = _runs()
    assert [item["attempt"] for item in record["status"]["attempts"]] == [1, 2, 3]


def test_the_functions_own_retry_and_timeout_hold_unless_the_run_says_otherwise() -> None:
    made = ml.function(retry=Retry(count=1, backoff=0), timeout=20)(_flaky)
    FLAKY.clear()
    run = made.run()
    assert run.outputs == {"return": 2} and run.spec.timeout == 20.0
    FLAKY.clear()
    with pytest.raises(RunError):
        made.run(retry=0)


FLAKY: list[int] = []


def _flaky() -> int:
    FLAKY.append(1)
    if len(FLAKY) < 2:
        raise OSError("try again")
    return len(FLAKY)


def test_a_time_limit_stops_the_run() -> None:
    with pytest.raises(RunTimeoutError, match=r"timeout of 0\.2 s"):
        ml.new_function("sleepy").run(handler=_sleep, timeout=0.2)


def _sleep() -> None:
    threading.Event().wait(20)


# -- versions ---------------------------------------------------------------------------------


def test_latest_is_the_version_that_ran_last() -> None:
    store = ml.get_run_db()
    fn = ml.new_function("v").with_code(body="def f(): return 1\n")
    fn.run(handler="f")
    first = store.read_function("default", "v")["metadata"]["hash"]
    fn.with_code(body="def f(): return 2\n")
    assert fn.run(handler="f").outputs == {"return": 2}
    assert store.read_function("default", "v")["metadata"]["hash"] != first
    fn.with_code(body="def f(): return 1\n")
    run = fn.run(handler="f")
    assert store.read_function("default", "v")["metadata"]["hash"] == first
    assert run.spec.function == f"default/v@{first}"
    again = ml.import_function(f"db://{run.spec.function}")
    assert again.run(handler="f").outputs == {"return": 1}


def test_another_store_gets_the_function_too(tmp_path: Path) -> None:
    double.run(params={"n": 1})
    with ml.config.override(dbpath=str(tmp_path / "other")):
        double.run(params={"n": 1})
        assert ml.get_run_db().read_function("default", "double")


# -- sweeps -----------------------------------------------------------------------------------


def test_sweep_options_as_mapping_or_value() -> None:
    values = {"n": iter([1, 3, 2])}
    run = double.run(hyperparams=values, hyper_param_options={"selector": "max.double"})
    assert run.outputs["double"] == 6 and run.outputs["best_iteration"] == 2
    options = HyperParamOptions(selector="min.double", strategy="list")
    run = double.run(hyperparams={"n": np.array([4, 5])}, hyper_param_options=options)
    assert run.outputs["double"] == 8
    assert run.spec.hyperparams == {"n": [4, 5]}
    assert run.spec.hyper_param_options == {"selector": "min.double", "strategy": "list"}


@pytest.mark.parametrize(
    ("name", "text", "options", "expected"),
    [
        ("p.csv", "n\n3\n5\n", {}, 10),
        ("p.json", '{"n": [1, 2]}', {}, 4),
        ("p.json", '{"n": [1, 2, 7]}', {"strategy": "random", "max_iterations": 30}, 14),
    ],
)
def test_values_from_a_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
    options: dict[str, Any],
    expected: int,
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run = double.run(
        hyper_param_options={"param_file": name, "selector": "max.double", "seed": 1, **options}
    )
    assert run.outputs["double"] == expected
    assert run.spec.hyper_param_options["param_file"] == str(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text", "options", "what"),
    [
        ("p.csv", None, {}, "exist"),
        ("p.txt", "n\n1\n", {}, "must end in .csv or .json"),
        ("p.csv", "n\n", {}, "a header and rows"),
        ("p.csv", "n,m\n1\n", {}, "a header and rows"),
        ("p.csv", "m\n1\n", {}, "needs 'n'"),
        ("p.csv", "n\n1\n", {"strategy": "grid"}, "one trial a row"),
        ("p.json", "{", {}, "not JSON"),
        ("p.json", "[1]", {}, "must map names to lists"),
        ("p.json", '{"n": 5}', {}, "must be a list"),
        ("p.json", '{"n": [1], "k": [1]}', {}, "no argument 'k'"),
        ("p.json", "\ud83d", {}, "is not utf-8 text"),
    ],
)
def test_a_bad_file_of_values_is_refused_before_anything_runs(
    tmp_path: Path, name: str, text: str | None, options: dict[str, Any], what: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(MLRunLikeError) as caught:
        double.run(hyper_param_options={"param_file": str(path), **options})
    assert what in str(caught.value)
    assert caught.value.fix or caught.value.where
    assert _runs() == []


def test_a_handler_with_its_own_strategy_gets_no_swept_arguments() -> None:
    def own(context: MLClientCtx, n: int = 0) -> None:
        for value in context._run.spec.hyperparams["n"]:
            with context.get_child_context(n=value) as child:
                child.log_result("square", value * value)
        child.mark_as_best()

    fn = ml.new_function("own")
    options = HyperParamOptions(strategy="custom")
    run = fn.run(handler=own, hyperparams={"n": [2, 3]}, hyper_param_options=options)
    assert run.outputs["square"] == 9
    assert [row[1] for row in run.status.iterations[1:]] == [1, 2]


# -- refused before anything runs -------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"params": 5}, "params must map", "depth"),
    ({"params": [("value", 1)]}, "params must map", "depth"),
    ({"params": {3: 1}}, "parameter name 3", "params="),
    ({"params": {"valeu": 1}}, "Did you mean 'value'?", "value"),
    ({"params": {"value": 2**63}}, "exceeds int64", "text"),
    ({"params": {"value": {"a": [10**5000]}}}, "'value.a' exceeds int64", "text"),
    ({"inputs": 5}, "inputs must map", "x.csv"),
    ({"inputs": {"value": 5}}, "must be a URL", "params of a local run"),
    ({"inputs": {"value: ": "x"}}, "empty type", "pandas"),
    ({"inputs": {": int": "x"}}, "empty name", "pandas"),
    ({"runspec": 5}, "runspec must be a task", "new_task"),
    ({"runspec": {"value": 5}, "params": {"value": 6}}, "params are given twice", "params="),
    ({"runspec": {"spec": 5}}, "task's spec must map", "spec"),
    ({"params": ml.new_task()}, "params must map", "depth"),
    ({"handler": 5}, "handler must be a function", "handler="),
    ({"handler": "nope"}, "no handler 'nope'", "echo"),
    ({"name": "a b"}, "run name 'a b'", "train"),
    ({"name": 5}, "run name 5", "train"),
    ({"project": "A B"}, "project name", "fraud-demo"),
    ({"returns": 5}, "list of log hints", "accuracy"),
    ({"returns": ["a", "a"]}, "two log hints", "own key"),
    ({"hyperparams": 5}, "hyperparams must map", "depth"),
    ({"hyperparams": {"value": 5}}, "must be a list", "[5]"),
    ({"hyperparams": {"value": []}}, "no values", "[1, 2]"),
    ({"hyperparams": {"value": [object()]}}, "not plain data", "handler"),
    ({"hyperparams": {"value": [2**70]}}, "exceeds int64", "text"),
    ({"hyperparams": {"value": [1]}, "hyper_param_options": 5}, "must be HyperParam", "selector"),
    (
        {"hyperparams": {"value": [1]}, "hyper_param_options": {"selctor": "max.x"}},
        "Did you mean 'selector'",
        "options",
    ),
    ({"artifact_path": 5}, "artifact_path must be a path", "artifact_path"),
    ({"labels": 5}, "labels must map", "team"),
    ({"labels": {"a b": "c"}}, "label name", "owner"),
    ({"labels": {"a": "b c"}}, "value of label", "team-a"),
    ({"timeout": -1}, "above 0", "600"),
    ({"timeout": "soon"}, "above 0", "600"),
    ({"retry": "often"}, "Retry", "count"),
    ({"retry": 1000}, "between 0 and 100", "count"),
]


@pytest.mark.parametrize(("options", "what", "fix"), BAD, ids=[row[1] for row in BAD])
def test_a_bad_argument_is_refused_before_anything_runs(
    options: dict[str, Any], what: str, fix: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        echo.run(**options)
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert len(str(caught.value)) < 1000
    assert CALLS == [] and _runs() == []


def test_missing_arguments_are_named_before_anything_runs() -> None:
    with pytest.raises(FunctionError) as caught:
        double.run(params={"m": 1})
    assert "double() needs 'n'" in caught.value.what
    assert "'n': ..." in caught.value.fix and __file__ in caught.value.where
    with pytest.raises(FunctionError, match="needs 'x'"):
        ml.code_to_function("t", filename=__file__, kind="local", handler="helper").run()
    with pytest.raises(FunctionError, match="Did you mean 'x'"):
        ml.code_to_function("t", filename=__file__, kind="local", handler="helper").run(
            params={"x": 1, "xx": 1}
        )
    assert _runs() == []


def test_live_objects_cannot_leave_the_process() -> None:
    fn = ml.code_to_function("t", filename=__file__, kind="process", handler="helper")
    with pytest.raises(InvalidArgumentError) as caught:
        fn.run(params={"x": object()})
    assert "cannot be sent to another process" in caught.value.what
    with pytest.raises(FunctionError, match="live object"):
        fn.run(handler=helper, params={"x": 1})
    assert _runs() == []


def test_a_function_with_nothing_to_run_says_so() -> None:
    with pytest.raises(FunctionError, match="neither code nor a command"):
        ml.new_function("empty").run()
    with pytest.raises(FunctionError, match="neither code nor a command"):
        ml.new_function("empty").run(handler="train")
    with pytest.raises(MissingFileError, match=r"'nowhere\.py' does not exist"):
        ml.new_function(command="nowhere.py").run()
    with pytest.raises(FunctionError, match="KeyError: 'place'"):
        ml.new_function(command="{place}/x.py").run()
    assert _runs() == []


def test_a_program_file_runs_with_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text("import sys\nprint('got', sys.argv[1:])\n", encoding="utf-8")
    fn = ml.new_function(command=str(tmp_path / "{file}"), args=["--n={n}", 3])
    run = fn.run(params={"file": "main.py", "n": 5}, watch=False)
    assert "got ['--n=5', '3']" in run.logs()
