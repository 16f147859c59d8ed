"""ShadowRouter: a model answers, others get copies of its traffic and are compared with it."""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import Event, Response, copy_body
from mlrun_like.serving.models.address import Address
from mlrun_like.serving.models.calling import Calls, given, is_stream, read_stream
from mlrun_like.serving.models.daemons import Daemons
from mlrun_like.serving.models.routing import BaseModelRouter
from mlrun_like.serving.models.work import Work

__all__ = ["ShadowCounts", "ShadowRouter", "differs"]

_PATIENCE = 5.0


class ShadowCounts:
    """What a shadow did: calls, differences from the answer, failures, copies that were dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = 0
        self.differences = 0
        self.failures = 0
        self.dropped = 0
        self.seconds = 0.0

    def add(self, **numbers: float) -> None:
        """Add to the counts."""
        with self._lock:
            for name, value in numbers.items():
                setattr(self, name, getattr(self, name) + value)

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain data; `seconds_mean` is the time of a call."""
        with self._lock:
            found = {name: getattr(self, name) for name in _COUNTED}
            return {**found, "seconds_mean": self.seconds / self.calls if self.calls else 0.0}


_COUNTED = ("calls", "differences", "failures", "dropped")


class ShadowRouter(BaseModelRouter):
    """One route answers; its shadows get copies of the requests after the answer is ready.

    What a shadow does, also failing or hanging, changes neither the answer nor its time, except
    that the body is copied before the answer is computed. Paths as for a model of the router's
    name; those with a route's name ask that route. `GET /v2/models/<router>/metrics` tells the
    counts, and each difference is logged at debug level.

    Of streams only that they are streams is compared, not their values. A shadow's stream is read
    (at most 10,000 values), so that its time and its failures count.

    Args:
        context: The server's context (injected).
        name: The step's name (injected).
        routes: The routes by name (injected).
        main: The route that answers; by default the first.
        shadows: The routes that get copies; by default all others.
        sample: The share of requests that is copied, from 0 to 1.
        max_pending: Copies that may wait or run; further ones are dropped and counted.
        class_args: Those of every router; `tolerance`: numbers that differ relatively by less
            are equal (default 1e-6).

    Raises:
        InvalidArgumentError: if a route is unknown or a number cannot be used.
    """

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        routes: Mapping[str, Route] | None = None,
        main: str = "",
        shadows: Sequence[str] | None = None,
        sample: float = 1.0,
        max_pending: int = 100,
        **class_args: Any,
    ) -> None:
        super().__init__(context, name, routes, **class_args)
        self.main = main
        self.shadows: list[str] = [shadows] if isinstance(shadows, str) else list(shadows or ())
        self._all = shadows is None
        self._check(sample, max_pending)
        self.sample = sample
        self.max_pending = max_pending
        self.tolerance = float(class_args.get("tolerance", 1e-6))
        self.counts: dict[str, ShadowCounts] = {}
        self._pending: set[Any] = set()
        self._threads: Daemons | None = None
        self._lock = threading.Lock()

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Check the names of the routes."""
        super().post_init(mode, **values)
        self.main = self.main or next(iter(self.routes), "")
        if self._all:
            self.shadows = [key for key in self.routes if key != self.main]
        where, fix = f"router {self.name!r}", f"routes: {', '.join(self.routes)}"
        for key in (self.main, *self.shadows):
            if key not in self.routes:
                raise InvalidArgumentError(f"there is no route {key!r}", where=where, fix=fix)
        if self.main in self.shadows:
            raise InvalidArgumentError(f"route {self.main!r} cannot be its own shadow", where=where)
        self.counts = {key: ShadowCounts() for key in self.shadows}

    def models(self) -> list[str]:
        """The routes, and the router itself."""
        return [*self.routes, self.name]

    def handle(self, event: Event, place: Address) -> Work[Calls, Event]:
        """Call the route that answers, then hand copies to the shadows."""
        model, operation = self.asked(event, place, self.name)
        if model == self.name and event.method == "GET" and operation == "metrics":
            event.terminated = True
            event.body = self.report()
            return event
        route = self.routes.get(self.main) if model == self.name else self.find(model)
        if route is None:
            raise self.unknown(model)
        event.path = "/invocations" if place.dialect == "sagemaker" else operation
        copies: list[tuple[Route, Event]] = []
        if model == self.name and event.method != "GET" and self._sampled():
            copies = self._copies(event)
        (outcome,) = yield [(route, event)]
        if copies:
            failed = isinstance(outcome, Exception)
            answer = outcome if failed else copy_body(_outputs(outcome.body))
            self._start(copies, answer)
        return given(outcome)

    def report(self) -> dict[str, Any]:
        """The counts by shadow."""
        shadows = {key: counts.to_dict() for key, counts in self.counts.items()}
        return {"name": self.name, "main": self.main, "shadows": shadows}

    def wait(self, timeout: float = _PATIENCE) -> bool:
        """Wait, at most so many seconds, for copies under way; for callers without a loop."""
        with self._lock:
            futures = [item for item in self._pending if isinstance(item, Future)]
        return not wait(futures, timeout).not_done

    def close(self) -> None:
        """Wait a moment for copies under way, then close the routes."""
        self.wait()
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        super().close()

    def _check(self, sample: Any, max_pending: Any) -> None:
        where = f"router {self.name!r}"
        if isinstance(sample, bool) or not isinstance(sample, (int, float)) or not 0 <= sample <= 1:
            raise InvalidArgumentError(f"sample {sample!r} is not between 0 and 1", where=where)
        if isinstance(max_pending, bool) or not isinstance(max_pending, int) or max_pending < 1:
            raise InvalidArgumentError(
                f"max_pending {max_pending!r} is not a whole number from 1", where=where
            )

    def _sampled(self) -> bool:
        return bool(self.shadows) and (self.sample >= 1 or random.random() < self.sample)

    def _copies(self, event: Event) -> list[tuple[Route, Event]]:
        found: list[tuple[Route, Event]] = []
        for key in self.shadows:
            if len(self._pending) + len(found) >= self.max_pending:
                self.counts[key].add(dropped=1)
            else:
                twin = event.branch()
                twin.deadline = None  # nobody waits for it
                found.append((self.routes[key], twin))
        return found

    def _start(self, copies: list[tuple[Route, Event]], answer: Any) -> None:
        try:
            loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        for route, event in copies:
            item: Any
            if loop is not None:
                item = loop.create_task(self._run_async(route, event, answer))
            else:
                item = self._pool().submit(self._run, route, event, answer)
            with self._lock:
                self._pending.add(item)
            item.add_done_callback(self._forget)

    def _forget(self, item: Any) -> None:
        with self._lock:
            self._pending.discard(item)

    def _pool(self) -> Daemons:
        with self._lock:
            if self._threads is None:
                self._threads = Daemons(2, f"shadow-{self.name}")
            return self._threads

    def _run(self, route: Route, event: Event, answer: Any) -> None:
        start = time.perf_counter()
        try:
            found: Any = route.run(event).body
            if is_stream(found):
                read_stream(found)
        except Exception as exc:  # noqa: BLE001  a shadow's failure is counted only
            found = exc
        self._compare(route.name, time.perf_counter() - start, found, answer)

    async def _run_async(self, route: Route, event: Event, answer: Any) -> None:
        await asyncio.sleep(0)  # the answer goes first
        start = time.perf_counter()
        try:
            found: Any = (await route.run_async(event)).body
            if is_stream(found):  # a plain one must not hold up the loop
                await asyncio.wrap_future(self._pool().submit(read_stream, found))
        except Exception as exc:  # noqa: BLE001  a shadow's failure is counted only
            found = exc
        self._compare(route.name, time.perf_counter() - start, found, answer)

    def _compare(self, name: str, seconds: float, found: Any, answer: Any) -> None:
        counts = self.counts[name]
        failed = isinstance(found, Exception)
        differ = differs(_outputs(found), _outputs(answer), self.tolerance)
        counts.add(calls=1, seconds=seconds, failures=int(failed), differences=int(differ))
        if failed:
            self.context.logger.warning("shadow %r of %r failed: %s", name, self.name, found)
        elif differ:
            self.context.logger.debug(
                "shadow %r of %r differs: %.200r instead of %.200r",
                name, self.name, _outputs(found), _outputs(answer),
            )  # fmt: skip


def _outputs(body: Any) -> Any:
    """What is compared: a model's outputs, else the whole body; failures by their kind."""
    if isinstance(body, Exception):
        return type(body).__name__
    if is_stream(body):
        return "<stream>"
    if isinstance(body, Response):
        body = body.body
    return body["outputs"] if isinstance(body, Mapping) and "outputs" in body else body


def differs(left: Any, right: Any, tolerance: float = 1e-6) -> bool:
    """Whether two values differ; numbers that are nearly equal, and two NaNs, do not.

    >>> differs([1.0, "a"], [1.0000000001, "a"]), differs([1], [2])
    (False, True)
    """
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() != right.keys() or any(
            differs(value, right[key], tolerance) for key, value in left.items()
        )
    left, right = _plain(left), _plain(right)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) != len(right) or any(
            differs(a, b, tolerance) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) != math.isnan(right)
        return not math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance * 1e-6)
    return bool(left != right)


def _plain(value: Any) -> Any:
    tolist = getattr(value, "tolist", None)
    return value if tolist is None else tolist()
