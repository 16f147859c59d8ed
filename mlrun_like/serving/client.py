"""Calls to a graph: over HTTP, or in this process, with the same results and the same errors."""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mlrun_like.errors import (
    MLRunLikeError,
    StepTimeoutError,
    StoreUnavailableError,
)
from mlrun_like.registry import resolve
from mlrun_like.serving.codec import decode, encode, is_json
from mlrun_like.serving.web.incoming import ChunkReader
from mlrun_like.serving.web.raised import raise_failure

__all__ = ["AsyncClient", "Client"]


@dataclass(frozen=True)
class _Call:
    """One request, and what becomes of its reply."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    finish: Callable[[int, Mapping[str, str], bytes], Any] | None = None


class _Calls:
    """The calls, for both forms: `_send` and `_stream` make them happen.

    Args:
        target: A URL, a graph (or a step of it), a serving function, a `GraphServer`, or any ASGI
            application.
        token: Sent as `Authorization: Bearer ...`.
        timeout: Seconds for a call, or for the next value of a stream; None: for ever. The server
            is told, and stops working on what nobody waits for.
        headers: Sent with every call.
        namespace: For a graph: where names of classes and functions are looked up; by default the
            calling module.
    """

    def __init__(
        self,
        target: Any,
        *,
        token: str = "",
        timeout: float | None = 60.0,
        headers: Mapping[str, str] | None = None,
        namespace: Any = None,
    ) -> None:
        self._timeout = timeout
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._base = ""
        if isinstance(target, str):
            self._base = target.rstrip("/")
            self._transport = resolve("mlrun_like.serving.web.outgoing:HttpClient")(timeout)
            return
        if not _is_asgi(target):
            found = sys._getframe(1).f_globals if namespace is None else namespace
            target = resolve("mlrun_like.serving.web.app:GraphApp")(target, found)
        self._transport = resolve("mlrun_like.serving.web.in_process:AppClient")(target, timeout)

    def post(
        self,
        path: str = "/",
        body: Any = None,
        *,
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        method: str = "POST",
    ) -> Any:
        """Send a body and give the answer's: JSON decoded, text as text, the rest as bytes.

        Args:
            path: Below the target's URL, with a query if need be.
            body: Bytes are sent as they are, everything else as JSON (also arrays and data frames).
            content_type: Of a body of bytes or text.
            headers: For this call only.
            timeout: For this call only, in seconds.
            method: Instead of POST.

        Raises:
            StepError: if a step failed; `status`, `step` and `event_id` tell more, and the error
                of the step's kind is its cause.
            MLRunLikeError: of the kind that the server names, if it refused the request.
            StoreUnavailableError: if the server cannot be reached.
        """
        kind = content_type or ("" if isinstance(body, bytes) else "application/json")
        if isinstance(body, bytes):
            content = body
        elif isinstance(body, str) and content_type and not is_json(content_type):
            content = body.encode("utf-8")
        else:
            content = b"" if body is None else encode(body)
        sent = {**self._headers, **({"content-type": kind} if kind else {})}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        return self._send(_Call(method.upper(), path, content, sent, timeout, _result))

    def get(
        self,
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Ask without a body; arguments and errors as for `post`."""
        sent = {**self._headers, **{name.lower(): v for name, v in (headers or {}).items()}}
        return self._send(_Call("GET", path, b"", sent, timeout, _result))

    def infer(
        self, inputs: Any, model: str = "", *, version: str = "", timeout: float | None = None
    ) -> Any:
        """Ask a model for predictions (V2 inference protocol); gives the whole answer.

        Args:
            inputs: Rows: lists, an array, or a data frame.
            model: Its name; empty: the graph is the model, or its router chooses.
            version: One of its versions.
            timeout: For this call only, in seconds.
        """
        return self.post(_model_path(model, version, "infer"), {"inputs": inputs}, timeout=timeout)

    def ready(self, model: str = "", *, version: str = "") -> Any:
        """Whether the server, or a model, takes requests now."""
        path = _model_path(model, version, "ready") if model else "/readyz"
        return self._send(_Call("GET", path, b"", self._headers, None, _is_ready))

    def stream(
        self,
        path: str = "/",
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send a body and iterate over the values of the answer as they come.

        Leaving the loop early ends the work of the server. Arguments and errors as for `post`; an
        error in the middle of the stream is raised where it happened.
        """
        sent = {
            "content-type": "application/json",
            "accept": "text/event-stream, application/x-ndjson;q=0.9, */*;q=0.1",
            **self._headers,
            **{name.lower(): value for name, value in (headers or {}).items()},
        }
        content = b"" if body is None else encode(body)
        return self._stream(_Call("POST", path, content, sent, timeout))

    def _send(self, call: _Call) -> Any:
        raise NotImplementedError

    def _stream(self, call: _Call) -> Any:
        raise NotImplementedError

    def _arguments(self, call: _Call) -> tuple[Any, ...]:
        limit = self._timeout if call.timeout is None else call.timeout
        headers = dict(call.headers)
        if limit is not None:
            headers.setdefault("request-timeout", f"{limit:g}")
        return call.method, self._base + call.path, call.body, headers, limit

    def _unreachable(self, exc: OSError) -> MLRunLikeError:
        if isinstance(exc, TimeoutError):
            return StepTimeoutError(f"no answer in time: {exc}", where=self._base)
        return StoreUnavailableError(
            f"the server cannot be reached: {exc}",
            where=self._base,
            fix="is it running, and is the URL right?",
        )


class Client(_Calls):
    """Calls a graph, and waits for its answers.

    The methods are those of `AsyncClient`, without `await`.

    >>> from mlrun_like.serving.definition.graph import flow
    >>> with Client(flow().to(sorted).respond()) as client:
    ...     client.post("/", [2, 1])
    [1, 2]
    """

    def _send(self, call: _Call) -> Any:
        try:
            reply = self._transport.send(*self._arguments(call))
        except OSError as exc:
            raise self._unreachable(exc) from exc
        return call.finish(reply.status, reply.headers, reply.body) if call.finish else None

    def _stream(self, call: _Call) -> Iterator[Any]:
        reader = ChunkReader(raise_failure)
        parts = self._transport.stream(*self._arguments(call))
        try:
            while True:
                try:
                    found = next(parts, None)
                except OSError as exc:
                    raise self._unreachable(exc) from exc
                if found is None:
                    break
                yield from reader.feed(found[0].status, found[0].headers, found[1])
            yield from reader.end()
        finally:
            parts.close()

    def close(self) -> None:
        """End kept connections, or the graph that this client made."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class AsyncClient(_Calls):
    """Calls a graph from an event loop: the methods of `Client`, to be awaited.

    `stream` gives an `async` iterator.
    """

    async def _send(self, call: _Call) -> Any:
        try:
            reply = await self._transport.send_async(*self._arguments(call))
        except OSError as exc:
            raise self._unreachable(exc) from exc
        return call.finish(reply.status, reply.headers, reply.body) if call.finish else None

    async def _stream(self, call: _Call) -> AsyncIterator[Any]:
        reader = ChunkReader(raise_failure)
        parts = self._transport.stream_async(*self._arguments(call))
        try:
            while True:
                try:
                    found = await anext(parts, None)
                except OSError as exc:
                    raise self._unreachable(exc) from exc
                if found is None:
                    break
                for value in reader.feed(found[0].status, found[0].headers, found[1]):
                    yield value
            for value in reader.end():
                yield value
        finally:
            await parts.aclose()

    async def close(self) -> None:
        """End kept connections, or the graph that this client made."""
        await self._transport.close_async()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


def _is_asgi(target: Any) -> bool:
    call = target if inspect.isfunction(target) else vars(type(target)).get("__call__")
    return inspect.iscoroutinefunction(call)


def _model_path(model: str, version: str, operation: str) -> str:
    if not model:
        return "/"
    place = f"/versions/{quote(version, '')}" if version else ""
    return f"/v2/models/{quote(model, '')}{place}/{operation}"


def _is_ready(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    return status == 200


def _result(status: int, headers: Mapping[str, str], body: bytes) -> Any:
    kind = headers.get("content-type", "")
    if status >= 300:
        raise_failure(status, headers, body)
    if not body:
        return None
    if is_json(kind):
        return decode(body)
    return body.decode("utf-8", "replace") if kind.startswith("text/") else body
