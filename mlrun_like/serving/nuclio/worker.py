"""Graphs inside Nuclio: from `SERVING_SPEC_ENV` to answers, one event or a batch at a time.

Source of the spec's layout: mlrun/serving/server.py of MLRun (`v2_serving_init`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import SpecError
from mlrun_like.names import parse_function_uri
from mlrun_like.serving.function import ServingFunction
from mlrun_like.serving.nuclio.answers import answer_of, encoded, query_of, raw_body, text_of
from mlrun_like.serving.queues.wrapping import to_event
from mlrun_like.serving.server import GraphServer
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.streams.base import Record

__all__ = ["NuclioServing", "init_serving", "server_of"]

_STREAMS = frozenset(
    {"kafka", "kafka-cluster", "v3ioStream", "v3io-stream", "rabbit-mq", "rabbitMq", "nats"}
    | {"mqtt", "kinesis", "eventhub"}
)
_FILES = ("/tmp/mlrun/serving-spec/serving_spec.json",)  # where MLRun mounts it
_CHECKPOINT = 5.0  # seconds after which steps give what they hold, so that it can be acknowledged
_KNOWN = (
    *("graph", "parameters", "load_mode", "graph_initializer", "error_stream", "track_models"),
    *("tracking_policy", "secret_sources", "default_content_type"),
)
_log = logging.getLogger("mlrun_like.serving")


def init_serving(context: Any, data: dict[str, Any], spec: str = "") -> None:
    """Prepare a worker: compile the graph and make its steps.

    Args:
        context: Nuclio's context.
        data: The globals of the exported module.
        spec: The serving spec as JSON; by default from the environment.

    Raises:
        SpecError: if there is no serving spec, or it is malformed.
        GraphError: naming every mistake of the graph.
    """
    text = spec or environment("SERVING_SPEC_ENV", "") or _mounted()
    served = NuclioServing(lambda: server_of(text, data, context))
    context.mlrun_handler = served.handle
    context._server = served.server
    platform = getattr(context, "platform", None)
    for name, callback in (("termination", served.terminate), ("drain", served.drain)):
        setter = getattr(platform, f"set_{name}_callback", None)
        if setter is not None:
            setter(callback)


def server_of(text: str, data: Mapping[str, Any], context: Any = None) -> GraphServer:
    """The server that a serving spec describes.

    Raises:
        SpecError: if the text is no serving spec.
        GraphError: naming every mistake of the graph.
    """
    where = "SERVING_SPEC_ENV"
    if not text:
        raise SpecError(
            "there is no serving spec",
            where=where,
            fix="export the function with fn.export_nuclio(...), which sets it",
        )
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise SpecError(f"the serving spec is not JSON: {exc}", where=where) from exc
    if not isinstance(found, dict):
        raise SpecError(f"the serving spec is no mapping but {found!r:.60}", where=where)
    uri = parse_function_uri(str(found.get("function_uri") or "function"))
    kept = {name: found[name] for name in _KNOWN if found.get(name) not in (None, "", {}, [])}
    document = FunctionDoc.from_dict(
        {"kind": "serving", "metadata": {"name": uri.name, "project": uri.project}, "spec": kept},
        where,
    )
    function = ServingFunction(None, None, document)
    function.verbose = bool(found.get("verbose"))
    current = environment("SERVING_CURRENT_FUNCTION", "")
    if not current:
        graph = function.spec.graph
        named = {step.function for step in graph.steps} if graph is not None else set()
        current = "" if named - {"", "*"} else "*"
    server = function.server(
        [dict(data)], current_function=current or "", track_models=bool(found.get("track_models"))
    )
    server.context.worker_id = getattr(context, "worker_id", None) or 0
    if hasattr(context, "platform"):
        server.context.platform = context.platform  # type: ignore[attr-defined]
    return server


def _mounted() -> str:
    for name in _FILES:
        with contextlib.suppress(OSError), open(name, encoding="utf-8") as file:
            return file.read()
    return ""


class NuclioServing:
    """Answers Nuclio's events from a graph.

    Args:
        make: Makes the server; called again after the worker lost its shards.
    """

    def __init__(self, make: Callable[[], GraphServer]) -> None:
        self._make = make
        self.server = make()
        self._holds = any(step.holds for _, step in self.server.plan.holding())
        self._held: list[Any] = []
        self._platform: Any = None
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def handle(self, context: Any, event: Any) -> Any:
        """One event's answer, or a list of them for a batch, each with its event's id."""
        if isinstance(event, list):
            return [self._one(context, one, text_of(one.id)) for one in event]
        return self._one(context, event, None)

    async def terminate(self) -> None:
        """The worker ends: what steps hold goes on its way, and is acknowledged."""
        self.server.close()
        await self._acknowledge_now()

    async def drain(self) -> None:
        """The worker's shards go to another one: the flow ends, and a new one starts."""
        await self.terminate()
        self.server = self._make()

    # Inside ----------------------------------------------------------------------------------

    def _one(self, context: Any, event: Any, event_id: Any) -> Any:
        trigger = getattr(event, "trigger", None)
        if text_of(getattr(trigger, "kind", "")) in _STREAMS:
            return self._from_stream(context, event, event_id)
        path, query = text_of(event.path or "/"), query_of(event)
        content_type = text_of(event.content_type or "")
        headers = {text_of(name): text_of(value) for name, value in (event.headers or {}).items()}
        body = raw_body(event, content_type)
        stamp = getattr(event, "timestamp", None)
        own_id = getattr(event, "id", None)
        response = self.server.test(
            f"{path}?{query}" if query and "?" not in path else path,
            body,
            text_of(getattr(event, "method", "") or ""),
            headers,
            content_type,
            silent=True,
            get_body=False,
            event_id=None if own_id is None else text_of(own_id),
            trigger=trigger,
            offset=getattr(event, "offset", None),
            time=stamp if isinstance(stamp, datetime) else None,
        )
        return answer_of(context, response, event_id)

    def _from_stream(self, context: Any, event: Any, event_id: Any) -> Any:
        """A record of a stream: MLRun's wrapper of whole events is taken off."""
        topic = text_of(getattr(event, "topic", None) or event.path or "")
        raw = event.body if isinstance(event.body, bytes) else encoded(event.body)
        headers = {text_of(name): text_of(value) for name, value in (event.headers or {}).items()}
        record = Record(raw, headers=headers, id=str(event.offset), shard=int(event.shard_id or 0))
        made = to_event(record, topic, topic)
        made.trigger = event.trigger
        response = self.server.run(made)
        answer = answer_of(context, response, event_id)
        if self._holds and response.status_code < 300:
            self._keep(context, event, answer)
        return answer

    def _keep(self, context: Any, event: Any, answer: Any) -> None:
        """Leave an event that steps may hold unacknowledged until they gave it away."""
        answer.headers["x-nuclio-stream-no-ack"] = "true"
        with self._lock:
            self._held.append(event)
            due = time.monotonic() - self._since > _CHECKPOINT
        self._platform = getattr(context, "platform", None)
        if due:
            self._flush()
            self._acknowledge()

    def _flush(self) -> None:
        plan = self.server.plan
        for name, step in plan.holding():
            emit = plan.emitter(name, is_async=plan.is_async)
            for event in list(step.flush()):
                found = emit(event)
                if plan.is_async:
                    self.server.background.wait(found)

    def _taken(self) -> list[Any]:
        with self._lock:
            held, self._held = self._held, []
            self._since = time.monotonic()
        return held

    def _acknowledge(self) -> None:
        """Acknowledge on the worker's own event loop, as soon as this event is answered."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # not inside Nuclio's wrapper
            return
        loop.create_task(self._acknowledge_now()).add_done_callback(_told)

    async def _acknowledge_now(self) -> None:
        for event in self._taken():
            await self._platform.explicit_ack(_Offset(event))


def _told(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.warning("an event cannot be acknowledged: %s", task.exception())


class _Offset:
    """An event's place, in the form of nuclio_sdk.QualifiedOffset."""

    def __init__(self, event: Any) -> None:
        self.topic = event.topic if getattr(event, "topic", None) else event.path
        self.partition, self.offset = event.shard_id, event.offset

    def compile_explicit_ack_message(self) -> dict[str, Any]:
        """What the processor is told."""
        place = {"topic": self.topic, "partition": self.partition, "offset": self.offset}
        return {"kind": "streamMessageAck", "attributes": place}
