"""The artifact document: MLRun's layout plus a SHA-256 digest of the bytes."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from mlrun_like.specs.model import Model

__all__ = ["ArtifactDoc", "ArtifactMetadata", "ArtifactSpec"]


class ArtifactMetadata(Model):
    """Which artifact this is; `tree` is the run (or workflow) that made it, `uid` this version."""

    key: str = ""
    project: str = ""
    iter: int = 0
    tree: str = ""
    tag: str = ""
    uid: str = ""
    hash: str = ""
    description: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    updated: str | None = None


class ArtifactSpec(Model):
    """Where the bytes are and what they hold; below `digest`: data sets, models, links."""

    src_path: str = ""
    target_path: str = ""
    viewer: str = ""
    inline: str | None = None
    format: str = ""
    size: int | None = None
    db_key: str = ""
    extra_data: dict[str, Any] = Field(default_factory=dict)
    unpackaging_instructions: dict[str, Any] = Field(default_factory=dict)
    producer: dict[str, Any] = Field(default_factory=dict)
    sources: list[dict[str, Any]] = Field(default_factory=list)
    license: str = ""
    encoding: str = ""
    annotations: dict[str, str] = Field(default_factory=dict)
    digest: str = ""
    # data sets
    schema_: dict[str, Any] = Field(default_factory=dict, alias="schema")
    header: list[str] = Field(default_factory=list)
    length: int | None = None
    preview: list[list[Any]] = Field(default_factory=list)
    stats: dict[str, Any] = Field(default_factory=dict)
    label_column: str = ""
    column_metadata: dict[str, Any] = Field(default_factory=dict)
    # models
    model_file: str = ""
    framework: str = ""
    algorithm: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    inputs: list[dict[str, Any]] = Field(default_factory=list)
    outputs: list[dict[str, Any]] = Field(default_factory=list)
    feature_vector: str = ""
    feature_weights: list[float] = Field(default_factory=list)
    feature_stats: dict[str, Any] = Field(default_factory=dict)
    # links
    link_iteration: int | None = None
    link_key: str = ""
    link_tree: str = ""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    def get_body(self) -> str | None:
        """The text of an inline artifact."""
        return self.inline


class ArtifactDoc(Model):
    """A whole artifact; kind is "" (file), dir, dataset, model, plot, plotly, table or link."""

    kind: str = ""
    metadata: ArtifactMetadata = Field(default_factory=ArtifactMetadata)
    spec: ArtifactSpec = Field(default_factory=ArtifactSpec)
    status: dict[str, Any] = Field(default_factory=dict)
