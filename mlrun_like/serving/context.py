"""What a step may ask of its server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config, environment
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.registry import resolve
from mlrun_like.serving.event import Event, Response

if TYPE_CHECKING:
    from mlrun_like.serving.server import GraphServer

__all__ = ["GraphContext"]


class GraphContext:
    """Injected into steps that have an argument `context`; steps may hang their own things on it.

    Args:
        parameters: Parameters of the whole graph.
        is_mock: Whether events come from tests in this process only.
        project: The project of the function.
        function_uri: The function, as errors and tracking records name it.

    >>> GraphContext({"limit": 3}).get_param("limit")
    3
    """

    Response = Response
    """`context.Response(body, status_code=404)`: an answer with its status."""

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        is_mock: bool = False,
        project: str = "",
        function_uri: str = "",
    ) -> None:
        self.parameters = dict(parameters or {})
        self.is_mock = is_mock
        self.tracked = False
        """Whether `set_tracking` asked that requests of models are recorded."""
        self.project = project or config.default_project
        self.function_uri = function_uri
        self.logger = logging.getLogger("mlrun_like.serving")
        self.verbose = False
        self.worker_id = 0
        self.current_function = ""
        self.load_mode = "sync"
        self.server: GraphServer | None = None
        self.tables: dict[str, Any] = {}
        self.executor: Any = None
        """What runs the models that steps share; None: there are none."""
        self.secrets: dict[str, str] = {}
        self.spread: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None
        """What makes arguments of the parts of a request; for servers with endpoints."""
        self.closing: list[Callable[[], object]] = []
        self.completing: list[Callable[[], object]] = []

    @property
    def root(self) -> Any:
        """The graph that is served; None: there is no server."""
        return getattr(self.server, "graph", None)

    def get_param(self, key: str, default: Any = None) -> Any:
        """The graph's parameter `key`, else `default`."""
        return self.parameters.get(key, default)

    def get_secret(self, key: str, default: str | None = None) -> str | None:
        """A secret of the function, else the environment variable of that name, else `default`."""
        return self.secrets.get(key) or environment(key) or default

    def get_store_resource(self, uri: str, use_cache: bool = True) -> Any:
        """The artifact or object that a `store://` URI names.

        Raises:
            NotFoundError: if there is none.
        """
        return resolve("mlrun_like.artifacts.item:get_artifact")(uri)

    def get_table(self, uri: str) -> Any:
        """The key-value table of a name or URL, made once and shared by all steps.

        Raises:
            InvalidArgumentError: if the URL names no kind of table.
        """
        if uri not in self.tables:
            self.tables[uri] = resolve("mlrun_like.serving.steps.tables:open_table")(uri)
        return self.tables[uri]

    def get_remote_endpoint(self, name: str, external: bool = True) -> str:
        """The URL of another function: a URL as it is, or a name from the parameter `endpoints`.

        Raises:
            NotFoundError: if the name is not known.
        """
        if "://" in name:
            return name
        known = self.parameters.get("endpoints") or {}
        if not isinstance(known, Mapping):
            raise InvalidArgumentError(f"the parameter 'endpoints' is no mapping: {known!r:.80}")
        if name not in known:
            raise NotFoundError(
                f"there is no function {name!r} with an address",
                fix=f'give its URL, or the parameter endpoints={{"{name}": "http://..."}}',
            )
        return str(known[name])

    def push_error(self, event: Event, message: Any, source: str = "") -> None:
        """Report an event that failed: to the graph's error stream, else to the log."""
        if self.server is not None:
            self.server.push_error(event, message, source)
        else:
            self.logger.error("event %s failed in %s: %s", event.id, source or "the graph", message)
