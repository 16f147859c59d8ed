from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.errors import InvalidArgumentError, PipelineError
from mlrun_like.pipelines import dsl, pipeline
from mlrun_like.pipelines.exports.argo import export
from mlrun_like.pipelines.exports.package import read_package
from mlrun_like.specs.values import Retry
from tests.pipelines.exports.simulated import (
    CORPUS,
    Trace,
    expected_trace,
    in_order,
    step_of,
    trace_of,
    worker,
)
from tests.pipelines.exports.test_github import HOSTILE, add, echo
from tests.pipelines.exports.test_gitlab import typed
from tests.pipelines.programs import PROGRAMS, Program

models = pytest.importorskip("hera.workflows.models", reason="hera has Argo's schema")


def check_manifest(text: str) -> dict[str, Any]:
    """The document, if it is what Argo's API describes, with no key that it does not know."""
    document: dict[str, Any] = yaml.safe_load(text)
    model = getattr(models, document["kind"]).model_validate(document)
    known = json.loads(model.model_dump_json(by_alias=True, exclude_none=True))
    assert known["spec"].keys() == document["spec"].keys()
    spec = document["spec"].get("workflowSpec", document["spec"])
    known = known["spec"].get("workflowSpec", known["spec"])
    assert json.loads(json.dumps(spec)) == known
    return document


def run_workflow(text: str, parameters: dict[str, str], folder: Path) -> Trace:
    """The tasks of a Workflow, as Argo runs them: `depends`, `when`, `withParam`, `onExit`."""
    spec = check_manifest(text)["spec"]
    given = {each["name"]: each.get("value", "") for each in spec["arguments"]["parameters"]}
    package = given.pop("mlrun-like-pipeline")
    work = worker(package, "test-run", typed={**given, **parameters})
    templates = {each["name"]: each for each in spec["templates"]}
    tasks = {task["name"]: task for task in templates[spec["entrypoint"]]["dag"]["tasks"]}
    results: dict[str, str] = {}
    values: dict[str, str] = {}

    def filled(value: str) -> str:
        def replaced(match: re.Match[str]) -> str:
            return values[match[1]]  # Argo fails where there is no such output

        return re.sub(r"\{\{tasks\.([\w-]+)\.outputs\.parameters\.value\}\}", replaced, value)

    def run(template: dict[str, Any], round_: str = "") -> bool:
        outcome = work(step_of(template["container"]["args"][0], round_), folder)
        if "outputs" in template:
            values[template["name"]] = outcome.value
        return not outcome.failed

    for name in in_order(tasks, lambda task: needs_of(task.get("depends", ""))):
        task = tasks[name]
        if not depends(task.get("depends", ""), results):
            results[name] = "Omitted"
            continue
        if "when" in task:
            one, two = re.fullmatch(r"'(.*)' == '(.*)'", filled(task["when"])).groups()  # type: ignore[union-attr]
            if one != two:
                results[name] = "Skipped"
                continue
        template = templates[task["template"]]
        rounds = task.get("withParam")
        if "dag" in template:
            (inner,) = template["dag"]["tasks"]
            rounds = task["arguments"]["parameters"][0]["value"]
            assert inner["withParam"] == "{{inputs.parameters.rounds}}"
            template = templates[inner["template"]]
        ended = [run(template, each) for each in json.loads(filled(rounds))] if rounds else [
            run(template)
        ]  # fmt: skip
        results[name] = "Succeeded" if all(ended) else "Failed"
    if "onExit" in spec:
        run(templates[spec["onExit"]])
    return trace_of(folder)


def needs_of(text: str) -> list[str]:
    return [each.partition(".")[0] for each in re.findall(r"[\w-]+(?:\.\w+)?", text)]


def depends(text: str, results: dict[str, str]) -> bool:
    for part in text.split(" && ") if text else []:
        ends = part.strip("()").split(" || ")
        met = [
            results[end.partition(".")[0]] == end.partition(".")[2]
            if "." in end
            else results[end] in ("Succeeded", "Skipped")
            for end in ends
        ]
        if not any(met):
            return False
    return True


@pytest.mark.parametrize("program", CORPUS)
def test_the_same_happens_as_in_the_local_engine(program: Program, tmp_path: Path) -> None:
    text = export(program.flow.plan, image="registry/image:1")
    assert run_workflow(text, typed(program.arguments), tmp_path) == expected_trace(program)


def test_a_manifest_says_what_made_it_and_is_stable() -> None:
    text = export(PROGRAMS[0].flow.plan, image="i")
    assert text.startswith("# Made by mlrun_like 0.1.0 for Argo Workflows.")
    parameters = yaml.safe_load(text)["spec"]["arguments"]["parameters"]
    package = next(each["value"] for each in parameters if each["name"] == "mlrun-like-pipeline")
    assert "{{" not in package and export(read_package(package), image="i") == text


def test_hostile_values_stay_what_they_are(tmp_path: Path) -> None:
    word = HOSTILE.replace("{{", "{")

    @pipeline
    def flow(given: str = word) -> None:
        echo(HOSTILE)
        echo.step(name="given", params={"text": given})

    trace = run_workflow(export(flow.plan, image="i"), {}, tmp_path)
    assert json.loads(trace["echo"][1]) == {"value": HOSTILE}
    assert json.loads(trace["given"][1]) == {"value": word}

    @pipeline
    def replaced(given: str = HOSTILE) -> None:
        echo(given)

    with pytest.raises(PipelineError, match="which Argo would replace"):
        export(replaced.plan, image="i")


def test_retries_timeouts_resources_and_loops() -> None:
    @pipeline
    def flow() -> None:
        one: Any = add(1)
        one.set_retry(3, backoff_duration=2).set_timeout(60).set_memory_limit("1Gi")
        add.step(name="odd", params={"a": 1}, retry=Retry(count=3, factor=1.5))
        with dsl.ParallelFor([1, 2, 3], parallelism=2) as n:
            add.step(name="round", params={"a": n})

    spec = check_manifest(export(flow.plan, image="i"))["spec"]
    templates = {each["name"]: each for each in spec["templates"]}
    assert templates["add"]["retryStrategy"] == {
        "limit": "3", "retryPolicy": "OnFailure", "backoff": {"duration": "2000ms", "factor": "2"},
    }  # fmt: skip
    assert "--once" in templates["add"]["container"]["args"][0]
    assert templates["add"]["activeDeadlineSeconds"] == 90
    assert templates["add"]["container"]["resources"]["limits"] == {"memory": "1Gi"}
    assert "retryStrategy" not in templates["odd"]  # Argo multiplies by whole numbers only
    assert "--once" not in templates["odd"]["container"]["args"][0]
    assert templates["round-rounds"]["parallelism"] == 2


def test_a_schedule_makes_a_cron_workflow() -> None:
    @pipeline
    def nightly(n: int = 4) -> None:
        add(n)

    document = check_manifest(export(nightly.plan, image="i", schedule="0 3 * * *"))
    assert document["kind"] == "CronWorkflow" and document["spec"]["schedules"] == ["0 3 * * *"]

    @pipeline
    def asking(n: int) -> None:
        add(n)

    with pytest.raises(PipelineError, match="parameter 'n' has no default"):
        export(asking.plan, image="i", schedule="0 3 * * *")


def test_an_exit_handler_around_all_is_argos_own() -> None:
    flow = next(each for each in PROGRAMS if each.name == "exit-handler").flow
    assert check_manifest(export(flow.plan, image="i"))["spec"]["onExit"] == "told"


def test_secrets_come_from_a_secrets_keys() -> None:
    flow = PROGRAMS[0].flow
    text = export(flow.plan, image="i", secrets={"MLRUN_LIKE_DBPATH": "store/dbpath"})
    env = check_manifest(text)["spec"]["templates"][1]["container"]["env"]
    wanted = {"secretKeyRef": {"name": "store", "key": "dbpath"}}
    assert {"name": "MLRUN_LIKE_DBPATH", "valueFrom": wanted} in env
    with pytest.raises(PipelineError, match="names no key"):
        export(flow.plan, image="i", secrets={"A": "store"})
    with pytest.raises(InvalidArgumentError, match="no name of an environment variable"):
        export(flow.plan, image="i", secrets={"A-B": "store/a"})
    with pytest.raises(PipelineError, match="no image is known"):
        export(flow.plan)
