"""Runs of pipelines as mappings with attributes."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import copy
import pickle
from types import ModuleType, SimpleNamespace

import pytest


def test_a_run_is_a_mapping_whose_keys_are_attributes(compat: ModuleType) -> None:
    from mlrun_pipelines.models import PipelineRun

    run = PipelineRun({"id": "7", "name": "daily", "status": "Running"})
    run.status = "Succeeded"
    run["description"] = "each day"
    assert (run.id, run["status"], run.description) == ("7", "Succeeded", "each day")
    assert {**run} == run.to_dict()
    assert "finished_at" not in run
    with pytest.raises(AttributeError, match="has no 'finished_at'"):
        _ = run.finished_at
    with pytest.raises(KeyError):
        _ = run["finished_at"]
    assert pickle.loads(pickle.dumps(run)).to_dict() == copy.deepcopy(run).to_dict() == {**run}


def test_the_experiment_is_found_in_references(compat: ModuleType) -> None:
    from mlrun_pipelines.models import PipelineRun

    owner = {"key": {"type": "EXPERIMENT", "id": "e1"}, "relationship": "OWNER", "name": "mine"}
    assert PipelineRun({"resource_references": [{}, owner]}).experiment_id == "e1"
    assert PipelineRun({"resource_references": [{**owner, "name": "Default"}]}).experiment_id == ""
    assert PipelineRun({"experiment_id": "e2", "resource_references": [owner]}).experiment_id == (
        "e2"
    )


def test_a_manifest_is_read_from_its_text(compat: ModuleType) -> None:
    from mlrun_pipelines.models import PipelineManifest, PipelineRun

    run = PipelineRun({"pipeline_spec": {"workflow_manifest": '{"spec": {"a": 1}}'}})
    assert run.workflow_manifest()["spec"] == {"a": 1}
    assert PipelineManifest("{}", '{"status": {"phase": "x"}}').status == {"phase": "x"}
    assert not PipelineRun({"pipeline_spec": None}).workflow_manifest()


def test_what_is_no_document_is_refused(compat: ModuleType) -> None:
    from mlrun_pipelines.models import PipelineRun

    assert PipelineRun(SimpleNamespace(to_dict=lambda: {"id": "1"})).id == "1"
    with pytest.raises(TypeError, match="needs a mapping"):
        PipelineRun(7)


def test_a_context_is_made_of_a_run(compat: ModuleType) -> None:
    import mlrun
    from mlrun_pipelines.models import PipelineRun

    run = {"metadata": {"name": "n", "project": "p"}, "spec": {"parameters": {"x": 1}}}
    context = mlrun.MLClientCtx.from_dict(PipelineRun(run), is_api=True)
    assert (context.name, context.get_param("x")) == ("n", 1)


def test_the_folder_of_artifacts_may_be_changed(compat: ModuleType) -> None:
    import mlrun

    context = mlrun.get_or_create_ctx("changes")
    context.artifact_path = "/tmp/{{project}}"
    assert context.artifact_path == f"/tmp/{context.project}"


def test_an_input_that_is_no_address_has_a_wrong_type(compat: ModuleType) -> None:
    import mlrun

    function = mlrun.new_function("reads", kind="local")
    for error in (TypeError, mlrun.errors.MLRunInvalidArgumentTypeError):
        with pytest.raises(error, match=r"'Inputs' should be of type Dict\[str, str\]"):
            function.run(handler=print, inputs={"table": 7}, local=True)
