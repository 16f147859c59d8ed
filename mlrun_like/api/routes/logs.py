"""Logs of runs: by bytes, the end, as they grow, as a file."""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.streams import Event, event_stream, last_event_id
from mlrun_like.api.routes.asking import clean
from mlrun_like.api.routes.bodies import number
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.store import SqlStore

__all__ = ["ROUTES", "log_text", "tail"]

ROUTES = Routes("logs")
_ONE = "/projects/{project}/runs/{uid}/log"
_PIECE = 1 << 20
_LARGEST_ANSWER = 8 << 20
_FARTHEST = 2**62
_EVERY = 0.5
_PLAIN = {"content-type": "text/plain; charset=utf-8", "cache-control": "private, no-cache"}


def tail(store: SqlStore, project: str, uid: str, lines: int) -> tuple[int, bytes]:
    """The last lines of a log, and the byte at which they begin."""
    size = store.log_size(project, uid)
    length = 64 << 10
    while True:
        start = max(0, size - length)
        data = store.read_log(project, uid, start, size - start)
        whole = data.splitlines(keepends=True)
        if start == 0 or len(whole) > lines or length >= _LARGEST_ANSWER:
            kept = b"".join(whole[-lines:]) if lines else b""
            return size - len(kept), kept
        length *= 4


def log_text(store: SqlStore, project: str, uid: str, lines: int = 200) -> str:
    """The last lines of a log as text; bytes that are none become marks."""
    return tail(store, project, uid, lines)[1].decode("utf-8", "replace")


@ROUTES.get(_ONE, needs=Needs("log", "read"), summary="Read a log")
def read_log(request: Request, project: str, uid: str) -> Response:
    """As plain text: from `offset`, at most `size` bytes (at most 8 MiB an answer), or `tail=200`
    lines. Headers: `x-log-offset` (where the answer begins), `x-log-size` (bytes in all),
    `x-mlrun-run-state`. `download=true`: the whole log as a file."""
    store = store_of(request)
    state = _state(store, clean(project, "project"), clean(uid, "uid"))
    if request.query_params.get("download", "").lower() in ("1", "true", "yes"):
        return _download(store, project, uid)
    if "tail" in request.query_params:
        lines = number(request, "tail", 200, 100_000)
        offset, data = tail(store, project, uid, lines)
    else:
        offset = _offset(request)
        size = number(request, "size", _LARGEST_ANSWER, 2**40, -1)
        size = _LARGEST_ANSWER if size < 0 else min(size, _LARGEST_ANSWER)
        data = store.read_log(project, uid, offset, size)
    headers = {
        "x-log-offset": str(offset),
        "x-log-size": str(store.log_size(project, uid)),
        "x-mlrun-run-state": state,
    }
    return Response(data, headers={**_PLAIN, **headers})


@ROUTES.get(
    f"{_ONE}/size", needs=Needs("log", "read"), summary="Size of a log", examples={"size": 1024}
)
def read_size(request: Request, project: str, uid: str) -> Response:
    """Bytes so far."""
    store = store_of(request)
    _state(store, clean(project, "project"), clean(uid, "uid"))
    return json_answer({"size": store.log_size(project, uid)})


@ROUTES.get(f"{_ONE}/follow", needs=Needs("log", "read"), summary="Follow a log", timeout=0)
async def follow_log(request: Request, project: str, uid: str) -> Response:
    """Live events: `log` {offset, text} as it grows, `end` {state} when the run is over. Goes on
    at `Last-Event-ID` or `offset`; `tail=100` begins that many lines before the end."""
    store = store_of(request)
    await to_thread.run_sync(_state, store, clean(project, "project"), clean(uid, "uid"))
    known = last_event_id(request)
    if known.isascii() and known.isdigit() and len(known) < 19:
        offset = int(known)
    elif "tail" in request.query_params:
        lines = number(request, "tail", 100, 100_000)
        offset, _ = await to_thread.run_sync(tail, store, project, uid, lines)
    else:
        offset = _offset(request)
    return event_stream(request, _growing(store, project, uid, offset))


async def _growing(store: SqlStore, project: str, uid: str, offset: int) -> AsyncIterator[Event]:
    """What a log gets, until its run is over."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def look() -> tuple[str, bytes]:
        # the state first: what was written before a run ended is read after that was seen
        return _state(store, project, uid), store.read_log(project, uid, offset, _PIECE)

    while True:
        state, data = await to_thread.run_sync(look)
        begin, offset = offset - _held(decoder), offset + len(data)
        over = state in TERMINAL and len(data) < _PIECE
        text = decoder.decode(data, final=over)
        if text:
            # an id is a place where a whole character begins
            yield Event({"offset": begin, "text": text}, "log", str(offset - _held(decoder)))
        if over:
            yield Event({"state": state}, "end", str(offset))
            return
        if len(data) < _PIECE:
            await asyncio.sleep(_EVERY)


def _held(decoder: codecs.IncrementalDecoder) -> int:
    return len(decoder.getstate()[0])


def _state(store: SqlStore, project: str, uid: str) -> str:
    """The run's state. Raises NotFoundError if there is no such run."""
    document = store.read_run(project, uid)
    status: Any = document.get("status")
    return str((status or {}).get("state") or "created")


def _offset(request: Request) -> int:
    given = request.query_params.get("offset") or "0"
    if not re.fullmatch(r"\d{1,18}", given, re.ASCII):
        raise InvalidArgumentError(
            f"offset {given[:40]!r} cannot be used", fix="a whole number from 0"
        )
    return min(int(given), _FARTHEST)


def _download(store: SqlStore, project: str, uid: str) -> Response:
    def pieces() -> Iterator[bytes]:
        offset, size = 0, store.log_size(project, uid)
        while offset < size:
            data = store.read_log(project, uid, offset, min(_PIECE, size - offset))
            if not data:
                return
            offset += len(data)
            yield data

    name = re.sub(r"[^A-Za-z0-9._-]", "_", uid)[:100] or "run"
    disposition = f'attachment; filename="{name}.log"'
    return StreamingResponse(
        pieces(),
        headers={**_PLAIN, "content-disposition": disposition, "cache-control": "no-store"},
    )
