"""GraphServer as MLRun makes it: from a serving spec, in steps; and the hooks of its functions."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import yaml

from mlrun_like.compat.adapted.serving.standing import Standing
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, StateError
from mlrun_like.names import parse_function_uri
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import RouterStep
from mlrun_like.serving.function import ServingFunction
from mlrun_like.serving.nuclio.worker import init_serving
from mlrun_like.serving.server import GraphServer as OurServer
from mlrun_like.specs.function import FunctionDoc

__all__ = [
    "SERVING_SUBKIND",
    "GraphServer",
    "PendingServer",
    "create_graph_server",
    "get_serving_spec",
    "nuclio_init_hook",
    "v2_serving_handler",
    "v2_serving_init",
    "v2_serving_streaming_handler",
]


SERVING_SUBKIND = "serving_v2"


class PendingServer:
    """A server whose graph is still being made: `init_states` and `init_object` start it.

    Args:
        graph: A graph, a router, or their form as data.
        parameters: What steps read by `context.get_param`.
        load_mode: "sync" or "async".
        function_uri: The function, `<project>/<name>`.
        verbose: Whether the log tells more.
        version: MLRun's; not used.
        others: Further values of a serving spec.

    >>> server = PendingServer(RouterStep(Graph(kind="router"), "router"))
    >>> server.graph.name
    'router'
    """

    def __init__(
        self,
        graph: Any = None,
        parameters: Mapping[str, Any] | None = None,
        load_mode: str | None = None,
        function_uri: str | None = None,
        verbose: bool = False,
        version: str | None = None,
        **others: Any,
    ) -> None:
        self.graph = _graph_of(graph)
        self.parameters = dict(parameters or {})
        self.load_mode = load_mode
        self.function_uri = function_uri or "default/function"
        self.verbose = verbose
        self.version = version or "v2"
        self.others = others
        self.current_function = str(others.get("current_function") or "*")
        self.http_trigger = True
        self._server: OurServer | None = None
        self._namespaces: list[Any] = []
        self._is_mock = False

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any], *args: Any, **kwargs: Any) -> PendingServer:
        """The server that a serving spec describes."""
        return cls(**dict(struct))

    def set_current_function(self, function: str) -> None:
        """Which part of the graph runs here; "*": all of it."""
        self.current_function = function or "*"

    def init_states(
        self,
        context: Any,
        namespace: Any,
        resource_cache: Any = None,
        logger: Any = None,
        is_mock: bool = False,
        monitoring_mock: bool = False,
        **others: Any,
    ) -> None:
        """Where names of classes and functions are looked up."""
        self._namespaces = [namespace] if namespace else []
        self._is_mock = is_mock or context is None

    def init_object(self, namespace: Any) -> None:
        """Make the steps.

        Raises:
            GraphError: naming every mistake of the graph.
        """
        if namespace and namespace not in self._namespaces:
            self._namespaces.append(namespace)
        uri = parse_function_uri(self.function_uri)
        document = FunctionDoc.from_dict(
            {"kind": "serving", "metadata": {"name": uri.name, "project": uri.project}, "spec": {}},
            self.function_uri,
        )
        function = ServingFunction(None, None, document)
        if isinstance(self.graph, RouterStep):
            function.set_topology("router", self.graph)
        else:
            function.spec.graph = self.graph
        function.spec.parameters = self.parameters
        function.spec.load_mode = self.load_mode
        for name in ("error_stream", "graph_initializer", "default_content_type", "track_models"):
            if self.others.get(name):
                setattr(function.spec, name, self.others[name])
        function.verbose = self.verbose
        self._server = function.server(
            self._namespaces, sys._getframe(1).f_globals,
            current_function=self.current_function, is_mock=self._is_mock,
            track_models=bool(self.others.get("track_models")),
        )  # fmt: skip

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The serving spec."""
        return {
            "version": self.version,
            "function_uri": self.function_uri,
            "parameters": self.parameters,
            "load_mode": self.load_mode,
            "verbose": self.verbose,
            "graph": self.graph.to_dict() if self.graph is not None else None,
        }

    def to_yaml(self, *args: Any, **kwargs: Any) -> str:
        """The serving spec as YAML."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False))

    def __getattr__(self, name: str) -> Any:
        server = self.__dict__.get("_server")
        if server is None:
            raise StateError(
                f"the server has no {name!r} before its steps are made",
                fix="call server.init_object(globals()) first",
            )
        return getattr(server, name)


class GraphServer(metaclass=Standing):
    """A server of a graph: made by `to_mock_server`, by `create_graph_server`, or from a spec."""

    ours = OurServer
    make = PendingServer
    from_dict = PendingServer.from_dict


def create_graph_server(
    parameters: Mapping[str, Any] | None = None,
    load_mode: str | None = None,
    graph: Any = None,
    verbose: bool = False,
    current_function: str | None = None,
    **kwargs: Any,
) -> PendingServer:
    """A server for tests, without a function; arguments as for `PendingServer`."""
    return PendingServer(
        graph, parameters, load_mode, kwargs.pop("function_uri", None), verbose,
        current_function=current_function, **kwargs,
    )  # fmt: skip


def get_serving_spec() -> dict[str, Any]:
    """The serving spec in the environment.

    Raises:
        StateError: if there is none.
    """
    text = environment("SERVING_SPEC_ENV") or ""
    if not text:
        raise StateError("failed to find serving spec", fix="set SERVING_SPEC_ENV")
    found: dict[str, Any] = json.loads(text)
    return found


def v2_serving_init(context: Any, namespace: Any = None) -> None:
    """Prepare a worker of Nuclio: `context.mlrun_handler` answers events from then on."""
    spaces = namespace if namespace is not None else sys._getframe(1).f_globals
    init_serving(context, dict(spaces))


def nuclio_init_hook(context: Any, data: Any, kind: str) -> None:
    """Prepare a worker of Nuclio for a function of some kind.

    Raises:
        InvalidArgumentError: if the kind has no such hook.
    """
    if kind not in ("serving", "serving_v2", SERVING_SUBKIND):
        raise InvalidArgumentError(f"unsupported nuclio kind {kind!r}", where="nuclio_init_hook")
    v2_serving_init(context, data)


async def v2_serving_streaming_handler(
    context: Any, event: Any, get_body: bool = False
) -> AsyncIterator[Any]:
    """The values of the stream that answers an event of Nuclio's, or the one answer."""
    response = v2_serving_handler(context, event, get_body)
    body = getattr(response, "body", response)
    if inspect.isgenerator(body):
        for value in body:
            yield value
    elif inspect.isasyncgen(body):
        async for value in body:
            yield value
    else:
        yield response


def v2_serving_handler(context: Any, event: Any, get_body: bool = False) -> Any:
    """The answer to an event of Nuclio's."""
    response = context.mlrun_handler(context, event)
    return response.body if get_body else response


def _graph_of(graph: Any) -> Any:
    if not isinstance(graph, Mapping):
        return graph
    if graph.get("kind") == "router":
        return Graph.from_dict(graph).steps[0]
    return Graph.from_dict(graph)
