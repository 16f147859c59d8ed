"""Calling a serving function in this process as if it were deployed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.nuclio_deploying import NuclioDeploying, wants_mock
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph
    from mlrun_like.serving.server import GraphServer

__all__ = ["Mocking", "calling_globals"]

_OURS = __name__.partition(".")[0]
_ENDPOINTS = "mlrun_like.compat.adapted.serving.admission:admission"
_BATCH = "mlrun_like.serving.batch.job.execute_graph"


class Mocking(NuclioDeploying):
    """The part of a serving function that calls a mock server of its own, or the deployed one."""

    spec: Any
    metadata: Any
    name: str
    verbose: bool
    server: Any
    uri_without_graph: Any
    serving_spec: Any
    _served: Any
    _mock: GraphServer | None
    _endpoints: Any = None

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
                self._mock = self.server((), calling_globals(), is_mock=True)
            return self._mock.test(path, body, method, headers)
        return super().invoke(
            path, body, method, headers, dashboard, force_external_address, auth_info, False,
            **http_client_kwargs,
        )  # fmt: skip

    def set_api_handler_config(self, config: Any) -> None:
        """Let requests pass, and give answers their form, as endpoints say (MLRun's name).

        Args:
            config: An `APIHandlerConfig` of MLRun's, or its form as data. It counts for servers
                made in this process.
        """
        self._endpoints = resolve(_ENDPOINTS)(config)

    def set_streaming(self, enabled: bool = True) -> None:
        """Say that answers are streams: their values are sent as they come.

        Raises:
            InvalidArgumentError: if the function has a trigger other than HTTP.
        """
        for key, trigger in (self.spec.config or {}).items():
            kind = trigger.get("kind") if isinstance(trigger, Mapping) else None
            if enabled and key.startswith("spec.triggers.") and kind not in (None, "http"):
                raise InvalidArgumentError(
                    f"Streaming is only supported with HTTP triggers, but {key} is {kind!r}",
                    where=f"function {self.name!r}",
                )
        self.spec.streaming = enabled

    def add_trigger(self, name: str, spec: Any) -> Any:
        """Let something call the function; arguments as for `NuclioFunction.add_trigger`.

        Raises:
            InvalidArgumentError: naming every mistake.
        """
        kind = spec.get("kind") if isinstance(spec, Mapping) else getattr(spec, "kind", None)
        if self.spec.streaming and kind not in (None, "http"):
            raise InvalidArgumentError(
                f"Cannot add non-HTTP trigger {name!r} (kind {kind!r}): its answers are streams",
                where=f"function {self.name!r}",
                fix="fn.set_streaming(False)",
            )
        return super().add_trigger(name, spec)  # type: ignore[misc]  # of NuclioFunction

    def to_job(self, func_name: str | None = None) -> Any:
        """A job that sends a table (`data`) or a request (`data_object`) through this graph.

        Raises:
            InvalidArgumentError: if answers are streams.
        """
        if self.spec.streaming:
            raise InvalidArgumentError(
                "a job cannot be made of a function whose streaming is enabled",
                where=f"function {self.name!r}",
                fix="fn.set_streaming(False)",
            )
        create = resolve("mlrun_like.functions.creators:new_function")
        job = create(
            func_name or f"{self.name}-batch", project=self.metadata.project, kind="job",
            image=self.spec.image, handler=_BATCH,
        )  # fmt: skip
        graph = self.spec.graph
        if graph is not None and graph.steps:
            job.set_env("SERVING_SPEC_ENV", self.serving_spec())
        return job

    def _set_as_mock(self, enable: bool) -> None:
        """Whether `invoke` asks a mock server from now on (MLRun's name)."""
        self._mock = self.server((), calling_globals(), is_mock=True) if enable else None

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
            self._mock = self.server((), calling_globals(), is_mock=True)
            return f"mock://{self.uri_without_graph()}"
        return super().deploy(
            project, tag, verbose, auth_info, builder_env, force_build,
            mock=False, watch=watch, dashboard=dashboard, target=target, **rollout,
        )  # fmt: skip


def calling_globals() -> Mapping[str, Any]:
    """The module that uses this package, however deep inside of it the question comes up."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OURS):
        frame = frame.f_back
    return frame.f_globals
