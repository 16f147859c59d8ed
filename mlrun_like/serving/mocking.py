"""Calling a serving function in this process as if it were deployed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.nuclio_deploying import NuclioDeploying, wants_mock

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph
    from mlrun_like.serving.server import GraphServer

__all__ = ["Mocking"]


class Mocking(NuclioDeploying):
    """The part of a serving function that calls a mock server of its own, or the deployed one."""

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
        dashboard: str = "",
        force_external_address: bool = False,
        auth_info: Any = None,
        mock: bool | None = None,
        **http_client_kwargs: Any,
    ) -> Any:
        """Send one event to the function, here or where it is deployed; gives the answer's body.

        Args:
            path: URL path.
            body: The content.
            method: By default POST with a body, else GET.
            headers: Request headers.
            dashboard: See `NuclioFunction.invoke`.
            force_external_address: See `NuclioFunction.invoke`.
            auth_info: MLRun's; not used.
            mock: True: to a mock server. By default if the function was deployed as one, or the
                setting `mock_nuclio_deployment` says so.
            http_client_kwargs: See `NuclioFunction.invoke`.

        Raises:
            FunctionError: if the function is not deployed and `mock` is not wanted.
            StepError: if a step fails in a mock server.
        """
        if mock or (mock is None and (self._mock is not None or wants_mock())):
            if self._mock is None:
                self._mock = self.server((), sys._getframe(1).f_globals, is_mock=True)
            return self._mock.test(path, body, method, headers)
        return super().invoke(
            path, body, method, headers, dashboard, force_external_address, auth_info, False,
            **http_client_kwargs,
        )  # fmt: skip

    def deploy(  # noqa: PLR0913 - MLRun's signature
        self,
        project: str = "",
        tag: str = "",
        verbose: bool = False,
        auth_info: Any = None,
        builder_env: Mapping[str, Any] | None = None,
        force_build: bool = False,
        *,
        mock: bool | None = None,
        watch: bool = True,
        dashboard: str = "",
        target: str = "",
        **rollout: Any,
    ) -> str:
        """Check the function, then deploy it: on this machine, or to Nuclio; `mock`: serve it here.

        Its child functions are deployed with it, before it: those that read queues which other
        processes can read. Arguments are those of `NuclioFunction.deploy`.

        Returns:
            Its address: `http://...`, or `mock://<project>/<name>`.

        Raises:
            GraphError: naming every mistake of the graph, or if there is none.
            InvalidArgumentError: if a step names a function that was not declared.
            EngineError: if it does not start, with its own error.
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
        self.verbose = self.verbose or verbose
        if mock or (mock is None and not target and wants_mock()):
            if project:
                self.metadata.project = project
            if tag:
                self.metadata.tag = tag
            self._mock = self.server((), sys._getframe(1).f_globals, is_mock=True)
            return f"mock://{self.uri_without_graph()}"
        return super().deploy(
            project, tag, verbose, auth_info, builder_env, force_build,
            mock=False, watch=watch, dashboard=dashboard, target=target, **rollout,
        )  # fmt: skip
