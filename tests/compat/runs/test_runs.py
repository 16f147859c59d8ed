"""Runs of old code: arguments and places of `fn.run`, tasks, run objects, the context."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError, RunError, TimeLimitError


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun")


def handler(context: Any, p1: int = 1, table: str = "") -> None:
    context.log_result("twice", p1 * 2)
    context.log_artifact("note", body="abc", local_path="note.txt")


def product(p2: int, p3: int = 1) -> int:
    return p2 * p3


def test_all_places_of_run(old: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    run = old.new_function("f").run(
        None, handler, "named", "shop", {"p1": 4}, {}, out, "", "", False, None, None, None, True
    )
    assert (run.metadata.name, run.metadata.project, run.output("twice")) == ("named", "shop", 8)
    assert run.spec.output_path == out and run.spec.verbose
    row = run.status.artifacts[0]
    assert row["metadata"]["key"] == "note" and row["spec"]["target_path"].startswith(out)
    assert run._artifact("note")["metadata"]["key"] == "note" and run._artifact("no") is None


def test_other_names_of_the_artifact_path(old: Any, tmp_path: Path) -> None:
    for name in ("artifact_path", "output_path", "out_path"):
        run = old.new_function("f").run(handler=handler, **{name: str(tmp_path / name)})
        assert run.spec.output_path == str(tmp_path / name)
    run = old.new_function("f").run(
        handler=handler, scrape_metrics=True, reset_on_run=True, param_file_secrets={"A": "b"}
    )
    assert run.state() == "completed"


def test_workdir_and_code_path(old: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("hello")
    (tmp_path / "new.py").write_text("def main():\n    return 'new'\n")
    code = "from pathlib import Path\n\ndef main():\n    return Path('x.txt').read_text()\n"
    (tmp_path / "f.py").write_text(code)
    fn = old.code_to_function("f", filename=str(tmp_path / "f.py"), kind="local", handler="main")
    assert fn.run(workdir=tmp_path / "data").output("return") == "hello"
    assert fn.spec.workdir == ""
    found = fn.run(local_code_path=str(tmp_path / "new.py"), handler="main")
    assert found.output("return") == "new"


def test_a_task_with_the_older_places(old: Any, tmp_path: Path) -> None:
    file = tmp_path / "params.csv"
    file.write_text("p2,p3\n2,10\n3,30\n1,20\n")
    task = old.new_task(name="sweep", params={"p1": 1}, in_path="/in", retry={"count": 2})
    task.spec.param_file, task.spec.selector, task.spec.strategy = str(file), "max.return", "list"
    assert task.spec.hyper_param_options["param_file"] == str(file)
    assert task.spec.input_path == "/in" and task.spec.retry["count"] == 2
    task.spec.parameters, task.spec.retry = {}, {}
    run = old.new_function("f").run(task, handler=product)
    assert run.status.iterations[0] == [
        *("state", "iter", "param.p2", "param.p3", "output.return"),
    ]
    assert [row[-1] for row in run.status.iterations[1:]] == [20, 90, 20]
    assert run.output("best_iteration") == 2
    again = old.RunTemplate.from_dict(json.loads(task.to_json()) | {"spec": {"unheard": 1}})
    assert again.metadata.name == "sweep" and "sweep" in task.to_yaml()
    assert task.to_env()[0] == "MLRUN_EXEC_CONFIG"


def test_a_live_handler_in_parallel(old: Any) -> None:
    task = old.new_task().with_hyper_params(
        {"p2": [2, 3]}, selector="max.return", strategy="grid", parallel_runs=2
    )
    run = old.new_function().run(task, handler=product)
    assert len(run.status.iterations) == 3 and run.output("best_iteration") == 2


def test_secrets_of_a_file_that_comes_later(old: Any, tmp_path: Path) -> None:
    task = old.new_task().with_secrets("file", str(tmp_path / "later.env"))
    with pytest.raises(NotFoundError):
        old.new_function("f").run(task, handler=handler)
    (tmp_path / "later.env").write_text("A=1\n")
    assert old.new_function("f").run(task, handler=handler).state() == "completed"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"name": "a/b"},
            "Field 'run.metadata.name' is malformed. Does not match required pattern",
        ),
        ({"local": True, "schedule": "* * * * *"}, "local and schedule cannot be used together"),
        ({"workdir": 5}, "workdir must be a path"),
    ],
)
def test_what_run_refuses(old: Any, given: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgumentError) as found:
        old.new_function("f").run(handler=handler, **given)
    assert text in str(found.value)


def test_run_objects_without_a_store(old: Any) -> None:
    run = old.new_function("f").run(handler=handler)
    again = old.RunObject.from_dict({**run.to_dict(), "extra": 1, "status": {"unheard": 2}})
    assert again.refresh().output("twice") == 2 and again.ui_url == ""
    assert old.RunObject().metadata.name == "" and not run.status.is_failed()
    uri = old.RunObject.create_uri("p", "abc", 3, "t")
    assert uri == "p@abc#3:t" and old.RunObject.parse_uri(uri) == ("p", "abc", "3", "t")
    assert old.RunObject.from_template(old.new_task("t")).metadata.name == "t"
    run.wait_for_completion(3, 0, True, show_logs=True, logs_interval=5)


def test_run_local(old: Any, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("def main(n: int = 1):\n    return n + 1\n")
    task = old.new_task(params={"n": 4})
    run = old.run_local(task, command="job.py", workdir=tmp_path, handler="main")
    assert run.output("return") == 5
    file = str(tmp_path / "function.yaml")
    old.code_to_function("j", filename=str(tmp_path / "job.py"), kind="job").export(file)
    assert old.run_local(task, command=file, handler="main").output("return") == 5
    assert old.run_local(handler=product, params={"p2": 6}).output("return") == 6
    with pytest.raises(RunError):
        old.run_local(command=str(tmp_path / "job.py"), handler="main", params={"n": None})


def test_the_context_of_older_code(old: Any, tmp_path: Path) -> None:
    project = old.get_or_create_project("shop", str(tmp_path))
    project.spec.params = {"depth": 3}
    project.save()
    context = old.get_or_create_ctx("x", None, None, True, "", "shop", True, {"team": "a"})
    with context:
        assert context._uid == context.uid and context._project == "shop" and context._state
        assert context.get_project_param("depth") == 3
        assert context.get_project_param("none", 7) == 7
        context.log_artifact("note", body="1", local_path="n.txt")
        assert context.get_artifact("note").key == "note"
        assert context.artifact_uris["note"].startswith("store://")
        context.log_iteration_results(1, [["state", "iter"], ["completed", 1]], {}, commit=True)
        assert "shop" in context.to_yaml() and json.loads(context.to_json())["metadata"]
    assert context._state == "completed" and context._start_time.tzinfo is not None


def test_contexts_from_plain_data(old: Any) -> None:
    document = {
        "metadata": {"name": "n", "project": "p", "labels": {"a": "b"}},
        "spec": {"parameters": {"x": 1}, "output_path": "/out", "unheard": True},
    }
    context = old.MLClientCtx.from_dict(document, is_api=True)
    assert (context.name, context._labels, context.get_param("x")) == ("n", {"a": "b"}, 1)
    assert context.artifact_path == "/out"
    for host, logs in (("a-worker-0", True), ("a-worker-1", False)):
        context = old.execution.MLClientCtx()
        context.set_label("kind", "mpijob")
        context.set_label("host", host)
        assert context.is_logging_worker() is logs


def test_inputs_that_stand_for_themselves(old: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("text")
    context = old.get_or_create_ctx("x")
    assert context.get_input(str(file)).get() == b"text"
    with pytest.raises(NotFoundError):
        context.get_input("nowhere")
    context.commit(completed=True)


def test_waiting_for_runs(old: Any) -> None:
    class Run:
        def __init__(self, state: str) -> None:
            self.status = old.model.RunStatus(state=state, error="no")
            self.metadata, self.error, self.uri = old.model.RunMetadata(name="r"), "no", ""

        def state(self) -> str:
            return str(self.status.state)

    wait = old.run.wait_for_runs_completion
    done, going, bad = Run("completed"), Run("running"), Run("error")
    assert wait([done], sleep=0) == [done]
    assert wait([done, going], sleep=0, timeout=0.01, silent=True) == [done]
    with pytest.raises(TimeLimitError):
        wait([going], sleep=0, timeout=0.01)
    with pytest.raises(RunError, match="some runs failed"):
        wait({"a": bad}.values(), sleep=0)


def test_lists(old: Any) -> None:
    task = old.new_task().with_hyper_params({"p2": [2, 3]}, selector="max.return")
    run = old.new_function("f").run(task, handler=product)
    runs = old.lists.RunList([run.to_dict()])
    header, row = runs.to_rows()
    assert header == old.lists.list_header and row[header.index("name")] == "f-product"
    assert len(runs.to_rows(extend_iterations=True)) == 3
    assert list(runs.to_df(flat=True)["output.return"]) == [3]
    assert runs.to_objects()[0].output("return") == 3
    assert "<script" not in str(runs.show(display=False))
    artifacts = old.lists.ArtifactList(run.status.artifacts, tag="*")
    assert "iteration_results" in list(artifacts.to_df()["key"])
    assert artifacts.to_objects()[0].key and "<table" in str(artifacts.show(display=False))
    assert "f-product" in str(old.render.run_to_html(run, display=False))


def test_html_is_escaped(old: Any) -> None:
    bad = "<script>"
    assert bad not in old.render.dict_html({bad: bad}) + old.render.html_crop(bad)
    assert bad not in old.render.link_html(bad, bad) + old.render.html_dict("t", {bad: bad})
    runs = old.lists.RunList([{"metadata": {"name": bad, "labels": {bad: bad}}}])
    assert bad not in str(runs.show(display=False))


def test_model_objects(old: Any) -> None:
    class Point(old.model.ModelObj):  # type: ignore[misc]
        def __init__(self, x: int = 0, name: str = "p") -> None:
            self.x, self.name = x, name

    point = Point.from_dict({"x": 3, "other": 1})
    assert point.to_dict() == {"x": 3, "name": "p"} and point.copy().x == 3
    assert json.loads(point.to_json(exclude=["name"])) == {"x": 3} and "x: 3" in point.to_yaml()
    assert Point.from_dict({"x": 1}, init_with_params=True).x == 1
    items = old.model.ObjectList.from_list(Point, [{"name": "a", "x": 1}, Point(2, "b")])
    assert [one.x for one in items] == [1, 2] and items["b"].x == 2 and items[0].name == "a"
    with pytest.raises(InvalidArgumentError):
        items.update({"x": 1})
    kinds = old.model.ObjectDict.from_dict({"point": Point}, {"a": {"x": 5}}, "point")
    assert kinds["a"].x == 5 and len(kinds) == 1
    with pytest.raises(InvalidArgumentError):
        kinds["b"] = {"kind": "nothing"}


def test_hyper_param_options_take_none(old: Any) -> None:
    options = old.model.HyperParamOptions(None, None, "max.a", None, None, None, None, None, None)
    assert options.selector == "max.a" and options.parallel_runs == 0 and options.max_errors == 3
    backoff = old.model.RetryBackoff("2m")
    assert old.model.Retry(count=2, backoff=backoff).backoff == 120
    assert old.model.Retry(count=2, backoff={"base_delay": "30s"}).backoff == 30


def test_links_in_tables_run_nothing(compat: Any) -> None:
    link = importlib.import_module("mlrun.render").link_html
    assert link("a", "s3://b/a<") == '<a href="s3://b/a&lt;" target="_blank">a</a>'
    for address in ("javascript:alert(1)", " Java\tScript:x", "data:text/html,x"):
        assert link("a", address) == "a"
