"""The application's own pages: health, OpenAPI, documentation."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.web.openapi import openapi_document
from mlrun_like.serving.web.run import RunningServer
from mlrun_like.serving.web.serve import serve
from tests.serving.web.conftest import body_of, plain_graph, request, status_of, talk


@dataclass
class Patient:
    """A person."""

    age: int
    names: list[str]


class Score:
    """Scores a patient."""

    def do(self, patient: Patient) -> dict[str, float]:
        return {"score": 1.0}


def document_of(graph: Any) -> dict[str, Any]:
    return openapi_document(graph, graph.to_mock_server(globals()).plan)


def test_types_of_first_and_last_step_become_schemas() -> None:
    graph = flow()
    graph.to("Score").to(len, "count").respond()
    document = document_of(graph)
    operation = document["paths"]["/"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert document["openapi"] == "3.1.0" and operation["description"] == "Scores a patient."
    assert set(schema["properties"]) == {"age", "names"}
    assert {"200", "400", "413", "500", "504"} <= set(operation["responses"])
    graph = flow()
    graph.to(lambda body: body, "any").to("Score").respond()
    answer = document_of(graph)["paths"]["/"]["post"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["additionalProperties"] == {
        "type": "number"
    }


def test_hints_that_have_no_schema_are_left_out() -> None:
    class Odd:
        def do(self, body: Odd) -> NoSuchName:  # type: ignore[name-defined]  # noqa: F821
            return body

    graph = flow()
    graph.to(Odd()).respond()
    operation = document_of(graph)["paths"]["/"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {}


def test_models_of_a_router_have_their_paths() -> None:
    class Model(V2ModelServer):
        """Predicts."""

        def load(self) -> None:
            self.model = 1

        def predict(self, request: Any) -> Any:
            return request["inputs"]

    graph = flow()
    router = graph.add_step("*", name="router")
    router.add_route("iris", class_name=Model, model_path="")  # type: ignore[attr-defined]
    router.add_route("iris:v2", class_name=Model, model_path="")  # type: ignore[attr-defined]
    router.respond()
    paths = document_of(graph)["paths"]
    assert {"/v2/models/iris/infer", "/v2/models/iris/versions/v2/infer"} <= set(paths)
    schema = paths["/v2/models/iris/infer"]["post"]["requestBody"]["content"]["application/json"]
    assert schema["schema"]["required"] == ["inputs"]


def get(server: RunningServer, path: str, **headers: str) -> bytes:
    return talk(server.url, request(path=path, method="GET", **headers))


def test_pages(server: RunningServer) -> None:
    for path, told in (
        ("/healthz", {"status": "ok"}), ("/readyz", {"status": "ok"}),
        ("/v2/health/live", {"live": True}), ("/v2/health/ready", {"ready": True}),
    ):  # fmt: skip
        assert json.loads(body_of(get(server, path))) == told
    document = json.loads(body_of(get(server, "/openapi.json")))
    assert "/" in document["paths"]
    assert b"# HELP" in get(server, "/metrics")
    for answer in (get(server, "/docs"), get(server, "/", accept="text/html,*/*;q=0.8")):
        assert status_of(answer) == 200 and b"content-type: text/html" in answer
        assert b"content-security-policy: default-src 'none'" in answer
        page = body_of(answer).decode()
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)  # nothing from elsewhere
    assert json.loads(body_of(get(server, "/")))["method"] == "GET"  # programs reach the graph


def test_pages_can_be_left_to_the_graph() -> None:
    with serve(plain_graph(), pages=False) as running:
        for path in ("/docs", "/metrics", "/openapi.json"):
            assert json.loads(body_of(get(running, path)))["path"] == path
        assert json.loads(body_of(get(running, "/", accept="text/html")))["path"] == "/"
        assert json.loads(body_of(get(running, "/healthz"))) == {"status": "ok"}


def test_a_server_that_is_not_ready_says_so(server: RunningServer) -> None:
    with serve(plain_graph()) as running:
        running.app.server.ready = False
        assert status_of(get(running, "/readyz")) == 503
        assert status_of(get(running, "/v2/health/ready")) == 503
        assert status_of(get(running, "/healthz")) == 200


def test_metrics_count_what_was_answered() -> None:
    with serve(plain_graph(), metrics=True) as running:
        kind = {"content_type": "application/json"}
        talk(running.url, request(b"1", **kind))
        talk(running.url, request(b'"missing"', **kind))
        talk(running.url, request(b"{bad", **kind))
        text = body_of(get(running, "/metrics")).decode()
    for status in (200, 404, 400):
        assert f'requests_total{{status="{status}"}} 1.0' in text


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/readyz"])
def test_head_has_no_body(server: RunningServer, path: str) -> None:
    answer = talk(server.url, request(path=path, method="HEAD"))
    assert status_of(answer) == 200 and body_of(answer) == b"" and b"content-length: " in answer
