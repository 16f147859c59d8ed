"""Runs of pipelines as `mlrun_pipelines.models` has them: mappings with attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from mlrun_like.errors import InvalidTypeError

__all__ = ["FlexibleMapper", "PipelineExperiment", "PipelineManifest", "PipelineRun"]


class FlexibleMapper(MutableMapping[str, Any]):
    """A document that is a mapping, and whose keys are attributes.

    Args:
        external_data: The document, or an object with `to_dict()`. A mapping is not copied.

    Raises:
        InvalidTypeError: if it is neither.

    >>> run = PipelineRun({"id": "7", "name": "daily"})
    >>> run.id, run["name"], dict(run)
    ('7', 'daily', {'id': '7', 'name': 'daily'})
    """

    def __init__(self, external_data: Any) -> None:
        found = external_data.to_dict() if hasattr(external_data, "to_dict") else external_data
        if not isinstance(found, MutableMapping):
            raise InvalidTypeError(
                f"{type(self).__name__} needs a mapping, or an object with to_dict(), "
                f"not {external_data!r:.80}"
            )
        self._external_data: MutableMapping[str, Any] = found

    def __getitem__(self, key: str) -> Any:
        return self._external_data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._external_data[key] = value

    def __delitem__(self, key: str) -> None:
        del self._external_data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._external_data)

    def __len__(self) -> int:
        return len(self._external_data)

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__.get("_external_data")  # a copy that is being made has none yet
        if found is None or name not in found:
            raise AttributeError(f"the {type(self).__name__} has no {name!r}")
        return found[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self._external_data[name] = value

    def to_dict(self) -> dict[str, Any]:
        """The document."""
        return dict(self._external_data)


class PipelineManifest(FlexibleMapper):
    """What a pipeline's run was made of.

    Args:
        workflow_manifest: The document, or its JSON.
        pipeline_manifest: JSON of the document whose status counts.
    """

    def __init__(self, workflow_manifest: Any = "{}", pipeline_manifest: str = "{}") -> None:
        text = isinstance(workflow_manifest, str)
        super().__init__(json.loads(workflow_manifest) if text else workflow_manifest)
        newer = json.loads(pipeline_manifest)
        if newer:
            self["status"] = newer.get("status", {})


class PipelineRun(FlexibleMapper):
    """One run of a pipeline."""

    @property
    def experiment_id(self) -> str:
        """The experiment that it belongs to, empty if none."""
        if self._external_data.get("experiment_id"):
            return str(self._external_data["experiment_id"])
        for reference in self._external_data.get("resource_references") or ():
            key = reference.get("key") or {}
            owned = reference.get("relationship") == "OWNER"
            if key.get("type") == "EXPERIMENT" and owned and reference.get("name") != "Default":
                return str(key.get("id") or "")
        return ""

    def workflow_manifest(self) -> PipelineManifest:
        """What the run was made of."""
        spec = self._external_data.get("pipeline_spec")
        spec = spec if isinstance(spec, Mapping) else {}
        return PipelineManifest(spec.get("workflow_manifest") or "{}")


class PipelineExperiment(FlexibleMapper):
    """A group of runs of pipelines."""
