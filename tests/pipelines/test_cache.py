"""Steps that are reused, steps that are not, and the reasons that are given."""

from __future__ import annotations

import importlib
import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.item import get_artifact, set_in_memory_item
from mlrun_like.errors import InvalidArgumentError, PipelineError
from mlrun_like.functions.creators import code_to_function
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.dsl import ExitHandler, ParallelFor, when
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.explain import explain
from mlrun_like.pipelines.keys import differences
from mlrun_like.pipelines.pipeline import Pipeline, pipeline
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.tracking.abilities import WorkflowStore
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

FLOW = '''
    import mlrun_like as ml
    import prep
    from mlrun_like.pipelines import pipeline

    LIMIT = 3

    @ml.function(returns=["rows"])
    def load(n: int, data: ml.DataItem = None):
        """Load."""
        return prep.clean(list(range(n))) + ([data.get(encoding="utf-8")] if data else [])

    @ml.function(returns=["size"])
    def train(context, rows: list, depth: int = 3):
        context.log_artifact("model", body=f"{len(rows)} {depth}", format="txt")
        return len(rows) * depth + LIMIT

    @ml.function(returns=["text"])
    def show(model):
        return model.get(encoding="utf-8")

    @pipeline(cache=True)
    def flow(n: int = 5, depth: int = 3):
        rows = load(n)
        model = train(rows=rows, depth=depth)
        text = show(model.outputs["model"])
        return {"size": model.outputs["size"], "text": text}
    '''
PREP = "def clean(rows):\n    return rows[1:]\n\ndef other(rows):\n    return rows\n"

Load = Callable[..., Any]


def silent(flow: Pipeline, options: dict[str, Any] | None = None, **arguments: Any) -> PipelineRun:
    return LocalEngine(report=None, **(options or {})).run(flow.plan, arguments)


def reused(run: PipelineRun) -> list[str]:
    assert run.state == "completed", {name: step.reason for name, step in run.steps.items()}
    return [name for name, step in run.steps.items() if step.reused]


def why(flow: Pipeline, step: str, **arguments: Any) -> str:
    return next(row.reason for row in explain(flow.plan, arguments) if row.step == step)


def actions(flow: Pipeline, **arguments: Any) -> list[str]:
    return [row.action for row in explain(flow.plan, arguments)]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Writes the two files, changed as asked, and imports them anew."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(old: str = "", new: str = "") -> Any:
        for name in ("flow_file", "prep"):
            sys.modules.pop(name, None)
        for name, text in (("flow_file", textwrap.dedent(FLOW)), ("prep", PREP)):
            (tmp_path / f"{name}.py").write_text(text.replace(old, new), "utf-8")
        importlib.invalidate_caches()
        return importlib.import_module("flow_file")

    yield make
    for name in ("flow_file", "prep"):
        sys.modules.pop(name, None)


def test_an_equal_run_is_reused_as_a_whole(load: Load) -> None:
    first, second = silent(load().flow), silent(load().flow)
    assert reused(first) == [] and reused(second) == ["load", "train", "show"]
    assert first.outputs == second.outputs == {"size": 15, "text": "4 3"}
    assert {name: step.uid for name, step in first.steps.items()} == {
        name: step.uid for name, step in second.steps.items()
    }
    store = open_store()
    assert isinstance(store, WorkflowStore)
    row = next(row for row in store.list_steps("default", second.uid) if row.step == "train")
    assert row.body["reused"] and row.uid == first.steps["train"].uid
    assert row.body["reason"].startswith(f"reused: step train of run {first.uid[:12]}, 0.")
    runs = store.list_runs(RunQuery(project="default", labels={"workflow": second.uid}))
    assert runs == []


@pytest.mark.parametrize(
    ("old", "new", "left", "reason"),
    [
        ("rows[1:]", "rows[2:]", [], "code of 'clean' in prep.py changed"),
        ("LIMIT = 3", "LIMIT = 4", ["load"], "value of 'LIMIT' in flow_file.py: 3 -> 4"),
        ("return model.get", "return 1 and model.get", ["load", "train"],
         "code of 'show' in flow_file.py changed"),
        ("flow(n: int = 5, depth: int = 3)", "flow(n: int = 5, depth: int = 4)", ["load"],
         "parameter depth: 3 -> 4"),
        ("n: int = 5", "n: int = 6", [], "parameter n: 5 -> 6"),
        ('returns=["text"]', 'returns=["words"]', ["load", "train"],
         "option returns: ['text'] -> ['words']"),
        ('"""Load."""', '"""Read."""', ["load", "train", "show"], ""),
        ("return rows\n", "return rows[:]\n", ["load", "train", "show"], ""),
        ("    return rows[1:]", "    # not the first\n\n    return rows[1:]",
         ["load", "train", "show"], ""),
    ],
)  # fmt: skip
def test_changes(old: str, new: str, left: list[str], reason: str, load: Load) -> None:
    silent(load().flow)
    flow = load(old, new).flow
    rows = explain(flow.plan)
    assert [row.step for row in rows if row.action == "reuse"] == left
    if reason:
        assert next(row.reason for row in rows if row.action == "run") == reason
    run = silent(flow)
    assert reused(run)[: len(left)] == left
    if "LIMIT" in old:  # the model's bytes are the same, so what reads it need not run
        assert reused(run) == ["load", "show"]


def test_explain_tells_what_depends_on_what(load: Load) -> None:
    flow = load().flow
    assert str(explain(flow.plan)).splitlines() == [
        "load   run      no earlier run",
        "train  depends  on load",
        "show   depends  on train",
    ]
    silent(flow)
    assert actions(flow) == ["reuse"] * 3
    assert actions(flow, depth=7) == ["reuse", "run", "depends"]
    assert why(flow, "train", depth=7) == "parameter depth: 3 -> 7"
    assert open_store().list_runs(RunQuery(project="default", name="flow"))[1:] == []


def test_explain_prints(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    found = load().flow.explain(n=2)
    assert capsys.readouterr().out.startswith("load   run      no earlier run\n")
    assert repr(found) == "<explanation of 3 steps: 1 run, 2 depends>"


def test_modes(load: Load) -> None:
    flow = load().flow
    silent(flow)
    assert reused(silent(flow, {"cache": False})) == []
    assert reused(silent(flow, {"refresh": ["train"]})) == ["load", "show"]
    again = silent(flow, {"cache": "refresh"})
    assert reused(again) == []
    last = silent(flow)
    assert [s.uid for s in last.steps.values()] == [s.uid for s in again.steps.values()]
    assert reused(flow.with_options(report=None, refresh="load").run()) == ["train", "show"]
    assert flow.with_options(cache=False).explain()[0].reason == "caching is off"
    assert flow.with_options(cache=True)._engine and not flow._engine
    for wrong, error in (
        ({"cache": "yes"}, InvalidArgumentError),
        ({"chache": True}, PipelineError),
    ):
        with pytest.raises(error, match="cache"):
            flow.with_options(**wrong)
    with pytest.raises(PipelineError, match=r"no step 'trian' to refresh. Did you mean 'train'"):
        silent(flow, {"refresh": ["trian"]})


def test_off_unless_asked() -> None:
    @function(returns=["x"])
    def one(n: int) -> int:
        return n

    @pipeline
    def flow() -> None:
        one(1)
        one.step(name="kept", params={"n": 2}, cache=True)
        one.step(name="never", params={"n": 3}, cache=False)

    silent(flow)
    assert reused(silent(flow)) == ["kept"]
    silent(flow, {"cache": True})
    run = silent(flow, {"cache": True})
    assert reused(run) == ["one", "kept"]
    rows = {row.step: row.reason for row in explain(flow.plan, cache=True)}
    assert rows["never"] == "caching is off for this step"


def test_max_age() -> None:
    @function(returns=["x"])
    def one(n: int) -> int:
        return n

    @pipeline(cache=True)
    def flow() -> None:
        one.step(name="young", params={"n": 2}, max_age=0.2)
        one.step(name="old", params={"n": 2}, max_age=100)

    silent(flow).check()
    time.sleep(0.3)
    assert why(flow, "young").startswith("older than max_age: 0.")
    assert reused(silent(flow)) == ["old"]


def test_inputs_count_by_their_content(load: Load, tmp_path: Path) -> None:
    module = load()
    data, folder = tmp_path / "data.txt", tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("1")

    @function(returns=["names"])
    def names(place: Any) -> list[str]:
        return list(place.listdir())

    @pipeline(cache=True)
    def flow() -> None:
        module.load.step(params={"n": 1}, inputs={"data": str(data)})
        names.step(inputs={"place": str(folder)})

    data.write_text("one")
    silent(flow).check()
    os.utime(data, (1, 1))  # a new time alone changes nothing
    assert reused(silent(flow)) == ["load", "names"]
    data.write_text("two")
    assert why(flow, "load") == "input data changed"
    run = silent(flow)
    assert run.steps["load"].outputs["rows"] == ["two"] and reused(run) == ["names"]
    (folder / "b.txt").write_text("2")
    assert why(flow, "names") == "input place changed"
    data.unlink()
    assert "input data: its content cannot be told" in why(flow, "load")


def test_other_places() -> None:
    @function(returns=["x"])
    def read(data: Any) -> str:
        return str(data.get(encoding="utf-8"))

    url = set_in_memory_item("cache.txt", "one")

    @pipeline(cache=True)
    def flow() -> None:
        read.step(inputs={"data": url})

    silent(flow)
    assert reused(silent(flow)) == ["read"]
    set_in_memory_item("cache.txt", "two")
    assert why(flow, "read") == "input data changed"
    assert silent(flow).steps["read"].outputs["x"] == "two"


def test_what_is_gone_is_not_reused(load: Load) -> None:
    flow = load().flow
    run = silent(flow)
    path = Path(get_artifact(run.steps["train"].outputs["model"]).target_path)
    path.write_text("something else, and longer")
    assert f"was changed: {path}" in why(flow, "train")
    path.unlink()
    assert f"artifact model of the earlier run {run.steps['train'].uid} is gone: {path}" in why(
        flow, "train"
    )
    assert reused(silent(flow)) == ["load", "show"]
    open_store().delete_runs(RunQuery(project="default", uid=run.steps["load"].uid))
    assert why(flow, "load").endswith("is no longer recorded")


def test_live_objects_are_never_reused() -> None:
    lock = threading.Lock()

    @function(returns=["x"])
    def held(n: Any) -> int:
        with lock:
            return 1

    @function(returns=["x"])
    def given(n: Any) -> int:
        return 1

    @pipeline(cache=True)
    def flow() -> None:
        held(1)
        given.step(params={"n": lock})
        given.step(name="plain", params={"n": (1, {"a": {2.5}})})

    silent(flow)
    rows = {row.step: row.reason for row in explain(flow.plan)}
    assert rows["held"].startswith("never reused: variable 'lock' of ")
    assert rows["given"] == "never reused: parameter n is a lock, which is not plain data"
    assert reused(silent(flow)) == ["plain"]


def test_failed_steps_are_not_remembered() -> None:
    broken = True

    @function(returns=["x"])
    def shaky(n: int) -> int:
        if os.environ.get("CACHE_TEST_BROKEN"):
            raise ValueError("not now")
        return n

    @pipeline(cache=True)
    def flow() -> None:
        shaky(1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CACHE_TEST_BROKEN", "1")
        assert silent(flow).state == "error" and broken
    run = silent(flow)
    assert reused(run) == [] and reused(silent(flow)) == ["shaky"]


def test_loops_gates_and_handlers() -> None:
    @function(returns=["x"])
    def square(n: Any) -> Any:
        return n * n

    @function()
    def tell(status: Any = None) -> None:
        pass

    @pipeline(cache=True)
    def flow(numbers: list[int], limit: int = 3) -> None:
        done: Any = tell()
        with ExitHandler(done):
            with ParallelFor(numbers) as number:
                square(number)
            first: Any = square.step(name="first", params={"n": 2})
            with when(first.outputs["x"] > limit):
                square.step(name="second", params={"n": first.outputs["x"]})

    silent(flow, numbers=[1, 2, 3])
    run = silent(flow, numbers=[1, 2, 4])
    assert reused(run) == ["square[0]", "square[1]", "first", "second"]
    rows = {row.step: row for row in explain(flow.plan, {"numbers": [1, 2, 5], "limit": 9})}
    assert rows["square"].action == "run"
    assert rows["square"].reason == "1 of 3 rounds: parameter n: 4 -> 5"
    assert (
        rows["second"].action == "skip" and "gate: x 4 > limit 9 is false" in rows["second"].reason
    )
    assert rows["tell"].action in ("run", "depends")
    rows = {row.step: row for row in explain(flow.plan, {"numbers": []})}
    assert rows["square"].action == "skip" and rows["first"].action == "reuse"
    assert rows["tell"].reason == "an exit handler always runs"


def test_what_merely_comes_before_decides_nothing() -> None:
    @function(returns=["x"])
    def one(n: int) -> int:
        return n

    @pipeline(cache=True)
    def flow(n: int = 1) -> None:
        first: Any = one(n)
        one.step(name="second", params={"n": 5}).after(first)

    silent(flow)
    assert actions(flow, n=2) == ["run", "reuse"]


def test_documents_and_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "stored.py"
    path.write_text("def half(n: int):\n    return n / 2\n\ndef other():\n    return 1\n")

    def flow_of(requirement: str = "") -> Pipeline:
        half: Any = code_to_function("half", filename=str(path), kind="local", handler="half")
        if requirement:
            half.spec.build.requirements = [requirement]

        @pipeline(cache=True)
        def flow() -> None:
            half.step(params={"n": 4}, returns=["x"])

        return flow

    silent(flow_of())
    path.write_text(path.read_text().replace("return 1", "return 2"))
    assert reused(silent(flow_of())) == ["half"]
    assert why(flow_of("pip>=1"), "half") == "requirement pip is new"
    path.write_text(path.read_text().replace("n / 2", "n // 2"))
    assert why(flow_of(), "half") == "code of 'half' in stored.py changed"
    assert silent(flow_of()).steps["half"].outputs == {"x": 2}


@pytest.mark.slow
def test_processes(load: Load) -> None:
    module = load()
    away: Any = function(kind="process", returns=["rows"])(module.load.__wrapped__)

    @pipeline(cache=True)
    def flow(n: int = 3) -> None:
        away(n)

    silent(flow)
    assert reused(silent(flow)) == ["load"]
    assert why(flow, "load", n=4) == "parameter n: 3 -> 4"


def test_a_key_costs_little(load: Load) -> None:
    flow = load().flow
    silent(flow)
    start = time.perf_counter()
    for _ in range(10):
        explain(flow.plan)
    assert (time.perf_counter() - start) / 30 < 0.05


def test_differences() -> None:
    def environment(**rows: str) -> dict[str, dict[str, str]]:
        return {"environment": {name.replace("_", " "): text for name, text in rows.items()}}

    before = environment(package_pandas="2.1", image="a", Python="3.10")
    now = environment(package_pandas="2.2", image="b", Python="3.11")
    assert differences(before, now) == [
        "Python 3.10 -> 3.11", "image a -> b", "package pandas 2.1 -> 2.2",
    ]  # fmt: skip
    code = {"code": {"code of 'a' in x.py": "1"}}
    assert differences(code, {"code": {}}) == ["code of 'a' in x.py is gone"]
    assert differences({}, code) == ["code of 'a' in x.py is new"]
    assert differences({"parameters": {"n": "1"}}, {}) == ["parameter n is gone"]
