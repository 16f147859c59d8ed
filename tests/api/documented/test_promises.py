"""What every route promises, whichever it is: ETags, one form of errors, no answer to a wrong
method, and examples that can be sent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.api.guarding import GuardedRoute
from mlrun_like.tracking.connect import close_stores
from tests.api.client import TestClient
from tests.api.fuzzed import Fuzzed, fuzzed_service
from tests.api.pages.filled import PROJECT

_API = "/api/v1"
_FIELDS = {"reason", "code", "what", "where", "fix"}
_STREAMS = ("/events", "/follow")


@pytest.fixture
def fuzzed(home: Path) -> Iterator[Fuzzed]:
    """A filled service."""
    yield fuzzed_service(home)
    close_stores()


def _address(fuzzed: Fuzzed, path: str) -> str:
    address = path.replace("{project}", PROJECT)
    while "{" in address:
        part = address[address.index("{") + 1 : address.index("}")]
        name = (fuzzed.names.get(part) or fuzzed.names["name"])[0]
        name = "e0" if "/model-endpoints/" in address else name
        name = "customers" if "/feature-sets/" in address and part == "name" else name
        name = "drift-alert" if "/alerts/" in address else name
        address = address.replace(f"{{{part}}}", name)
    return address


def _wrong(answer: Any) -> str:
    try:
        body = json.loads(answer.content)
    except ValueError:
        return "no JSON"
    if set(body) != {"detail", "request_id"} or set(body["detail"]) != _FIELDS:
        return f"another form: {body}"
    if body["request_id"] != answer.headers.get("x-request-id"):
        return "another id"
    return "" if all(isinstance(value, str) for value in body["detail"].values()) else "no texts"


def _json_routes(fuzzed: Fuzzed) -> list[GuardedRoute]:
    return [
        route for route in fuzzed.routes if route.path.startswith(_API) and route.include_in_schema
    ]


def test_each_read_has_an_etag_and_knows_it_again(fuzzed: Fuzzed) -> None:
    told, wrong = 0, []
    with TestClient(fuzzed.app, headers=fuzzed.tokens["server"]) as client:
        for route in _json_routes(fuzzed):
            if "GET" not in (route.methods or ()) or route.path.endswith(_STREAMS):
                continue
            address = _address(fuzzed, route.path)
            first = client.get(address)
            if first.status_code != 200 or "no-store" in first.headers.get("cache-control", ""):
                continue
            if not first.headers["content-type"].startswith("application/json"):
                continue
            told += 1
            tag = first.headers.get("etag", "")
            if not tag.startswith('"'):
                wrong.append(f"{address}: no ETag")
                continue
            head = client.head(address)
            if head.content or head.status_code != 200 or "etag" not in head.headers:
                wrong.append(f"{address}: HEAD is another answer")
            second = client.get(address, headers={"if-none-match": f'"other", W/{tag}'})
            moves = second.status_code == 200 and second.headers["etag"] != tag
            if not moves and (second.status_code != 304 or second.content):
                wrong.append(f"{address}: {second.status_code}, not 304")
    assert not wrong, "\n".join(wrong)
    assert told > 60


def test_each_change_of_a_document_takes_if_match(fuzzed: Fuzzed) -> None:
    wrong, told = [], 0
    readers = {route.path for route in fuzzed.routes if "GET" in (route.methods or ())}
    with TestClient(fuzzed.app, headers=fuzzed.tokens["server"]) as client:
        for route in _json_routes(fuzzed):
            methods = (route.methods or set()) & {"PUT", "PATCH", "DELETE"}
            if not methods or route.path not in readers:
                continue
            address = _address(fuzzed, route.path)
            address += "none.csv" if address.endswith("/files/") else ""
            answer = client.request(
                methods.pop(), address, json={}, headers={"if-match": '"of-another-time"'}
            )
            told += 1
            fine = (409,) if "/gateway/" in address else (412, 413)
            if answer.status_code not in fine or _wrong(answer):
                wrong.append(f"{address}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert told > 15


def test_each_error_has_the_one_form(fuzzed: Fuzzed) -> None:
    wrong = []
    big = json.dumps({"a": "x" * (2 << 20)}).encode()
    tries: list[tuple[dict[str, str], bytes]] = [
        ({"content-type": "application/json"}, b'{"broken'),
        ({"content-type": "text/csv"}, b"a,b\n1,2\n"),
        ({"content-type": "application/json"}, b"[1, 2]"),
        ({"content-type": "application/json"}, b""),
        ({"content-type": "application/json"}, big),
        ({"content-type": "application/json", "idempotency-key": "x" * 300}, b"{}"),
    ]
    with TestClient(fuzzed.app, headers=fuzzed.tokens["server"]) as client:
        for route in _json_routes(fuzzed):
            address = _address(fuzzed, route.path)
            method = next(iter((route.methods or {"GET"}) - {"HEAD"}))
            for headers, body in tries if method in ("POST", "PUT", "PATCH") else ():
                answer = client.request(method, address, content=body, headers=headers)
                code = answer.status_code
                if code >= 500 or (code >= 400 and _wrong(answer)):
                    wrong.append(f"{method} {address} {body[:20]!r}: {code} {answer.text[:200]}")
                if body is big and route.max_body is None and code not in (413, 404):
                    wrong.append(f"{method} {address}: {code} for two megabytes")
            answer = client.request("TRACE", address)
            allowed = answer.headers.get("allow", "").split(", ")
            if answer.status_code != 405 or _wrong(answer) or method not in allowed:
                wrong.append(f"TRACE {address}: {answer.status_code} {allowed}")
            answer = client.request("OPTIONS", address)
            if answer.status_code != 204 or method not in answer.headers["allow"].split(", "):
                wrong.append(f"OPTIONS {address}: {answer.status_code}")
        for address in ("/nothing", "/api/v1/nothing", "/api/v2/runs", "/api/v1/", "/api/v1//runs"):
            answer = client.get(address)
            assert answer.status_code == 404
            assert not _wrong(answer), address
    with TestClient(fuzzed.app) as nobody:
        for route in _json_routes(fuzzed):
            if route.needs.scope == "open":
                continue
            method = next(iter((route.methods or {"GET"}) - {"HEAD"}))
            answer = nobody.request(method, _address(fuzzed, route.path), content=b"{broken")
            if answer.status_code != 401 or _wrong(answer):
                wrong.append(f"nobody: {method} {route.path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong[:20])


def test_long_answers_are_compressed_for_those_who_want_it(service: TestClient) -> None:
    address = f"{_API}/openapi.json"
    plain = service.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with service.stream("GET", address, headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert int(answer.headers["content-length"]) == len(raw) < len(plain.content) / 2
    assert gzip.decompress(raw) == plain.content
    none = service.get(address, headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in none.headers


@pytest.mark.slow
def test_examples_in_the_document_can_be_sent(fuzzed: Fuzzed) -> None:
    document, wrong, sent = fuzzed.app.openapi(), [], 0
    with TestClient(fuzzed.app, headers=fuzzed.tokens["server"]) as client:
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                body = operation.get("requestBody", {}).get("content", {}).get("application/json")
                for example in (body or {}).get("schema", {}).get("examples", ()):
                    address = path
                    for row in operation.get("parameters", ()):
                        if row["in"] == "path":
                            address = address.replace(f"{{{row['name']}}}", str(row["example"]))
                    answer = client.request(method, address, json=example)
                    sent += 1
                    if answer.status_code in (400, 413, 415, 422) or answer.status_code >= 500:
                        wrong.append(f"{method} {address}: {answer.status_code} {answer.text}")
    assert not wrong, "\n".join(wrong)
    assert sent > 40


def test_a_body_of_another_type_is_refused_by_name(service: TestClient) -> None:
    body = b'{"metadata": {"name": "typed"}}'
    for kind in ("text/csv", "application/x-www-form-urlencoded", "application/xml; a=b"):
        answer = service.post(f"{_API}/projects", content=body, headers={"content-type": kind})
        assert answer.status_code == 415, answer.text
        assert not _wrong(answer)
        assert "content-type: application/json" in answer.json()["detail"]["what"]
    plain = service.build_request("POST", f"{_API}/projects", content=body)
    plain.headers.pop("content-type", None)
    assert service.send(plain).status_code == 201  # MLRun's clients say nothing


def test_the_document_is_small_on_the_way_and_known_again(service: TestClient) -> None:
    first = service.get(f"{_API}/openapi.json", headers={"accept-encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    again = service.get(f"{_API}/openapi.json", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert first.json()["components"]["schemas"]["Error"]["required"] == [
        "detail",
        "request_id",
    ]


def test_a_head_of_a_stream_ends(service: TestClient) -> None:
    service.post(f"{_API}/projects", json={"metadata": {"name": "there"}})
    for path in ("/events", "/projects/there/events"):
        answer = service.head(_API + path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
    assert service.app.state.service.numbers.streams == 0  # type: ignore[attr-defined]
    assert service.get(f"{_API}/projects/not-there/events").status_code == 404


def test_a_catalogue_that_does_not_answer_is_no_fault_of_the_service(service: TestClient) -> None:
    source = {"metadata": {"name": "gone"}, "spec": {"path": "https://nothing.invalid/hub"}}
    made = service.post(f"{_API}/hub/sources", json={"index": 1, "source": source})
    assert made.status_code == 201, made.text
    answer = service.get(f"{_API}/hub/sources/gone/items/x")
    assert answer.status_code == 424
    assert not _wrong(answer)
