"""TrafficSplit: each route gets its share of the traffic, which can be changed at run time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import Any

import yaml

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models.address import Address
from mlrun_like.serving.models.calling import Calls, given
from mlrun_like.serving.models.counting import Counts
from mlrun_like.serving.models.routing import BaseModelRouter
from mlrun_like.serving.models.shares import Turns, chosen_for
from mlrun_like.serving.models.weights import normalized
from mlrun_like.serving.models.work import Work
from mlrun_like.serving.paths import get_path

__all__ = ["TrafficSplit"]

_LOOK_AGAIN = 1.0


class TrafficSplit(BaseModelRouter):
    """Sends each request to one of its routes by weight; for canaries and A/B tests.

    `POST /`, `/v2/models/infer` and `/v2/models/<split>/infer` are split; a path with a route's
    name asks that route. `GET /v2/models/<split>/metrics` tells what each route has got.

        split = graph.add_step("*TrafficSplit", "split", weights={"v1": 95, "v2": 5},
                               sticky="header:x-user-id")
        split.add_route("v1", class_name=Old); split.add_route("v2", class_name=New)
        ...
        server.plan.nodes["split"].bound.made.set_weights({"v1": 50, "v2": 50})

    Args:
        context: The server's context (injected).
        name: The step's name (injected).
        routes: The routes by name (injected).
        weights: A weight for each route, in any scale; those not named get 0. By default all get
            the same.
        sticky: What must always go to the same route: `key` (the event's key), `header:NAME`, or
            `body:PATH`. Requests without it are dealt out in turn. A change of weights moves only
            as many keys as it must.
        weights_path: A YAML or JSON file `{route: weight}`. It is looked at once a second, so that
            all worker processes follow a change; a broken file changes nothing.
        class_args: Those of every router.

    Raises:
        InvalidArgumentError: if a weight or `sticky` cannot be used.
    """

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        routes: Mapping[str, Route] | None = None,
        weights: Mapping[str, float] | None = None,
        sticky: str = "",
        weights_path: str = "",
        **class_args: Any,
    ) -> None:
        super().__init__(context, name, routes, **class_args)
        kind, _, where = (sticky or "").partition(":")
        if kind not in ("", "key", "header", "body") or (kind in ("header", "body") and not where):
            raise InvalidArgumentError(
                f"sticky {sticky!r:.60} is not key, header:NAME or body:PATH",
                where=f"router {self.name!r}",
            )
        self._sticky, self._sticky_at = kind, where.lower() if kind == "header" else where
        self.counts: dict[str, Counts] = {}
        self._lock = threading.Lock()
        self._path = weights_path
        self._stamp: tuple[float, int] | None = None
        self._look = 0.0
        self._given_weights = weights
        self.weights: dict[str, float] = {}
        self._turns = Turns({})

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Check and set the weights."""
        super().post_init(mode, **values)
        self.counts = {key: Counts() for key in self.routes}
        self.set_weights(self._given_weights)
        self._follow()

    def set_weights(self, weights: Mapping[str, float] | None) -> None:
        """Change the shares of all requests that come from now on, in this process.

        Args:
            weights: A weight for each route, in any scale; None: all get the same.

        Raises:
            InvalidArgumentError: if a weight is negative, a route unknown, or all are 0.
        """
        found = normalized(weights, list(self.routes), self.name)
        with self._lock:
            self.weights, self._turns = found, Turns(found)

    def models(self) -> list[str]:
        """The routes, and the split itself."""
        return [*self.routes, self.name]

    def handle(self, event: Event, place: Address) -> Work[Calls, Event]:
        """Call the route whose turn it is, or the one that the path names."""
        model, operation = self.asked(event, place, self.name)
        if model == self.name and event.method == "GET":
            return self._tell(event, operation)
        route = self.routes[self.choose(event)] if model == self.name else self.find(model)
        if route is None:
            raise self.unknown(model)
        event.path = "/invocations" if place.dialect == "sagemaker" else operation
        start = time.perf_counter()
        (outcome,) = yield [(route, event)]
        failed = isinstance(outcome, Exception)
        self.counts[route.name].add(time.perf_counter() - start, failed)
        return given(outcome)

    def choose(self, event: Event) -> str:
        """The route that an event goes to."""
        if self._path and time.monotonic() >= self._look:
            self._follow()
        key = self._key(event) if self._sticky else None
        return self._turns.next() if key is None else chosen_for(str(key), self.weights)

    def _key(self, event: Event) -> Any:
        if self._sticky == "key":
            return event.key
        if self._sticky == "header":
            return event.headers.get(self._sticky_at)
        try:
            return get_path(event.body, self._sticky_at)
        except InvalidArgumentError:
            return None

    def _follow(self) -> None:
        """Read the file with the weights, if it has changed."""
        self._look = time.monotonic() + _LOOK_AGAIN
        if not self._path:
            return
        try:
            found = os.stat(self._path)
            stamp = (found.st_mtime, found.st_size)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            with open(self._path, encoding="utf-8") as file:
                weights = yaml.safe_load(file)
            if not isinstance(weights, dict):
                raise InvalidArgumentError("it is not a mapping of routes to weights")
            self.set_weights(weights)
        except (OSError, ValueError, yaml.YAMLError) as exc:
            self.context.logger.warning(
                "router %r keeps its weights: %s: %s", self.name, self._path, exc
            )

    def _tell(self, event: Event, operation: str) -> Event:
        event.terminated = True
        event.body = {
            "name": self.name,
            "version": "",
            "weights": dict(self.weights),
            "routes": {key: counts.to_dict() for key, counts in self.counts.items()},
            "inputs": [],
            "outputs": [],
        }
        if operation == "ready":
            good = all(self.is_ready().values())
            event.body = Response({"ready": good}, 200 if good else 408)
        return event
