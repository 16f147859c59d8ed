"""Applications: any container with a web server, behind Nuclio's triggers and gateways."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import FunctionError, InvalidArgumentError
from mlrun_like.functions.function import Function
from mlrun_like.functions.gateway_deploying import target_of
from mlrun_like.functions.nuclio import NuclioFunction
from mlrun_like.registry import resolve
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.nuclio import proxy
from mlrun_like.runtimes.nuclio.gateways import GatewayOptions, gateway_config
from mlrun_like.runtimes.nuclio.names import nuclio_name, project_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ApplicationFunction"]

_PORT = 8050
_SINK = [{"level": "info", "sink": "myStdoutLoggerSink"}]


class ApplicationFunction(NuclioFunction):
    """What `new_function(kind="application")` gives.

    `spec.image` is the application's image, `spec.command` and `spec.args` what it runs; Nuclio
    runs it beside a small function that passes requests on to it.

    >>> import mlrun_like as ml
    >>> fn = ml.new_function("board", project="shop", kind="application", image="repo/board:1")
    >>> fn.set_internal_application_port(8080)
    >>> fn.to_nuclio()["spec"]["sidecars"][0]["ports"][0]["containerPort"]
    8080
    """

    def set_internal_application_port(self, port: int) -> None:
        """Say on which port the application listens; 8050 by default.

        Raises:
            InvalidArgumentError: if there is no such port.
        """
        number = port if isinstance(port, int) and not isinstance(port, bool) else -1
        if not 0 < number <= 65535:
            raise InvalidArgumentError(
                f"port {port!r} does not exist", fix="fn.set_internal_application_port(8080)"
            )
        self._doc().spec.internal_application_port = number

    def from_image(self, image: str) -> Self:
        """Take an image that has the application; nothing is built."""
        if not isinstance(image, str) or not image.strip():
            raise InvalidArgumentError(f"from_image needs an image, not {image!r}")
        self._doc().spec.image = image
        return self

    def with_source_archive(  # type: ignore[override] # MLRun's applications differ here
        self, source: str, workdir: str = "", pull_at_runtime: bool = False, target_dir: str = ""
    ) -> Self:
        """Put code from a repository or archive into the application's image, when it is built.

        Args:
            source: See `Function.with_source_archive`.
            workdir: Working folder in it.
            pull_at_runtime: Not for applications: the code is always in the image.
            target_dir: Where it is put in the image.
        """
        Function.with_source_archive(
            self, source, workdir, pull_at_runtime=False, target_dir=target_dir
        )
        return self

    # Exporting -------------------------------------------------------------------------------

    def nuclio_parts(
        self, builder_env: Mapping[str, Any] | None = None
    ) -> dict[str, tuple[dict[str, Any], Any]]:
        """Configuration and code of the function that stands before the application."""
        document = Function._doc(self)
        spec = document.spec
        port = spec.internal_application_port or _PORT
        name = f"{document.metadata.name}-sidecar"
        rows = [row for row in spec.config.get("spec.sidecars") or () if row.get("name") == name]
        given = dict(rows[0]) if rows else {}
        self.with_sidecar(
            name,
            spec.image or given.get("image"),
            port if not given.get("ports") or spec.internal_application_port else
            [row["containerPort"] for row in given["ports"]],
            spec.command or given.get("command"),
            list(spec.args) or given.get("args"),
        )  # fmt: skip
        text = Path(proxy.__file__).read_text(encoding="utf-8")
        text = text.replace(f"PLACE = {_as_written(proxy.PLACE)}", f'PLACE = ("localhost", {port})')
        code = base64.b64encode(text.encode()).decode()
        copy = document.model_copy(deep=True)
        shell = copy.spec
        shell.build.functionSourceCode, shell.build.modules = code, {}
        shell.build.origin_module, shell.build.origin_filename = "reverse_proxy", ""
        shell.build.source, shell.build.commands, shell.build.requirements = "", [], []
        shell.build.base_image = ""
        shell.function_handler, shell.default_handler = "reverse_proxy:handler", ""
        shell.nuclio_runtime, shell.workdir, shell.resources = "", "", {}
        shell.config = {"spec.loggerSinks": _SINK, **shell.config}
        shell.min_replicas = 1 if shell.min_replicas is None else shell.min_replicas
        shell.max_replicas = shell.max_replicas or max(1, shell.min_replicas)
        notes = {"kubectl.kubernetes.io/default-container": name}
        copy.metadata.annotations = {**notes, **copy.metadata.annotations}
        env = {"SIDECAR_PORT": str(port), "SIDECAR_HOST": "http://localhost"}
        checked = resolve("mlrun_like.runtimes.nuclio.checks:checked_config")
        found = list(_check_sidecars(copy.spec.config, document.metadata.name))
        return {"": checked(copy, also=found, env=env, builder_env=builder_env)}

    def to_mock_server(
        self,
        namespace: Any = None,
        current_function: str = "*",
        track_models: bool = False,
        workdir: str | None = None,
        **parameters: Any,
    ) -> Any:
        """Not for applications: they are containers.

        Raises:
            FunctionError: always.
        """
        raise FunctionError(
            "an application is a container, so there is no mock of it",
            where=f"function {self.name!r}",
            fix=f"podman run -p {_PORT}:{_PORT} {self._doc().spec.image or '<image>'}",
        )

    # Deploying -------------------------------------------------------------------------------

    def deploy(  # type: ignore[override] # noqa: PLR0913 - MLRun's signature
        self,
        project: str = "",
        tag: str = "",
        verbose: bool = False,
        auth_info: Any = None,
        builder_env: Mapping[str, Any] | None = None,
        force_build: bool = False,
        *,
        create_default_api_gateway: bool = True,
        mock: bool | None = None,
        watch: bool = True,
        dashboard: str = "",
        target: str = "",
        **gateway: Any,
    ) -> str:
        """Run the application's command on this machine, or its image in Nuclio.

        For Nuclio its image is built if it needs one, and it gets an API gateway.

        Args:
            project: Its new project.
            tag: Its new tag.
            verbose: Print more of the log.
            auth_info: MLRun's; not used.
            builder_env: Credentials for building.
            force_build: Build the image even if there is one.
            create_default_api_gateway: Create a gateway named after the function.
            mock: Not for applications.
            watch: False: do not wait until it is ready.
            dashboard: The dashboard's URL.
            target: See `NuclioFunction.deploy`.
            gateway: Nuclio: arguments of `create_api_gateway`. This machine: of the rollout, see
                `NuclioFunction.deploy`; `authentication_mode="basic"` and `authentication_creds`
                are kept (hashed) for callers.

        Returns:
            The gateway's URL, else the function's.

        Raises:
            PreflightError: naming everything that is wrong.
            EngineError: if it is not deployed, with the cause.
        """
        document = Function._doc(self)
        if target_of(target, dashboard) != "nuclio":
            given = self._auth_from(gateway) if target_of(target, dashboard) == "local" else gateway
            return super().deploy(
                project, tag, verbose, auth_info, builder_env, mock=mock, target=target, **given
            )
        if (not document.spec.image or force_build) and self.requires_build():
            Function.deploy(self, force_build=force_build)
        address = super().deploy(
            project, tag, verbose, auth_info, builder_env, mock=mock, watch=watch,
            dashboard=dashboard, target=target,
        )  # fmt: skip
        if not create_default_api_gateway or not watch:
            return address
        return self.create_api_gateway(dashboard=dashboard, **gateway)

    def create_api_gateway(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        path: str = "/",
        direct_port_access: bool = False,
        authentication_mode: str = "none",
        authentication_creds: Sequence[str] | None = None,
        ssl_redirect: bool = False,
        set_as_default: bool = True,
        gateway_timeout: float | None = None,
        *,
        host: str = "",
        dashboard: str = "",
    ) -> str:
        """Give the application an address of its own.

        Args:
            name: The gateway's name; by default the function's, with its tag.
            path: Path of the address.
            direct_port_access: Lead to the application's own port.
            authentication_mode: `none`, `basic` or `accessKey`.
            authentication_creds: User and password, for `basic`.
            ssl_redirect: Send callers from HTTP to HTTPS.
            set_as_default: `invoke` uses it.
            gateway_timeout: Seconds that a request may take.
            host: Host name; by default one made of the names.
            dashboard: The dashboard's URL.

        Returns:
            The gateway's URL.

        Raises:
            InvalidArgumentError: if values cannot be used together.
            EngineError: if it does not become ready.
        """
        document = Function._doc(self)
        meta = document.metadata
        project = project_of(document)
        options = GatewayOptions(
            host, path, authentication_mode, authentication_creds, ssl_redirect, gateway_timeout,
            ports=(document.spec.internal_application_port or _PORT)
            if direct_port_access else None,
        )  # fmt: skip
        name = name or "-".join(part for part in (meta.name, meta.tag) if part)
        made = gateway_config(name, project, [nuclio_name(meta.name, project, meta.tag)], options)
        client = resolve("mlrun_like.runtimes.nuclio.dashboard:Dashboard")(dashboard)
        url = str(resolve("mlrun_like.runtimes.nuclio.gateways:store_gateway")(client, made))
        if set_as_default:
            self.status.api_gateway_name, self.status.url = name, url
        return url

    @property
    def url(self) -> str:
        """The address of the default gateway; empty: there is none."""
        return str(self.status.url)

    def get_url(self, force_external_address: bool = False, auth_info: Any = None) -> str:
        """The gateway's URL, else the function's own."""
        return self.url or super().get_url(force_external_address, auth_info)


def _as_written(place: tuple[str, int]) -> str:
    return f'("{place[0]}", {place[1]})'


def _check_sidecars(settings: Mapping[str, Any], name: str) -> Iterator[Finding]:
    """What an application needs of its containers."""
    fix = f'fn.spec.image = "repository/{name}:1", or fn.from_image(...)'
    for row in settings.get("spec.sidecars") or ():
        where = f"sidecar {row.get('name')!r}"
        if not row.get("name"):
            yield Finding("sidecar", "a sidecar needs a name", where, "fn.with_sidecar(name, ...)")
        if not row.get("image"):
            yield Finding("sidecar", "the application has no image", where, fix)
        if not row.get("ports"):
            yield Finding(
                "sidecar", "the application has no port", where,
                "fn.set_internal_application_port(8080)",
            )  # fmt: skip
        if row.get("args") and not row.get("command"):
            yield Finding(
                "sidecar", f"arguments {row['args']!r:.80} without a command", where,
                'fn.spec.command = "gunicorn"',
            )  # fmt: skip
