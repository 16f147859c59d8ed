"""Every list of the API, by its documentation: pages, orders, and that rows which come meanwhile
break neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.api.documented.asked import ASKED
from mlrun_like.api.documented.bodies import BODIES
from mlrun_like.api.documented.ordered import LISTS
from mlrun_like.tracking.connect import close_stores
from tests.api.client import TestClient as Client
from tests.api.fuzzed import Fuzzed, fuzzed_service
from tests.api.pages.filled import PROJECT

_API = "/api/v1"


@pytest.fixture
def fuzzed(home: Path) -> Iterator[Fuzzed]:
    """A filled service."""
    yield fuzzed_service(home)
    close_stores()


def _addresses(fuzzed: Fuzzed, path: str) -> list[str]:
    """The address of a list in the filled service, with each name that may be meant."""
    found = [_API + path.replace("{project}", PROJECT)]
    while any("{" in one for one in found):
        whole = found.pop(0)
        part = whole[whole.index("{") + 1 : whole.index("}")]
        names = fuzzed.names.get(part) or fuzzed.names["name"]
        if "/model-endpoints/" in whole:
            names = fuzzed.names["uid"]
        if "/file-list/" in whole:
            names = [""]
        found += [whole.replace(f"{{{part}}}", name) for name in names]
    return found


def _pages(client: Client, address: str, noun: str, sort: str) -> list[Any]:
    rows: list[Any] = []
    token = ""
    for _ in range(500):
        params = {"page-size": "2", "sort": sort, **({"page-token": token} if token else {})}
        answer = client.get(address, params=params)
        assert answer.status_code == 200, (address, sort, answer.text)
        body = answer.json()
        assert len(body[noun]) <= 2
        rows += body[noun]
        token = body["pagination"]["page-token"]
        if not token:
            return rows
    raise AssertionError(f"{address} has no end")


def _key(row: Any) -> str:
    return repr(row)


def test_tables_and_routes_agree(fuzzed: Fuzzed) -> None:
    document = fuzzed.app.openapi()
    known = {
        f"{method.upper()} {path.removeprefix(_API)}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert {f"GET {path}" for path in LISTS} <= known
    assert set(ASKED) <= known
    assert set(BODIES) <= known
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            key = f"{method.upper()} {path.removeprefix(_API)}"
            assert body is None or key in BODIES, f"{key} has no row in bodies.py"
            answer = operation["responses"].get("200", {}).get("content", {})
            example = (answer.get("application/json") or {}).get("example")
            if isinstance(example, dict) and "pagination" in example:
                assert path.removeprefix(_API) in LISTS, f"{path} has no row in ordered.py"


@pytest.mark.slow
def test_each_list_has_pages_and_orders(fuzzed: Fuzzed) -> None:
    empty = []
    with Client(fuzzed.app, headers=fuzzed.tokens["server"]) as client:
        for path, (noun, sorts) in LISTS.items():
            seen = 0
            for address in _addresses(fuzzed, path):
                answer = client.get(address, params={"page-size": 1000})
                if answer.status_code == 404:
                    continue
                assert answer.status_code == 200, (address, answer.text)
                whole = answer.json()[noun]
                seen = max(seen, len(whole))
                for name in sorts.split():
                    for sort in {name, f"-{name.lstrip('-')}"}:
                        paged = _pages(client, address, noun, sort)
                        if noun not in ("audit", "lines"):  # each request adds one there
                            assert sorted(map(_key, paged)) == sorted(map(_key, whole)), address
                refused = client.get(address, params={"sort": "nonsense"})
                assert refused.status_code == 400, address
                assert refused.json()["detail"]["code"] == "invalid_argument"
                for query in ({"page-size": "0"}, {"page-token": "AAAA"}):
                    assert client.get(address, params=query).status_code == 400, address
            if not seen:
                empty.append(path)
    assert len(empty) <= 14, empty


def test_pages_stay_whole_while_rows_come_and_go(fuzzed: Fuzzed) -> None:
    with Client(fuzzed.app, headers=fuzzed.tokens["server"]) as client:

        def put(number: int) -> None:
            name = f"thing-{number:03d}"
            document = {"kind": "job", "metadata": {"name": name}, "spec": {}}
            found = client.put(f"{_API}/projects/{PROJECT}/functions/{name}", json=document)
            assert found.status_code == 201, found.text

        for number in range(10, 30, 2):
            put(number)
        before = {f"thing-{number:03d}" for number in range(10, 30, 2)}
        got: list[str] = []
        token, coming = "", iter(range(11, 60, 2))
        while token is not None:
            params = {"page-size": "3", "sort": "name", "name": "~thing", "page-token": token}
            body = client.get(f"{_API}/projects/{PROJECT}/functions", params=params).json()
            got += [row["metadata"]["name"] for row in body["functions"]]
            token = body["pagination"]["page-token"]
            number = next(coming)
            put(number)  # one behind the reader's place or before it
            put(200 + number)
        assert before <= set(got)
        assert len(got) == len(set(got))
