from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines import dsl, pipeline
from mlrun_like.pipelines.exports.gitlab import export
from mlrun_like.pipelines.exports.package import read_package
from tests.pipelines.exports.schemas import check_schema
from tests.pipelines.exports.simulated import (
    CORPUS,
    Trace,
    copy_files,
    expected_trace,
    in_order,
    step_of,
    trace_of,
    worker,
)
from tests.pipelines.exports.test_github import HOSTILE, add, echo
from tests.pipelines.programs import PROGRAMS, Program, rows

GLOBAL = ("stages", "default", "variables")


def run_pipeline(text: str, variables: dict[str, str], folder: Path) -> Trace:
    """The jobs of a pipeline, as GitLab runs them: `needs` with artifacts, `when`, matrices."""
    document = yaml.safe_load(text)
    given = {name: row["value"] for name, row in document["variables"].items()}
    assert all(row["expand"] is False for row in document["variables"].values())
    package = given.pop("MLRUN_LIKE_PIPELINE")
    given.update({f"PARAM_{name}": value for name, value in variables.items()})
    work = worker(package, "t", typed={k.removeprefix("PARAM_"): v for k, v in given.items()})
    jobs = {name: job for name, job in document.items() if name not in GLOBAL}
    results: dict[str, str] = {}
    for name in in_order(jobs, lambda job: job["needs"]):
        job = jobs[name]
        passed = all(results[need] == "success" for need in job["needs"])
        if not passed and job.get("when") != "always":
            results[name] = "skipped"
            continue
        matrix = job.get("parallel", {}).get("matrix", [{"MLRUN_LIKE_ROUND": [""]}])
        failed = False
        for round_ in matrix[0]["MLRUN_LIKE_ROUND"]:
            state = folder / f"{name}-{round_}"
            for need in job["needs"]:
                copy_files(folder / "artifacts" / need, state)
            state.mkdir(parents=True, exist_ok=True)
            for parameter in given:
                assert f'"{parameter.removeprefix("PARAM_")}=${parameter}"' in job["script"][1]
            failed = work(step_of(job["script"][1], round_), state).failed or failed
            copy_files(state, folder / "artifacts" / name)
        results[name] = "failure" if failed else "success"
    for name in jobs:
        copy_files(folder / "artifacts" / name, folder / "all")
    return trace_of(folder / "all")


def typed(arguments: dict[str, Any]) -> dict[str, str]:
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in arguments.items()}


@pytest.mark.parametrize("program", CORPUS)
def test_the_same_happens_as_in_the_local_engine(program: Program, tmp_path: Path) -> None:
    text = export(program.flow.plan)
    check_schema(text, "gitlab-ci")
    assert run_pipeline(text, typed(program.arguments), tmp_path) == expected_trace(program)


def test_a_file_says_what_made_it_and_is_stable() -> None:
    text = export(PROGRAMS[0].flow.plan)
    assert text.startswith("# Made by mlrun_like 0.1.0 for GitLab CI.")
    package = yaml.safe_load(text)["variables"]["MLRUN_LIKE_PIPELINE"]["value"]
    assert export(read_package(package)) == text


def test_hostile_values_stay_what_they_are(tmp_path: Path) -> None:
    @pipeline
    def flow(word: str = HOSTILE) -> None:
        echo(HOSTILE)
        echo.step(name="given", params={"text": word})

    text = export(flow.plan)
    check_schema(text, "gitlab-ci")
    trace = run_pipeline(text, {}, tmp_path)
    assert json.loads(trace["echo"][1]) == json.loads(trace["given"][1]) == {"value": HOSTILE}


def test_names_that_mean_something_else_to_gitlab_are_changed() -> None:
    @pipeline
    def flow() -> None:
        echo.step(name="image", params={"text": "x"})
        echo.step(name="a.b", params={"text": "x"}).after("image")

    document = yaml.safe_load(export(flow.plan))
    assert "image" not in document and document["a-b"]["needs"] == ["image-2"]


def test_loops() -> None:
    @pipeline
    def flow() -> None:
        found: Any = rows(2)
        with dsl.ParallelFor(found.output) as n:
            add.step(name="runtime", params={"a": n})
        with dsl.ParallelFor([1, 2], name="one", parallelism=1) as n:
            add.step(name="turns", params={"a": n})
        with dsl.ParallelFor([1, 2], name="two", parallelism=2) as n:
            add.step(name="pairs", params={"a": n})
        with dsl.ParallelFor([1, 2], name="outer"), dsl.ParallelFor([3, 4], name="inner") as n:
            add.step(name="static", params={"a": n})

    text = export(flow.plan)
    document = yaml.safe_load(text)
    matrix = document["static"]["parallel"]["matrix"]
    assert matrix == [{"MLRUN_LIKE_ROUND": ["0,0", "0,1", "1,0", "1,1"]}]
    assert '--step "runtime[*]"' in document["runtime"]["script"][1]
    assert "# runtime: all rounds of the loop over rows.items run in one job." in text
    assert document["turns"]["resource_group"] == "mlrun-like-$CI_PIPELINE_ID-turns"
    assert "# pairs: as many rounds at a time as there are runners." in text
    with pytest.raises(PipelineError, match=r"step 'runtime' is in a loop over rows\.items"):
        export(flow.plan, runtime_loops="refuse")


def test_what_a_file_cannot_say_is_refused() -> None:
    with pytest.raises(PipelineError, match=re.escape("keeps schedules outside of the file")):
        export(PROGRAMS[0].flow.plan, schedule="0 3 * * *")

    @pipeline
    def wide() -> None:
        with dsl.ParallelFor(list(range(201))) as n:
            add(n)  # type: ignore[arg-type]

    with pytest.raises(PipelineError, match="step 'add' runs 201 times"):
        export(wide.plan)

    @pipeline
    def many() -> None:
        steps = [add.step(name=f"s{n}", params={"a": n}) for n in range(51)]
        add.step(name="last", params={"a": 1}).after(*steps)

    with pytest.raises(PipelineError, match="step 'last' waits for 51 jobs"):
        export(many.plan)
