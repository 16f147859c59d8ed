"""Enrichment with real tables, files and a real service; caches, time limits and policies."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.marketplace.importing import import_module
from mlrun_like.serving.steps.tables import open_table

USERS: dict[str, dict[str, Any]] = {
    "ann": {"age": 31, "city": "Oslo"},
    "bob": {"age": None, "city": "Rome"},
}


@cache
def module() -> Any:
    """The item's code."""
    return import_module("hub://enrichment")


def step(*args: Any, **arguments: Any) -> Any:
    """The step as an object."""
    return module().Enrichment(*args, **arguments)


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.tokens: list[Any] = []
        self.broken = False
        self.go = threading.Event()
        self.go.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        service = self.server
        assert isinstance(service, Service)
        service.asked.append(self.path)
        service.tokens.append(self.headers.get("Authorization"))
        service.go.wait(20)
        name = self.path.rpartition("/")[2]
        code = 500 if service.broken else 200 if name in USERS else 404
        body = json.dumps([1] if name == "list" else USERS.get(name, {})).encode()
        self.send_response(200 if name == "list" else code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.go.set()
        server.shutdown()
        thread.join()


def test_a_key_cannot_lead_to_another_place_of_the_service(service: Service) -> None:
    step = module().Enrichment(
        service.url + "/users/{user}", key="user", fill={"age": -1}, timeout=10
    )
    for key in ("..", ".", ""):
        assert step.do({"user": key}) == {"user": key, "age": -1}
    assert service.asked == []
    step.close()


def test_in_a_graph(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS_TOKEN", "t0p")
    fn: Any = ml.new_function("enriched", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to(
        "hub://enrichment", "join", source=service.url + "/users/{user}", key="user",
        fill={"age": -1, "*": "?"}, features=["age", "city"], timeout=10,
        headers={"Authorization": "{USERS_TOKEN}"},
    ).respond()  # fmt: skip
    server = fn.to_mock_server()
    assert server.test("/", body={"user": "ann"}) == {"user": "ann", "age": 31, "city": "Oslo"}
    assert server.test("/", body=[{"user": "bob", "n": 1}, {"user": "a/b"}]) == [
        {"user": "bob", "n": 1, "age": -1, "city": "Rome"},
        {"user": "a/b", "age": -1, "city": "?"},
    ]
    assert server.test("/", body={"user": "ann"})["age"] == 31
    assert sorted(service.asked) == ["/users/a%2Fb", "/users/ann", "/users/bob"]  # ann only once
    assert set(service.tokens) == {"t0p"}
    with pytest.raises(Exception, match="an event lacks its key user"):
        server.test("/", body={"name": "ann"})
    server.wait_for_completion()


def test_tables_files_mappings_and_functions(tmp_path: Path) -> None:
    frame = pd.DataFrame([{"user": k, **v} for k, v in USERS.items()])
    frame.to_csv(tmp_path / "u.csv", index=False)
    frame.to_parquet(tmp_path / "u.parquet")
    table = open_table(f"sqlite:///{tmp_path}/t.db#people")
    for name, row in USERS.items():
        table[name] = row
    table.close()
    columns = {"age": 0, "city": None}  # a file tells its columns, other sources only rows
    sources: list[Any] = [
        str(tmp_path / "u.csv"), str(tmp_path / "u.parquet"), f"sqlite:///{tmp_path}/t.db#people",
        USERS, USERS.get,
    ]  # fmt: skip
    for source in sources:
        made = step(source, "user", fill={"age": 0})
        joined = made.do([{"user": "ann"}, {"user": "bob"}, {"user": "eve"}])
        assert joined[0] == {"user": "ann", "age": 31, "city": "Oslo"}, source
        assert joined[1] == {"user": "bob", "age": 0, "city": "Rome"}, source
        missing = columns if "u." in str(source)[-10:] else {"age": 0}
        assert joined[2] == {"user": "eve", **missing}, source
        made.close()


def test_a_feature_vector(tmp_path: Path) -> None:
    fstore = ml.feature_store
    people = fstore.FeatureSet("people", entities=[fstore.Entity("user")])
    people.metadata.project = "enriching"
    people.set_targets(with_defaults=True)
    fstore.ingest(people, pd.DataFrame([{"user": "ann", "age": 31}]))
    vector = fstore.FeatureVector("person", ["people.*"])
    vector.metadata.project = "enriching"
    vector.save()
    made = step("store://feature-vectors/enriching/person", "user", fill={"age": 0})
    assert made.do([{"user": "ann"}, {"user": "eve"}]) == [
        {"user": "ann", "age": 31},
        {"user": "eve", "age": 0},
    ]
    made.close()


def test_several_keys_names_and_places() -> None:
    rows = {("a", 1): {"x": 1, "y": 2}}
    event = {"k": "a", "n": 1, "x": 9, "y": None}
    assert step(rows, ["k", "n"]).do(event) == {**event, "y": 2}
    assert step(rows, ["k", "n"], overwrite=True).do(event) == {**event, "x": 1, "y": 2}
    assert step(rows, ["k", "n"], into="row").do(event)["row"] == {"x": 1, "y": 2}
    assert step(rows, ["k", "n"], {"y": "why"}, prefix="f_").do(event) == {**event, "f_why": 2}
    assert event == {"k": "a", "n": 1, "x": 9, "y": None}


def test_policies_for_keys_without_a_row() -> None:
    event = {"user": "eve"}
    assert step(USERS, "user", on_missing="skip", fill={"age": 1}).do(event) == event
    assert step(USERS, "user", ["age"]).do(event) == {"user": "eve", "age": None}
    with pytest.raises(ml.errors.NotFoundError, match="nothing is known of user='eve'"):
        step(USERS, "user", on_missing="raise").do(event)


def test_a_source_that_fails_or_is_late(service: Service) -> None:
    url = service.url + "/{user}"
    service.broken = True
    made = step(url, "user", cache_seconds=0)
    with pytest.raises(ml.errors.StoreUnavailableError, match=r"the source failed.*500"):
        made.do({"user": "ann"})
    filled = step(url, "user", ["age"], {"age": 0}, on_error="fill", cache_seconds=0)
    assert filled.do({"user": "ann"}) == {"user": "ann", "age": 0}
    assert filled.counts["errors"] == 1
    assert step(url, "user", on_error="skip").do({"user": "ann"}) == {"user": "ann"}
    with pytest.raises(ml.errors.StoreUnavailableError, match="no object"):
        step(url, "user").do({"user": "list"})
    service.broken = False
    service.go.clear()
    with pytest.raises(ml.errors.StoreUnavailableError, match=r"no answer in 0\.05 s|timed out"):
        step(url, "user", timeout=0.05).do({"user": "ann"})


def test_old_rows_stand_in_while_the_source_fails() -> None:
    fails = False

    def look_up(key: str) -> Any:
        if fails:
            raise OSError("away")
        return {"age": 31}

    made = step(look_up, "user", cache_seconds=1e-6, stale_seconds=60)
    assert made.do({"user": "ann"})["age"] == 31
    fails = True
    assert made.do({"user": "ann"})["age"] == 31
    assert made.counts["stale"] == 1
    with pytest.raises(ml.errors.StoreUnavailableError, match="OSError: away"):
        made.do({"user": "bob"})
    made.close()


def test_one_look_up_serves_all_who_ask_at_once() -> None:
    begun, go, calls = threading.Event(), threading.Event(), []

    def look_up(key: str) -> Any:
        calls.append(key)
        begun.set()
        go.wait(20)
        return {"age": 1}

    made = step(look_up, "user", timeout=20)
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(made.do({"user": "ann"}))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    go.set()
    for thread in threads:
        thread.join()
    assert calls == ["ann"]
    assert answers == [{"user": "ann", "age": 1}] * 8
    made.close()


def test_the_cache_is_bounded() -> None:
    made = step(lambda key: {"n": key}, "k", cache_size=10)
    for n in range(50):
        made.do({"k": n})
    assert len(made._cache) == 10
    made.do({"k": 49})
    assert (made.counts["hits"], made.counts["lookups"]) == (1, 50)
    made.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": 7}, {"source": ""}, {"key": []}, {"on_missing": "drop"}, {"on_error": ""},
        {"timeout": 0}, {"workers": "many"}, {"source": "ftp:/nothing.xyz"},
    ],
)  # fmt: skip
def test_arguments_that_cannot_be_used(wrong: dict[str, Any]) -> None:
    given = {"source": USERS, "key": "user", **wrong}
    with pytest.raises((ml.errors.InvalidArgumentError, ml.errors.NotFoundError)):
        step(**given)


@pytest.mark.parametrize("event", [{"user": ["a"]}, {"user": {}}, "ann", None, 7])
def test_events_without_a_usable_key(event: Any) -> None:
    with pytest.raises(ml.errors.InvalidArgumentError):
        step(USERS, "user").do(event)
