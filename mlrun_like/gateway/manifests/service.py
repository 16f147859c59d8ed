"""A function of kind nuclio, serving or application as Kubernetes objects.

The same function gives the same text. Values of secrets are in none of the objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import FunctionError
from mlrun_like.functions.documents import public, require_code
from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.manifests.crons import cron_jobs
from mlrun_like.gateway.manifests.form import Service, ServiceForm, form_of, service_of
from mlrun_like.gateway.manifests.network import network_policy, routes, service_object
from mlrun_like.gateway.manifests.places import note_options
from mlrun_like.gateway.manifests.scaling import disruption_budget, scaling_of
from mlrun_like.gateway.manifests.workload import check_image, deployment, function_maps
from mlrun_like.gateway.reading.options import ANNOTATION, options_of
from mlrun_like.runtimes.kubernetes.mounts import mount_by_settings
from mlrun_like.runtimes.kubernetes.rendering import Manifest, to_yaml
from mlrun_like.runtimes.kubernetes.variables import secret_values
from mlrun_like.specs.function import FunctionDoc

__all__ = ["ServiceManifest", "manifest_of_service", "objects_of", "prepared"]

_KINDS = ("nuclio", "remote", "serving", "application")
_NO_COMMAND = "-"  # an image has one of its own


class ServiceManifest(Manifest):
    """Objects of a service; `str()` gives YAML, with notes about what has no place in it.

    Args:
        service: What they are of.
        objects: They, in the order in which they are applied.
    """

    def __init__(self, service: Service, objects: list[dict[str, Any]]) -> None:
        super().__init__(objects, first=_secret_command(service))
        self.service = service
        self.notes = tuple(service.notes)

    def to_yaml(self) -> str:
        """The text; values of secrets are never in it."""
        first = f"# once before: {self.first}\n" if self.first else ""
        return first + "".join(f"# note: {note}\n" for note in self.notes) + to_yaml(self)


def manifest_of_service(function: Any, given: Mapping[str, Any]) -> ServiceManifest:
    """What `fn.to_manifest()` gives for a service.

    Args:
        function: The function.
        given: Arguments of ServiceForm.

    Raises:
        InvalidArgumentError: if there is no image, or a choice cannot be used.
        PreflightError: if an option of the function cannot be used.
    """
    service = prepared(function, form_of(given))
    return ServiceManifest(service, objects_of(service))


def prepared(function: Any, form: ServiceForm) -> Service:
    """The service of a function."""
    document: FunctionDoc = function._doc()
    kind = document.kind.partition(":")[0]
    if kind not in _KINDS:
        raise FunctionError(
            f"{document.metadata.name!r} of kind {document.kind!r} is no service",
            fix="fn.to_manifest() without options of a service",
        )
    if kind != "application":
        require_code(document)
    document = mount_by_settings(public(document).model_copy(deep=True))
    options = _options(document)
    document.metadata.annotations.pop(ANNOTATION, None)
    if kind == "application" and not document.spec.image:
        rows = document.spec.config.get("spec.sidecars") or [{}]
        document.spec.image = str(rows[0].get("image") or "")
    service = service_of(document, options, form)
    check_image(service)
    return service


def _options(document: FunctionDoc) -> Options:
    """The function's options; variables stay where they are: the pod gets them itself."""
    plain = document.model_copy(deep=True)
    plain.spec.env = []
    application = document.kind == "application"
    if application and not plain.spec.command:
        plain.spec.command, plain.spec.args = _NO_COMMAND, []
    found = options_of(plain)
    if found.command and found.command[0] == _NO_COMMAND:
        values = found.to_dict()
        values.pop("command")
        return Options.from_dict(values)
    return found


def objects_of(service: Service) -> list[dict[str, Any]]:
    """The objects, in the order in which they are applied."""
    note_options(service)
    service.secrets.update(secret_values(service.document))
    maps = function_maps(service)
    scaling = scaling_of(service)
    return [
        *maps,
        service_object(service),
        *([network_policy(service)] if service.form.network_policy else []),
        deployment(service, maps, scaled=bool(scaling.objects)),
        *disruption_budget(service),
        *scaling.objects,
        *cron_jobs(service, scaling.held),
        *routes(service, scaling.held, scaling.stable_held),
    ]


def _secret_command(service: Service) -> str:
    """What makes the Secret that the objects name; values are for the reader to fill in."""
    if not service.secrets:
        return ""
    pairs = " ".join(f"--from-literal={name}=..." for name in sorted(service.secrets))
    return f"kubectl create secret generic {service.secret} {pairs}"
