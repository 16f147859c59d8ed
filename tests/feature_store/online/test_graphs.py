"""Online features in serving graphs: over HTTP, by key, in front of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError, StepError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Entity, Feature
from mlrun_like.feature_store.online import open_online
from mlrun_like.feature_store.online.http import feature_service_function
from mlrun_like.feature_store.online.on_demand import compute_offline
from mlrun_like.feature_store.online.places import online_place
from mlrun_like.feature_store.online.request_log import read_log
from mlrun_like.feature_store.online.writing import OnlineWriter
from mlrun_like.feature_store.targets.writing import WriteJob
from mlrun_like.serving import V2ModelServer
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.steps.query import QueryByKey
from mlrun_like.serving.steps.tables import open_table

VECTOR = "store://feature-vectors/shop/clients"


class Sum(V2ModelServer):
    def load(self) -> None:
        self.model = self.get_param("factor", 1)

    def predict(self, request: dict[str, Any]) -> list[Any]:
        return [sum(row) * self.model for row in request["inputs"]]


class PerYear:
    """A step of a vector: needs a field of the request and a feature."""

    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def do(self, body: dict[str, Any]) -> dict[str, Any]:
        body["per_year"] = body["amount"] * self.by / body["age"]
        return body


@pytest.fixture
def clients(tmp_path: Path) -> FeatureVector:
    made = FeatureSet("users", entities=[Entity("user", "str")])
    made.metadata.project = "shop"
    for name, kind in (("age", "int64"), ("spent", "float"), ("seen", "datetime")):
        made.add_feature(Feature(kind, name=name))
    made.set_targets(["nosql"], with_defaults=False)
    made.save()
    place = online_place(made)
    rows = pd.DataFrame(
        {
            "user": ["ann", "bob"],
            "age": [31, 20],
            "spent": [0.5, None],
            "seen": pd.Series(["2024-01-01", None], dtype="datetime64[ns, UTC]"),
        }
    )
    with OnlineWriter(open_online(place.url), WriteJob.of(made, "f"), place.namespace) as writer:
        writer.write_all([rows], "end")
    vector = FeatureVector("clients", ["users.age", "users.spent"])
    vector.metadata.project = "shop"
    vector.save()
    return vector


def server(clients: FeatureVector, **arguments: Any) -> Any:
    return feature_service_function(clients.uri, project="shop", **arguments).to_mock_server()


def test_vectors_over_http(clients: FeatureVector, tmp_path: Path) -> None:
    log = tmp_path / "log"
    mock = server(clients, log=str(log), impute_policy={"spent": 0.0})
    found = mock.test("/", {"entities": [{"user": "ann"}, ["bob"], ["eve"]]})
    assert found == {"vectors": [{"age": 31, "spent": 0.5}, {"age": 20, "spent": 0.0}, None]}
    found = mock.test("/", body=json.dumps({"entities": [["ann"]], "as_list": True}))
    assert found == {"vectors": [[31, 0.5]]}
    assert mock.test("/", [{"user": "ann"}]) == {"vectors": [{"age": 31, "spent": 0.5}]}
    told = mock.test("/", method="GET")
    assert told["entities"] == [{"name": "user", "value_type": "str"}]
    assert [item["name"] for item in told["features"]] == ["age", "spent"]
    lines = list(read_log(log))
    assert [line["values"] for line in lines[:3]] == [
        {"age": 31, "spent": 0.5}, {"age": 20, "spent": 0.0}, None,
    ]  # fmt: skip
    assert (lines[1]["entities"], lines[1]["request"], len(lines)) == ({"user": "bob"}, {}, 5)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"entities": []}, "no entities to look up"),
        ({"entities": [{"usr": 1}]}, "no 'user'"),
        ({"entity": [{"user": 1}]}, "unknown field 'entity'"),
        ({"as_list": True}, "names no entities"),
        ({"entities": [["x"]] * 11}, "more than the 10"),
        ("5", "names no entities"),
    ],
)
def test_mistakes_have_a_status(clients: FeatureVector, body: Any, problem: str) -> None:
    answer = server(clients, max_entities=10).test("/", body, silent=True, get_body=False)
    assert isinstance(answer, Response)
    assert answer.status_code == 400
    assert problem in str(answer.body)


def test_damaged_rows_over_http(clients: FeatureVector) -> None:
    place = online_place(clients.resolved().sets[0].feature_set)
    open_online(place.url).write([(b"v1:shop/users:bob", b"junk", 2**60)])
    found = server(clients).test("/", {"entities": [["ann"], ["bob"]]})
    assert found["vectors"] == [{"age": 31, "spent": 0.5}, None]
    assert (found["errors"][0]["index"], found["errors"][0]["code"]) == (1, "integrity")
    assert "user='bob'" in found["errors"][0]["where"]


def test_no_such_vector() -> None:
    with pytest.raises(MLRunLikeError, match="no feature vector 'none'"):
        feature_service_function("store://feature-vectors/shop/none").to_mock_server()


def test_enrichment_router(clients: FeatureVector) -> None:
    fn: Any = ml.new_function("models", kind="serving", project="shop")
    fn.set_topology(
        "router", "mlrun.serving.EnrichmentModelRouter", feature_vector_uri=clients.uri,
        impute_policy={"spent": 1.0},
    )  # fmt: skip
    fn.add_model("sum", ".", Sum)
    mock = fn.to_mock_server()
    found = mock.test("/v2/models/sum/infer", {"inputs": [["ann"], {"user": "bob"}]})
    assert found["outputs"] == [31.5, 21.0]
    assert mock.test("/v2/models", method="GET") == {"models": ["sum"]}
    with pytest.raises(StepError, match=r"(?s)input 1 has no features.*eve"):
        mock.test("/v2/models/sum/infer", {"inputs": [["ann"], ["eve"]]})
    with pytest.raises(StepError, match="no 'user'"):
        mock.test("/v2/models/sum/infer", {"inputs": [{"name": "ann"}]})


def test_enrichment_ensemble(clients: FeatureVector) -> None:
    fn: Any = ml.new_function("models", kind="serving", project="shop")
    fn.set_topology(
        "router", "EnrichmentVotingEnsemble", vote_type="regression",
        feature_vector_uri=clients.uri,
    )  # fmt: skip
    fn.add_model("one", ".", Sum)
    fn.add_model("three", ".", Sum, factor=3)
    mock = fn.to_mock_server()
    assert mock.test("/v2/models/infer", {"inputs": [["ann"]]})["outputs"] == [63.0]


def test_a_router_without_a_vector() -> None:
    fn: Any = ml.new_function("models", kind="serving", project="shop")
    fn.set_topology("router", "EnrichmentModelRouter")
    fn.add_model("sum", ".", Sum)
    with pytest.raises(InvalidArgumentError, match="needs the vector"):
        fn.to_mock_server()


def test_query_by_key_of_a_feature_set(clients: FeatureVector) -> None:
    uri = "store://feature-sets/shop/users"
    fn: Any = ml.new_function("enrich", kind="serving", project="shop")
    graph = fn.set_topology("flow", engine="async")
    graph.to("storey.QueryByKey", "query", features=["age", "spent"], table=uri,
             key_field="user").respond()  # fmt: skip
    mock = fn.to_mock_server()
    assert mock.test("/", {"user": "ann"}) == {"user": "ann", "age": 31, "spent": 0.5}
    assert mock.test("/", {"user": "eve"}) == {"user": "eve"}
    table = open_table(uri)
    (event,) = QueryByKey(["age"], table, key_field="user").process(Event({"user": "bob"}))
    assert event.body == {"user": "bob", "age": 20}
    assert table["ann"]["age"] == 31
    with pytest.raises(InvalidArgumentError, match="has 2 parts"):
        table.get(["a", "b"])
    table["ann"] = {"age": 5}
    with pytest.raises(InvalidArgumentError, match="not written as a table"):
        table.flush()
    with pytest.raises(NotFoundError):
        open_table("store://feature-sets/shop/none")


def test_features_on_demand_online_and_offline(clients: FeatureVector) -> None:
    clients.graph.to(PerYear, "per-year", by=2.0)
    with clients.get_online_feature_service() as service:
        found = service.get([{"user": "ann", "amount": 62}, {"user": "eve", "amount": 1}])
        assert found == [{"age": 31, "spent": 0.5, "per_year": 4.0}, None]
        assert service.get([{"user": "ann", "amount": 31}], as_list=True) == [[31, 0.5, 2.0]]
        assert service.features == ["age", "spent", "per_year"]
    frame = pd.DataFrame({"user": ["ann", "bob"], "amount": [62, 10], "age": [31, 20]})
    made = compute_offline(clients, frame)
    assert made["per_year"].tolist() == [4.0, 1.0]


def test_the_vector_by_its_uri(clients: FeatureVector) -> None:
    with ml.feature_store.get_online_feature_service(VECTOR) as service:
        assert service.get([["bob"]]) == [{"age": 20, "spent": None}]
