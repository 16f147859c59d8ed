"""Lists of records as `list_runs` and `list_artifacts` gave them: plain data with a few methods."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.item import DataItem, get_artifact, get_dataitem
from mlrun_like.compat.adapted.runs.tables import artifacts_to_html, runs_to_html
from mlrun_like.configuration import config
from mlrun_like.frameworks.parallel_coordinates import compare_run_objects
from mlrun_like.functions.documents import from_document
from mlrun_like.registry import require
from mlrun_like.runs.object import RunObject

__all__ = [
    "ArtifactList",
    "FunctionList",
    "RunList",
    "flatten",
    "iter_index",
    "list_header",
    "parameters_index",
    "results_index",
    "state_index",
]

_RUN = {
    "project": "metadata.project",
    "uid": "metadata.uid",
    "iter": "metadata.iteration",
    "start": "status.start_time",
    "end": "status.end_time",
    "state": "status.state",
    "kind": "kind",
    "name": "metadata.name",
    "labels": "metadata.labels",
    "inputs": "spec.inputs",
    "parameters": "spec.parameters",
    "results": "status.results",
    "artifacts": "status.artifacts",
    "artifact_uris": "status.artifact_uris",
    "error": "status.error",
}
_ARTIFACT = {
    "tree": "metadata.tree",
    "key": "metadata.key",
    "iter": "metadata.iter",
    "kind": "kind",
    "path": "spec.target_path",
    "hash": "metadata.hash",
    "viewer": "spec.viewer",
    "updated": "metadata.updated",
    "description": "metadata.description",
    "producer": "spec.producer",
    "sources": "spec.sources",
    "labels": "metadata.labels",
}
_EMPTY: Mapping[str, Any] = {"artifacts": [], "artifact_uris": {}}

list_header = list(_RUN)
iter_index = list_header.index("iter")
state_index = list_header.index("state")
parameters_index = list_header.index("parameters")
results_index = list_header.index("results")


def _at(document: Any, path: str, default: Any = "") -> Any:
    for part in path.split("."):
        if not isinstance(document, Mapping) or document.get(part) is None:
            return default
        document = document[part]
    return document


def flatten(df: Any, col: str, prefix: str = "") -> Any:
    """A frame with the dicts of one column as columns of their own.

    Args:
        df: The frame.
        col: The column; it is left out.
        prefix: The beginning of the new columns' names; a name that is taken is left out.
    """
    pandas = require("pandas", feature="a list as a frame")
    rows = [value if isinstance(value, Mapping) else {} for value in df[col]]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    added = {f"{prefix}{key}": [row.get(key) for row in rows] for key in keys}
    rest = df.drop(columns=[col])
    more = {name: values for name, values in added.items() if name not in rest}
    return rest.join(pandas.DataFrame(more, index=df.index))


class RunList(list[Any]):
    """Runs as plain data."""

    def to_rows(self, extend_iterations: bool = False) -> list[list[Any]]:
        """The runs as rows after a header.

        Args:
            extend_iterations: A row for each trial of a sweep in place of the sweep's own.
        """
        rows = []
        for run in self:
            default = config.default_project
            row = [_at(run, path, _EMPTY.get(name, "")) for name, path in _RUN.items()]
            row[0] = row[0] or default
            table = _at(run, "status.iterations", [])
            if not (extend_iterations and table):
                rows.append(row)
                continue
            header = [str(name) for name in table[0]]
            for trial in table[1:]:
                found = copy.copy(row)
                found[state_index], found[iter_index] = trial[0], trial[1]
                found[parameters_index] = _named(header, trial, "param.")
                found[results_index] = _named(header, trial, "output.")
                rows.append(found)
        return [list_header, *rows]

    def to_df(self, flat: bool = False, extend_iterations: bool = False, cache: bool = True) -> Any:
        """The runs as a frame.

        Args:
            flat: Labels, parameters and results in columns of their own.
            extend_iterations: As for `to_rows`.
            cache: MLRun's; a frame is made each time.
        """
        del cache
        pandas = require("pandas", feature="a list of runs as a frame")
        header, *rows = self.to_rows(extend_iterations)
        df = pandas.DataFrame(rows, columns=header)
        for name in ("start", "end"):
            df[name] = pandas.to_datetime(df[name].replace("", None), format="ISO8601", utc=True)
        if flat:
            for name, prefix in (("labels", ""), ("parameters", "param."), ("results", "output.")):
                df = flatten(df, name, prefix)
        return df

    def show(
        self,
        display: bool = True,
        classes: Any = None,
        short: bool = False,
        extend_iterations: bool = False,
    ) -> str | None:
        """Show the runs as a table; its HTML with `display=False`."""
        return runs_to_html(self.to_df(False, extend_iterations), display, classes, short)

    def to_objects(self) -> list[RunObject]:
        """The runs as objects."""
        return [RunObject.from_dict(run) for run in self]

    def compare(
        self,
        hide_identical: bool = True,
        exclude: list[str] | None = None,
        show: bool | None = None,
        extend_iterations: bool = True,
        filename: str | None = None,
        colorscale: str | None = None,
    ) -> Any:
        """A chart of parameters and results with a line for each run, and a table."""
        return compare_run_objects(
            self.to_objects(),
            hide_identical=hide_identical,
            exclude=exclude,
            show=show,
            extend_iterations=extend_iterations,
            filename=filename,
            colorscale=colorscale,
        )


class ArtifactList(list[Any]):
    """Artifacts as plain data.

    Args:
        items: The documents.
        tag: The tag they were looked up by.
    """

    def __init__(self, items: Iterable[Any] = (), tag: str = "") -> None:
        super().__init__(items)
        self.tag = tag

    def to_rows(self) -> list[list[Any]]:
        """The artifacts as rows after a header."""
        rows = [[_at(one, path) for path in _ARTIFACT.values()] for one in self]
        for row, found in zip(rows, self.to_objects(), strict=True):
            row.append(found.uri)
        return [[*_ARTIFACT, "uri"], *rows]

    def to_df(self, flat: bool = False) -> Any:
        """The artifacts as a frame; `flat`: producers and sources in columns of their own."""
        pandas = require("pandas", feature="a list of artifacts as a frame")
        header, *rows = self.to_rows()
        df = pandas.DataFrame(rows, columns=header)
        updated = df["updated"].replace("", None)
        df["updated"] = pandas.to_datetime(updated, format="ISO8601", utc=True)
        if flat:
            df = flatten(flatten(df, "producer", "prod_"), "sources", "src_")
        return df

    def show(self, display: bool = True, classes: Any = None) -> str | None:
        """Show the artifacts as a table; its HTML with `display=False`."""
        df = self.to_df()
        if self.tag != "*":
            df = df.drop(columns=["tree"])
        return artifacts_to_html(df, display, classes)

    def to_objects(self) -> list[Artifact]:
        """The artifacts as objects."""
        return [Artifact.from_dict(dict(one)) for one in self]

    objects = to_objects

    def dataitems(self) -> list[DataItem]:
        """What the artifacts hold."""
        found = [one.uri or one.target_path for one in self.to_objects()]
        return [get_dataitem(uri) for uri in found if uri]

    def to_current(self) -> list[Artifact]:
        """The artifacts as the store has them now."""
        return [get_artifact(one.uri) for one in self.to_objects()]


class FunctionList(list[Any]):
    """Functions as plain data."""

    def to_objects(self) -> list[Any]:
        """The functions as objects."""
        return [from_document(one) for one in self]


def _named(header: list[str], row: list[Any], prefix: str) -> dict[str, Any]:
    return {
        name[len(prefix) :]: value
        for name, value in zip(header, row, strict=False)
        if name.startswith(prefix)
    }
