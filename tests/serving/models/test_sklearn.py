from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.functions.decorators import function
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.models.sklearn import SKLearnModelServer
from mlrun_like.serving.server import GraphServer

linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
pandas = pytest.importorskip("pandas")


def fitted(columns: list[str] | None = None) -> Any:
    rows: Any = [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    rows = pandas.DataFrame(rows, columns=columns) if columns else rows
    return linear_model.LinearRegression().fit(rows, [0, 3, 2, 1])


def served(**values: Any) -> GraphServer:
    graph = flow()
    graph.to(SKLearnModelServer, "net", **values).respond()
    return graph.to_mock_server()


def outputs(server: GraphServer, inputs: Any) -> list[float]:
    return [round(value, 6) for value in server.test(body={"inputs": inputs})["outputs"]]


def test_rows_as_lists_or_mappings() -> None:
    assert outputs(served(model=fitted()), [[1, 1], [0, 1]]) == [3, 2]
    named = served(model=fitted(["a", "b"]))
    assert outputs(named, [[1, 0]]) == [1]
    assert outputs(named, [{"b": 0, "a": 1}]) == [1]
    assert outputs(named, []) == []


@pytest.mark.parametrize(
    ("inputs", "part"),
    [([1, 2], "must have 2 values"), ([[1, 2], [3]], "differ in length"),
     ([[1, 2, 3]], "must have 2 values"), ([[1, {}]], "not a number"), ([{"a": 1}], "have no b")],
)  # fmt: skip
def test_rows_that_do_not_fit_are_the_callers_fault(inputs: Any, part: str) -> None:
    response = served(model=fitted(["a", "b"])).test(
        body={"inputs": inputs}, silent=True, get_body=False
    )
    assert response.status_code == 400 and part in response.body["error"]


def train(context: Any) -> None:
    context.log_model(
        "net", body=fitted(), model_file="net.pkl", framework="sklearn", parameters={"limit": 3}
    )


def test_a_logged_model_is_served_by_its_uri() -> None:
    run = function(name="train")(train).run(watch=False)
    uri = run.outputs["net"]
    assert uri.startswith("store://models/")
    server = served(model_path=uri)
    assert outputs(server, [[1, 1]]) == [3]
    assert server.plan.objects["net"].get_param("limit") == 3


def test_a_missing_model_stops_the_server_from_starting() -> None:
    with pytest.raises(GraphError, match="'net'"):
        served(model_path="store://models/default/nothing")
    with pytest.raises(GraphError, match="no model to serve"):
        served()


def test_another_method() -> None:
    rows = pandas.DataFrame({"a": [0.0, 1.0, 0.0, 1.0], "b": ["x", "y", "x", "y"]})
    compose = pytest.importorskip("sklearn.compose")
    pipeline = pytest.importorskip("sklearn.pipeline")
    encoder = pytest.importorskip("sklearn.preprocessing").OneHotEncoder()
    columns = compose.make_column_transformer((encoder, ["b"]), remainder="passthrough")
    made = pipeline.make_pipeline(columns, linear_model.LogisticRegression())
    model = made.fit(rows, [0, 1, 0, 1])
    server = served(model=model, method="predict_proba")
    (shares,) = server.test(body={"inputs": [[1, "y"]]})["outputs"]
    assert shares[1] > 0.5 and sum(shares) == pytest.approx(1)
    assert server.test(body={"inputs": [{"b": "y", "a": 1}]})["outputs"] == [shares]
    refused = server.test(body={"inputs": [[1, "new"]]}, silent=True, get_body=False)
    assert refused.status_code == 400 and "unknown categories" in refused.body["error"]


def test_methods_that_a_model_does_not_have() -> None:
    for method in ("predict_proba", "fit", "__class__"):
        with pytest.raises(GraphError, match=f"cannot {method!r}"):
            served(model=fitted(), method=method)
    with pytest.raises(GraphError, match="cannot 'predict'"):
        served(model={"not": "a model"})


def test_typical_values_warm_a_logged_model_up() -> None:
    def train_named(context: Any) -> None:
        frame = pandas.DataFrame({"a": [0.0, 1.0], "b": [1.0, 2.0], "y": [1, 2]})
        model = linear_model.LinearRegression().fit(frame[["a", "b"]], frame["y"])
        context.log_model("net", body=model, model_file="net.pkl", training_set=frame,
                          label_column="y")  # fmt: skip

    run = function(name="train")(train_named).run(watch=False)
    model = SKLearnModelServer(name="net", model_path=run.outputs["net"])
    model.post_init()
    assert model.pace("predict").seconds is not None and model.ready
    told = model.do_event(Event(method="GET")).body
    assert [item["name"] for item in told["inputs"]] == ["a", "b"]
    got = model.do_event(Event({"inputs": [{"b": 1.0, "a": 0.0}]}, path="/infer_dict"))
    assert got.body["outputs"] == pytest.approx([1])
