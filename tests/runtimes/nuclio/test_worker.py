"""Exported functions in the wrapper that Nuclio runs them in: they answer as the mock does."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import SpecError
from mlrun_like.functions.nuclio import export_nuclio
from mlrun_like.runtimes.nuclio.events import Context
from mlrun_like.runtimes.nuclio.triggers import HttpTrigger
from mlrun_like.serving.nuclio.worker import NuclioServing, server_of
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from tests.runtimes.nuclio.conftest import Deployed, event

pytestmark = pytest.mark.slow

HANDLERS = """
import json
from helper import TEN

async def init_context(context):
    context.user_data.n = TEN

def handler(context, event):
    what = event.path.strip("/")
    if what == "text":
        return f"text {context.user_data.n}"
    if what == "dict":
        return {"a": float("nan"), "b": [1, (2, 3)], 4: None}
    if what == "list":
        return [event.method, 3]
    if what == "empty":
        return []
    if what == "tuple":
        return 201, {"id": 7}
    if what == "pair":
        return 202, "later"
    if what == "three":
        return 1, 2, 3
    if what == "none":
        return None
    if what == "number":
        return 4.5
    if what == "bytes":
        return b"\\x00\\xff"
    if what == "response":
        return context.Response({"X-A": "b"}, {"x": 1}, "application/weird", 418)
    if what == "listed":
        return context.Response(body=[1, 2], content_type="application/json")
    if what == "image":
        return context.Response(body=b"\\x01", content_type="image/png", headers={"E": "1"})
    if what == "fails":
        raise KeyError("boom")
    return {
        "body": event.body if not isinstance(event.body, bytes) else event.body.decode("latin-1"),
        "q": event.fields, "p": event.path, "m": event.method, "ct": event.content_type,
        "h": event.get_header("x-test"), "k": event.trigger.kind, "t": context.trigger.kind,
    }
"""
GRAPH = """
from helper import TEN

class Scorer:
    def __init__(self, context, name="", factor=1):
        self.factor = factor
    def do(self, body):
        return {"score": body["x"] * self.factor + TEN}

def fails(body):
    raise ValueError("bad input")

def refuse(body, context):
    return context.Response({"no": body}, status_code=404, headers={"X-A": "b"})

def rows(body):
    return [body, 1]

def text(body):
    return f"text {body}"

def data(body):
    return b"\\x00\\xff"

def nothing(body):
    return None

def values(body):
    yield {"i": 1}
    yield {"i": 2}

async def later(body):
    return {"later": str(body)}

def seen(event):
    body = event.body.decode("latin-1") if isinstance(event.body, bytes) else event.body
    event.body = {"body": body, "p": event.path, "m": event.method, "q": dict(event.query),
                  "h": event.headers.get("x-test"), "ct": event.content_type}
    return event

def handler(body):  # a step's name, not Nuclio's handler
    return {"step": body}

def pick(event, context):
    what = event.path.strip("/").split("/")[0] or "echo"
    if what == "seen":
        return seen(event)
    if what == "refuse":
        event.body = refuse(event.body, context)
    elif what != "echo":
        event.body = {"fails": fails, "rows": rows, "text": text, "data": data,
                      "nothing": nothing, "values": values}[what](event.body)
    return event
"""
REQUESTS: list[tuple[str, bytes, str]] = [
    ("/", b'{"x": 4}', "application/json"),
    ("/a/b?q=1&z=a+b", b'{"x": 4}', ""),
    ("/", b"no json", "application/json"),
    ("/", b'"a text"', "application/json"),
    ("/", b'"{\\"x\\": 1}"', "application/json"),
    ("/", b"[1, 2]", "application/json; charset=utf-8"),
    ("/", b"hello", "text/plain"),
    ("/", b"a=1&b=2", "application/x-www-form-urlencoded"),
    ("/", b"", ""),
]


def write(folder: Path, name: str, text: str) -> str:
    (folder / "helper.py").write_text("TEN = 10\n")
    (folder / name).write_text(text)
    return str(folder / name)


def plain(body: Any, kind: str) -> Any:
    """A body to compare: what JSON says, bytes as text."""
    if kind == "application/json" and isinstance(body, str):
        try:
            return json.loads(body)
        except ValueError:
            return body
    if isinstance(body, bytes):
        return body.decode("latin-1")
    return "" if body is None else json.loads(json.dumps(body))


def without_id(body: Any) -> Any:
    return {k: v for k, v in body.items() if k != "event_id"} if isinstance(body, dict) else body


WHAT = [
    *("text", "dict", "list", "empty", "tuple", "pair", "three", "none", "number", "bytes"),
    *("response", "listed", "image", "fails", "echo"),
]


def test_a_handler_answers_as_the_mock(tmp_path: Path, deployed: Callable[..., Deployed]) -> None:
    file = write(tmp_path, "plain_fn.py", HANDLERS)
    fn = ml.code_to_function("p", project="shop", filename=file, kind="nuclio", handler="handler")
    worker = deployed(fn)
    with fn.to_mock_server() as server:  # type: ignore[attr-defined]
        for what in WHAT:
            for _, body, kind in REQUESTS if what == "echo" else REQUESTS[:1]:
                path = f"/{what}?q=1&r=b"
                told = server.test(
                    path, body or None, "", {"x-test": "t"}, kind, silent=True, get_body=False
                )
                found = worker.call(path, body, headers={"X-Test": "t"}, content_type=kind)
                mine, theirs = told.body, found["body"]
                if what == "fails":
                    mine, theirs = mine[:50], theirs[:50]
                assert (plain(theirs, found["content_type"]), found["content_type"]) == (
                    plain(mine, told.content_type),
                    told.content_type,
                ), what
                assert found["status_code"] == told.status_code
                assert found["headers"] == dict(told.headers)


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "class": ("sync", {"class_name": "Scorer", "factor": 3}),
    "async": ("async", {"handler": "later"}),
    "handler": ("sync", {"handler": "handler"}),
    "list": ("sync", {"handler": "rows"}),
    "all": ("sync", {"handler": "pick", "full_event": True}),
}
PATHS = ["/fails", "/refuse", "/rows", "/text", "/data", "/nothing", "/values", "/seen/x?q=1&z=a+b"]


def graph_function(folder: Path, engine: str, step: dict[str, Any]) -> Any:
    file = write(folder, "graph_fn.py", GRAPH)
    fn: Any = ml.code_to_function("g", project="shop", filename=file, kind="serving")
    made = fn.set_topology("flow", engine=engine).to(name="one", **step)
    if engine == "async":
        made.respond()
    return fn


@pytest.mark.parametrize("name", [name for name in CASES if name != "list"])
def test_a_graph_answers_as_the_mock(
    name: str, tmp_path: Path, deployed: Callable[..., Deployed]
) -> None:
    fn = graph_function(tmp_path, *CASES[name])
    workers = [deployed(fn, decoded=decoded) for decoded in (True, False)[: 1 + (name == "all")]]
    assert [worker.failed for worker in workers] == [""] * len(workers)
    with fn.to_mock_server() as server:
        more = [(path, b'{"x": 4}', "application/json") for path in PATHS]
        more += [("/seen", body, kind) for _, body, kind in REQUESTS]
        for path, body, kind in more if name == "all" else REQUESTS:
            told = server.test(
                path, body or None, "", {"X-Test": "t"}, kind, silent=True, get_body=False
            )
            mine = list(told.body) if told.is_stream else told.body
            for worker in workers:
                found = worker.call(path, body, headers={"X-Test": "t"}, content_type=kind)
                theirs = plain(found["body"], found["content_type"])
                if "ndjson" in found["content_type"]:
                    theirs = [json.loads(line) for line in found["body"].splitlines()]
                assert without_id(theirs) == without_id(plain(mine, "")), (path, body, kind)
                assert found["status_code"] == told.status_code
                assert found["headers"] == dict(told.headers)
                text = isinstance(told.body, str)
                if not told.content_type and isinstance(told.body, (dict, list, str)):
                    wanted = "text/plain" if text else "application/json"
                    assert found["content_type"] == wanted


def test_a_batch_is_a_list_of_answers(tmp_path: Path, deployed: Callable[..., Deployed]) -> None:
    worker = deployed(graph_function(tmp_path, *CASES["list"]))
    events = [event("/", b"1"), event("/", b"2")]
    found = worker.send(events)
    assert [row["body"] for row in found] == ["[1,1]", "[2,1]"]
    assert [row["event_id"] for row in found] == [row["id"] for row in events]


def test_a_handler_of_batches(tmp_path: Path, deployed: Callable[..., Deployed]) -> None:
    code = """
def handler(context, events):
    return [context.Response(body={"n": len(e.body)}, event_id=e.id) for e in events]
"""
    file = write(tmp_path, "batches.py", code)
    fn: Any = ml.code_to_function("b", filename=file, kind="nuclio", handler="handler")
    fn.add_trigger("http", HttpTrigger(workers=2).batch(8, "50ms"))
    found = deployed(fn).send([event("/", b"a"), event("/", b"bc")])
    assert [json.loads(row["body"]) for row in found] == [{"n": 1}, {"n": 2}]
    assert [answer.body for answer in fn.to_mock_server().test_batch(["a", "bc"])] == [
        {"n": 1},
        {"n": 2},
    ]


JOB = """
def train(context, depth: int = 3):
    context.log_result("error", 1 / depth)
    if depth < 0:
        raise ValueError("too shallow")
    return depth * 2

def _private(context):
    pass

CONSTANT = 5
"""


@pytest.mark.parametrize("kind", ["nuclio:mlrun", "job"])
def test_runs_are_requests(
    kind: str, tmp_path: Path, deployed: Callable[..., Deployed], home: Path
) -> None:
    file = write(tmp_path, "jobs_fn.py", JOB)
    fn = ml.code_to_function("tr", project="shop", filename=file, kind=kind, handler="train")
    export_nuclio(fn, tmp_path / "out")
    worker = Deployed(tmp_path / "out")
    try:
        run = {"metadata": {"name": "x"}, "spec": {"parameters": {"depth": 4}}, "other": 1}
        found = worker.call(
            "/train", json.dumps(run).encode(), method="PUT", content_type="application/json"
        )
        told = json.loads(found["body"])
        assert (found["status_code"], found["content_type"]) == (200, "application/json")
        assert told["status"]["results"] == {"error": 0.25, "return": 8}
        assert (told["metadata"]["project"], told["metadata"]["name"]) == ("shop", "x")
        stored = open_store().list_runs(RunQuery(project="shop", name="x"))
        assert [row["metadata"]["uid"] for row in stored] == [told["metadata"]["uid"]]
        short = worker.call("/", b'{"depth": 2}')  # parameters alone, and the default handler
        assert json.loads(short["body"])["status"]["results"]["return"] == 4
        failed = json.loads(worker.call("/train", b'{"depth": -2}')["body"])
        assert (failed["status"]["state"], failed["status"]["error"]) == (
            "error",
            "ValueError: too shallow",
        )
        for path, body, text in (
            ("/nosuch", b"", "function name nosuch does not exist"),
            ("/_private", b"", "not a public function handler"),
            ("/CONSTANT", b"", "not a public function handler"),
            ("/train", b"{", "not a run as JSON"),
            ("/train", b"[1]", "not a run as JSON"),
        ):
            refused = worker.call(path, body)
            assert refused["status_code"] == 400 and text in refused["body"]
    finally:
        worker.close()


def test_a_package_with_relative_imports(
    tmp_path: Path, deployed: Callable[..., Deployed], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shop_pkg" / "inner"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    (folder.parent / "base.py").write_text("K = 5\n")
    (folder / "__init__.py").write_text("")
    (folder / "entry.py").write_text(
        "import mlrun_like as ml\nfrom ..base import K\n\n"
        "def init_context(context):\n    context.user_data.k = K\n\n"
        '@ml.function(kind="nuclio")\n'
        "def handler(context, event):\n    return {'k': context.user_data.k}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = importlib.import_module("shop_pkg.inner.entry")
    assert deployed(entry.handler).call()["body"] == '{"k": 5}'
    assert entry.handler.to_mock_server().test("/") == {"k": 5}


def test_functions_of_a_graph_are_joined_by_triggers(
    tmp_path: Path, deployed: Callable[..., Deployed]
) -> None:
    file = write(tmp_path, "parts_fn.py", "def add(b):\n    return b + 1\n")
    fn: Any = ml.code_to_function("g", project="shop", filename=file, kind="serving")
    graph = fn.set_topology("flow", engine="async")
    queue = graph.to(name="add", handler="add").to(
        ">>", "q", path="kafka://k1:9092,k2:9092/orders", shards=3
    )
    queue.to(name="again", handler="add", function="child")
    fn.add_child_function("child", file)
    worker = deployed(fn, "child", trigger="kafka-cluster")
    assert worker.failed == ""
    wrapped = json.dumps({"full_event_wrapper": True, "body": 5, "id": "abc"}).encode()
    values: dict[str, Any] = {"trigger": "kafka-cluster", "topic": "orders", "offset": 3}
    assert worker.call("orders", wrapped, **values)["body"] == '{"id":"abc"}'
    assert worker.send("drain") == []  # its shards went to another worker, and came back
    assert worker.call("orders", b"7", **values)["status_code"] == 200
    assert worker.send("termination") == []


def test_events_that_a_step_holds_are_acknowledged_when_it_gives_them(
    tmp_path: Path, deployed: Callable[..., Deployed]
) -> None:
    file = write(tmp_path, "holds_fn.py", "def add(b):\n    return b\n")
    fn: Any = ml.code_to_function("g", project="shop", filename=file, kind="serving")
    graph = fn.set_topology("flow", engine="sync")
    graph.to("storey.Batch", "some", max_events=2).to(name="add", handler="add")
    worker = deployed(fn, trigger="kafka-cluster")
    assert worker.failed == ""
    first = worker.call("t", b"1", trigger="kafka-cluster", topic="t", offset=1, shard_id=2)
    assert first["headers"]["x-nuclio-stream-no-ack"] == "true"
    place = {"topic": "t", "partition": 2, "offset": 1}
    told = [{"kind": "streamMessageAck", "attributes": place}]
    assert worker.send("drain") == told  # the step gave what it held
    assert worker.send("termination") == told


class Plain:
    """An event with the least that MLRun's own mock events have."""

    def __init__(self, body: Any, path: str = "/") -> None:
        self.body, self.path = body, path
        self.headers, self.content_type, self.id = {"A": "b"}, "", None


def test_events_of_other_makers(tmp_path: Path) -> None:
    fn = graph_function(tmp_path, *CASES["list"])
    space = {"rows": lambda body: [body, 1]}
    served = NuclioServing(lambda: server_of(fn.serving_spec(), space))
    answer = served.handle(Context(), Plain('{"x": 1}'))
    assert (answer.body, answer.content_type) == ('[{"x":1},1]', "application/json")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "there is no serving spec"), ("{", "not JSON"), ("[]", "no mapping")],
)
def test_a_broken_spec_says_so(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        server_of(text, {})
