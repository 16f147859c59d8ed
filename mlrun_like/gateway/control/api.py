"""The control API: requests below `/-/api/` that come over the private socket.

    GET     info                            process, address, state
    GET     triggers                        how each trigger does
    GET     functions                       all deployed functions
    POST    functions                       deploy; lines of JSON as it goes on, the last tells all
    GET     functions/<project>/<name>      one of them
    DELETE  functions/<project>/<name>      end and forget it
    POST    .../scale                       {"min": 0, "max": 4}
    POST    .../rollback  .../promote       traffic back, or all of it to the new version
    POST    .../shift                       {"shares": [{"version", "weight", "header", "value"}]}
    POST    .../shadow                      {"version": 2, "weight": 10}, or {"version": 0}
    GET     .../why                         why it has as many replicas as it has
    GET     .../logs?tail=100&follow=1      what it printed
    GET     gateways?project=shop           all API gateways, or those of a project
    GET     gateways/<project>/<name>       one of them; PUT stores it, DELETE forgets it
    POST    restart, down                   of the gateway

An error is `{"error": what, "where": ..., "fix": ..., "code": ...}` with a status of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from mlrun_like.errors import (
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    nearest,
)
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.control.following import follow, tail_of
from mlrun_like.gateway.entrances.entrances import Entrances
from mlrun_like.gateway.places import log_file
from mlrun_like.gateway.states import check_key

__all__ = ["PREFIX", "ControlApi", "Controlled"]

PREFIX = b"/-/api/"
_CHANGES = ("scale", "rollback", "promote", "shift", "shadow")
_JSON = b"content-type: application/json\r\n"
_log = logging.getLogger("mlrun_like.gateway")


class Controlled(Protocol):
    """What the API works on: the gateway."""

    home: Any
    entrances: Entrances

    def info(self) -> dict[str, Any]:
        """What runs."""

    async def trigger_rows(self) -> list[dict[str, Any]]:
        """How each trigger does."""

    def statuses(self) -> list[dict[str, Any]]:
        """All deployed functions."""

    def status(self, key: str) -> dict[str, Any]:
        """One of them."""

    def why(self, key: str) -> list[dict[str, Any]]:
        """Decisions about its replicas."""

    async def deploy(self, wanted: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
        """Deploy; gives its status."""

    async def change(self, key: str, what: str, values: dict[str, Any], by: str) -> dict[str, Any]:
        """Scale, shift and so on; gives its status."""

    async def delete(self, key: str, by: str) -> None:
        """End and forget a function."""

    def restart(self) -> None:
        """Ask for another gateway process."""

    def down(self) -> None:
        """Ask for the end."""


class ControlApi:
    """Answers requests of the control API; the same face as a function's service.

    Args:
        gateway: What it controls.
    """

    def __init__(self, gateway: Controlled) -> None:
        self._gateway = gateway
        self._tasks: dict[Call, asyncio.Task[None]] = {}

    def submit(self, call: Call) -> None:
        """Answer a request, at once or in parts."""
        task = asyncio.get_running_loop().create_task(self._answer(call))
        self._tasks[call] = task
        task.add_done_callback(lambda _: self._tasks.pop(call, None))

    def cancel(self, call: Call) -> None:
        """Nobody waits for the answer any more; only a log that is followed ends by that."""
        task = self._tasks.get(call)
        if task is not None and b"/logs" in call.target:
            task.cancel()

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, call: Call) -> None:
        try:
            await self._route(call)
        except MLRunLikeError as exc:
            _refuse(call, exc)
        except Exception as exc:  # noqa: BLE001 - the boundary of a request
            _log.exception("the control API failed over %s %s", call.method, call.target[:200])
            _refuse(call, MLRunLikeError(f"the gateway failed: {type(exc).__name__}: {exc}"))

    async def _route(self, call: Call) -> None:
        url = urlsplit(call.target.decode("utf-8", "replace"))
        parts = [unquote(part) for part in url.path.removeprefix("/-/api/").strip("/").split("/")]
        method = call.method.decode("ascii", "replace")
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        gateway = self._gateway
        if parts == ["info"]:
            return _give(call, gateway.info())
        if parts == ["triggers"]:
            return _give(call, await gateway.trigger_rows())
        if parts in (["restart"], ["down"]):
            _only(method, "POST")
            _give(call, {"accepted": True}, 202)
            return getattr(gateway, parts[0])()  # type: ignore[no-any-return]
        if parts == ["functions"]:
            if method == "POST":
                return await self._deploy(call)
            _only(method, "GET")
            return _give(call, gateway.statuses())
        if parts[0] == "gateways" and len(parts) in (1, 3):
            return await self._entrances(call, parts[1:], method, query.get("project", ""))
        if parts[0] != "functions" or len(parts) not in (3, 4):
            raise NotFoundError(f"the control API has no {url.path!r:.80}")
        key = f"{parts[1]}/{parts[2]}"
        check_key(key)
        return await self._about(call, key, parts[3] if len(parts) == 4 else "", method, query)

    async def _entrances(self, call: Call, place: list[str], method: str, project: str) -> None:
        entrances = self._gateway.entrances
        if not place:
            _only(method, "GET")
            return _give(call, entrances.rows(project))
        names = dict(zip(("project", "name"), place, strict=True))
        if method == "PUT":
            return _give(call, await entrances.put({**_content(call), **names}, _who(call)))
        if method == "DELETE":
            await entrances.delete("/".join(place), _who(call))
            return _give(call, {"deleted": "/".join(place)})
        _only(method, "GET")
        return _give(call, entrances.row("/".join(place)))

    async def _about(
        self, call: Call, key: str, what: str, method: str, query: dict[str, str]
    ) -> None:
        gateway = self._gateway
        if what == "" and method == "DELETE":
            await gateway.delete(key, _who(call))
            return _give(call, {"deleted": key})
        if what == "":
            _only(method, "GET")
            return _give(call, gateway.status(key))
        if what == "why":
            return _give(call, gateway.why(key))
        if what == "logs":
            return await self._logs(call, key, query)
        if what not in _CHANGES:
            raise NotFoundError(f"a function has no {what!r:.60}.{nearest(what, _CHANGES)}")
        _only(method, "POST")
        return _give(call, await gateway.change(key, what, _content(call), _who(call)))

    async def _deploy(self, call: Call) -> None:
        wanted = _content(call)
        wanted.setdefault("by", _who(call))
        _begin(call, b"application/x-ndjson")

        def say(line: str) -> None:
            call.reply.chunk(json.dumps({"line": line}).encode() + b"\n")

        try:
            last = {"status": await self._gateway.deploy(wanted, say)}
        except MLRunLikeError as exc:
            last = {"error": _told(exc)}
        except Exception as exc:  # noqa: BLE001 - the boundary of a request
            _log.exception("deploying failed")
            last = {"error": {"error": f"the gateway failed: {type(exc).__name__}: {exc}"}}
        call.reply.chunk(json.dumps(last, default=str).encode() + b"\n")
        call.reply.end(complete=True)

    async def _logs(self, call: Call, key: str, query: dict[str, str]) -> None:
        self._gateway.status(key)  # or it is not there
        path = log_file(self._gateway.home, key)
        try:
            tail = int(query.get("tail") or 0)
        except ValueError:
            raise InvalidArgumentError(f"tail must be a number, not {query['tail']!r}") from None
        text, at = await asyncio.to_thread(tail_of, path, max(0, tail))
        if query.get("follow") not in ("1", "true"):
            head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n\r\n"
            return call.reply.answer(200, head % len(text) + text)
        _begin(call, b"text/plain; charset=utf-8")
        if text:
            call.reply.chunk(text)
        async for data in follow(path, at):
            call.reply.chunk(data)


def _begin(call: Call, kind: bytes) -> None:
    call.started = True
    call.reply.start(200, b"content-type: %b\r\ncache-control: no-store\r\n" % kind)


def _give(call: Call, value: Any, status: int = 200) -> None:
    body = json.dumps(value, default=str).encode()
    call.reply.answer(status, _JSON + b"content-length: %d\r\n\r\n%b" % (len(body), body))


def _told(exc: MLRunLikeError) -> dict[str, Any]:
    told = {"error": exc.what, "where": exc.where, "fix": exc.fix, "code": exc.code}
    return {**told, "kind": type(exc).__name__, "status": exc.status}


def _refuse(call: Call, exc: MLRunLikeError) -> None:
    if call.started:
        call.reply.end(complete=False)
    else:
        _give(call, _told(exc), exc.status)


def _only(method: str, wanted: str) -> None:
    if method != wanted:
        refused = InvalidArgumentError(f"{method:.20} is not for this; {wanted} is")
        refused.status = 405
        raise refused


def _who(call: Call) -> str:
    for name, value in call.headers:
        if name == b"x-mlrun-like-user":
            return value.decode("utf-8", "replace")[:100]
    return call.client


def _content(call: Call) -> dict[str, Any]:
    try:
        found = json.loads(call.body) if call.body else {}
    except (ValueError, RecursionError) as exc:
        raise InvalidArgumentError(f"the request's body is not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise InvalidArgumentError(f"the request's body is no mapping but {found!r:.60}")
    return found
