"""What handlers of Nuclio and their tests use: events, answers, contexts, loggers, platforms."""

from __future__ import annotations

import base64
import builtins
import json
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import MagicMock

from mlrun_like.compat.adapted.nuclio.logs import Encoder, HumanReadableFormatter, Logger
from mlrun_like.registry import require
from mlrun_like.runtimes.nuclio import events

__all__ = [
    "Context",
    "Event",
    "EventDeserializerKinds",
    "ExceptionWithResponse",
    "Platform",
    "QualifiedOffset",
    "Response",
    "TestPlatform",
    "TriggerInfo",
    "inject_context",
]

Response = events.Response


class TriggerInfo:
    """What an event came by."""

    def __init__(self, klass: str = "", kind: str = "", name: str = "") -> None:
        self.klass, self.kind, self.name = klass, kind, name


class EventDeserializerKinds:
    """The forms in which a processor sends events."""

    json = 0
    msgpack = 1
    msgpack_raw = 2


class Event(events.Event):
    """One request or message.

    Args:
        body: What it holds.
        content_type: Its kind.
        trigger: What it came by.
        values: Its further attributes; `_id` and `_type` are `id` and `type`.
    """

    def __init__(
        self, body: Any = None, content_type: str | None = None, trigger: Any = None, **values: Any
    ) -> None:
        named = {name.lstrip("_"): value for name, value in values.items() if value is not None}
        super().__init__(body, **named)
        self.content_type = content_type or ""
        self.trigger = trigger or TriggerInfo()

    def to_json(self) -> str:
        """The event as text."""
        plain = {**vars(self), "timestamp": str(self.timestamp)}
        plain["trigger"] = {"class": self.trigger.klass, "kind": self.trigger.kind}
        return json.dumps(plain, cls=Encoder)

    @staticmethod
    def from_json(data: str | bytes) -> Event:
        """An event as a processor sends it; its body is base64."""
        values = dict(json.loads(data))
        found = values.pop("trigger", None) or {}
        trigger = TriggerInfo(found.get("class", ""), found.get("kind", ""), found.get("name", ""))
        kind = values.pop("content_type", "")
        return Event(Event.decode_body(values.pop("body", None), kind), kind, trigger, **values)

    @staticmethod
    def decode_body(body: Any, content_type: str | None) -> Any:
        """The body that a processor sends; JSON as plain data."""
        if body is None or isinstance(body, Mapping):
            return body
        try:
            decoded = base64.b64decode(body)
        except ValueError:
            return body
        try:
            return json.loads(decoded) if content_type == "application/json" else decoded
        except ValueError:
            return decoded

    def __repr__(self) -> str:
        return self.to_json()


class QualifiedOffset:
    """The place of an event in a stream."""

    def __init__(self, topic: Any, partition: Any, offset: Any) -> None:
        self.topic, self.partition, self.offset = topic, partition, offset

    @staticmethod
    def from_event(event: Any) -> QualifiedOffset:
        """The place of an event."""
        return QualifiedOffset(event.topic or event.path, event.shard_id, event.offset)

    def compile_explicit_ack_message(self) -> dict[str, Any]:
        """What is sent to acknowledge it."""
        return {"kind": "streamMessageAck", "attributes": dict(vars(self))}


class ExceptionWithResponse(IOError):
    """An error that is the answer."""

    def __init__(self, status_code: int, body: Any = None, content_type: str | None = None) -> None:
        super().__init__(status_code, body)
        self.status_code, self.body, self.content_type = status_code, body, content_type


class Platform:
    """Calls other functions, and hears of the end of its worker.

    Args:
        kind: `local`, `kube` or `test`.
        namespace: Where the functions are.
        connection_provider: Makes the connections; for tests.
        on_control_callback: Sends messages to the processor.
    """

    def __init__(
        self,
        kind: str = "test",
        namespace: str = "default",
        connection_provider: Any = None,
        on_control_callback: Any = None,
    ) -> None:
        self.kind, self.namespace = kind, namespace
        self._connection, self._control = connection_provider, on_control_callback
        self._callbacks: dict[str, Callable[[], Any]] = {}

    async def explicit_ack(self, qualified_offset: QualifiedOffset) -> None:
        """Acknowledge an event of a stream."""
        if self._control is not None:
            await self._control(qualified_offset.compile_explicit_ack_message())

    def set_termination_callback(self, callback: Callable[[], Any]) -> None:
        """What to call when the worker ends."""
        self._callbacks["termination"] = callback

    def set_drain_callback(self, callback: Callable[[], Any]) -> None:
        """What to call when the worker's shards go to another one."""
        self._callbacks["drain"] = callback

    def call_function(
        self,
        function_name: str,
        event: Any,
        node: Any = None,
        timeout: float | None = None,
        service_name_override: str | None = None,
    ) -> events.Response:
        """The answer of another function.

        Args:
            function_name: Its name.
            event: What it gets.
            node: Not used.
            timeout: Seconds to wait.
            service_name_override: Its host and port, if these do not follow from its name.
        """
        del node
        local = f"nuclio-{self.namespace}-{function_name}"
        host = service_name_override or (
            local if self.kind == "local" else f"nuclio-{function_name}"
        )
        plain = isinstance(event.body, dict)
        body = json.dumps(event.body) if plain else event.body
        kind = "application/json" if plain else event.content_type or "text/plain"
        headers = {"X-Nuclio-Target": function_name, **event.headers, "Content-Type": kind}
        if self._connection is not None:
            connection = self._connection(host, timeout=timeout)
            connection.request(event.method, event.path, body=body, headers=headers)
            answer = connection.getresponse()
            status, data, found = answer.status, answer.read(), dict(answer.getheaders())
            connection.close()
        else:
            httpx = require("httpx", feature="calls of other functions")
            made = httpx.request(
                event.method,
                f"http://{host if ':' in host else host + ':8080'}{event.path}",
                content=body,
                headers=headers,
                timeout=timeout,
            )
            status, data, found = made.status_code, made.content, dict(made.headers)
        found = {name.lower(): value for name, value in found.items()}
        shown = found.get("content-type", "text/plain")
        data = json.loads(data) if shown == "application/json" else data
        return events.Response(found, data, shown, status)


class Context(events.Context):
    """What `init_context` fills and every call gets.

    Args:
        logger: Where handlers write.
        platform: What calls other functions.
        worker_id: The worker's number.
        trigger: What events come by.
        trigger_name: Its name.
    """

    def __init__(
        self,
        logger: Any = None,
        platform: Any = None,
        worker_id: int | None = None,
        trigger: Any = None,
        trigger_name: str | None = None,
    ) -> None:
        super().__init__()
        own: Any = self  # the attributes are of other classes here
        if logger is None:
            logger = Logger(name="nuclio_jupyter")
            logger.set_handler("nuclio-jupyter", sys.stdout, HumanReadableFormatter())
        own.logger = logger
        own.platform = platform or Platform("test")
        own.worker_id = 0 if worker_id is None else worker_id
        own.trigger = trigger or self.trigger
        own.trigger_name = trigger_name or getattr(trigger, "name", self.trigger_name)

    def set_logger_level(self, verbose: bool = False) -> None:
        """Write everything, or what is of some importance."""
        own: Any = self
        own.logger = Logger(logging.DEBUG if verbose else logging.INFO, "nuclio_jupyter")
        own.logger.set_handler("nuclio-jupyter", sys.stdout, HumanReadableFormatter())


class TestPlatform:
    """Calls handlers in tests, each with a context of its module."""

    __test__ = False
    kind = "test"

    def __init__(self) -> None:
        self._logger = Logger(logging.DEBUG, "mock_platform")
        self._logger.set_handler("default", sys.stdout, HumanReadableFormatter())
        self._contexts: dict[Any, Context] = {}
        self.call_function_mock = MagicMock()
        self.context = Context(self._logger, self)

    def call_handler(self, handler: Callable[..., Any], event: Any) -> Any:
        """What a handler returns; `init_context` of its module is called before the first time."""
        return handler(self._context_of(handler), event)

    def call_handler_with_context_mutation(
        self, handler: Callable[..., Any], event: Any, context_mutator: Callable[[Any], Any]
    ) -> Any:
        """The same with a context that is changed first."""
        return handler(context_mutator(self._context_of(handler)), event)

    def call_function(
        self,
        name: str,
        event: Any,
        node: Any = None,
        timeout: Any = None,
        service_name_override: Any = None,
    ) -> Any:
        """What the mock answers."""
        return self.call_function_mock(name, event, node, timeout, service_name_override)

    def get_call_function_call_args(self, index: int) -> Any:
        """The arguments of such a call."""
        return self.call_function_mock.call_args_list[index][0]

    def _context_of(self, handler: Callable[..., Any]) -> Context:
        if handler not in self._contexts:
            context = self._contexts[handler] = Context(self._logger, self)
            init = getattr(sys.modules[handler.__module__], "init_context", None)
            if init is not None:
                init(context)
        return self._contexts[handler]


def inject_context() -> None:
    """Make `context` known everywhere, as notebooks that try a handler expect it."""
    vars(builtins).setdefault("context", Context())
