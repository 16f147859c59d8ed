"""Services as Kubernetes objects: what functions of kind nuclio, serving and application add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.runtimes.kubernetes.rendering import Manifest

__all__ = ["ServiceManifesting"]

_MANIFESTS = "mlrun_like.gateway.manifests"


class ServiceManifesting:
    """The way from a service to the objects of a cluster."""

    def to_manifest(self, target: str = "kubernetes", **form: Any) -> Manifest:
        """The Kubernetes objects of this service, to read, commit and apply.

        A Deployment with the function in a ConfigMap, a Service, an HPA or KEDA's objects, CronJobs
        for cron triggers, an Ingress or HTTPRoute. Values of secrets are in none of them. The same
        function gives the same text.

        Args:
            target: `kubernetes`; for Nuclio there are `to_nuclio()` and `export_nuclio()`.
            form: `scaler` (`auto`, `hpa`, `keda`, `none`), `gateway` (of the Gateway API),
                `ingress_class`, `canary` (percent), `network_policy`, `metrics`, `cpu_target`,
                `keda_namespace`; see `gateway.manifests.form.ServiceForm`.

        Returns:
            A list of objects whose `str()` is YAML; `notes` says what has no place in them.

        Raises:
            InvalidArgumentError: if there is no image, or a choice cannot be used.
            PreflightError: naming every option of the function that cannot be used.

        >>> import mlrun_like as ml
        >>> fn = ml.new_function("hello", project="shop", kind="nuclio", image="registry/hello:1")
        >>> fn = fn.with_code(body="def handler(context, event): return 'hello'")
        >>> [item["kind"] for item in fn.to_manifest(scaler="hpa")]
        ['ConfigMap', 'Service', 'Deployment', 'HorizontalPodAutoscaler']
        """
        if target != "kubernetes":
            raise InvalidArgumentError(
                f"there are no manifests for target {target!r}",
                fix="to_manifest() for Kubernetes, to_nuclio() or export_nuclio(folder) for Nuclio",
            )
        make = resolve(f"{_MANIFESTS}.service:manifest_of_service")
        found: Manifest = make(self, form)
        return found
