"""Functions on a Dask cluster: what they have besides other functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mlrun_like.errors import FunctionError
from mlrun_like.functions.function import Function
from mlrun_like.functions.pod_editing import amounts
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from typing_extensions import Self

    from mlrun_like.runtimes.kubernetes.rendering import Manifest

__all__ = ["DaskFunction", "DaskStatus"]

P = ParamSpec("P")
R = TypeVar("R")

_LINKS = "mlrun_like.runtimes.dask.links"
_GPU = "nvidia.com/gpu"


class DaskFunction(Function[P, R]):
    """A function of kind `dask`.

    The handler runs where `fn.run` is called and gets a client of the function's cluster as
    `context.dask_client` or as an argument named `dask_client`; with
    `spec.handler_on = "worker"` it runs on a worker. Trials of a sweep are spread over the cluster.

    The cluster is the one at `spec.scheduler_address`, else it is made as the setting
    `dask_cluster` says, with `spec.replicas` workers (or from `min_replicas` to `max_replicas`, by
    load) of `spec.nthreads` threads, and kept until `close()` or the end of this process.
    """

    @property
    def client(self) -> Any:
        """A `distributed.Client` of the function's cluster, which is made if there is none.

        Raises:
            EngineError: if the cluster cannot be had.
            MissingDependencyError: if `distributed` is not installed.
        """
        link = resolve(f"{_LINKS}:link_of")(self._doc())
        link.make_ready(self._doc())
        return link.client

    def cluster(self) -> Any:
        """The function's cluster: `scheduler_address`, `dashboard_link`, `scale(n)`,
        `adapt(minimum, maximum)`.

        Raises:
            EngineError: if it cannot be had.
        """
        return resolve(f"{_LINKS}:link_of")(self._doc()).cluster

    @property
    def initialized(self) -> bool:
        """Whether the function has a cluster now."""
        return bool(resolve(f"{_LINKS}:is_open")(self._doc()))

    def close(self, running: bool = True) -> None:
        """Disconnect, and end the cluster if it was made for this function.

        Args:
            running: As in MLRun; has no effect: running runs of this process end first.
        """
        del running
        resolve(f"{_LINKS}:close_link")(self._doc())

    @property
    def status(self) -> DaskStatus:
        """`scheduler_address` (may be set, as in MLRun), `cluster_name`, `node_ports`, `state`."""
        return DaskStatus(self._doc().status)

    @status.setter
    def status(self, value: Mapping[str, Any]) -> None:
        self._doc().status = dict(value)

    # -- resources ------------------------------------------------------------------------

    def with_worker_limits(
        self,
        mem: str | None = None,
        cpu: str | float | None = None,
        gpus: int | None = None,
        gpu_type: str = _GPU,
        patch: bool = False,
    ) -> Self:
        """Limit what a worker may use; on this machine only `mem` is enforced.

        Args:
            mem: Bytes, with a suffix such as `"2Gi"`.
            cpu: Cores, such as `2` or `"500m"`.
            gpus: Devices.
            gpu_type: Their resource name.
            patch: Keep the limits that are not given; else they are removed.

        Raises:
            InvalidArgumentError: if a quantity is malformed.
        """
        return self._resources("limits", amounts(mem, cpu, gpus, gpu_type), patch, "worker")

    def with_worker_requests(
        self, mem: str | None = None, cpu: str | float | None = None, patch: bool = False
    ) -> Self:
        """What a worker's node must have free; see `with_worker_limits`."""
        return self._resources("requests", amounts(mem, cpu), patch, "worker")

    def with_scheduler_limits(
        self,
        mem: str | None = None,
        cpu: str | float | None = None,
        gpus: int | None = None,
        gpu_type: str = _GPU,
        patch: bool = False,
    ) -> Self:
        """Limit what the scheduler may use; see `with_worker_limits`."""
        return self._resources("limits", amounts(mem, cpu, gpus, gpu_type), patch, "scheduler")

    def with_scheduler_requests(
        self, mem: str | None = None, cpu: str | float | None = None, patch: bool = False
    ) -> Self:
        """What the scheduler's node must have free; see `with_worker_limits`."""
        return self._resources("requests", amounts(mem, cpu), patch, "scheduler")

    def with_limits(self, *args: Any, **kwargs: Any) -> Self:
        """Not for this kind: workers and scheduler have limits of their own."""
        raise self._not_for("with_limits", "with_worker_limits or with_scheduler_limits")

    def with_requests(self, *args: Any, **kwargs: Any) -> Self:
        """Not for this kind: workers and scheduler have requests of their own."""
        raise self._not_for("with_requests", "with_worker_requests or with_scheduler_requests")

    def set_state_thresholds(self, *args: Any, **kwargs: Any) -> Self:
        """Not for this kind: its runs are no pods."""
        raise self._not_for(
            "set_state_thresholds",
            "fn.run(timeout=...), and spec.scheduler_timeout for the cluster",
        )

    def to_manifest(
        self,
        handler: str = "",
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
        *,
        name: str = "",
        namespace: str = "",
        **options: Any,
    ) -> Manifest:
        """The operator's `DaskCluster` (and `DaskAutoscaler`): a list of objects, YAML by `str()`.

        Args:
            handler: Not for this kind: the manifest is that of the cluster.
            params: As `handler`.
            inputs: As `handler`.
            name: The cluster's name; by default the function's.
            namespace: Where it will be; empty: left out.
            options: As `handler`.

        Raises:
            InvalidArgumentError: if the function's resources or image cannot be used.
        """
        if handler or params or inputs or any(options.values()):
            raise FunctionError(
                "the manifest is that of the cluster, which runs no handler by itself",
                where=f"function {self.name!r}, to_manifest",
                fix="fn.to_manifest(name=..., namespace=...); runs are started with fn.run(...)",
            )
        make = resolve("mlrun_like.runtimes.dask.manifest:manifest_of")
        found: Manifest = make(self._doc(), name, namespace)
        return found


class DaskStatus:
    """A function's status by attributes: what is set here is in the document.

    >>> status = DaskStatus({})
    >>> status.scheduler_address = "tcp://host:8786"
    >>> status.scheduler_address, status.cluster_name
    ('tcp://host:8786', None)
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.__dict__["_document"] = document

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._document.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._document[name] = value

    def to_dict(self) -> dict[str, Any]:
        """A copy as plain data."""
        return dict(self._document)
