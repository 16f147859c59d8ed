from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from mlrun_like.serving.stream_flow.results import (
    AsyncAwaitableResult,
    AwaitableResult,
    StreamChunk,
    StreamCompletion,
    raised_again,
)


def later(call: Any, *arguments: Any) -> None:
    threading.Timer(0.02, call, arguments).start()


def test_a_result_may_come_later_from_another_thread() -> None:
    result = AwaitableResult()
    later(result.put, 5)
    assert result.await_result() == 5
    assert result.is_answered()


def test_none_is_a_result() -> None:
    result = AwaitableResult(2)
    for value in (None, 1):
        result.put(value)
    assert result.await_result() == [None, 1]


def test_the_end_comes_before_all_results() -> None:
    result = AwaitableResult(3)
    result.put(1)
    result.end()
    result.end()
    assert result.await_result() == [1]


def test_an_error_outweighs_results_but_only_the_first() -> None:
    result = AwaitableResult()
    result.put(1)
    result.fail(ValueError("first"))
    result.fail(KeyError("second"))
    with pytest.raises(ValueError, match="first"):
        result.await_result()


def test_after_the_end_there_are_no_errors() -> None:
    result = AwaitableResult()
    result.end()
    result.fail(ValueError("too late"))
    assert result.await_result() is None


def test_a_stream_ends_as_often_as_expected() -> None:
    result = AwaitableResult(2)
    for item in (StreamChunk(1), StreamCompletion("s"), StreamChunk(2), StreamCompletion("s")):
        result.put(item)
    assert list(result.await_result()) == [1, 2]
    result = AwaitableResult()
    result.put(StreamCompletion("s"))
    assert list(result.await_result()) == []
    result = AwaitableResult()
    result.put(StreamChunk(1))
    result.end()
    assert list(result.await_result()) == [1]


def test_a_stream_may_fail() -> None:
    result = AwaitableResult()
    result.put(StreamChunk(1))
    result.fail(ValueError("broken"))
    stream = result.await_result()
    assert next(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_the_same_in_a_loop() -> None:
    async def main() -> None:
        result = AsyncAwaitableResult()
        later(result.put, 5)
        assert await result.await_result() == await result.await_result() == 5
        result = AsyncAwaitableResult(2)
        result.put(1)
        result.end()
        assert await result.await_result() == [1]
        result = AsyncAwaitableResult()
        later(result.fail, ValueError("broken"))
        with pytest.raises(ValueError, match="broken"):
            await result.await_result()
        result = AsyncAwaitableResult()
        result.put(StreamChunk(1))
        later(result.put, StreamChunk(2))
        stream = await result.await_result()
        assert [await anext(stream), await anext(stream)] == [1, 2]
        result.put(StreamCompletion("s"))
        assert [item async for item in stream] == []
        result = AsyncAwaitableResult()
        result.put(StreamChunk(1))
        result.fail(ValueError("broken"))
        stream = await result.await_result()
        assert await anext(stream) == 1
        with pytest.raises(ValueError, match="broken"):
            await anext(stream)
        assert result.is_answered()

    asyncio.run(main())


def test_errors_that_take_no_attributes_are_raised_too() -> None:
    class Slotted(Exception):
        __slots__ = ()

        def __setattr__(self, name: str, value: Any) -> None:
            raise AttributeError(name)

    error = Slotted()
    assert raised_again(error) is error
