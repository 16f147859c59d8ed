"""The forms of validation in runs, pipelines, serving graphs and the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import mlrun_like as ml
from mlrun_like.cli.main import app
from mlrun_like.errors import InvalidArgumentError, RunError, SchemaError, StepError
from mlrun_like.monitoring.validation import Schema, ValidateData, infer_schema
from mlrun_like.monitoring.validation.graph_step import ValidateRoute
from mlrun_like.serving import flow
from mlrun_like.serving.definition.graph import Graph
from tests.monitoring.validation.frames import customers

RULES: dict[str, Any] = {
    "columns": {
        "age": {"type": "integer", "min": 0, "max": 120, "missing": 0},
        "plan": {"type": "text", "domain": ["a", "b"]},
        "label": {"type": "integer", "not_in": ["SERVING"]},
    }
}
GOOD, BAD = {"age": 30, "plan": "a"}, {"age": -1, "plan": "zz"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    customers().to_parquet(tmp_path / "train.parquet")
    bad = customers(seed=1)
    bad.loc[:9, "age"] = 300
    bad.to_csv(tmp_path / "bad.csv", index=False)
    infer_schema(customers(), label="churned").save(tmp_path / "schema.yaml")
    return tmp_path


# serving -----------------------------------------------------------------------------------------


def test_bad_events_raise_with_422() -> None:
    graph = flow()
    graph.to("ValidateData", "check", schema=RULES).respond()
    with graph.to_mock_server() as server:
        assert server.test(body=dict(GOOD)) == GOOD
        with pytest.raises(StepError) as caught:
            server.test(body=dict(BAD))
    text = str(caught.value)
    assert caught.value.status == 422
    assert "age is -1, min is 0" in text and "'zz' is not in the domain" in text


def test_events_are_tagged_or_dropped() -> None:
    tag, drop = ValidateData(RULES, "tag"), ValidateData(RULES, "drop")
    assert tag.do(dict(GOOD))["validation"] == []
    assert [one["column"] for one in tag.do(dict(BAD))["validation"]] == ["age", "plan"]
    rows = [dict(GOOD), dict(BAD)]
    assert drop.do(rows) == [GOOD]
    assert [len(row["validation"]) for row in tag.do(rows)] == [0, 2]
    graph = flow()
    graph.to("ValidateData", "check", schema=RULES, action="drop").respond()
    with graph.to_mock_server() as server:
        assert server.test(body=dict(BAD)) is None


def test_requests_of_models_and_frames() -> None:
    step = ValidateData(RULES)
    request = {"inputs": [[30, "a"], [40, "b"]]}
    assert step.do(request) is request
    with pytest.raises(SchemaError, match="row 1: age is missing"):
        step.do({"inputs": [[30, "a"], [None, "b"]]})
    with pytest.raises(SchemaError, match="has 1 values, the schema has 2"):
        step.do({"inputs": [[30]]})
    frame = pd.DataFrame([GOOD, BAD, {"age": None, "plan": "a"}])
    kept = ValidateData(RULES, "drop").do(frame)
    assert kept["age"].tolist() == [30]
    tagged = ValidateData(RULES, "tag").do(frame)
    assert tagged["validation"].tolist()[0] == "" and "range" in tagged["validation"][1]
    for body in (None, 3, "text", [1, 2]):
        with pytest.raises(SchemaError, match="not a record"):
            step.do(body)


def test_events_take_two_ways() -> None:
    graph = flow()
    graph.to("ValidateRoute", "check", schema=RULES, valid="model", invalid="bad")
    graph.add_step("storey.Map", "model", fn=lambda body: {"said": 1}, after="check")
    graph.add_step("storey.Map", "bad", fn=lambda body: body, after="check")
    graph.add_step("storey.Map", "end", fn=lambda body: body, after=["model", "bad"]).respond()
    with graph.to_mock_server() as server:
        assert server.test(body=dict(GOOD)) == {"said": 1}
        assert len(server.test(body=dict(BAD))["validation"]) == 2


def test_the_step_is_written_and_read(files: Path) -> None:
    graph = flow()
    graph.to(ValidateData(Schema.from_dict(RULES), "tag", name="check")).respond()
    again = Graph.from_yaml(graph.to_yaml())
    with again.to_mock_server() as server:
        assert server.test(body=dict(GOOD))["validation"] == []
    assert ValidateRoute(str(files / "schema.yaml"), "a", "b").schema.columns["age"].max == 125
    with pytest.raises(InvalidArgumentError, match="Did you mean 'drop'"):
        ValidateData(RULES, "dropp")
    strict = {**RULES, "unexpected_columns": "error"}
    with pytest.raises(SchemaError, match="is not expected"):
        ValidateData(strict).do({**GOOD, "more": 1})


# runs --------------------------------------------------------------------------------------------


def _run(files: Path, **options: Any) -> Any:
    code = files / "checking.py"
    code.write_text(
        "from mlrun_like.monitoring.validation.step import validate_data\n", encoding="utf-8"
    )
    function = ml.code_to_function(
        "check", filename=str(code), kind="local", handler="validate_data"
    )
    return function.run(**options)


def test_a_run_logs_report_and_schema(files: Path) -> None:
    run = _run(files, inputs={"data": str(files / "train.parquet")}, params={"label": "churned"})
    assert run.outputs["valid"] and run.outputs["rows"] == 2000
    schema = Schema.load(run.artifact("schema"))
    assert schema.columns["churned"].not_in == ("SERVING",)
    assert "<html" in run.artifact("validation_report").get(encoding="utf-8")
    assert json.loads(run.artifact("validation").get())["summary"]["anomalies"] == 0


def test_a_run_fails_on_what_is_asked(files: Path) -> None:
    inputs = {"data": str(files / "bad.csv"), "schema": str(files / "schema.yaml")}
    with pytest.raises(RunError, match="values go up to 300"):
        _run(files, inputs=inputs)
    run = _run(files, inputs=inputs, params={"fail_on": "", "relax": ["age.max"]})
    assert run.outputs["anomalies"] == 1
    assert Schema.load(run.artifact("schema")).columns["age"].max == 300


# terminal ----------------------------------------------------------------------------------------


def _cli(*words: str) -> Any:
    return CliRunner().invoke(app, ["validate", *words])


def test_the_command(files: Path) -> None:
    train, bad, schema = (str(files / name) for name in ("train.parquet", "bad.csv", "schema.yaml"))
    made = str(files / "made.yaml")
    done = _cli(train, "--infer", made, "--label", "churned")
    assert done.exit_code == 0, done.output
    assert Schema.load(made).columns["churned"].not_in == ("SERVING",)
    page = str(files / "report.html")
    done = _cli(bad, "--schema", schema, "--reference", train, "--html", page)
    assert done.exit_code == 1
    assert "values go up to 300" in done.output and "schema.yaml line" in done.output
    assert Path(page).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    done = _cli(bad, "--schema", schema, "--json", "--fail-on", "drift")
    assert done.exit_code == 0
    assert json.loads(done.output)["summary"]["anomalies"] == 1
    assert _cli(bad, "--schema", schema, "--fail-on", "anomoly").exit_code == 1
    assert _cli(str(files / "none.csv")).exit_code == 1


def test_the_command_finds_personal_data(files: Path) -> None:
    path = files / "people.csv"
    frame = pd.DataFrame({"mail": [f"ann{i}@example.org" for i in range(30)], "n": range(30)})
    frame.to_csv(path, index=False)
    assert _cli(str(path)).exit_code == 0
    done = _cli(str(path), "--personal-data")
    assert done.exit_code == 1 and "a***@e******.org" in done.output
    assert _cli(str(path), "--policy", "stop").exit_code == 1
    policy = files / "policy.yaml"
    policy.write_text("columns: {mail: allow}\n", encoding="utf-8")
    assert _cli(str(path), "--personal-data", "--policy", str(policy)).exit_code == 0
