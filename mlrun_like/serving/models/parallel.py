"""ParallelRun: all routes get the event at once; their results are merged."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StepError, StepTimeoutError
from mlrun_like.registry import resolve
from mlrun_like.serving.codec import decode
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.models.address import Address
from mlrun_like.serving.models.calling import Calls
from mlrun_like.serving.models.daemons import Daemons
from mlrun_like.serving.models.parallel_options import (
    EXECUTORS,
    ON_ERROR,
    one_of,
    timeouts,
)
from mlrun_like.serving.models.routing import BaseModelRouter
from mlrun_like.serving.models.work import Work

__all__ = ["ParallelRun", "told"]


class ParallelRun(BaseModelRouter):
    """Gives each route a copy of the event, and merges their results into one body.

    Args:
        context: The server's context (injected).
        name: The step's name (injected).
        routes: The routes by name (injected).
        protocol: As for every router.
        url_prefix: As for every router.
        health_prefix: As for every router.
        extend_event: Merge into the event's body instead of an empty one.
        executor_type: `thread` (default), `process` (each route in a process of its own, which is
            started with the server and ended when a call takes too long), or `array` (one by one).
            Under an event loop, `thread` means: at once, and in threads what blocks.
        class_args: `timeout`: seconds for each route, or `{route: seconds}`. `on_error`: `raise`
            (default: the first failing route's error, naming all that failed), `skip` (merge what
            there is; an error if there is nothing), or `collect` (the same, and the body's key
            `errors` tells why routes failed). Also `input_path`, `result_path`.

    A route that takes too long in a thread cannot be stopped: its result is dropped.

    Raises:
        InvalidArgumentError: if an argument is none of these.
    """

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        routes: Mapping[str, Route] | None = None,
        protocol: str = "",
        url_prefix: str = "",
        health_prefix: str = "",
        extend_event: bool | None = None,
        executor_type: str = "thread",
        **class_args: Any,
    ) -> None:
        super().__init__(context, name, routes, protocol, url_prefix, health_prefix, **class_args)
        self.extend_event = bool(extend_event)
        self.executor_type = one_of("executor_type", executor_type, EXECUTORS, self.name)
        self.on_error = one_of("on_error", class_args.get("on_error"), ON_ERROR, self.name)
        self._timeouts: dict[str, float] = {}
        self._processes: dict[str, Any] = {}
        self._pool: Daemons | None = None
        self._pool_lock = threading.Lock()

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Start the processes, if routes run in processes."""
        super().post_init(mode, **values)
        self._timeouts = timeouts(self.kwargs.get("timeout"), self.routes, self.name)
        if self.executor_type == "process":
            make = resolve("mlrun_like.serving.models.processes:RouteProcess")
            try:
                for key, route in self.routes.items():
                    self._processes[key] = make(route, self.context)
                for process in self._processes.values():
                    process.wait_ready()
            except Exception:
                self.close()
                raise

    @property
    def limited(self) -> bool:
        """Whether a route has a time limit."""
        return bool(self._timeouts)

    def parse_event(self, event: Event) -> Any:
        """As for every router; text that is not JSON reaches the routes as it is."""
        if isinstance(event.body, (bytes, str)) and not event.content_type.startswith("image/"):
            try:
                event.body = decode(event.body)
            except InvalidArgumentError:
                return event.body
        return super().parse_event(event)

    def merger(self, body: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
        """Merge the routes' results (by route name) into the body; override it at will."""
        for name, result in results.items():
            if not isinstance(result, Mapping):
                raise StepError(
                    f"route {name!r} gave a {type(result).__name__}, which cannot be merged",
                    where=f"router {self.name!r}",
                    fix="give a mapping, or override merger(self, body, results)",
                    step=name,
                )
            body.update(result)
        return body

    def handle(self, event: Event, place: Address) -> Work[Calls, Event]:
        """Call all routes."""
        results, failures = yield from self.run_routes(event, list(self.routes.values()))
        body = event.body if self.extend_event else {}
        if not isinstance(body, dict):
            raise InvalidArgumentError(
                f"the body is a {type(body).__name__}, which results cannot be merged into",
                where=f"router {self.name!r}",
                fix="send a mapping, or extend_event=False",
            )
        event.body = self.merger(body, results)
        if self.on_error == "collect" and isinstance(event.body, dict):
            event.body["errors"] = told(failures)
        return event

    def run_routes(
        self, event: Event, routes: list[Route]
    ) -> Work[Calls, tuple[dict[str, Any], dict[str, Exception]]]:
        """Call routes with copies of the event; gives results and failures by name.

        Raises:
            StepError: as `on_error` says.
        """
        outcomes = yield [(route, event.branch()) for route in routes]
        results: dict[str, Any] = {}
        failures: dict[str, Exception] = {}
        for route, outcome in zip(routes, outcomes, strict=True):
            body = outcome if isinstance(outcome, Exception) else outcome.body
            if isinstance(body, Response):
                body = _of_response(route.name, body)
            if isinstance(body, Exception):
                failures[route.name] = body
            elif body is not DROP:
                results[route.name] = body
        if not outcomes:
            raise StepError("the router has no routes", where=f"router {self.name!r}")
        if failures and (self.on_error == "raise" or not results):
            raise self._failure(failures)
        for name, exc in failures.items():
            self.context.logger.warning("route %r of %r failed: %s", name, self.name, exc)
        return results, failures

    def close(self) -> None:
        """End processes and threads, then close the routes."""
        for process in self._processes.values():
            process.close()
        with self._pool_lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        super().close()

    def _call(self, calls: Calls) -> list[Event | Exception]:
        if self.executor_type == "array" and not self._timeouts:
            return super()._call(calls)
        pool = self._threads(len(calls))
        if self.executor_type == "array":
            return [
                self._result(self._start(pool, *call), call[0], time.monotonic()) for call in calls
            ]
        began = time.monotonic()
        futures = [self._start(pool, route, event) for route, event in calls]
        return [
            self._result(future, route, began)
            for future, (route, _) in zip(futures, calls, strict=True)
        ]

    def _start(self, pool: Daemons, route: Route, event: Event) -> Future[Event]:
        process = self._processes.get(route.name)
        if process is not None:
            return pool.submit(process.call, event, self._timeouts.get(route.name))
        return pool.submit(contextvars.copy_context().run, route.run, event)

    def _result(self, future: Future[Event], route: Route, began: float) -> Event | Exception:
        limit = self._timeouts.get(route.name)
        if route.name in self._processes:
            limit = None  # the process watches its own time
        try:
            left = None if limit is None else max(0.0, began + limit - time.monotonic())
            return future.result(left)
        except FutureTimeoutError as exc:
            if future.done():  # the route itself raised a TimeoutError
                return exc
            future.cancel()
            return _late(route, limit)
        except Exception as exc:  # noqa: BLE001  `on_error` says what a failing route means
            return exc

    async def _call_async(self, calls: Calls) -> list[Event | Exception]:
        if self.executor_type == "array":
            return [await self._one_async(*call) for call in calls]
        return list(await asyncio.gather(*[self._one_async(*call) for call in calls]))

    async def _one_async(self, route: Route, event: Event) -> Event | Exception:
        process = self._processes.get(route.name)
        limit = self._timeouts.get(route.name)
        try:
            if process is not None:
                loop = asyncio.get_running_loop()
                pool = self._threads(len(self.routes))
                return await loop.run_in_executor(pool, process.call, event, limit)
            if limit is None:
                return await route.run_async(event)
            task = asyncio.ensure_future(route.run_async(event))
            try:
                done, _ = await asyncio.wait([task], timeout=limit)
                return task.result() if done else _late(route, limit)
            finally:
                task.cancel()
        except Exception as exc:  # noqa: BLE001  `on_error` says what a failing route means
            return exc

    def _threads(self, routes: int) -> Daemons:
        """Threads for several requests at once; those that wait for a late route are lost."""
        with self._pool_lock:
            if self._pool is None:
                count = max(32, 8 * routes)
                self._pool = Daemons(count, f"router-{self.name}")
            return self._pool

    def _failure(self, failures: Mapping[str, Exception]) -> StepError:
        name, first = next(iter(failures.items()))
        late = isinstance(first, StepTimeoutError)
        kind = StepTimeoutError if late else StepError
        several = f" ({len(failures)} of {len(self.routes)} routes failed: {', '.join(failures)})"
        found = kind(
            f"route {name!r} failed: {_text(first)}" + (several if len(failures) > 1 else ""),
            where=f"router {self.name!r}",
            fix=first.fix if isinstance(first, MLRunLikeError) else "",
            step=name,
            status=_status(first),
        )
        found.__cause__ = first
        return found


def told(failures: Mapping[str, Exception]) -> dict[str, str]:
    """Why routes failed, as plain data."""
    return {name: _text(exc) for name, exc in failures.items()}


def _text(exc: Exception) -> str:
    return exc.what if isinstance(exc, MLRunLikeError) else f"{type(exc).__name__}: {exc}"


def _status(exc: Exception) -> int:
    found = getattr(exc, "status_code", None) or getattr(exc, "status", None)
    return found if isinstance(found, int) and 400 <= found < 600 else 500


def _late(route: Route, limit: float | None) -> StepTimeoutError:
    return StepTimeoutError(
        f"route {route.name!r} took longer than {limit or 0:g} s",
        fix="raise the router's timeout, or find out what the route waits for",
        step=route.name,
    )


def _of_response(name: str, response: Response) -> Any:
    """The body of a route's answer, or the failure that its status means."""
    if response.status_code < 400:
        return response.body
    return StepError(
        f"route {name!r} answered {response.status_code}: {response.body!r:.200}",
        step=name,
        status=response.status_code,
    )
