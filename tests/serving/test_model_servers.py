from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.functions.decorators import function
from mlrun_like.serving.graph import flow
from mlrun_like.serving.model_servers import SKLearnModelServer
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
