"""Answers that stream: what is heard of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mlrun_like.serving.models.streamed import Heard, listen

Told = list[tuple[list[str], Exception | None]]


def kept(told: Told) -> Any:
    return lambda outputs, seconds, error: told.append((outputs, error))


def test_pieces_pass_and_are_joined() -> None:
    told: Told = []
    assert list(listen(iter_of("a", "b ", "c"), 1, kept(told))) == ["a", "b ", "c"]
    assert told == [(["ab c"], None)]


def iter_of(*pieces: Any) -> Iterator[Any]:
    yield from pieces


def test_several_rows_bytes_and_nested_pieces() -> None:
    heard = Heard(2)
    for piece in (["a", "x"], ["b", b"\xff"], [{"c": 1}, object]):
        heard.add(piece)
    first, second = heard.outputs()
    assert first == 'ab{"c":1}' and second.startswith("x\ufffd<class")


def test_a_caller_who_leaves_and_a_model_that_fails() -> None:
    told: Told = []
    closed: list[bool] = []

    def words() -> Iterator[str]:
        try:
            yield "one"
            yield "two"
        finally:
            closed.append(True)

    pieces = listen(words(), 1, kept(told))
    assert next(pieces) == "one"
    pieces.close()
    assert closed == [True] and told == [(["one"], None)]

    def broken() -> Iterator[str]:
        yield "half"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(listen(broken(), 1, kept(told)))
    outputs, error = told[-1]
    assert outputs == ["half"] and isinstance(error, OSError)


def test_asynchronous_pieces() -> None:
    told: Told = []

    async def words() -> AsyncIterator[str]:
        yield "one "
        yield "two"

    async def read() -> list[str]:
        return [piece async for piece in listen(words(), 1, kept(told))]

    assert asyncio.run(read()) == ["one ", "two"] and told == [(["one two"], None)]


def test_an_endless_answer_is_kept_up_to_a_bound() -> None:
    heard = Heard(1)
    for _ in range(1000):
        heard.add("x" * 1000)
    (text,) = heard.outputs()
    assert len(text) == 65_536
