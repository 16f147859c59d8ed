from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like import __version__
from mlrun_like.errors import PipelineError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.exports.kubeflow.package import export_kubeflow, to_documents
from mlrun_like.pipelines.exports.kubeflow.step import main, run_step
from mlrun_like.pipelines.pipeline import Pipeline, pipeline
from tests.pipelines.ir_interpreter import evaluate
from tests.pipelines.programs import PROGRAMS, add, say, spread


def document(flow: Pipeline, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return to_documents(flow.plan, **options)


def test_a_file_says_what_made_it_and_is_stable(tmp_path: Path) -> None:
    for each in PROGRAMS[:10]:
        target = tmp_path / "a" / "pipeline.yaml"
        text = export_kubeflow(each.flow.plan, target)
        assert target.read_text() == text == export_kubeflow(each.flow.plan, "")
        assert text.startswith(f"# Made by mlrun_like {__version__} for Kubeflow Pipelines v2.")
        made = f"mlrun-like/made-by: mlrun_like {__version__}"
        assert made in text and str(tmp_path) not in text
        assert list(target.parent.iterdir()) == [target]


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "pipeline.yaml"
    target.write_text("old")

    def die(*args: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", die)
    with pytest.raises(PipelineError, match="disk full"):
        export_kubeflow(PROGRAMS[0].flow.plan, target)
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_policies_resources_and_secrets() -> None:
    @pipeline(cache=True)
    def flow() -> None:
        step: Any = add(1)
        step.set_retry(3, "30s", 2.0, "5m").set_timeout(60).set_display_name("Add it")
        step.set_memory_limit("1Gi").set_cpu_request("500m").set_accelerator_limit(1)
        step.set_env_variable("LEVEL", "high").set_env_variable("API_TOKEN", "s3cret-canary")
        step.add_node_selector_constraint("pool", "big").set_container_image("me/image:1")
        add.step(name="fresh", params={"a": 2}).set_caching_options(False)

    spec, platform = document(flow, image="other:1", store="http://tracking")
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["add"]["retryPolicy"] == {
        "maxRetryCount": 3, "backoffDuration": "30s", "backoffFactor": 2.0,
        "backoffMaxDuration": "300s",
    }  # fmt: skip
    assert tasks["add"]["taskInfo"] == {"name": "Add it"}
    assert tasks["add"]["cachingOptions"] == {"enableCache": True}
    assert tasks["fresh"]["cachingOptions"] == {}
    executors = spec["deploymentSpec"]["executors"]
    container = executors["exec-add"]["container"]
    assert container["image"] == "me/image:1"
    assert executors["exec-fresh"]["container"]["image"] == "other:1"
    assert container["resources"]["resourceMemoryLimit"] == "1Gi"
    assert container["resources"]["resourceCpuRequest"] == "500m"
    assert container["resources"]["accelerator"]["resourceCount"] == "1"
    assert {"name": "LEVEL", "value": "high"} in container["env"]
    assert {"name": "MLRUN_LIKE_DBPATH", "value": "http://tracking"} in container["env"]
    row = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-add"]
    assert row["nodeSelector"] == {"labels": {"pool": "big"}}
    assert row["activeDeadlineSeconds"] == "60"
    assert row["secretAsEnv"][0]["keyToEnv"] == [{"secretKey": "API_TOKEN", "envVar": "API_TOKEN"}]
    assert "s3cret-canary" not in json.dumps([spec, platform])


def test_conditions_are_conditions_of_tasks() -> None:
    @pipeline
    def flow(n: int, word: str = "a'b") -> None:
        one: Any = spread(n)
        with dsl.If((one.outputs["high"] > 3) & ~(word == "it's")):
            say("x")

    spec, _ = document(flow)
    task = spec["root"]["dag"]["tasks"]["say"]
    high, given = "pipelinechannel--spread--high-number", "pipelinechannel--word"
    text = task["triggerPolicy"]["condition"]
    assert text == (
        f"(inputs.parameter_values['{high}'] > 3.0) && "
        f"(!(inputs.parameter_values['{given}'] == 'it\\'s'))"
    )
    assert evaluate(text, {high: 4.0, given: "a'b"})
    assert not evaluate(text, {high: 4.0, given: "it's"})
    assert spec["root"]["inputDefinitions"]["parameters"] == {
        "n": {"parameterType": "NUMBER_INTEGER"},
        "word": {"parameterType": "STRING", "isOptional": True, "defaultValue": "a'b"},
    }


def test_what_has_no_form_is_refused() -> None:
    @pipeline
    def no_else(n: int) -> None:
        with dsl.If(n > 1):
            one: Any = add(n)
        with dsl.Elif(n > 0):
            two: Any = add(n)
        add.step(name="end", params={"a": dsl.OneOf(one.output, two.output)})

    @pipeline
    def live() -> None:
        add.step(params={"a": object()})

    @function()
    def local_function() -> None:
        pass

    @pipeline
    def not_at_top() -> None:
        local_function()

    for flow, part in (
        (no_else, "wants one choice in each arm, and an Else"),
        (live, "object"),
        (not_at_top, "cannot travel"),
    ):
        with pytest.raises(PipelineError, match=part):
            document(flow)


def test_a_step_explains_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = {
        "step": "s", "values": {}, "outputs": [["x-number", "x", "number"]], "decide": [None],
    }  # fmt: skip
    with pytest.raises(PipelineError, match="gave no output 'x'"):
        run_step(spec, {})
    executor = json.dumps({"outputs": {"parameters": {"x": {"outputFile": str(tmp_path / "x")}}}})
    assert main(["--executor_input", executor, "--step", json.dumps(spec)]) == 1
    assert "gave no output 'x'" in capsys.readouterr().err
    for wrong in ("", "[", "3", '{"step": 1}'):
        assert main(["--executor_input", executor, "--step", wrong]) == 1
        assert "not what the exporter wrote" in capsys.readouterr().err


def test_an_output_that_is_not_there_fails_its_user(tmp_path: Path) -> None:
    ref = {"$output": ["train", "auc"]}
    spec = {
        "step": "use", "values": {"in": {"ref": ref, "form": "json", "depth": 0}},
        "outputs": [], "items": [ref],
    }  # fmt: skip
    with pytest.raises(PipelineError, match="step 'train' gave no output 'auc'"):
        run_step(spec, {"in": ""})


def test_the_documents_are_plain_yaml() -> None:
    for each in PROGRAMS:
        text = export_kubeflow(each.flow.plan, "")
        spec, platform = yaml.safe_load_all(text)
        assert spec["schemaVersion"] == "2.1.0" and set(platform) == {"platforms"}
