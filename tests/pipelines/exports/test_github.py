from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.errors import InvalidArgumentError, PipelineError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl, pipeline
from mlrun_like.pipelines.exports.github import export
from mlrun_like.pipelines.exports.package import read_package
from tests.pipelines.exports.schemas import check_schema
from tests.pipelines.exports.simulated import (
    CORPUS,
    Trace,
    expected_trace,
    in_order,
    step_of,
    trace_of,
    worker,
)
from tests.pipelines.programs import PROGRAMS, Program

HOSTILE = "a'b\"c\n${{ secrets.X }} $HOME `id` \\ {{ y }} {% z %} #é\x7f: - &a *b"


@function(returns=["value"])
def add(a: int, b: int = 1) -> int:
    return a + b


@function(returns=["value"])
def echo(text: str) -> str:
    return text


def run_workflow(text: str, inputs: dict[str, Any], folder: Path) -> Trace:
    """The jobs of a workflow, as GitHub runs them: artifacts, `needs`, `if`, matrices."""
    document = yaml.safe_load(text)
    jobs, store = document["jobs"], folder / "artifacts"
    store.mkdir(parents=True)
    given = document["env"]["MLRUN_LIKE_ARGUMENTS"].replace(
        "${{ toJSON(inputs) }}", json.dumps(inputs)
    )
    work = worker(document["env"]["MLRUN_LIKE_PIPELINE"], "test-run", given)
    results: dict[str, str] = {}
    outputs: dict[str, str] = {}
    for name in in_order(jobs, lambda job: job.get("needs", [])):
        job = jobs[name]
        if not holds(job.get("if", ""), job.get("needs", []), results, outputs):
            results[name] = "skipped"
            continue
        rounds = [""]
        if "strategy" in job:
            source = re.fullmatch(
                r"\$\{\{ fromJSON\(needs\.([\w-]+)\.outputs\.value\) \}\}",
                job["strategy"]["matrix"]["round"],
            )
            assert source is not None and source[1] in job["needs"]
            rounds = json.loads(outputs[source[1]])
            assert rounds, "a matrix must not be empty"
        failed = False
        for round_ in rounds:
            state = folder / f"{name}-{round_}"
            if any("download-artifact" in step.get("uses", "") for step in job["steps"]):
                shutil.copytree(store, state)
            script = next(step["run"] for step in job["steps"] if step.get("id") == "run")
            outcome = work(step_of(script, round_), state)
            failed = failed or outcome.failed
            outputs[name] = outcome.value
            for step in job["steps"]:
                if "upload-artifact" in step.get("uses", ""):
                    file = step["with"]["path"].replace("${{ matrix.round }}", round_)
                    shutil.copy(state / Path(file).name, store)
        results[name] = "failure" if failed else "success"
    return trace_of(store)


def holds(text: str, needs: list[str], results: dict[str, str], outputs: dict[str, str]) -> bool:
    if not text:
        return True
    match = re.fullmatch(r"\$\{\{ (.*) \}\}", text)
    assert match is not None
    for part in match[1].split(" && "):
        if part in ("always()", "!cancelled()"):
            continue
        if part == "!contains(needs.*.result, 'failure')":
            if any(results[name] == "failure" for name in needs):
                return False
            continue
        found = re.fullmatch(r"needs\.([\w-]+)\.outputs\.value (==|!=) '([^']*)'", part)
        assert found is not None and found[1] in needs, part
        equal = outputs.get(found[1], "") == found[3]
        if equal != (found[2] == "=="):
            return False
    return True


@pytest.mark.parametrize("program", CORPUS)
def test_the_same_happens_as_in_the_local_engine(program: Program, tmp_path: Path) -> None:
    text = export(program.flow.plan)
    check_schema(text, "github-workflows")
    assert run_workflow(text, program.arguments, tmp_path) == expected_trace(program)


def test_a_workflow_says_what_made_it_and_is_stable() -> None:
    flow = PROGRAMS[0].flow
    text = export(flow.plan)
    assert text.startswith("# Made by mlrun_like 0.1.0 for GitHub Actions.")
    assert export(read_package(yaml.safe_load(text)["env"]["MLRUN_LIKE_PIPELINE"])) == text


def test_hostile_values_stay_what_they_are(tmp_path: Path) -> None:
    @pipeline
    def flow(word: str = HOSTILE) -> None:
        echo(HOSTILE)
        echo.step(name="given", params={"text": word})

    text = export(flow.plan)
    check_schema(text, "github-workflows")
    document = yaml.safe_load(text)
    assert "${{" not in document["env"]["MLRUN_LIKE_PIPELINE"]
    assert document["on"]["workflow_dispatch"]["inputs"]["word"]["default"] == HOSTILE
    trace = run_workflow(text, {"word": HOSTILE}, tmp_path)
    assert json.loads(trace["echo"][1]) == json.loads(trace["given"][1]) == {"value": HOSTILE}


def test_inputs_and_schedule(tmp_path: Path) -> None:
    @pipeline
    def flow(n: int, rate: float = 0.5, on: bool = True, names: list[str] | None = None) -> None:
        add(n)

    inputs = yaml.safe_load(export(flow.plan))["on"]["workflow_dispatch"]["inputs"]
    assert inputs == {
        "n": {"type": "number", "required": True},
        "rate": {"type": "number", "required": False, "default": 0.5},
        "on": {"type": "boolean", "required": False, "default": True},
        "names": {"type": "string", "required": False},
    }
    with pytest.raises(PipelineError, match="parameter 'n' has no default"):
        export(flow.plan, schedule="0 3 * * *")

    @pipeline
    def nightly(n: int = 4) -> None:
        add(n)

    text = export(nightly.plan, schedule="0 3 * * *")
    assert yaml.safe_load(text)["on"]["schedule"] == [{"cron": "0 3 * * *"}]
    check_schema(text, "github-workflows")
    trace = run_workflow(text, {}, tmp_path)  # a schedule gives no inputs
    assert trace["add"] == ("completed", '{"value": 5}')


def test_what_a_workflow_cannot_do_is_refused(tmp_path: Path) -> None:
    @pipeline
    def wide() -> None:
        with dsl.ParallelFor(list(range(300))) as n:
            add(n)  # type: ignore[arg-type]

    with pytest.raises(PipelineError, match="loop 'for' has 300 items, and a matrix at most 256"):
        export(wide.plan)

    @pipeline
    def named() -> None:
        with dsl.ParallelFor([1], name='a"; rm -rf $HOME') as n:
            add(n)  # type: ignore[arg-type]

    with pytest.raises(PipelineError, match="is no name for a job"):
        export(named.plan)

    class Odd:
        pass

    @pipeline
    def live() -> None:
        echo(Odd())  # type: ignore[arg-type]

    with pytest.raises(PipelineError, match="step 'echo' uses Odd"):
        export(live.plan)

    @pipeline
    def large() -> None:
        echo(random.Random(1).randbytes(200_000).hex())

    with pytest.raises(PipelineError, match="takes at most 120000"):
        export(large.plan)


def test_all_places_are_named_at_once() -> None:
    @pipeline
    def flow(n: int) -> None:
        with dsl.ParallelFor(list(range(300))) as each:
            add(each)  # type: ignore[arg-type]
        with dsl.ParallelFor([1], name="a b$") as each:
            add.step(name="second", params={"a": each})
        echo.step(name="live", params={"text": object()})
        echo.step(name="alive", params={"text": object()})

    with pytest.raises(PipelineError) as caught:
        export(flow.plan, schedule="0 3 * * *")
    assert caught.value.what.startswith("5 things have no form in GitHub Actions:")
    for part in ("step 'live'", "step 'alive'", "'a b$'", "loop 'for'", "parameter 'n'"):
        assert part in caught.value.what


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "tomorrow"}, "schedule 'tomorrow'"),
        ({"runs_on": "${{ x }}"}, "runs_on"),
        ({"secrets": ["A B"]}, "secrets 'A B'"),
        ({"secrets": "TOKEN"}, "secrets 'TOKEN'"),
        ({"packages": ["a\nb"]}, "packages"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=re.escape(message)):
        export(PROGRAMS[0].flow.plan, **options)


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / ".github" / "workflows" / "flow.yml"
    text = export(PROGRAMS[0].flow.plan, str(target))
    assert target.read_text() == text
    assert [file.name for file in target.parent.iterdir()] == ["flow.yml"]
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelineError, match="cannot be written"):
        export(PROGRAMS[0].flow.plan, str(tmp_path / "file" / "flow.yml"))
