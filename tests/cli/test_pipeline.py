"""`mlrun-like pipeline`: run, plan, plot, list, show, logs, abort, resume, export."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

FLOW = '''
from typing import Any

from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl, pipeline


@function(returns=["rows"])
def count(n: int) -> int:
    print("counting", n)
    if n > 90:
        raise ValueError("too many")
    return n * 2


@function(returns=["text"])
def say(n: Any) -> str:
    return f"n={n}"


@pipeline
def small(n: int = 1) -> Any:
    """Counts and says."""
    rows: Any = count(n)
    return {"text": say(rows).outputs["text"]}


@pipeline
def fan(n: int = 30) -> Any:
    with dsl.ParallelFor(n) as item:
        count.step(name="each", params={"n": item})


def not_one(n):
    return n
'''


@pytest.fixture
def flow(tmp_path: Path) -> str:
    """A file with two pipelines."""
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    return "flow.py"


def test_run_prints_steps_and_outputs(call: Any, flow: str) -> None:
    done = call("pipeline", "run", "flow.py:small", "-p", "n=4")
    assert "small: count started" in done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["STEP", "STATE", "TIME", "REASON", "RUN"]
    assert lines[1].startswith("count") and "completed" in lines[1]
    assert "text=n=8" in done.out


def test_run_as_json(call: Any, flow: str) -> None:
    found = call("pipeline", "run", "flow.py:small", "--json", "--workers", "2").json
    assert found["state"] == "completed" and found["outputs"] == {"text": "n=2"}
    assert found["steps"]["count"]["state"] == "completed"
    listed = call("pipeline", "list", "--json").json
    assert [run["metadata"]["uid"] for run in listed] == [found["uid"]]


@pytest.mark.slow
def test_a_failed_run_is_shown_and_resumed(
    call: Any, spawn: Any, flow: str, tmp_path: Path
) -> None:
    failed = call("pipeline", "run", "flow.py:small", "-p", "n=91", code=1)
    assert "too many" in failed.err and "mlrun-like pipeline resume" in failed.err
    uid = open_store().list_runs(RunQuery(project="*", labels={"kind": "pipeline"}))[0]
    name = uid["metadata"]["uid"]
    shown = call("pipeline", "show", name[:14], "--svg", "out/run.svg")
    assert "error" in shown.out and "skipped" in shown.out and "count" in shown.out
    svg = ET.parse(tmp_path / "out" / "run.svg").getroot()
    assert "step error" in [element.get("class") for element in svg.iter()]
    assert call("pipeline", "show", name, "--json").json["steps"][0]["step"] == "count"
    log = call("pipeline", "logs", name, "count")
    assert "counting 91" in log.out
    (tmp_path / "flow.py").write_text(FLOW.replace("n > 90", "n > 900"), encoding="utf-8")
    done = spawn("pipeline", "resume", name)  # a new process reads the file anew
    assert "text=n=182" in done.out
    assert "counting 91" in call("pipeline", "logs", name).out
    assert "is over" in str(_raised(call, "pipeline", "abort", name))


def _raised(call: Any, *words: str) -> str:
    return str(call(*words, code=1).err)


def test_long_loops_are_one_line(call: Any, flow: str) -> None:
    done = call("pipeline", "run", "flow.py:fan")
    line = next(each for each in done.out.splitlines() if each.startswith("each"))
    assert line.startswith("each[...]") and "30/30" in line
    uid = done.out.rpartition("id ")[2].split()[0]
    assert "each[29]" in call("pipeline", "show", uid, "--rounds").out
    assert "each[...]" in call("pipeline", "show", uid).out


def test_plan_lists_or_tells_all_mistakes(call: Any, flow: str, tmp_path: Path) -> None:
    found = call("pipeline", "plan", "flow.py:small").out
    assert found.splitlines() == [
        "pipeline small(n=1)",
        "  1. count: count(n=n)",
        "  2. say: say(n=count.rows)",
        "",
        "STEP   ACTION   WHY",
        "count  run      caching is off",
        "say    depends  on count",
    ]
    told = call("pipeline", "plan", "flow.py:small", "--cache", "--json").json
    assert told["name"] == "small" and told["steps"][0]["action"] == "run"
    call("pipeline", "run", "flow.py:small", "--cache")
    again = call("pipeline", "plan", "flow.py:small", "--cache").out
    assert [line.split()[1] for line in again.splitlines()[-2:]] == ["reuse", "reuse"]
    done = call("pipeline", "run", "flow.py:small", "--cache", "--refresh", "say").out
    assert [line.split()[1] for line in done.splitlines()[1:3]] == ["reused", "completed"]
    wrong = FLOW.replace("rows: Any = count(n)", 'rows: Any = count("a").after("ghost")')
    (tmp_path / "wrong.py").write_text(wrong, encoding="utf-8")
    text = _raised(call, "pipeline", "plan", "wrong.py:small")
    assert "2 mistakes" in text and "'ghost'" in text and "'a' is a str" in text


def test_plot_writes_and_prints(call: Any, flow: str, tmp_path: Path) -> None:
    assert call("pipeline", "plot", "flow.py:fan").out.startswith("flowchart LR")
    both = call("pipeline", "plot", "flow.py:fan", "--svg", "a/b.svg", "--mermaid")
    assert both.out.startswith("flowchart LR") and "wrote" in both.err
    assert ET.parse(tmp_path / "a" / "b.svg").getroot().get("class") == "mlp"


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("flow.py", ("which pipeline?", "fan, small")),
        ("flow.py:smal", ("there is no pipeline 'smal'", "Did you mean 'small'", "fan, small")),
        ("flo.py", ("there is no file 'flo.py'", "Did you mean 'flow.py'")),
        ("nothing.at.all", ("neither a .py or .ipynb file nor a module",)),
        ("json:dumps", ("there is no pipeline",)),
        ("empty.py", ("there is no pipeline", "@pipeline")),
    ],
)
def test_targets_that_are_not_there(
    call: Any, flow: str, tmp_path: Path, target: str, parts: tuple[str, ...]
) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n", encoding="utf-8")
    text = _raised(call, "pipeline", "plan", target)
    for part in parts:
        assert part in text, text


def test_a_module_a_notebook_and_a_workflow_file(call: Any, flow: str, tmp_path: Path) -> None:
    assert "1. count" in call("pipeline", "plan", "flow:small").out
    cell = nbformat.v4.new_code_cell(FLOW)  # type: ignore[no-untyped-call]
    book = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    nbformat.write(book, tmp_path / "book.ipynb")  # type: ignore[no-untyped-call]
    assert "1. count" in call("pipeline", "plan", "book.ipynb:small").out
    plain = FLOW.replace("@pipeline\ndef small", "def kfpipeline").replace("@pipeline\n", "")
    (tmp_path / "plain.py").write_text(plain, encoding="utf-8")
    assert "1. count" in call("pipeline", "plan", "plain.py").out
    assert "1. count" in call("pipeline", "plan", "plain.py:kfpipeline").out


def test_a_dynamic_pipeline_runs_but_has_no_plan(call: Any, flow: str, tmp_path: Path) -> None:
    code = FLOW.replace("@pipeline\ndef small", "@pipeline(dynamic=True)\ndef small")
    (tmp_path / "eager.py").write_text(code, encoding="utf-8")
    assert "there is no plan" in _raised(call, "pipeline", "plan", "eager.py:small")
    assert "text=n=2" in call("pipeline", "run", "eager.py:small").out
    assert "not cached" in _raised(call, "pipeline", "run", "eager.py:small", "--cache")


def test_wrong_names_and_ids(call: Any, flow: str, train: str) -> None:
    call("run", train, "--handler", "train")
    uid = open_store().list_runs(RunQuery(project="*"))[0]["metadata"]["uid"]
    assert "not the run of a pipeline" in _raised(call, "pipeline", "show", uid)
    for word in ("logs", "resume"):
        told = _raised(call, "pipeline", word, "ffffffff")
        assert "there is no run" in told and "fix: mlrun-like pipeline list" in told
    text = _raised(call, "pipeline", "run", "flow.py:small", "--refresh", "cont")
    assert "'cont'" in text and "Did you mean 'count'" in text
    assert "no parameter 'm'" in _raised(call, "pipeline", "run", "flow.py:small", "-p", "m=1")
    call("pipeline", "run", "flow.py:small", "--cache", "--refresh", "count")
    done = call("pipeline", "list").out.splitlines()[1].split()
    assert "step 'x' has no run" in _raised(call, "pipeline", "logs", done[1], "x")


def test_one_step_again(call: Any, flow: str) -> None:
    uid = call("pipeline", "run", "flow.py:small", "-p", "n=4", "--json").json["uid"]
    assert "n=8" in call("pipeline", "spin", uid, "say").out
    assert call("pipeline", "spin", uid, "say", "--json").json["status"]["state"] == "completed"
    assert "there is no step 'sai'" in _raised(call, "pipeline", "spin", uid, "sai")


def test_a_plan_that_needs_arguments(call: Any, tmp_path: Path) -> None:
    (tmp_path / "need.py").write_text(FLOW.replace("n: int = 1", "n: int"), encoding="utf-8")
    assert "depends on: -p n=..." in call("pipeline", "plan", "need.py:small").out
    assert "depends  on count" in call("pipeline", "plan", "need.py:small", "-p", "n=3").out


def test_export(call: Any, flow: str, tmp_path: Path) -> None:
    call("pipeline", "export", "flow.py:small", "--to", "github", "-o", "w/f.yml")
    text = (tmp_path / "w" / "f.yml").read_text(encoding="utf-8")
    assert "workflow_dispatch" in text
    assert call("pipeline", "export", "flow.py:small", "--to", "github").out == text
    assert "unknown exporter" in _raised(call, "pipeline", "export", "flow.py:small", "--to", "x")
    wrong = ("pipeline", "export", "flow.py:small", "--to", "github", "--set", "colour=1")
    assert "has no such option" in _raised(call, *wrong)


def test_hostile_names_are_escaped(call: Any, tmp_path: Path) -> None:
    code = FLOW.replace('f"n={n}"', '"\\x1b[2J"')
    (tmp_path / "bad.py").write_text(code, encoding="utf-8")
    done = call("pipeline", "run", "bad.py:small")
    assert "\x1b" not in done.out and "\x1b" not in call("pipeline", "list").out
