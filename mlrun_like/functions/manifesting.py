"""The way from a function to the objects of a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.runtimes.kubernetes.rendering import Manifest
    from mlrun_like.specs.function import FunctionDoc

__all__ = ["Manifesting"]


class Manifesting(ABC):
    """A function as manifests."""

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
    ) -> Manifest:
        """The Kubernetes objects that run this function, to read, commit and apply.

        Nothing in them depends on the time or a run: the same function gives the same text.

        Args:
            handler: Another entry point than the default one.
            params: Values for its arguments.
            inputs: URLs for its data arguments.
            name: The run's name.
            artifact_path: Where artifacts go.
            schedule: A cron expression: a CronJob instead of a Job.
            policy: `CronPolicy(...)` for it: time zone, overlaps, missed starts.

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
        found: Manifest = make(self._doc(), call, schedule, policy)
        return found
