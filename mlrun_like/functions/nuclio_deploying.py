"""Deploying functions: on this machine, through Nuclio's dashboard; sending them requests."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config, environment
from mlrun_like.errors import FunctionError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.functions.gateway_deploying import GatewayDeploying, target_of
from mlrun_like.functions.nuclio_status import NuclioStatus
from mlrun_like.names import check_project, check_tag
from mlrun_like.registry import resolve
from mlrun_like.runtimes.nuclio.names import nuclio_name, project_of

__all__ = ["NuclioDeploying", "NuclioStatus", "wants_mock"]

_CLUSTER = "mlrun_like.gateway.manifests.deploying:deploy_to_cluster"
_NO = ("", "0", "no", "off", "false")
_HOW = (
    "fn.invoke(path, body, mock=True) answers in this process, `mlrun-like serve` over HTTP, "
    "fn.export_nuclio(folder) writes a project for nuctl"
)


def wants_mock() -> bool:
    """Whether the setting `mock_nuclio_deployment` says that nothing is really deployed."""
    value = config.mock_nuclio_deployment.strip().lower()
    if value == "auto":
        return not config.nuclio_dashboard_url
    return value not in _NO


class NuclioDeploying(GatewayDeploying):
    """The part of a function that is deployed and invoked."""

    _mock: Any = None
    save: Any

    @abstractmethod
    def nuclio_parts(
        self, builder_env: Mapping[str, Any] | None = None
    ) -> dict[str, tuple[dict[str, Any], Any]]:
        """Configuration and code of the function and of its child functions."""

    @abstractmethod
    def to_mock_server(self, namespace: Any = None) -> Any:
        """A server in this process that answers as the deployed function does."""

    # The document ----------------------------------------------------------------------------

    @property
    def status(self) -> NuclioStatus:
        """Where the function is deployed, and its state."""
        return NuclioStatus(self._doc().status)

    @status.setter
    def status(self, value: Any) -> None:
        data = value.to_dict() if isinstance(value, NuclioStatus) else dict(value or {})
        self._doc().status = data

    # Deploying -------------------------------------------------------------------------------

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
        """Let the gateway of this machine, or Nuclio, run the function; prints what happens.

        Args:
            project: Its new project.
            tag: Its new tag.
            verbose: Print more of the log, and let the function log at debug level.
            auth_info: MLRun's; not used.
            builder_env: Credentials for code that Nuclio fetches.
            force_build: Build the image anew, without the cache.
            mock: True: answer `invoke` in this process instead. By default if the setting
                `mock_nuclio_deployment` says so.
            watch: False: do not wait until it is ready.
            dashboard: The dashboard's URL; by default the setting `nuclio_dashboard_url`.
            target: `local`: the gateway of this machine, which is started if it does not run;
                `nuclio`; `kubernetes`. By default `nuclio` if a dashboard is configured, else
                `local`.
            rollout: Local: how a new version takes over: `strategy` (`direct`, `blue-green`,
                `canary`, `shadow`), `weight` or `steps` (percent), `header`, `max_error_rate` (0
                to 1), `max_latency` (seconds), `shadow` (percent), `seconds`, `requests`.

        Returns:
            Its address, such as `http://host:port/project/name`.

        Raises:
            PreflightError: naming everything that is wrong; nothing was started or sent.
            EngineError: if the function does not start, with its own error and the fix; a version
                that ran before goes on. Also if a dashboard cannot be reached.
            InvalidArgumentError: if the target or an option of the rollout is unknown.
        """
        where = target_of(target, dashboard)
        document = self._doc()
        if project:
            document.metadata.project = check_project(project)
        if tag:
            document.metadata.tag = check_tag(tag)
        if verbose:
            document.verbose = True
            self.set_env("MLRUN_LOG_LEVEL", "DEBUG")
        if mock or (mock is None and not target and wants_mock()):
            self._mock = self.to_mock_server()
            self.status.state = "ready"
            return f"mock://{project_of(document)}/{document.metadata.name}"
        self._mock = None
        if where == "local":
            return self._deploy_here(rollout)
        if where == "kubernetes":
            return str(resolve(_CLUSTER)(self, watch=watch, **rollout))
        if rollout:
            raise InvalidArgumentError(
                f"deploy has no option {next(iter(rollout))!r} for target 'nuclio'",
                where="fn.deploy()",
                fix='fn.with_http(host=..., canary=10), or fn.deploy(target="local", ...)',
            )
        return self._deployed(builder_env, force_build, watch, verbose, dashboard)

    def _deployed(
        self,
        builder_env: Mapping[str, Any] | None,
        force_build: bool,
        watch: bool,
        verbose: bool,
        dashboard: str,
    ) -> str:
        parts = self.nuclio_parts(builder_env)
        if not (dashboard or config.nuclio_dashboard_url):
            name = self._doc().metadata.name
            raise FunctionError(
                f"function {name!r} cannot be deployed to a cluster from here: no Nuclio dashboard "
                "is configured",
                where="setting nuclio_dashboard_url",
                fix="ml.config.nuclio_dashboard_url = 'http://localhost:8070' (or "
                f"MLRUN_NUCLIO_DASHBOARD_URL); fn.deploy(mock=True) for fn.invoke; {_HOW}",
            )
        client = resolve("mlrun_like.runtimes.nuclio.dashboard:Dashboard")(dashboard)
        send = resolve("mlrun_like.runtimes.nuclio.deploying:deploy_config")
        found: dict[str, Any] = {}
        for name in sorted(parts, key=lambda name: name == ""):  # children first
            settings, _ = parts[name]
            if force_build:
                settings["spec"].setdefault("build", {})["noCache"] = True
            found = send(client, settings, say=_say, verbose=verbose, watch=watch)
        document = self._doc()
        document.status = {**document.status, **found}
        try:
            self.save(versioned=False)
        except StoreUnavailableError as exc:  # it is deployed all the same
            _say(f"the function's address is not saved: {exc.what}")
        return self.get_url() if found["address"] else ""

    def get_url(self, force_external_address: bool = False, auth_info: Any = None) -> str:
        """The deployed function's URL.

        Args:
            force_external_address: The one outside the cluster, even from inside.
            auth_info: MLRun's; not used.

        Raises:
            FunctionError: if the function is not deployed.
        """
        status = self.status
        if status.target == "local" and not config.nuclio_dashboard_url:
            return self._address_here()
        if not status.address:
            self._refresh_status()
            status = self.status
        internal, external = status.internal_invocation_urls, status.external_invocation_urls
        inside = bool(environment("KUBERNETES_SERVICE_HOST"))
        chosen = status.address
        if internal and inside and not force_external_address:
            chosen = internal[0]
        elif external:
            chosen = external[0]
        return chosen if "://" in chosen else f"http://{chosen}"

    def _refresh_status(self) -> None:
        """Ask the dashboard, if there is one, else the gateway, where the function is."""
        document = self._doc()
        name = nuclio_name(document.metadata.name, project_of(document), document.metadata.tag)
        if config.nuclio_dashboard_url:
            client = resolve("mlrun_like.runtimes.nuclio.dashboard:Dashboard")()
            found = client.function(name)
            if found is not None:
                read = resolve("mlrun_like.runtimes.nuclio.deploying:status_from")
                document.status = {**document.status, **read(client, name, found)}
        else:
            self._refresh_here()
        if not document.status.get("address"):
            raise FunctionError(
                f"no function address: {name!r} is not deployed; first run .deploy()",
                where=f"function {document.metadata.name!r}",
                fix=f"fn.deploy(); {_HOW}",
            )

    def delete_deployment(self, force: bool = False, dashboard: str = "") -> bool:
        """Delete the function in Nuclio, or on this machine; False: it was not there.

        Args:
            force: Also while it is being built.
            dashboard: See `deploy`.
        """
        document = self._doc()
        if self.status.target == "local" and not dashboard:
            return self.delete()
        name = nuclio_name(document.metadata.name, project_of(document), document.metadata.tag)
        client = resolve("mlrun_like.runtimes.nuclio.dashboard:Dashboard")(dashboard)
        document.status = {}
        return bool(client.delete_function(name, force))

    # Invoking --------------------------------------------------------------------------------

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
        """Send one request to the deployed function; gives the answer's body.

        Args:
            path: URL path.
            body: The content; what is neither text nor bytes is sent as JSON.
            method: By default POST with a body, else GET.
            headers: Request headers.
            dashboard: Send it by way of this dashboard, for functions without an address that can
                be reached from here.
            force_external_address: Use the address outside the cluster.
            auth_info: MLRun's; not used.
            mock: True: answer in this process. By default if the function was deployed as a mock,
                or the setting `mock_nuclio_deployment` says so.
            http_client_kwargs: `timeout` (seconds, default 60), `verify` (False: any certificate).

        Returns:
            Decoded JSON, else bytes.

        Raises:
            FunctionError: if the function is not deployed.
            RunError: if it answers with another status than 2xx.
            EngineError: if it cannot be reached.
        """
        if mock or (mock is None and (self._mock is not None or wants_mock())):
            if self._mock is None:
                self._mock = self.to_mock_server()
            return self._mock.test(path or "/", body, method, headers)
        self._mock = None
        sending = resolve("mlrun_like.functions.nuclio_mocking:send_request")
        return sending(self, path, body, method, headers, dashboard, force_external_address,
                       http_client_kwargs)  # fmt: skip


def _say(line: str) -> None:
    sys.stdout.write(line.rstrip("\n") + "\n")
    sys.stdout.flush()
