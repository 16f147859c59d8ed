"""The logging half of a context: results, metrics, artifacts."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.artifacts.language import LogsLanguage
from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.artifacts.packers import to_result
from mlrun_like.artifacts.paths import resolve_artifact_path
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.names import check_key
from mlrun_like.registry import resolve
from mlrun_like.runs.context_reading import ContextReading
from mlrun_like.runs.job import Job
from mlrun_like.tracking.base import MetricPoint

if TYPE_CHECKING:
    from mlrun_like.artifacts.artifact import Artifact

__all__ = ["ContextLogging"]


class ContextLogging(LogsLanguage, ContextReading):
    """What a handler may record."""

    def __init__(self, job: Job, *, ends_itself: bool = True) -> None:
        super().__init__(job, ends_itself=ends_itself)
        self._manager: ArtifactManager | None = None
        self._artifacts: dict[str, Artifact] = {}
        self._steps: dict[str, int] = {}

    @property
    def results(self) -> dict[str, Any]:
        """A copy of the results so far."""
        return copy.deepcopy(self._run.status.results)

    @property
    def artifacts(self) -> list[dict[str, Any]]:
        """The artifacts logged so far, as plain data."""
        return [artifact.to_dict() for artifact in self._artifacts.values()]

    def log_result(self, key: str, value: Any, commit: bool = False) -> None:
        """Record a result.

        Args:
            key: Its name.
            value: A number, text or nested plain data; numpy values become Python's, other
                objects their text.
            commit: Write the run at once and wait for it; else it is written when some seconds
                have passed since the last time, and at the end.

        Raises:
            InvalidArgumentError: if the key may not name a result.
        """
        self._run.status.results[check_key(str(key))] = to_result(value)
        if commit:
            self.commit()
        else:
            self._changed()

    def log_results(self, results: Mapping[str, Any], commit: bool = False) -> None:
        """Record several results.

        Raises:
            InvalidArgumentError: if `results` is not a mapping.
        """
        if not isinstance(results, Mapping):
            raise InvalidArgumentError(
                f"log_results takes a mapping, not {type(results).__name__}",
                fix='context.log_results({"accuracy": 0.9})',
            )
        for key, value in results.items():
            self.log_result(key, value)
        if commit:
            self.commit()

    def log_metric(self, key: str, value: float, step: int | None = None) -> None:
        """Add a point to a metric's series; the last value is also the result `key`.

        Args:
            key: The metric's name.
            value: Its value.
            step: Its position; by default one more than this metric's last.

        Raises:
            InvalidArgumentError: if the key may not name a metric or the value is no number.
            TrialPruned: in a trial of a search that gives it up now.
        """
        key = check_key(str(key))
        try:
            value = float(value)
        except (TypeError, ValueError) as exc:
            raise InvalidArgumentError(
                f"metric {key!r} must be a number, not {value!r}", where=self.uri
            ) from exc
        if step is None:
            step = self._steps.get(key, -1) + 1
        self._steps[key] = step
        meta = self._run.metadata
        self._job.store.log_metrics(
            meta.project, meta.uid, meta.iteration, (MetricPoint(key, value, step, time.time()),)
        )
        self._run.status.results[key] = value
        self._changed()
        pruning = self._run.spec.hyper_param_options.get("pruning")
        if pruning and pruning["metric"] == key:
            resolve("mlrun_like.runs.pruning:report")(self, pruning, value, step)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add one point to each of several series."""
        for key, value in metrics.items():
            self.log_metric(key, value, step)

    def log_artifact(self, item: Any, *args: Any, **options: Any) -> Artifact:
        """Store a file, text, bytes or Artifact; see `ArtifactManager.log_artifact`."""
        return self._logged(self._artifact_manager().log_artifact(item, *args, **options))

    def log_dataset(self, key: str, df: Any, *args: Any, **options: Any) -> Artifact:
        """Store a table with preview, schema and statistics; see `ArtifactManager.log_dataset`."""
        return self._logged(self._artifact_manager().log_dataset(key, df, *args, **options))

    def log_model(self, key: str, *args: Any, **options: Any) -> Artifact:
        """Store a model with its metrics, parameters and schema; see
        `ArtifactManager.log_model`."""
        return self._logged(self._artifact_manager().log_model(key, *args, **options))

    def get_cached_artifact(self, key: str) -> Artifact:
        """An artifact logged by this run.

        Raises:
            NotFoundError: if this run logged none of that key.
        """
        if key not in self._artifacts:
            raise NotFoundError(
                f"this run logged no artifact {key!r}; it has {sorted(self._artifacts) or 'none'}",
                where=self.uri,
            )
        return self._artifacts[key]

    def update_artifact(self, artifact: Artifact) -> None:
        """Record changed metadata of an artifact that this run logged."""
        self.store.store_artifact(artifact.to_dict(), tag=artifact.metadata.tag)
        self._logged(artifact)

    def artifact_subpath(self, *parts: str) -> str:
        """A path below where the run's artifacts go, also if it names no place for them."""
        base = self.artifact_path or resolve_artifact_path(self._artifact_manager().producer, None)
        return "/".join([base.rstrip("/"), *(part.strip("/") for part in parts)])

    def _artifact_manager(self) -> ArtifactManager:
        if self._manager is None:
            meta = self._run.metadata
            self._manager = ArtifactManager(
                self.store,
                Producer(
                    kind="run",
                    name=meta.name,
                    uri=f"{meta.project}/{meta.uid}",
                    project=meta.project,
                    tree=self.tag,
                    iteration=meta.iteration,
                    owner=meta.labels.get("owner", ""),
                    artifact_path=self.artifact_path,
                    sources=[{"name": k, "path": v} for k, v in self._run.spec.inputs.items()],
                ),
            )
        return self._manager

    def _logged(self, artifact: Artifact) -> Artifact:
        self._artifacts[artifact.key] = artifact
        # what is in no store has no URI that leads to it, and its file is there all the same
        kept = artifact.spec.db_key or not artifact.target_path
        self._run.status.artifact_uris[artifact.key] = (
            artifact.uri if kept else artifact.target_path
        )
        self._changed()
        return artifact
