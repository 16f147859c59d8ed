"""Model endpoints in the store, over each database."""

from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import NotFoundError, SpecError
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.monitoring_abilities import EndpointQuery, EndpointStore, SeriesBatch


def endpoint(uid: str = "u1", project: str = "p", **parts: Any) -> dict[str, Any]:
    return {
        "kind": "model-endpoint",
        "metadata": {"project": project, "uid": uid, "name": "iris", "labels": {"team": "a"}},
        "spec": {
            "function_name": "serve",
            "model": "iris:v1",
            "monitoring_mode": "enabled",
            **parts,
        },
        "status": {"endpoint_type": 1, "requests": 999},
    }


def events(number: int, uid: str = "u1", **summary: Any) -> SeriesBatch:
    told = {"requests": 3, "errors": 1, **summary}
    return SeriesBatch(
        "p", uid, "events", f"b{number}", 10.0 * number, 10.0 * number + 5, 3, b"x", told
    )


def test_documents_and_their_counters(store: FullStore) -> None:
    assert isinstance(store, EndpointStore)
    store.store_endpoint(endpoint())
    status = store.read_endpoint("p", "u1")["status"]
    assert status["requests"] == 0 and status["first_request"] is None
    assert store.append_batches([events(2, dropped=2), events(1)]) == 2
    assert store.append_batches([events(2, dropped=2)]) == 0  # delivered again
    store.store_endpoint(endpoint(model_class="Iris"))  # the server started anew
    found = store.read_endpoint("p", "u1")
    assert found["spec"]["model_class"] == "Iris"
    status = found["status"]
    assert (status["requests"], status["error_count"], status["dropped"]) == (6, 2, 2)
    assert status["first_request"] == "1970-01-01T00:00:10+00:00"
    assert status["last_request"] == "1970-01-01T00:00:25+00:00"


def test_only_drops_are_no_requests_in_time(store: FullStore) -> None:
    store.store_endpoint(endpoint())
    store.append_batches([events(1, requests=4, errors=0, dropped=4)])
    status = store.read_endpoint("p", "u1")["status"]
    assert status["requests"] == 4 and status["last_request"] is None


def test_listing(store: FullStore) -> None:
    store.store_endpoint(endpoint())
    store.store_endpoint(endpoint("u2", model="iris"))
    leaf = endpoint("u3", model="iris_2:v1", function_name="other")
    leaf["status"]["endpoint_type"] = 3
    leaf["metadata"]["labels"] = {}
    store.store_endpoint(leaf)
    store.store_endpoint(endpoint("u4", project="q"))
    store.append_batches([events(1, "u2")])

    def uids(**query: Any) -> list[str]:
        return [item["metadata"]["uid"] for item in store.list_endpoints(EndpointQuery(**query))]

    assert uids() == ["u1", "u2", "u3", "u4"]
    assert uids(project="p") == ["u1", "u2", "u3"]
    assert uids(project="p", model="iris") == ["u1", "u2"]
    assert uids(model="iris:v1", project="p") == ["u1"]
    assert uids(function="other") == ["u3"]
    assert uids(project="p", top_level=True) == ["u1", "u2"]
    assert uids(project="p", labels={"team": "a"}) == ["u1", "u2"]
    assert uids(project="p", labels={"team": None}) == ["u1", "u2"]
    assert uids(labels={"team": "b"}) == []
    assert uids(uids=("u3", "u4")) == ["u3", "u4"]
    assert uids(since=12.0) == ["u2"] and uids(since=16.0) == []
    assert uids(until=11.0) == ["u2"] and uids(until=10.0) == []
    assert uids(name="~IRI", limit=1, offset=1) == ["u2"]
    assert store.endpoint_modes("p", ["u1", "nobody"]) == {"u1": "enabled"}


def test_changes(store: FullStore) -> None:
    store.store_endpoint(endpoint())
    store.append_batches([events(1)])
    changes = {"status.metrics.real_time.rate": 3, "spec.monitoring_mode": "disabled"}
    found = store.patch_endpoint("p", "u1", {**changes, "metadata.labels.team": None})
    assert found == store.read_endpoint("p", "u1")
    assert found["status"]["metrics"] == {"real_time": {"rate": 3}}
    assert found["metadata"]["labels"] == {} and found["status"]["requests"] == 3
    assert store.endpoint_modes("p", ["u1"]) == {"u1": "disabled"}
    with pytest.raises(SpecError, match="'kind' is no field"):
        store.patch_endpoint("p", "u1", {"kind": "x"})
    with pytest.raises(NotFoundError, match="no model endpoint 'u2'"):
        store.patch_endpoint("p", "u2", {"spec.active": False})


def test_the_end(store: FullStore) -> None:
    for uid in ("u1", "u2"):
        store.store_endpoint(endpoint(uid))
    store.append_batches([events(1), events(2, "u2")])
    assert store.project_content("p")["endpoints"] == 2
    assert store.delete_endpoint("p", "u1") and not store.delete_endpoint("p", "u1")
    assert store.read_batches("p", "u1", "events") == []
    with pytest.raises(NotFoundError, match="list_model_endpoints"):
        store.read_endpoint("p", "u1")
    store.delete_project("p")
    assert store.list_endpoints(EndpointQuery("p")) == []
    assert store.read_batches("p", "u2", "events") == []


@pytest.mark.parametrize("broken", [{}, {"metadata": {"project": "p"}}, {"metadata": {"uid": 3}}])
def test_what_is_no_endpoint(store: FullStore, broken: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="needs a project and a uid"):
        store.store_endpoint(broken)
