"""Small parts: coroutines begun early, limits in time, the pace of streams, their readers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Response
from mlrun_like.serving.web import stream
from mlrun_like.serving.web.chunks import Source, as_event, as_line, media_type
from mlrun_like.serving.web.eager import begin
from mlrun_like.serving.web.incoming import ChunkReader
from mlrun_like.serving.web.pace import Pace
from mlrun_like.serving.web.request import HttpEvent
from mlrun_like.serving.web.serve import serve
from mlrun_like.serving.web.watch import until_client_leaves, within
from tests.serving.web.conftest import request, talk


def test_a_coroutine_that_waits_goes_on_where_it_was() -> None:
    async def work(value: int) -> int:
        await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        return value

    async def failing() -> None:
        await asyncio.sleep(0)
        raise KeyError("late")

    async def at_once() -> None:
        raise KeyError("early")

    async def main() -> None:
        done, rest = begin(work(3))
        assert done is None and rest is not None and await rest == 3
        _, rest_of_failing = begin(failing())
        assert rest_of_failing is not None
        with pytest.raises(KeyError, match="late"):
            await rest_of_failing
        with pytest.raises(KeyError, match="early"):
            begin(at_once())
        future = asyncio.get_running_loop().create_future()
        assert begin(future) == (None, future)
        _, cancelled = begin(work(1))

        async def wait() -> None:
            assert cancelled is not None
            await cancelled

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_limits_in_time() -> None:
    async def main() -> None:
        assert await within(1, asyncio.sleep(0, "in time")) == "in time"
        start = time.monotonic()
        with pytest.raises(TimeoutError, match=r"0\.05 s"):
            await within(0.05, asyncio.sleep(60))
        assert time.monotonic() - start < 1
        await asyncio.sleep(0)  # the task is not cancelled any more
        task = asyncio.ensure_future(within(60, asyncio.sleep(60)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_work_ends_when_the_client_leaves() -> None:
    async def main() -> None:
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        assert await until_client_leaves(asyncio.sleep(0, 5), receive) == 5
        asyncio.get_running_loop().call_later(0.02, left.set)
        assert await until_client_leaves(asyncio.sleep(60, 5), receive) is None
        with pytest.raises(ZeroDivisionError):
            await until_client_leaves(_fail(), receive)

    async def _fail() -> None:
        raise ZeroDivisionError

    asyncio.run(main())


def test_a_busy_loop_writes_less_often_and_an_idle_one_at_once() -> None:
    async def main() -> None:
        pace = Pace()
        pace.join()
        least = pace.apart
        until = time.monotonic() + 0.4
        while time.monotonic() < until:
            time.sleep(0.02)  # the loop has much to do
            await asyncio.sleep(0)
        assert pace.apart > 5 * least
        pace.leave()
        await asyncio.sleep(0.15)
        assert pace.apart == least

    asyncio.run(main())


def test_a_plain_generator_is_never_entered_twice() -> None:
    entered = threading.Lock()
    closed: list[str] = []

    def values() -> Generator[int, None, None]:
        try:
            for number in range(1000):
                assert entered.acquire(blocking=False)
                time.sleep(0.001)
                entered.release()
                yield number
        finally:
            closed.append(threading.current_thread().name)

    async def main() -> None:
        with ThreadPoolExecutor(4, thread_name_prefix="test-stream") as pool:
            source = Source(values(), pool)
            first = await source.next()
            assert first and first[0] == 0
            ending = asyncio.ensure_future(source.next())
            await asyncio.sleep(0)
            await source.close()  # while it computes
            await ending
        assert len(closed) == 1 and closed[0].startswith("test-stream")

    asyncio.run(main())


def test_forms_of_values() -> None:
    assert as_event(b"a\r\nb\rc") == b"data: a\ndata: b\ndata: c\n\n"
    assert as_event(" padded ") == b"data:  padded \n\n"
    assert (
        as_line(bytearray(b"x")) == b"x"
        and as_line([1]) == b"[1]\n"
        and as_line("é") == b"\xc3\xa9"
    )
    assert media_type("text/csv", {"a": 1}, events=True) == "text/csv"
    assert media_type("", b"x", events=False) == "application/octet-stream"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_streams_are_read_in_pieces_of_any_size(size: int) -> None:
    def fail(*told: Any) -> None:
        raise AssertionError(told)

    def read(kind: str, data: bytes, **headers: str) -> list[Any]:
        reader = ChunkReader(fail)
        found: list[Any] = []
        for start in range(0, len(data), size):
            part = data[start : start + size]
            found += reader.feed(200, {"content-type": kind, **headers}, part)
        return [*found, *reader.end()]

    events = b": hello\n\ndata: 1\n\nevent: x\ndata: a\ndata: b\n\nid: 4\n\ndata: [2]\r\n\r\n"
    assert read("text/event-stream", events) == [1, "a\nb", [2]]
    assert read("text/event-stream", events, **{"mlrun-stream": "text"}) == ["1", "a\nb", "[2]"]
    assert read("application/x-ndjson", b"1\n\n[2]\n3") == [1, [2], 3]
    assert "".join(read("text/plain", "žluť".encode())) == "žluť"
    assert b"".join(read("image/png", b"\x00\xff\x01")) == b"\x00\xff\x01"
    assert read("application/json", b'{"a": 1}') == [{"a": 1}]


def test_a_silent_stream_is_kept_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_QUIET", 0.05)

    async def rare(body: Any) -> AsyncIterator[int]:
        await asyncio.sleep(0.2)
        yield 1
        await asyncio.sleep(0.2)
        yield 2

    graph = flow()
    graph.to(lambda body: Response(rare(body), content_type="text/event-stream"), "rare").respond()
    with serve(graph) as running:
        answer = talk(running.url, request(b"1", content_type="application/json"))
    before, _, after = answer.partition(b"data: 1")
    assert before.count(b": still here") >= 2 and after.count(b": still here") >= 2
    assert after.rstrip().endswith(b"0") and b"data: 2" in after


def test_events_make_their_fields_when_asked() -> None:
    event = HttpEvent.of("POST", "/", b"a=1&b=%20&a=2&c", [(b"x", b"1"), (b"x", b"2")])
    assert set(event.__dict__) == {"method", "path", "raw_headers", "query_string"}
    assert event.query == {"a": "2", "b": " ", "c": ""} and event.headers == {"x": "1, 2"}
    twin = event.branch()
    assert type(twin) is HttpEvent and twin.query == event.query and twin.id == event.id
