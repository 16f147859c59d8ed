"""Artifacts as users hold them, one class a kind.

Artifact          a file, or text kept in the record        store://artifacts/...
DirArtifact       a folder
DatasetArtifact   a table with schema, preview, statistics  store://datasets/...
ModelArtifact     a model's folder                          store://models/...
PlotArtifact      a matplotlib figure or PNG, as HTML
PlotlyArtifact    a plotly figure, as HTML
TableArtifact     a small table, as csv
LinkArtifact      points at an artifact of a child iteration
CodeArtifact      source code
DocumentArtifact  a text for language models                store://documents/...
LLMPromptArtifact a prompt of one                           store://llm-prompts/...
"""

from __future__ import annotations

from typing import Any

from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.code import CodeArtifact
from mlrun_like.artifacts.dataset import DatasetArtifact, TableArtifact
from mlrun_like.artifacts.document import DocumentArtifact
from mlrun_like.artifacts.formats import is_frame
from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.artifacts.plots import (
    BokehArtifact,
    PlotArtifact,
    PlotlyArtifact,
    figure_artifact,
)
from mlrun_like.artifacts.prompt import LLMPromptArtifact

__all__ = [
    "Artifact",
    "BokehArtifact",
    "CodeArtifact",
    "DatasetArtifact",
    "DirArtifact",
    "DocumentArtifact",
    "LLMPromptArtifact",
    "LinkArtifact",
    "ModelArtifact",
    "PlotArtifact",
    "PlotlyArtifact",
    "TableArtifact",
    "make_artifact",
]


class DirArtifact(Artifact):
    """A folder."""

    kind = "dir"

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return True

    def suffix(self) -> str:
        """A folder."""
        return "/"


class LinkArtifact(Artifact):
    """Points at an artifact that a child iteration made.

    Args:
        key: Its name.
        target_path: The `store://` URI it points at.
        link_iteration: The child's number.
        link_key: The other artifact's database key.
        link_tree: The other artifact's tree.
        kwargs: As for Artifact.
    """

    kind = "link"

    def __init__(
        self,
        key: str = "",
        target_path: str = "",
        link_iteration: int | None = None,
        link_key: str = "",
        link_tree: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(key, target_path=target_path, **kwargs)
        spec = self.doc.spec
        spec.link_iteration, spec.link_key, spec.link_tree = link_iteration, link_key, link_tree


def make_artifact(key: str, body: Any, format: str, fields: dict[str, Any]) -> Artifact:
    """The artifact that suits a body: tables become csv, figures a page, the rest a file."""
    if is_frame(body):
        if format.lower() in ("", "csv"):
            return TableArtifact(key, df=body, **fields)
        return DatasetArtifact(key, body, format=format, **fields)
    figure = None if isinstance(body, (str, bytes)) else figure_artifact(key, body)
    if figure is not None:
        figure.set_fields(fields)
        return figure
    return Artifact(key, body, format=format, **fields)
