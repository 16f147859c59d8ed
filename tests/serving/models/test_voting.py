"""VotingEnsemble: votes, weights, failures, addresses."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import GraphError, StepError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.ballots import kind_of, majority, mean
from mlrun_like.serving.models.voting import VotingEnsemble
from mlrun_like.serving.server import GraphServer


class Fixed(V2ModelServer):
    """Predicts what it was given, one per row."""

    def load(self) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Any:
        says = self.get_param("says")
        if says == "fail":
            raise ValueError("no prediction")
        return says if not isinstance(says, list) else says[: len(request["inputs"])]


def served(says: dict[str, Any], cls: Any = VotingEnsemble, **values: Any) -> GraphServer:
    graph = flow()
    step: Any = graph.add_step("*VotingEnsemble", "vote", **values)
    step.class_name = cls
    for name, value in says.items():
        step.add_route(name, class_name=Fixed, says=value)
    step.respond()
    return graph.to_mock_server()


def vote(says: list[Any], rows: int = 0, **values: Any) -> Any:
    named = {f"m{n}": value for n, value in enumerate(says)}
    size = rows or (len(says[0]) if isinstance(says[0], list) else 1)
    return served(named, **values).test(body={"inputs": [0] * size})["outputs"]


@pytest.mark.parametrize(
    ("says", "values", "outputs"),
    [
        ([[1, 0], [1, 1], [0, 1]], {}, [1, 1]),
        ([[-1, -1], [-1, 1], [1, 1]], {}, [-1, 1]),
        ([["cat"], ["dog"], ["cat"]], {}, ["cat"]),
        ([[True], [False], [True]], {}, [True]),
        ([["b"], ["a"]], {}, ["a"]),  # of equal ones the smallest
        ([[2], [1]], {}, [1]),
        ([[1], ["a"]], {}, [1]),
        ([[1.0], [0.0]], {}, [0.5]),
        ([[1.0, 2.0], [3, 4.0]], {}, [2.0, 3.0]),
        ([[1.0], [0.0], [1.0]], {"vote_type": "classification"}, [1.0]),
        ([[1], [2]], {"vote_type": "regression"}, [1.5]),
        ([[[0.25, 0.75]], [[0.75, 0.25]]], {}, [[0.5, 0.5]]),
        ([["x"], ["y"], ["y"]], {"weights": {"m0": 3, "m1": 1, "m2": 1}}, ["x"]),
        ([[10.0], [20.0]], {"weights": {"m0": 3, "m1": 1}}, [12.5]),
        ([[10.0], [20.0]], {"weights": {"m0": 0.2}}, [10.0]),
        ([5.0, 7.0], {}, 6.0),  # no list: one prediction for all
        ([3, 3, 4], {}, 3),
        ([{"prediction": [1, 2]}, {"prediction": [1, 3]}], {"rows": 2}, {"prediction": [1, 2]}),
        ([[1], [1]], {"format_response_with_col_name_flag": True}, {"prediction": [1]}),
        ([{"p": [1.0]}, {"p": [2.0]}], {"prediction_col_name": "p", "rows": 1}, {"p": [1.5]}),
        ([[2**70], [2**70], [1]], {}, [2**70]),
    ],
)  # fmt: skip
def test_votes(says: list[Any], values: dict[str, Any], outputs: Any) -> None:
    assert vote(says, **values) == outputs


def test_the_rule_does_not_depend_on_the_first_request() -> None:
    class Echo(Fixed):
        def predict(self, request: dict[str, Any]) -> Any:
            return [value + self.get_param("says") for value in request["inputs"]]

    graph = flow()
    step: Any = graph.add_step("*VotingEnsemble", "vote")
    for name, value in (("a", 0), ("b", 0), ("c", 1)):
        step.add_route(name, class_name=Echo, says=value)
    step.respond()
    server = graph.to_mock_server()
    assert server.test(body={"inputs": [3]})["outputs"] == [3]
    assert server.test(body={"inputs": [3.0]})["outputs"] == pytest.approx([10 / 3])
    assert server.test(body={"inputs": [3]})["outputs"] == [3]


def test_addresses_of_the_ensemble_and_its_models() -> None:
    server = served({"a": [1.0], "b:v1": [3.0]})
    body = {"inputs": [0], "id": "q"}
    for path in ("/", "/v2/models/infer", "/v2/models/vote/infer", "/v2/models/vote/predict"):
        got = server.test(path, body=body)
        assert got == {"id": "q", "model_name": "vote", "outputs": [2.0], "model_version": "v1"}
    assert server.test("/v2/models/a/infer", body=body)["outputs"] == [1.0]
    assert server.test("/v2/models/b/versions/v1/infer", body=body)["outputs"] == [3.0]
    assert server.test(body={**body, "model": "a"})["outputs"] == [1.0]
    told = server.test("/v2/models")
    assert told == {"models": ["a", "b:v1", "vote"], "weights": {"a": 0.5, "b:v1": 0.5}}
    meta = server.test("/v2/models/vote")
    assert meta["name"] == "vote" and meta["inputs"] == [] and meta["models"] == ["a", "b:v1"]
    assert server.test("/v2/models/vote/ready", get_body=False).body == {"ready": True}
    assert asyncio.run(server.run_async(Event(dict(body)))).body["outputs"] == [2.0]
    for path, wrong, status in (("/v2/models/x/infer", body, 404), ("/", {"x": 1}, 400),
                                ("/", {"inputs": 5}, 400)):  # fmt: skip
        response = server.test(path, body=wrong, silent=True, get_body=False)
        assert response.status_code == status


def test_tensors_and_csv_reach_all_models() -> None:
    server = served({"a": [1.0, 1.0], "b": [3.0, 5.0]})
    tensor = {"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [1, 2]}
    (got,) = server.test("/v2/models/infer", body={"inputs": [tensor]})["outputs"]
    assert got["data"] == [2.0, 3.0] and got["datatype"] == "FP64"
    csv = server.test("/invocations", body=b"1\n2\n", content_type="text/csv", get_body=False)
    assert csv.body == "2.0\n3.0\n"


def test_a_failing_model_is_never_swallowed() -> None:
    says = {"a": [1.0], "b": "fail", "c": [3.0]}
    with pytest.raises(StepError, match=r"route 'b' failed: .*no prediction"):
        served(says).test(body={"inputs": [0]})
    got = served(says, on_error="skip").test(body={"inputs": [0]})
    assert got["outputs"] == [2.0] and "no prediction" in got["errors"]["b"]
    with pytest.raises(StepError, match="weight 0"):
        served(says, on_error="skip", weights={"b": 1}).test(body={"inputs": [0]})


@pytest.mark.parametrize(
    ("says", "values", "match"),
    [
        ([[1], [1, 2]], {"rows": 2}, "different numbers of predictions"),
        ([[[1]], [[2]]], {"vote_type": "classification"}, "not a label"),
        ([["a"], [1.5]], {}, "cannot be averaged"),
        ([{"x": [1]}, {"x": [1]}], {"rows": 1}, "no 'prediction'"),
    ],
)
def test_predictions_that_cannot_be_voted_on(says: Any, values: Any, match: str) -> None:
    with pytest.raises(StepError, match=match):
        vote(says, **values)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"vote_type": "mode"}, "vote_type 'mode'"),
        ({"weights": {"x": 1}}, "no such route"),
        ({"weights": {"a": -1}}, "not a number from 0"),
        ({"weights": {"a": 0}}, "all weights are 0"),
        ({"weights": {"a": float("nan")}}, "not a number"),
        ({"weights": {"a": True}}, "not a number"),
    ],
)
def test_arguments_that_cannot_be_used(values: dict[str, Any], match: str) -> None:
    with pytest.raises(GraphError, match=match):
        served({"a": [1]}, **values)


def test_logic_of_ones_own_gets_arrays() -> None:
    class Highest(VotingEnsemble):
        def logic(self, predictions: Any, weights: Any) -> Any:
            assert predictions.shape == (2, 2) and weights.sum() == 1
            return numpy.max(predictions, axis=1)

    got = served({"a": [1.0, 5.0], "b": [3.0, 2.0]}, Highest).test(body={"inputs": [0, 0]})
    assert got["outputs"] == [3.0, 5.0]


def test_quick_models_are_asked_without_threads() -> None:
    seen: list[bool] = []

    class Where(Fixed):
        def predict(self, request: dict[str, Any]) -> Any:
            seen.append(threading.current_thread() is threading.main_thread())
            time.sleep(request["inputs"][0])
            return [1.0]

    graph = flow()
    step: Any = graph.add_step("*VotingEnsemble", "vote")
    for name in "ab":
        step.add_route(name, class_name=Where)
    step.respond()
    server = graph.to_mock_server()
    server.test(body={"inputs": [0.0]})
    assert seen == [False, False], "nothing is known before the first request"
    for _ in range(200):
        server.test(body={"inputs": [0.0]})
        if seen[-1]:
            break
    assert seen[-2:] == [True, True], "they turned out to be quick"
    server.test(body={"inputs": [0.02]})
    server.test(body={"inputs": [0.0]})
    assert seen[-2:] == [False, False], "a slow one counts at once"


@pytest.mark.slow
def test_models_in_processes() -> None:
    with served({"a": [1.0], "b": "fail", "c": [2.0]}, executor_type="process",
                on_error="skip") as server:  # fmt: skip
        got = server.test("/v2/models/infer", body={"inputs": [0]})
        assert got["outputs"] == [1.5] and "no prediction" in got["errors"]["b"]


def test_no_rows() -> None:
    assert served({"a": [1], "b": [2]}).test(body={"inputs": []})["outputs"] == []


labels = st.one_of(st.integers(-5, 5), st.sampled_from(["a", "b", "c"]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(labels, st.integers(1, 9)), min_size=1, max_size=6))
def test_the_majority_is_the_label_with_the_greatest_sum(ballot: list[tuple[Any, int]]) -> None:
    (winner,) = majority([[label for label, _ in ballot]], [weight for _, weight in ballot])
    sums: dict[Any, int] = {}
    for label, weight in ballot:
        sums[label] = sums.get(label, 0) + weight
    assert sums[winner] == max(sums.values())


def test_kinds_and_means() -> None:
    array: Any = numpy.asarray
    assert kind_of([]) == "classification" and mean([], []) == []
    assert kind_of(array([[1, 2]])) == "classification"
    assert kind_of(array([[1.0, 2]])) == "regression"
    assert majority(array([[1, 2, 2]]), [1, 1, 1]) == [2]
    assert majority([[1, 2, 2]], [0.2, 0.1, 0.1]) == [1], "rounding makes no difference"
