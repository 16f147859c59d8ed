"""Driver: tables kept by classes that are written for storey's coroutines."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import Any

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.serving.steps.drivers import Change, Row
from mlrun_like.serving.steps.drivers import Driver as OurDriver

__all__ = ["Driver"]


class Driver(OurDriver):
    """Subclass it and give storey's coroutines: `_save_key`, `_load_by_key`, `_load_schema`,
    `_save_schema`, `close`. What is not given keeps nothing. Aggregates stay in this process.

    They run in one event loop until the driver is closed, so they may keep connections open.

    >>> class Printing(Driver):
    ...     async def _save_key(self, container, path, key, aggregates, by_key, values):
    ...         print(path, key, values)
    >>> Printing().save("users", [Change("ann", {"age": 31})])
    users ann {'age': 31}
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if inspect.iscoroutinefunction(cls.close):
            cls.close = _closing(cls.close)  # type: ignore[assignment]

    def load(self, table: str, key: Any, aggregates: bool = True) -> Row | None:
        container, path = _split(table)
        found = self._run(self._load_by_key(container, path, key, "*"))
        return Row(dict(found)) if found else None

    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        container, path = _split(table)
        for change in changes:
            values = dict(change.attributes)
            self._run(self._save_key(container, path, change.key, None, True, values))

    def load_schema(self, table: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._run(self._load_schema(*_split(table)))
        return found

    def save_schema(self, table: str, schema: Mapping[str, Any]) -> None:
        self._run(self._save_schema(*_split(table), dict(schema)))

    async def _save_schema(self, container: str, table_path: str, schema: Any) -> None:
        """Keep which aggregates a table has."""

    async def _load_schema(self, container: str, table_path: str) -> Any:
        """Which aggregates a table has."""
        return None

    async def _save_key(
        self,
        container: str,
        table_path: str,
        key: Any,
        aggr_item: Any,
        partitioned_by_key: bool,
        additional_data: Any,
    ) -> None:
        """Write values of a key."""

    async def _load_by_key(self, container: str, table_path: str, key: Any, attributes: Any) -> Any:
        """The values of a key."""
        return None

    def close(self) -> Any:
        """Let go what is open; a subclass may have a coroutine of this name."""
        loop = _loops.get(id(self))
        if loop is not None and not loop.waits_for_us():
            _let_go(id(self), loop)
        return _Done()

    def _run(self, call: Coroutine[Any, Any, Any]) -> Any:
        with _making:
            loop = _loops.get(id(self))
            if loop is None or loop.process != os.getpid():  # threads are not forked
                loop = _Loop()
                loop.owner = weakref.finalize(self, _let_go, id(self), loop)
                _loops[id(self)] = loop
        return loop.wait(call)


def _split(table: str) -> tuple[str, str]:
    """The container and the path in it; without a slash the container is empty."""
    container, slash, path = table.strip("/").partition("/")
    return (container, path) if slash else ("", container)


class _Loop:
    """An event loop in a thread of its own, for what a driver keeps open."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.owner: Any = None
        """Ends it when its driver is let go."""
        self._begun = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="storey-driver", daemon=True
        )
        self._thread.start()
        self._begun.wait()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        _here.loop = self
        self._begun.set()
        await self._end.wait()

    def waits_for_us(self) -> bool:
        """Whether this call comes from inside of it, so that waiting for it would never end."""
        return threading.current_thread() is self._thread or self in _blocked.get()

    def wait(self, call: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine; one that a coroutine of ours waits for gets another loop.

        Raises:
            StoreUnavailableError: if the coroutine was cancelled.
        """
        here = getattr(_here, "loop", None)
        blocked = _blocked.get() | ({here} if here is not None else set())
        mark = _blocked.set(blocked)  # the coroutine begins with a copy of this context
        try:
            if self in blocked:
                with ThreadPoolExecutor(1) as pool:
                    tried = pool.submit(copy_context().run, asyncio.run, _tried(call))
                    found, failed = tried.result()
            else:
                found, failed = asyncio.run_coroutine_threadsafe(_tried(call), self._loop).result()
        finally:
            _blocked.reset(mark)
        if isinstance(failed, asyncio.CancelledError):
            raise StoreUnavailableError(
                "the driver's coroutine was cancelled", fix="write again, or see what cancels it"
            ) from failed
        if failed is not None:
            raise failed
        return found

    def close(self) -> None:
        """End it; calling it twice is harmless."""
        if self.process != os.getpid() or not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._end.set)
        if not self.waits_for_us():
            self._thread.join()


_loops: dict[int, _Loop] = {}
"""Of drivers, by identity: a driver is its author's, who may copy it and give it any attribute."""
_making = threading.Lock()
_here = threading.local()
_blocked: ContextVar[frozenset[_Loop]] = ContextVar("storey_drivers", default=frozenset())
"""Loops that cannot go on before this call comes back."""


def _let_go(place: int, loop: _Loop) -> None:
    """End a driver's loop; without a lock, for the garbage collector calls this, too."""
    if _loops.get(place) is loop:
        del _loops[place]
    loop.owner.detach()
    loop.close()


async def _tried(call: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
    try:
        return await call, None
    except BaseException as exc:  # noqa: BLE001  raised again where the caller is
        return None, exc


class _Done:
    """What callers of `close` may await."""

    def __await__(self) -> Iterator[None]:
        return iter(())


def _closing(own: Callable[[Any], Coroutine[Any, Any, None]]) -> Callable[[Any], Any]:
    """A coroutine `close` for callers that do not await it, too; it ends the driver's loop."""

    @functools.wraps(own)
    def close(self: Driver) -> Any:
        loop = _loops.get(id(self))
        if loop is not None and loop.waits_for_us():  # super().close() of a subclass
            return own(self)
        self._run(own(self))
        return Driver.close(self)

    return close
