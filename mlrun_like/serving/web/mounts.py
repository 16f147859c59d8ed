"""Other ASGI applications below a path of ours, with their start and end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlrun_like.errors import ConflictError, InvalidArgumentError

__all__ = ["AsgiApp", "Life", "Message", "Mounts", "Receive", "Send"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]


class Mounts:
    """Applications by the path they are mounted at; the longest path wins.

    >>> mounts = Mounts()
    >>> mounts.add("/admin", print)
    >>> mounts.find("/admin/users"), mounts.find("/administration")
    (('/admin', <built-in function print>), None)
    """

    def __init__(self) -> None:
        self._apps: list[tuple[str, AsgiApp]] = []
        self._lives: list[Life] = []

    def __bool__(self) -> bool:
        return bool(self._apps)

    def add(self, path: str, app: AsgiApp) -> None:
        """Mount an application.

        Raises:
            InvalidArgumentError: if the path cannot be used or is taken.
        """
        path = path.rstrip("/")
        if not path.startswith("/") or "%" in path or "?" in path:
            raise InvalidArgumentError(
                f"an application cannot be mounted at {path!r:.80}",
                fix="write a path such as /admin; the graph itself is at /",
            )
        if not callable(app):
            raise InvalidArgumentError(f"{app!r:.80} is not an ASGI application")
        if any(path == known for known, _ in self._apps):
            raise InvalidArgumentError(f"there is already an application at {path!r}")
        self._apps.append((path, app))
        self._apps.sort(key=lambda row: -len(row[0]))

    def find(self, path: str) -> tuple[str, AsgiApp] | None:
        """The application that a path belongs to, and where it is mounted."""
        for prefix, app in self._apps:
            if path == prefix or path.startswith(prefix + "/"):
                return prefix, app
        return None

    async def start(self) -> None:
        """Tell the applications that the server starts.

        Raises:
            ConflictError: if one says that it cannot.
        """
        for prefix, app in self._apps:
            life = Life(prefix, app)
            self._lives.append(life)
            await life.start()

    async def stop(self) -> None:
        """Tell them that it ends."""
        for life in reversed(self._lives):
            await life.stop()
        self._lives.clear()


class Life:
    """The lifespan conversation with one application, in a task of its own as ASGI demands."""

    def __init__(self, prefix: str, app: AsgiApp) -> None:
        self._prefix = prefix
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())
        answer = await self._tell("lifespan.startup")
        if answer["type"] == "lifespan.startup.failed":
            raise ConflictError(
                f"the application at {self._prefix!r} did not start: {answer.get('message', '')}"
            )

    async def stop(self) -> None:
        if self._task is not None and not self._task.done():
            await self._tell("lifespan.shutdown")
            await self._task

    async def _tell(self, kind: str) -> Message:
        await self._to_app.put({"type": kind})
        return await self._from_app.get()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        try:
            await self._app(scope, self._to_app.get, self._from_app.put)
        except Exception:  # noqa: BLE001  ASGI: an application without lifespan raises at once
            pass
        finally:
            await self._from_app.put({"type": "lifespan.ended"})
