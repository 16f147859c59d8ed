from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import app
from mlrun_like.errors import MLRunLikeError, PipelineError
from mlrun_like.pipelines import dsl, pipeline
from mlrun_like.pipelines.exports.arguments import read_arguments
from mlrun_like.pipelines.exports.jobs import jobs_of, reachable_ids, without
from mlrun_like.pipelines.exports.package import read_package, safe_json, to_package
from mlrun_like.pipelines.exports.state import StateFolder
from mlrun_like.pipelines.exports.stepwise import Order, run_node
from mlrun_like.pipelines.nodes import Parameter
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.run import StepRun
from tests.pipelines.exports.test_github import HOSTILE, add, echo
from tests.pipelines.programs import explode


@pipeline
def looped(n: int = 3) -> None:
    with dsl.ParallelFor([1, 2]) as item:
        add.step(name="round", params={"a": item, "b": n})
    with dsl.If(n > 2):
        bad: Any = explode(n)
    add.step(name="after", params={"a": bad.output})


def do(node: str, state: Path, **options: Any) -> Any:
    plan = read_package(to_package(looped.plan))
    return run_node(plan, Order(node, str(state), **options), {"n": 3}, lambda line: None)


def test_jobs_of_one_run(tmp_path: Path) -> None:
    assert do("for", tmp_path).value == '["0", "1"]'
    assert do("round[1]", tmp_path).value == "completed"
    assert do("round[*]", tmp_path).value == "completed"
    assert do("if", tmp_path).value == "0"
    failed = do("explode", tmp_path)
    assert failed.failed and failed.value == "error" and "boom 3" in failed.reason
    later = do("after", tmp_path)
    assert later.skipped and later.reason == "step 'explode' failed"
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "after.json", "explode.json", "round@0.json", "round@1.json",
    ]  # fmt: skip
    assert StateFolder(str(tmp_path)).read()["round[1]"].outputs == {"value": 5}


def test_what_was_done_is_not_done_again_and_what_failed_is(tmp_path: Path) -> None:
    do("round[0]", tmp_path, workflow="w")
    first = StateFolder(str(tmp_path)).read()["round[0]"]
    do("round[0]", tmp_path, workflow="w")
    assert StateFolder(str(tmp_path)).read()["round[0]"].uid == first.uid
    StateFolder(str(tmp_path)).write("round[0]", StepRun("error", reason="lost"))
    assert do("round[0]", tmp_path, workflow="w").value == "completed"


def test_a_job_whose_predecessor_left_nothing_is_skipped(tmp_path: Path) -> None:
    assert do("after", tmp_path).skipped


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("rond[0]", "Did you mean"),
        ("round", "is in 1 loops"),
        ("round[0,1]", "is in 1 loops"),
        ("round[x]", "has no step"),
        ("", "has no step"),
        ("after[0]", "is in 0 loops"),
    ],
)
def test_wrong_nodes(node: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=message):
        do(node, tmp_path)


@pytest.mark.parametrize("body", ["", "{", "[]", '{"step": "a"}', '{"step": 1, "state": null}'])
def test_damaged_records(body: str, tmp_path: Path) -> None:
    (tmp_path / "round@0.json").write_text(body)
    with pytest.raises(PipelineError, match="record of a step is damaged"):
        do("round[1]", tmp_path)


def test_a_writer_that_is_killed_leaves_no_half_record(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from mlrun_like.pipelines.exports.state import StateFolder\n"
        "from mlrun_like.pipelines.run import StepRun\n"
        "folder = StateFolder(sys.argv[1])\n"
        "pipe = folder._files.pipe_file\n"
        "def half(path, body):\n"
        "    pipe(path, body[:20])\n"
        "    os._exit(9)\n"
        "folder._files.pipe_file = half\n"
        "folder.write('a', StepRun('completed'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == 9
    assert StateFolder(str(tmp_path)).read() == {}


def test_a_state_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for url in (str(tmp_path / "file" / "state"), "nothing://x"):
        with pytest.raises(PipelineError, match="cannot be used"):
            StateFolder(url)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "x" * 10, "[" * 100_000])
def test_damaged_packages(text: str) -> None:
    with pytest.raises(MLRunLikeError):
        read_package(text)
    with pytest.raises(MLRunLikeError):
        read_package('{"kind": "mlrun-like/pipeline", "functions": {"a": 1}, "plan": {}}')


def test_texts_are_safe_everywhere() -> None:
    text = safe_json({"a": HOSTILE, HOSTILE: ["{{{{", "{%{#{{%", "$${{"]})
    assert json.loads(text) == {"a": HOSTILE, HOSTILE: ["{{{{", "{%{#{{%", "$${{"]}
    for mark in ("$", "'", "`", "{{", "{%", "{#", "\n"):
        assert mark not in text
    assert text.isascii()


def test_a_package_has_no_paths_of_this_machine() -> None:
    text = to_package(looped.plan)
    assert str(Path(__file__).parent) not in text and text == to_package(looped.plan)


def test_values_of_parameters() -> None:
    types: list[tuple[str, type | None, Any]] = [
        ("n", int, 1), ("x", float, 0.5), ("on", bool, False), ("word", str, "w"),
        ("names", list, None), ("any", None, None), ("text", None, "t"),
    ]  # fmt: skip
    plan = Plan("p", (), {name: Parameter(default, kind) for name, kind, default in types})
    defaults = {name: default for name, _, default in types}
    assert read_arguments(plan, "", {}) == read_arguments(plan, "null", {}) == defaults
    assert read_arguments(plan, '{"$texts": null}', {}) == defaults
    empty = read_arguments(plan, "", dict.fromkeys(defaults, ""))
    assert empty == {**defaults, "word": "", "text": ""}
    typed = {"n": "3", "x": "2", "on": "true", "word": "5", "names": "['a']", "any": "7"}
    wanted = {"n": 3, "x": 2, "on": True, "word": "5", "names": ["a"], "any": 7, "text": "t"}
    assert read_arguments(plan, "", typed) == wanted
    assert read_arguments(plan, json.dumps({"$texts": typed}), {}) == wanted
    assert read_arguments(plan, '{"any": "7", "n": 2}', {})["any"] == "7"
    for wrong in ("{", "3", '"x"', '{"m": 1}', '{"n": "x"}'):
        with pytest.raises(PipelineError):
            read_arguments(plan, wrong, {})
    with pytest.raises(PipelineError, match="no parameter 'm'"):
        read_arguments(plan, "", {"m": "1"})


def test_ids_and_needs() -> None:
    assert reachable_ids(["A", "a", "é"], "A-Za-z0-9", "s") == {"A": "A", "a": "a-2", "é": "step"}
    jobs = without(jobs_of(looped.plan), lambda _, other: other.kind != "step")
    assert {job.name: job.needs for job in jobs if job.kind == "step"} == {
        "round": (), "explode": (), "after": ("explode",),
    }  # fmt: skip


def test_the_command(tmp_path: Path) -> None:
    @pipeline
    def small(word: str = "x", n: int = 1) -> None:
        echo(word)
        with dsl.If(n > 5):
            add(n)

    file = tmp_path / "flow.json"
    file.write_text(to_package(small.plan))
    state = ["--state", str(tmp_path / "state"), "--workflow", "w"]

    def call(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["run", *arguments])
        return done.exit_code, done.stdout, done.stderr

    assert call(str(file), "--step", "echo", *state, "-p", f"word={HOSTILE}")[:2] == (
        0, "completed\n",
    )  # fmt: skip
    assert StateFolder(state[1]).read()["echo"].outputs == {"value": HOSTILE}
    code, out, _ = call(str(file), "--step", "add", *state, "--skip-code", "99")
    assert (code, out) == (99, "skipped\n")
    assert call(str(file), "--step", "add", *state, "--arguments", '{"n": 9}')[0] == 0
    code, _, told = call(str(file), "--step", "echo")
    assert code == 1 and "--state" in told
    code, _, told = call(str(tmp_path / "none.json"), "--step", "echo", *state)
    assert code == 1 and "there is no file" in told
