"""Functions of other kinds: parameters in, a return value out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.zygotes import ZygoteProcess, ZygoteWorker, document, order

CODE = """
import numpy as np

def train(x: int, y=2, **more):
    if x == "fail":
        raise ValueError("kaputt")
    if x == "exit":
        raise SystemExit
    if x == "object":
        return object()
    if x == "lines":
        return ({"n": n} for n in range(3))
    if x == "array":
        return np.arange(3)
    return {"sum": x + y, **more}
"""


@pytest.fixture(scope="module")
def worker(zygote: ZygoteProcess) -> Iterator[ZygoteWorker]:
    made = zygote.start(order(document(CODE, "train", kind="job")))
    assert made.ready()["blocking"] is True
    yield made
    made.close()


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [
        (b'{"x": 1}', 200, {"sum": 3}),
        (b'{"x": 1, "y": 5, "z": "\xc3\xa4"}', 200, {"sum": 6, "z": "ä"}),
        (b'{"x": "array"}', 200, [0, 1, 2]),
        (b"[1]", 400, None),
        (b"{", 400, None),
        (b"[" * 100_000, 400, None),
        (b"{}", 422, None),
        (b'{"x": "fail"}', 500, {"error": "kaputt", "code": "ValueError"}),
        (b'{"x": "exit"}', 500, {"error": "SystemExit", "code": "SystemExit"}),
        (b'{"x": "object"}', 500, None),
    ],
)
def test_a_json_object_has_the_parameters(
    worker: ZygoteWorker, body: bytes, status: int, found: object
) -> None:
    answer = worker.ask(body)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    if found is not None:
        assert answer.json == found
    else:
        assert answer.json["error"]


def test_query_parameters_are_text(worker: ZygoteWorker) -> None:
    assert worker.ask(b"", "/?x=1&y=2", "GET").json == {"sum": "12"}


def test_a_generator_gives_lines(worker: ZygoteWorker) -> None:
    parts = [content for _, content in worker.stream(worker.post(b'{"x": "lines"}'))]
    assert parts[0] == b"\x00\xc8content-type: application/x-ndjson\r\n"
    assert b"".join(parts[1:]) == b'{"n":0}\n{"n":1}\n{"n":2}\n'


def test_async_functions_and_the_context(zygote: ZygoteProcess) -> None:
    code = "async def f(context, a):\n    context.logger.info('hi')\n    return a * 2"
    worker = zygote.start(order(document(code, "f", kind="local")))
    assert worker.ready()["blocking"] is False
    assert worker.ask(b'{"a": 2}').json == 4
    assert worker.ask(b'{"b": 2}').status == 422


def test_functions_written_for_events_get_events(zygote: ZygoteProcess) -> None:
    code = "def f(context, event):\n    return event.path"
    worker = zygote.start(order(document(code, "f", kind="job")))
    worker.ready()
    assert worker.ask(b"", "/x").body == b"/x"


def test_runs_come_as_requests(zygote: ZygoteProcess) -> None:
    code = "def f(context, a):\n    context.log_result('b', a + 1)\n"
    worker = zygote.start(order(document(code, "f", kind="nuclio:mlrun")))
    worker.ready()
    found = worker.ask(b'{"spec": {"parameters": {"a": 1}}}', "/f", "PUT")
    assert found.status == 200, found.body
    assert found.json["status"]["results"]["b"] == 2
