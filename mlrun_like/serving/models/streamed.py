"""Answers that stream: what is recorded of them once they are over."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from mlrun_like.serving.codec import encode

__all__ = ["Heard", "listen"]

_MOST = 65_536
"""Characters of an answer that are kept; what follows is sent, but not recorded."""


class Heard:
    """The text of an answer that comes in pieces.

    Args:
        rows: How many rows the request has; with more than one, a piece is a list with one part
            for each row.

    >>> heard = Heard(1)
    >>> heard.add("Good "); heard.add(["day"])
    >>> heard.outputs()
    ['Good day']
    """

    def __init__(self, rows: int) -> None:
        self._rows: list[list[str]] = [[] for _ in range(max(rows, 1))]
        self._left = _MOST

    def add(self, piece: Any) -> None:
        """Keep a piece; whatever is no text as JSON."""
        if self._left <= 0:
            return
        parts = piece if isinstance(piece, list) and len(piece) == len(self._rows) else [piece]
        for row, part in zip(self._rows, parts, strict=False):
            text = _text(part)[: self._left]
            self._left -= len(text)
            row.append(text)

    def outputs(self) -> list[str]:
        """The joined text of each row."""
        return ["".join(row) for row in self._rows]


def listen(
    pieces: Any, rows: int, told: Callable[[list[str], float, Exception | None], None]
) -> Any:
    """The same pieces as they come; what was said is told when they are over.

    Args:
        pieces: A generator, or an asynchronous one.
        rows: How many rows the request has.
        told: Called once with the answer's texts, the seconds from the first piece that was asked
            for to the last, and the error that ended it. A caller who leaves is no error: what
            was said by then counts.
    """
    heard = Heard(rows)
    return (_async if inspect.isasyncgen(pieces) else _plain)(pieces, heard, told)


def _plain(pieces: Generator[Any], heard: Heard, told: Callable[..., None]) -> Generator[Any]:
    start = time.perf_counter()
    error: Exception | None = None
    try:
        for piece in pieces:
            heard.add(piece)
            yield piece
    except Exception as exc:
        error = exc
        raise
    finally:
        pieces.close()
        told(heard.outputs(), time.perf_counter() - start, error)


async def _async(
    pieces: AsyncGenerator[Any], heard: Heard, told: Callable[..., None]
) -> AsyncGenerator[Any]:
    start = time.perf_counter()
    error: Exception | None = None
    try:
        async for piece in pieces:
            heard.add(piece)
            yield piece
    except Exception as exc:
        error = exc
        raise
    finally:
        await pieces.aclose()
        told(heard.outputs(), time.perf_counter() - start, error)


def _text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, (bytes, bytearray)):
        return bytes(part).decode("utf-8", "replace")
    try:
        return encode(part).decode()
    except (TypeError, ValueError):
        return str(part)
