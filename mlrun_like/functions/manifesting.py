"""The way from a function to the objects of a cluster, and to Nuclio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.runtimes.kubernetes.rendering import Manifest
    from mlrun_like.specs.function import FunctionDoc

__all__ = ["Manifesting"]


class Manifesting(ABC):
    """A function as manifests and as a Nuclio project."""

    objects_by: ClassVar[str] = "mlrun_like.runtimes.kubernetes.manifest:function_objects"
    """What makes the objects of this kind; gets the document, a Call and a Form."""
    checked_by: ClassVar[str] = "mlrun_like.runtimes.kubernetes.preflight:check_document"

    @abstractmethod
    def _doc(self) -> FunctionDoc:
        """The function's document."""

    def to_manifest(
        self,
        handler: str = "",
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
        *,
        name: str = "",
        artifact_path: str = "",
        schedule: str = "",
        policy: Any = None,
        version: str = "",
    ) -> Manifest:
        """The Kubernetes objects that run this function, to read, commit and apply.

        A Job, SparkApplication or MPIJob by the function's kind, and the ConfigMaps it mounts.

        Nothing in them depends on the time or a run: the same function gives the same text.

        Args:
            handler: Another entry point than the default one.
            params: Values for its arguments.
            inputs: URLs for its data arguments.
            name: The run's name.
            artifact_path: Where artifacts go.
            schedule: A cron expression: a CronJob (ScheduledSparkApplication) instead; an MPIJob
                has none.
            policy: `CronPolicy(...)` for it: time zone, overlaps, missed starts.
            version: Of the object's API; an MPIJob has `v1` (Kubeflow's training operator) and
                `v2beta1` (the MPI operator), by default the setting `mpi_operator`.

        Returns:
            A list of objects whose `str()` is YAML.

        Raises:
            PackagingError: if the source cannot be captured.
            InvalidArgumentError: if a value cannot stand in a manifest.
        """
        call = {
            "handler": handler,
            "params": dict(params or {}),
            "inputs": dict(inputs or {}),
            "name": name,
            "artifact_path": artifact_path,
        }
        make = resolve("mlrun_like.functions.manifests:manifest_of")
        found: Manifest = make(self, call, schedule, policy, version)
        return found

    def to_nuclio(self) -> dict[str, Any]:
        """Nuclio's configuration of the function (`function.yaml` of a Nuclio project).

        A function of a kind with runs becomes a service that executes a run for each request.

        Raises:
            PreflightError: naming everything that is wrong.
        """
        parts = resolve("mlrun_like.functions.nuclio:to_nuclio")(self)
        found: dict[str, Any] = parts[""][0]
        return found

    def export_nuclio(self, target: str | Path) -> str:
        """Write a Nuclio project: a folder with `function.yaml` and the code, or a `.zip` of it.

        Args:
            target: A folder, or the name of an archive.

        Returns:
            The target.

        Raises:
            PreflightError: naming everything that is wrong.
            PackagingError: if it cannot be written.
        """
        return str(resolve("mlrun_like.functions.nuclio:export_nuclio")(self, target))
