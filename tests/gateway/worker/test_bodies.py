"""Bodies that come in parts, clients that do not take them, and requests that are called off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlrun_like.gateway import wire
from tests.gateway.zygotes import ZygoteProcess, ZygoteWorker, document, order

PARTS = """
import time

def handler(context, event):
    kind = event.path.strip("/")
    def parts():
        yield "a"
        yield b"b"
        yield {"c": 1}
        if kind == "fails":
            raise ValueError("in the middle")
    def endless():
        try:
            while True:
                yield b"x" * 65536
        finally:
            print("closed")
    def empty():
        return
        yield
    def never():
        raise ValueError("at once")
        yield
    async def later():
        for n in range(3):
            yield str(n)
    if kind == "response":
        return context.Response(body=parts(), headers={"X-A": "b"}, status_code=201,
                                content_type="text/event-stream")
    if kind == "first":
        def named():
            yield context.Response(body="one", status_code=206, content_type="text/x")
            yield context.Response(body="two", status_code=500)
        return named()
    if kind == "big":
        return iter_big()
    return {"": parts, "fails": parts, "endless": endless, "empty": empty, "never": never,
            "async": later}[kind]()

def iter_big():
    yield b"y" * (5 << 20)
"""
ASYNC = PARTS.replace("def handler", "async def handler")


@pytest.fixture(scope="module", params=["plain", "async"])
def worker(request: pytest.FixtureRequest, zygote: ZygoteProcess) -> Iterator[ZygoteWorker]:
    made = zygote.start(order(document(PARTS if request.param == "plain" else ASYNC)))
    made.ready()
    yield made
    made.close()


def gathered(worker: ZygoteWorker, path: str) -> tuple[bytes, bytes, int]:
    """Head, body and the last kind of an answer."""
    head, body, last = b"", b"", 0
    for kind, content in worker.stream(worker.post(b"", path)):
        last = kind
        if kind == wire.START:
            head = content
        elif kind == wire.CHUNK:
            body += content
        elif kind == wire.ANSWER:
            head, _, body = content.partition(b"\r\n\r\n")
    return head, body, last


def test_a_generator_is_sent_part_by_part(worker: ZygoteWorker) -> None:
    head, body, last = gathered(worker, "/")
    assert head == b"\x00\xc8content-type: text/plain\r\n"
    assert (body, last) == (b"ab{'c': 1}", wire.END)


def test_a_response_with_a_generator_says_what_it_is(worker: ZygoteWorker) -> None:
    head, body, _ = gathered(worker, "/response")
    assert head == b"\x00\xc9content-type: text/event-stream\r\nX-A: b\r\n"
    assert body.startswith(b"ab")


def test_the_first_value_may_say_it(worker: ZygoteWorker) -> None:
    head, body, _ = gathered(worker, "/first")
    assert head == b"\x00\xcecontent-type: text/x\r\n" and body == b"onetwo"


def test_async_generators(worker: ZygoteWorker) -> None:
    assert gathered(worker, "/async")[1] == b"012"


def test_an_empty_generator(worker: ZygoteWorker) -> None:
    assert gathered(worker, "/empty")[1:] == (b"", wire.END)


def test_a_failure_before_the_first_part_is_an_answer(worker: ZygoteWorker) -> None:
    head, body, last = gathered(worker, "/never")
    assert last == wire.ANSWER and head[:2] == b"\x01\xf4" and b"at once" in body


def test_a_failure_in_the_middle_breaks_the_body_off(worker: ZygoteWorker) -> None:
    assert gathered(worker, "/fails")[1:] == (b"ab{'c': 1}", wire.ABORT)
    assert "in the middle" in worker.log()
    assert gathered(worker, "/")[2] == wire.END


def test_a_part_larger_than_the_window(worker: ZygoteWorker) -> None:
    assert len(gathered(worker, "/big")[1]) == 5 << 20


def test_a_client_that_takes_nothing_stops_the_generator(worker: ZygoteWorker) -> None:
    number = worker.post(b"", "/endless")
    waiting = worker.post(b"", "/")
    sent = 0
    for kind, content in worker.stream(number, take=False):
        if kind == wire.CHUNK:
            sent += len(content)
        if sent >= wire.WINDOW:
            break
    worker.send(wire.NUMBERS, b"", 0)  # it listens while it waits
    found = worker.frame()
    while found is not None and found[1] == wire.CHUNK:
        sent += len(found[2])
        found = worker.frame()
    assert found is not None and found[1] == wire.NUMBERS
    assert sent < wire.WINDOW + 65536 * 2
    worker.send(wire.CANCEL, b"", waiting)
    worker.send(wire.CANCEL, b"", number)
    ends = [worker.frame(), worker.frame()]
    assert {(item[0], item[1]) for item in ends if item} == {
        (number, wire.ABORT),
        (waiting, wire.ABORT),
    }
    assert gathered(worker, "/")[2] == wire.END
    assert "closed" in worker.log()


def test_an_endless_generator_can_be_called_off_while_it_is_read(worker: ZygoteWorker) -> None:
    number = worker.post(b"", "/endless")
    count, last = 0, 0
    for kind, content in worker.stream(number):
        last = kind
        count += len(content)
        if count > 4 << 20:
            worker.send(wire.CANCEL, b"", number)
            count = -(1 << 40)
    assert last == wire.ABORT


def test_a_waiting_request_is_called_off(worker: ZygoteWorker) -> None:
    worker.send(wire.CANCEL, b"", 12345)  # nobody knows it
    assert gathered(worker, "/")[2] == wire.END


def test_async_work_is_called_off(zygote: ZygoteProcess) -> None:
    code = (
        "import asyncio\n"
        "async def handler(context, event):\n"
        "    try:\n"
        "        await asyncio.sleep(600)\n"
        "    finally:\n"
        "        print('left')\n"
    )
    worker = zygote.start(order(document(code)))
    worker.ready()
    first, second = worker.post(), worker.post()
    worker.send(wire.CANCEL, b"", second)
    assert worker.frame() == (second, wire.ABORT, b"")
    worker.send(wire.NUMBERS)
    assert worker.frame() is not None  # the first has begun
    worker.send(wire.CANCEL, b"", first)
    assert worker.frame() == (first, wire.ABORT, b"")
    assert worker.log() == "left\n"
    worker.send(wire.DRAIN)
    assert worker.ended()["code"] == 0


def test_drain_finishes_what_is_under_way(zygote: ZygoteProcess) -> None:
    code = "import time\ndef handler(context, event):\n    time.sleep(0.02)\n    return event.body"
    for text in (code, code.replace("def ", "async def ")):
        worker = zygote.start(order(document(text)))
        worker.ready()
        numbers = [worker.post(b"x") for _ in range(3)]
        worker.send(wire.DRAIN)
        found = [worker.frame() for _ in numbers]
        assert [item[0] for item in found if item] == numbers
        assert worker.frame() is None
        assert worker.ended()["code"] == 0


def test_head_of_an_endless_body_is_its_head(worker: ZygoteWorker) -> None:
    kinds = [kind for kind, _ in worker.stream(worker.post(b"", "/endless", "HEAD"))]
    assert kinds == [wire.START, wire.END]
