"""The pods of a Spark function: nodes and volumes, for the driver and for the executors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.function import Function
from mlrun_like.functions.pod_editing import PREEMPTION_MODES
from mlrun_like.specs.pod_checks import (
    check_affinity,
    check_choice,
    check_name,
    check_node_selector,
    check_tolerations,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SparkPods"]

P = ParamSpec("P")
R = TypeVar("R")

_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "node_selector": check_node_selector,
    "affinity": check_affinity,
    "tolerations": check_tolerations,
}


class SparkPods(Function[P, R]):
    """The part of SparkFunction that is about pods."""

    def with_driver_node_selection(
        self,
        node_name: str | None = None,
        node_selector: Mapping[str, str] | None = None,
        affinity: Any = None,
        tolerations: Sequence[Any] | None = None,
    ) -> Self:
        """Which nodes the driver's pod may go to; a single node's name is not supported by Spark.

        Raises:
            InvalidArgumentError: if a value cannot be used.
        """
        return self._select("driver", node_name, node_selector, affinity, tolerations)

    def with_executor_node_selection(
        self,
        node_name: str | None = None,
        node_selector: Mapping[str, str] | None = None,
        affinity: Any = None,
        tolerations: Sequence[Any] | None = None,
    ) -> Self:
        """Which nodes the executors' pods may go to; see `with_driver_node_selection`."""
        return self._select("executor", node_name, node_selector, affinity, tolerations)

    def with_driver_preemption_mode(self, mode: str) -> Self:
        """Whether the driver may run on preemptible nodes: allow, constrain, prevent or none."""
        found = check_choice("preemption mode", mode, PREEMPTION_MODES)
        self._doc().spec.driver_preemption_mode = found
        return self

    def with_executor_preemption_mode(self, mode: str) -> Self:
        """Whether executors may run on preemptible nodes: allow, constrain, prevent or none."""
        found = check_choice("preemption mode", mode, PREEMPTION_MODES)
        self._doc().spec.executor_preemption_mode = found
        return self

    def with_driver_host_path_volume(
        self,
        host_path: str,
        mount_path: str,
        type: str = "",
        volume_name: str = "host-path-volume",
    ) -> Self:
        """Mount a folder of the node into the driver's pod.

        Args:
            host_path: The folder on the node.
            mount_path: Where it is in the container; without `:`.
            type: The volume's type, such as `Directory`; empty: no check.
            volume_name: The volume's name.
        """
        return self._mount("driver", host_path, mount_path, type, volume_name)

    def with_executor_host_path_volume(
        self,
        host_path: str,
        mount_path: str,
        type: str = "",
        volume_name: str = "host-path-volume",
    ) -> Self:
        """Mount a folder of the node into the executors' pods; see
        `with_driver_host_path_volume`."""
        return self._mount("executor", host_path, mount_path, type, volume_name)

    def disable_monitoring(self) -> Self:
        """Do not expose metrics of driver and executors to Prometheus."""
        self._doc().spec.monitoring = {**self._doc().spec.monitoring, "enabled": False}
        return self

    # -- what other kinds have and this one has in another form ---------------------------

    def with_limits(self, *args: Any, **kwargs: Any) -> Self:
        """Not for this kind: driver and executors have limits of their own."""
        raise self._not_for("with_limits", "with_driver_limits and with_executor_limits")

    def with_requests(self, *args: Any, **kwargs: Any) -> Self:
        """Not for this kind: driver and executors have requests of their own."""
        raise self._not_for("with_requests", "with_driver_requests and with_executor_requests")

    def gpus(self, *args: Any, **kwargs: Any) -> Self:
        """Not for this kind: driver and executors have devices of their own."""
        raise self._not_for("gpus", "with_driver_limits(gpus=1) and with_executor_limits(gpus=1)")

    def with_node_selection(self, *args: Any, **kwargs: Any) -> Self:
        """Not for this kind: driver and executors go to nodes of their own."""
        raise self._not_for(
            "with_node_selection", "with_driver_node_selection and with_executor_node_selection"
        )

    def with_preemption_mode(self, mode: Any) -> Self:
        """Not for this kind: driver and executors have modes of their own."""
        raise self._not_for(
            "with_preemption_mode", "with_driver_preemption_mode and with_executor_preemption_mode"
        )

    # -- the steps of the above -----------------------------------------------------------

    def _select(self, role: str, node_name: Any, selector: Any, affinity: Any, more: Any) -> Self:
        if node_name:
            raise self._not_for("node_name", "node_selector, affinity or tolerations")
        spec = self._doc().spec
        given = (selector, affinity, more)
        for (name, check), value in zip(_CHECKS.items(), given, strict=True):
            if value is not None:
                setattr(spec, f"{role}_{name}", check(value))
        return self

    def _mount(self, role: str, host: str, path: str, kind: str, name: str) -> Self:
        if not str(host).startswith("/") or not str(path).startswith("/") or ":" in str(path):
            raise InvalidArgumentError(
                f"host path {host!r} and mount path {path!r} must be absolute, without ':'",
                where=f"function {self.name!r}",
                fix='("/data", "/mnt/data")',
            )
        source = {"path": host, **({"type": kind} if kind else {})}
        volume = {"name": check_name("volume", name), "hostPath": source}
        spec = self._doc().spec
        spec.volumes = [row for row in spec.volumes if row.get("name") != name] + [volume]
        field = f"{role}_volume_mounts"
        kept = [row for row in getattr(spec, field) if row.get("mountPath") != path]
        setattr(spec, field, [*kept, {"name": name, "mountPath": path}])
        return self
