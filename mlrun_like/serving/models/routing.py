"""What all routers share: parsing, hooks, paths, the answers about the router itself."""

from __future__ import annotations

import asyncio
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.registry import resolve
from mlrun_like.serving.codec import decode_request
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models.address import Address, locate
from mlrun_like.serving.models.calling import Calls, newest, outcome, outcome_async
from mlrun_like.serving.models.definition import Definable
from mlrun_like.serving.models.informing import server_metadata
from mlrun_like.serving.models.work import Work, pump, pump_async
from mlrun_like.serving.paths import get_path, set_path
from mlrun_like.serving.protocol import Step

__all__ = ["BaseModelRouter"]

_OPERATIONS = ("infer", "predict", "explain")
_TARGET = "x-amzn-sagemaker-target-model"


class BaseModelRouter(Definable, Step, ABC):
    """Chooses routes by the path or the body. Base of routers; override the hooks.

    `GET /` and `GET /v2/health` describe the router, `/v2/health/live` and `/v2/health/ready` tell
    its state, `/v2/models` lists the models, `/v2/models/<model>[/versions/<v>]/<operation>`
    asks one. `POST /` takes `model` and `operation` from the body.

    Args:
        context: The server's context (injected).
        name: The step's name (injected).
        routes: The routes by name (injected).
        protocol: `v2` or `v1`; sets the prefixes and whether requests have `inputs` or `instances`.
        url_prefix: What paths of models start with; by default `/v2/models`.
        health_prefix: What paths of the state start with; by default `/v2/health`.
        input_path: Dotted path of the request in the body.
        result_path: Dotted path in the body where the answer is put.
        class_args: `data_url=["https://..."]`: prefixes of URLs from which a request may have its
            input downloaded (`{"data_url": ...}`); by default none, since the caller would choose
            what this server reads.
    """

    step_kind: ClassVar[str] = "router"

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        routes: Mapping[str, Route] | None = None,
        protocol: str = "",
        url_prefix: str = "",
        health_prefix: str = "",
        input_path: str = "",
        result_path: str = "",
        **class_args: Any,
    ) -> None:
        if protocol not in ("", None, "v1", "v2"):
            raise InvalidArgumentError(
                f"protocol {protocol!r} is not one of: v1, v2", where=f"router {name!r}"
            )
        self.context = context if context is not None else GraphContext()
        # graphs name a router that is alone "router"
        self.name = name if name not in ("", None, "router") else type(self).__name__
        self.routes: dict[str, Route] = dict(routes or {})
        self.protocol = protocol or "v2"
        self.url_prefix = _prefix(url_prefix or f"/{self.protocol}/models")
        self.health_prefix = _prefix(health_prefix or f"/{self.protocol}/health")
        self.inputs_key = "instances" if self.protocol == "v1" else "inputs"
        self.input_path = input_path or ""
        self.result_path = result_path or ""
        self.kwargs = class_args

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Called once, when the routes are there."""

    def parse_event(self, event: Event) -> Any:
        """The request in an event's body: JSON, the bytes of an image, or a URL's content.

        Raises:
            InvalidArgumentError: if it is none of these.
        """
        body = event.body
        if event.content_type.startswith("image/") and isinstance(body, bytes):
            return {self.inputs_key: [io.BytesIO(body)]}
        if isinstance(body, (bytes, str)):
            body = decode_request(body, event.content_type)
        if isinstance(body, dict) and "data_url" in body:
            return {**body, self.inputs_key: [self._download(body["data_url"])]}
        return body

    def preprocess(self, event: Event) -> Event:
        """Change an event before it is routed."""
        return event

    def postprocess(self, event: Event) -> Event:
        """Change an event that has its answer."""
        return event

    def get_metadata(self) -> dict[str, Any]:
        """What `GET /` says of the router."""
        return server_metadata(self)

    def models(self) -> list[str]:
        """The names that paths may ask for."""
        return list(self.routes)

    def listing(self) -> dict[str, Any]:
        """What `GET /v2/models` tells."""
        return {"models": self.models()}

    def is_ready(self) -> dict[str, bool]:
        """Whether each route's model is loaded; routes that are no models are."""
        return {
            name: bool(getattr(route.object, "ready", True)) for name, route in self.routes.items()
        }

    def do_event(self, event: Event) -> Event:
        """Answer one event in this thread."""
        return pump(self._work(event), self._call)

    async def do_event_async(self, event: Event) -> Event:
        """Answer one event for an event loop."""
        if (
            type(self).do_event is not BaseModelRouter.do_event
        ):  # a subclass's own do_event is for loops too
            return await asyncio.to_thread(self.do_event, event)
        return await pump_async(self._work(event), self._call_async)

    def close(self) -> None:
        """Close the routes' objects."""
        for route in self.routes.values():
            close = getattr(route.object, "close", None)
            if callable(close):
                close()

    @abstractmethod
    def handle(self, event: Event, place: Address) -> Work[Calls, Event]:
        """Choose and call routes; gives the event with its answer."""

    def find(self, model: str) -> Route | None:
        """The route of a model: by its key, or the newest version of its name."""
        route = self.routes.get(model)
        if route is None and ":" not in model:
            versions = [key for key in self.routes if key.partition(":")[0] == model]
            if versions:
                return self.routes[newest(versions)]
        return route

    def versions(self, name: str) -> list[str]:
        """The versions of a model, in the order of their routes."""
        parts = [key.partition(":") for key in self.routes]
        return [version for found, _, version in parts if found == name and version]

    def asked(self, event: Event, place: Address, default: str) -> tuple[str, str]:
        """The model and the operation: from the path, else from the body, else the defaults.

        Raises:
            InvalidArgumentError: if the body's are no texts.
        """
        body = event.body if isinstance(event.body, dict) else {}
        model, operation = place.model or body.get("model") or default, place.operation
        if operation == "" and event.method != "GET":
            if place.model in _OPERATIONS and self.find(place.model) is None:
                return default, place.model
            operation = body.get("operation") or "infer"
        if not isinstance(model, str) or not isinstance(operation, str):
            raise InvalidArgumentError(
                f"'model' {model!r:.60} and 'operation' {operation!r:.60} must be names",
                where=f"router {self.name!r}",
            )
        return model, operation

    def unknown(self, model: str) -> NotFoundError:
        """The error for a model that is not there."""
        known = self.models()
        return NotFoundError(
            f"model {model[:80]} doesn't exist.{nearest(model[:80], known)}",
            where=f"router {self.name!r}",
            fix=f"available models: {' | '.join(known)}",
        )

    def _work(self, event: Event) -> Work[Calls, Event]:
        original, path = event.body, event.path
        if self.input_path and original is not None:
            if isinstance(original, (bytes, str)):
                original = decode_request(original, event.content_type)
            event.body = get_path(original, self.input_path)
        event = self.preprocess(event)
        place = self._place(event)
        raw = place.dialect == "sagemaker" or "inference-header-content-length" in event.headers
        if event.body and event.method != "GET" and not raw:
            event.body = self.parse_event(event)
        told = self._inform(event, place)
        if told is not None:
            event.body = told
            event.terminated = True
            return event
        try:
            answered = yield from self.handle(event, place)
        finally:
            event.path = path  # routes see their part of it only
        event = answered
        event = self.postprocess(event)
        if self.result_path and original is not None and not isinstance(event.body, Response):
            event.body = set_path(original, self.result_path, event.body)
        return event

    def _place(self, event: Event) -> Address:
        """What the event asks for: the path says it, else the headers or the body."""
        if not event.path.startswith("/"):  # a route of another router sees the operation only
            return Address(operation=event.path)
        place = locate(event.path, self.url_prefix, self.health_prefix)
        if place is None:
            raise NotFoundError(
                f"illegal path prefix {event.path[:200]}, must start with {self.url_prefix}",
                where=f"router {self.name!r}",
                fix=f"{self.url_prefix}/<model>/infer, or / with the model's name in the body",
            )
        target = event.headers.get(_TARGET, "") if place.dialect == "sagemaker" else ""
        return place._replace(model=target) if target and not place.model else place

    def _inform(self, event: Event, place: Address) -> Any:
        """The answer to a question about the router itself, else None."""
        if place.scope == "models":
            return self.listing()
        if place.scope == "model":
            bare = not place.model and not place.operation and not place.dialect
            return self.get_metadata() if bare and event.method == "GET" else None
        if place.operation == "live":
            return {"live": True}
        if place.operation == "ready":
            ready = self.is_ready()
            good = all(ready.values())
            return Response({"ready": good, "models": ready}, 200 if good else 503)
        if place.operation:
            raise NotFoundError(
                f"a server has no health check {place.operation!r:.60}", fix="use live or ready"
            )
        return self.get_metadata()

    def _call(self, calls: Calls) -> list[Event | Exception]:
        return [outcome(route, event) for route, event in calls]

    async def _call_async(self, calls: Calls) -> list[Event | Exception]:
        if len(calls) == 1:
            return [await outcome_async(*calls[0])]
        return list(await asyncio.gather(*[outcome_async(*call) for call in calls]))

    def _download(self, url: Any) -> io.BytesIO:
        allowed = self.kwargs.get("data_url") or ()
        prefixes: Iterable[str] = [allowed] if isinstance(allowed, str) else allowed
        if not isinstance(url, str) or not any(url.startswith(prefix) for prefix in prefixes):
            raise InvalidArgumentError(
                f"data_url {url!r:.100} is not one that this server may download",
                where=f"router {self.name!r}",
                fix='allow it: data_url=["https://example.com/images/"] as the router\'s argument',
            )
        return io.BytesIO(resolve("mlrun_like.artifacts.item:get_dataitem")(url).get())


def _prefix(path: str) -> str:
    return "/" + path.strip("/")
