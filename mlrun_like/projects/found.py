"""Lists of what was found, with MLRun's ways to look at them."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from mlrun_like.frameworks.parallel_coordinates import compare_run_objects
from mlrun_like.registry import resolve

__all__ = ["ArtifactList", "Found", "RunList"]

T = TypeVar("T")


class Found(list[T], Generic[T]):
    """A list of runs or artifacts."""

    def to_objects(self) -> list[T]:
        """They are objects already."""
        return list(self)

    def rows(self) -> list[dict[str, Any]]:
        """What `to_df` shows of each."""
        raise NotImplementedError

    def to_df(self) -> Any:
        """A pandas frame with a row for each."""
        return resolve("pandas:DataFrame")(self.rows())


class RunList(Found[Any]):
    """Runs, newest first."""

    def rows(self) -> list[dict[str, Any]]:
        """Project, uid, iteration, start, state, name, labels, inputs, parameters, results."""
        return [
            {
                "project": run.metadata.project,
                "uid": run.metadata.uid,
                "iter": run.metadata.iteration,
                "start": run.status.start_time,
                "state": run.status.state,
                "kind": run.metadata.labels.get("kind", ""),
                "name": run.metadata.name,
                "labels": run.metadata.labels,
                "inputs": run.spec.inputs,
                "parameters": run.spec.parameters,
                "results": run.status.results,
                "artifacts": run.status.artifact_uris,
                "error": run.error,
            }
            for run in self
        ]

    def compare(
        self,
        hide_identical: bool = True,
        exclude: list[str] | None = None,
        show: bool | None = None,
        extend_iterations: bool = True,
        filename: str | None = None,
        colorscale: str | None = None,
    ) -> str:
        """A page with a line for each run through its parameters and results, and a table.

        Args:
            hide_identical: Leave out parameters that are the same in all.
            exclude: Parameters to leave out.
            show: Kept for MLRun's callers; a notebook shows what is given back.
            extend_iterations: A run with iterations counts as those.
            filename: Also write the page there.
            colorscale: Kept for MLRun's callers.
        """
        return compare_run_objects(
            list(self), hide_identical, exclude, show, extend_iterations, filename, colorscale
        )


class ArtifactList(Found[Any]):
    """Artifacts, newest first."""

    def rows(self) -> list[dict[str, Any]]:
        """Tree, key, iteration, kind, path, digest, when it was updated, labels, producer."""
        return [
            {
                "tree": item.metadata.tree,
                "key": item.key,
                "iter": item.metadata.iter,
                "kind": item.kind,
                "path": item.target_path,
                "hash": item.spec.digest,
                "updated": item.metadata.updated,
                "labels": item.metadata.labels,
                "producer": item.producer,
                "uri": item.uri,
            }
            for item in self
        ]
