"""Calling a serving function in this process as if it were deployed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, InvalidArgumentError

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph
    from mlrun_like.serving.server import GraphServer

__all__ = ["Mocking"]

_HOW = "mlrun-like serve <module>:<function> answers over HTTP, fn.to_mock_server() here"
_NO = ("", "0", "no", "off", "false")


class Mocking:
    """The part of a serving function that calls a mock server of its own."""

    spec: Any
    metadata: Any
    name: str
    verbose: bool
    server: Any
    uri_without_graph: Any
    _served: Any
    _mock: GraphServer | None

    def invoke(
        self,
        path: str = "/",
        body: Any = None,
        method: str = "",
        headers: Mapping[str, str] | None = None,
        mock: bool | None = None,
    ) -> Any:
        """Send one event to the function in this process; gives the answer's body.

        Args:
            path: URL path.
            body: The content.
            method: By default POST with a body, else GET.
            headers: Request headers.
            mock: True: to a mock server. By default if the function was deployed as one, or the
                setting `mock_nuclio_deployment` says so.

        Raises:
            FunctionError: if the function is not deployed and `mock` is not wanted.
            StepError: if a step fails.
        """
        if mock is False or not (mock or self._mock or _wanted()):
            self._mock = None
            raise FunctionError(
                f"function {self.name!r} is not deployed, so it has no address to send to",
                fix=f"fn.invoke(path, body, mock=True); {_HOW}",
            )
        if self._mock is None:
            self._mock = self.server((), sys._getframe(1).f_globals, is_mock=True)
        return self._mock.test(path, body, method, headers)

    def deploy(
        self, project: str = "", tag: str = "", verbose: bool = False, *, mock: bool | None = None
    ) -> str:
        """Check the function, and with `mock` serve it in this process for `invoke`.

        Args:
            project: Its new project.
            tag: Its new tag.
            verbose: Tell more in the log.
            mock: True: as a mock server. By default if the setting `mock_nuclio_deployment` says
                so.

        Returns:
            Its address, `mock://<project>/<name>`.

        Raises:
            GraphError: naming every mistake of the graph, or if there is none.
            InvalidArgumentError: if a step names a function that was not declared.
            FunctionError: if it is not to be a mock: functions are not deployed from here.
        """
        graph: Graph = self._served()
        named = {step.function for step in graph.steps if step.function not in ("", "*")}
        missing = sorted(named - set(self.spec.function_refs))
        if missing:
            raise InvalidArgumentError(
                f"function {missing[0]} is used in steps and is not defined",
                where=f"function {self.name!r}",
                fix=f'fn.add_child_function("{missing[0]}", "{missing[0]}.py")',
            )
        if project:
            self.metadata.project = project
        if tag:
            self.metadata.tag = tag
        self.verbose = self.verbose or verbose
        if not (_wanted() if mock is None else mock):
            self._mock = None
            raise FunctionError(
                f"function {self.name!r} cannot be deployed to a cluster from here",
                fix=f"{_HOW}, fn.deploy(mock=True) for fn.invoke",
            )
        self._mock = self.server((), sys._getframe(1).f_globals, is_mock=True)
        return f"mock://{self.uri_without_graph()}"


def _wanted() -> bool:
    return config.mock_nuclio_deployment.strip().lower() not in _NO
