"""What Nuclio functions can be told besides: service, sidecars, where the code is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import environment
from mlrun_like.errors import FunctionError, InvalidArgumentError, nearest
from mlrun_like.functions.nuclio_triggers import NuclioTriggers

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NuclioEditing"]

_SERVICES = ("ClusterIP", "NodePort", "LoadBalancer")
_HOST_MODES = ("never", "always", "onClusterIP")


class NuclioEditing(NuclioTriggers):
    """Service, sidecars, image and archive of a function; each method returns the function."""

    def with_service_type(
        self, service_type: str, add_templated_ingress_host_mode: str | None = None
    ) -> Self:
        """Set how the function can be reached in the cluster.

        Args:
            service_type: `ClusterIP`, `NodePort` or `LoadBalancer`.
            add_templated_ingress_host_mode: When an ingress with a host made from a template is
                added: `never`, `always` or `onClusterIP`.

        Raises:
            InvalidArgumentError: if a value is unknown.
        """
        if service_type not in _SERVICES:
            raise InvalidArgumentError(
                f"service type {service_type!r} is unknown.{nearest(str(service_type), _SERVICES)}",
                fix=f"use one of: {', '.join(_SERVICES)}",
            )
        mode = add_templated_ingress_host_mode or ""
        if mode and mode not in _HOST_MODES:
            raise InvalidArgumentError(
                f"ingress host mode {mode!r} is unknown.{nearest(mode, _HOST_MODES)}",
                fix=f"use one of: {', '.join(_HOST_MODES)}",
            )
        spec = self._doc().spec
        spec.service_type, spec.add_templated_ingress_host_mode = service_type, mode
        return self

    def with_sidecar(
        self,
        name: str | None = None,
        image: str | None = None,
        ports: int | Sequence[int] | None = None,
        command: str | Sequence[str] | None = None,
        args: Sequence[str] | None = None,
    ) -> Self:
        """Run another container beside the function, in the same pod.

        Args:
            name: Its name; by default `<function>-sidecar`. A name again changes that one.
            image: Its image.
            ports: Ports that it listens on.
            command: What it runs instead of the image's own.
            args: Arguments of the command.

        Raises:
            InvalidArgumentError: if a port does not exist.
        """
        document = self._doc()
        name = name or f"{document.metadata.name}-sidecar"
        rows = [dict(row) for row in document.spec.config.get("spec.sidecars") or ()]
        row = next((row for row in rows if row.get("name") == name), None)
        if row is None:
            row = {"name": name}
            rows.append(row)
        if image:
            row["image"] = image
        numbers = [ports] if isinstance(ports, int) else list(ports or ())
        for port in numbers:
            if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
                raise InvalidArgumentError(f"port {port!r} does not exist", fix="1 to 65535")
        short = name[:13].rstrip("-_")  # a port's name has at most 15 characters (RFC 6335)
        row["ports"] = [
            {"name": f"{short}-{number}", "containerPort": port, "protocol": "TCP"}
            for number, port in enumerate(numbers)
        ]
        if command:
            row["command"] = [command] if isinstance(command, str) else list(command)
        if args:
            row["args"] = [str(item) for item in args]
        if document.spec.resources:
            row["resources"] = document.spec.resources
        return self.set_config("spec.sidecars", rows)

    def from_image(self, image: str) -> Self:
        """Deploy an image that has Nuclio's processor and the code: nothing is built."""
        if not isinstance(image, str) or not image.strip():
            raise InvalidArgumentError(f"from_image needs an image, not {image!r}")
        spec = self._doc().spec
        base = {**spec.base_spec}
        base["spec"] = {
            **base.get("spec", {}),
            "image": image,
            "handler": spec.function_handler or "main:handler",
            "build": {"codeEntryType": "image"},
        }
        spec.base_spec = base
        return self

    def with_source_archive(
        self, source: str, workdir: str = "", handler: str = "", runtime: str = ""
    ) -> Self:
        """Let Nuclio fetch the code: a git repository, S3 object or archive.

        Args:
            source: `git://host/org/repo#branch`, `s3://bucket/key` or the URL of an archive.
            workdir: The folder in it.
            handler: `module:function` in that folder.
            runtime: Nuclio's runtime.
        """
        spec = self._doc().spec
        spec.build.source = source
        spec.function_handler = handler or spec.function_handler
        spec.workdir, spec.nuclio_runtime = workdir or spec.workdir, runtime or spec.nuclio_runtime
        return self

    def with_v3io(self, local: str = "", remote: str = "") -> Self:
        """Mount a folder of Iguazio's file system; without arguments: only its address and user.

        The access key is a secret: give it by `fn.set_env_from_secret("V3IO_ACCESS_KEY", ...)`.

        Args:
            local: Where it appears.
            remote: Container and path, such as `users/me`.
        """
        spec = self._doc().spec
        for name in ("V3IO_API", "V3IO_USERNAME"):
            value = environment(name)
            if value:
                spec.env = [row for row in spec.env if row.get("name") != name]
                spec.env = [*spec.env, {"name": name, "value": value}]
        if local and remote:
            container, _, inside = remote.strip("/").partition("/")
            options = {"container": container, "subPath": f"/{inside}" if inside else ""}
            volume = {"name": "v3io", "flexVolume": {"driver": "v3io/fuse", "options": options}}
            mount = {"name": "v3io", "mountPath": local}
            spec.volumes = [*(v for v in spec.volumes if v.get("name") != "v3io"), volume]
            spec.volume_mounts = [
                *(m for m in spec.volume_mounts if m.get("name") != "v3io"),
                mount,
            ]
        return self

    def set_state_thresholds(self, state_thresholds: Any, patch: bool = True) -> Self:
        """Not for Nuclio, which looks after its pods itself.

        Raises:
            FunctionError: always.
        """
        raise FunctionError(
            "state thresholds do not apply to Nuclio functions: Nuclio watches its own pods",
            fix="fn.spec.readiness_timeout = 120 limits how long a deployment may take",
        )
