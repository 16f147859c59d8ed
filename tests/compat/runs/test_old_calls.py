"""Calls as tutorials write them, on a machine without a cluster."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, InvalidArgumentError

_CODE = """import mlrun

def train(context, p=1):
    context.log_result("twice", 2 * p)
"""


@pytest.fixture
def mlrun(compat: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("trainer.py").write_text(_CODE)
    return importlib.import_module("mlrun")


def train(context: Any, p: int = 1) -> None:
    raise AssertionError("the function's own code has one of this name")


def other(context: Any) -> None:
    """No function of the code."""


def test_its_version_is_that_of_the_names(mlrun: Any) -> None:
    assert mlrun.__version__.startswith("1.12.")
    assert mlrun.get_version() == mlrun.__version__ == mlrun.mlconf.version


@pytest.mark.slow
def test_a_job_is_deployed_and_run_where_there_is_no_cluster(
    mlrun: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    function = mlrun.code_to_function(
        "trainer", filename="trainer.py", kind="job", image="mlrun/mlrun", requirements=["pyyaml"]
    )
    assert function.deploy(with_mlrun=False) is True
    assert "no image is built" in capfd.readouterr().err
    function.spec.build.requirements = []
    assert function.run(handler="train", params={"p": 2}, local=False).outputs["twice"] == 4
    assert function.run(handler=train, params={"p": 3}).outputs["twice"] == 6
    with pytest.raises(FunctionError, match="live object"):
        function.run(handler=other)


def test_a_named_project_becomes_the_default(mlrun: Any) -> None:
    place = str(Path.cwd() / "artifacts")
    assert mlrun.set_environment(project="stocks", artifact_path=place) == ("stocks", place)
    assert config.default_project == "stocks"
    name, _ = mlrun.set_environment(project="stocks", user_project=True)
    assert name.startswith("stocks-") and config.default_project == name
    with pytest.raises(InvalidArgumentError):
        mlrun.set_environment(project="No Name!")


def test_uris_of_feature_vectors(mlrun: Any) -> None:
    project = mlrun.new_project("uris", save=False)
    found = [project.get_artifact_uri("v", category) for category in ("feature-vector", "model")]
    assert found == ["store://feature-vectors/uris/v", "store://models/uris/v"]
    assert project.get_artifact_uri("v") == "store://artifacts/uris/v"


def test_workflow_words_of_kubeflow(mlrun: Any) -> None:
    dsl = importlib.import_module("kfp").dsl
    kfp_dsl = importlib.import_module("kfp.dsl")
    assert kfp_dsl.pipeline is dsl.pipeline and dsl.Condition is kfp_dsl.Condition
    with pytest.raises(ImportError, match="Kubeflow"):
        exec("from kfp.compiler import Compiler")


def test_applications_ask_about_evidently(mlrun: Any) -> None:
    module = importlib.import_module("mlrun.model_monitoring.applications.evidently")
    assert module._HAS_EVIDENTLY in (True, False)
    assert str(module.SUPPORTED_EVIDENTLY_VERSION).count(".") == 2


def test_steps_by_name_are_found_in_the_caller_of_old_functions(mlrun: Any) -> None:
    pd = pytest.importorskip("pandas")
    fs = importlib.import_module("mlrun.feature_store")
    stocks = fs.FeatureSet("stocks", entities=[fs.Entity("ticker")], engine="pandas")
    stocks.graph.to(name="s1", handler="without_exchange")
    rows = pd.DataFrame({"ticker": ["A"], "name": ["Apple"], "exchange": ["NASDAQ"]})
    assert list(fs.ingest(stocks, rows).columns) == ["name"]


def without_exchange(df: Any, context: Any = None) -> Any:
    """A step that the test names."""
    return df.drop(columns=["exchange"])


def test_profiles_of_monitoring_are_kept(mlrun: Any) -> None:
    project = mlrun.new_project("profiles")
    project.set_model_monitoring_credentials(tsdb_profile_name="tsdb", stream_profile_name="kafka")
    assert {"TSDB_PROFILE_NAME", "STREAM_PROFILE_NAME"} <= set(project.secrets())


def test_what_is_asked_of_an_endpoint_after_a_look(mlrun: Any) -> None:
    api = importlib.import_module("mlrun.model_monitoring.api")
    made = api.get_or_create_model_endpoint("watched", "fraud", function_name="f")
    assert (made.status.drift_status, made.status.drift_measures) == ("", {})
    assert api.get_or_create_model_endpoint("watched", "fraud", function_name="f").status == (
        made.status
    )


def test_a_model_that_others_serve(mlrun: Any) -> None:
    project = mlrun.new_project("urls")
    model = project.log_model("open-ai", model_url="ds://openai_profile/gpt-4o-mini")
    assert project.get_artifact("open-ai").spec.model_url == "ds://openai_profile/gpt-4o-mini"
    prompt = [{"role": "user", "content": "{question}"}]
    logged = project.log_llm_prompt("p", prompt_template=prompt, model_artifact=model)
    assert logged.uri.startswith("store://")
    with pytest.raises(InvalidArgumentError, match="model_url"):
        project.log_model("both", body=b"1", model_url="ds://x/y")
