"""The artifact document: MLRun's layout plus a SHA-256 digest of the bytes."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field

from mlrun_like.specs.fields import FieldList
from mlrun_like.specs.model import Model

__all__ = ["ArtifactDoc", "ArtifactMetadata", "ArtifactSpec"]


_Features: TypeAlias = Annotated[list[dict[str, Any]], AfterValidator(FieldList)]


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
    inputs: _Features = Field(default_factory=FieldList)
    outputs: _Features = Field(default_factory=FieldList)
    feature_vector: str = ""
    feature_weights: list[float] = Field(default_factory=list)
    feature_stats: dict[str, Any] = Field(default_factory=dict)
    model_url: str = ""
    default_config: dict[str, Any] = Field(default_factory=dict)
    # what is made of another artifact
    parent_uri: str = ""
    has_children: bool = False
    # code, prompts, documents
    language: str | None = None
    code_type: str = ""
    requirements: list[str] | None = None
    prompt_template: list[dict[str, Any]] | None = None
    prompt_legend: dict[str, Any] = Field(default_factory=dict)
    invocation_config: dict[str, Any] = Field(default_factory=dict)
    document_loader: dict[str, Any] = Field(default_factory=dict)
    original_source: str = ""
    # links
    link_iteration: int | None = None
    link_key: str = ""
    link_tree: str = ""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @property  # type: ignore[override]  # pydantic's method of this name is deprecated
    def schema(self) -> dict[str, Any]:
        """The columns of a data set, as a table schema."""
        return self.schema_

    @schema.setter
    def schema(self, value: dict[str, Any]) -> None:
        self.schema_ = value

    @property
    def model_uri(self) -> str:
        """Of a prompt: the URI of the model it is for."""
        return self.parent_uri

    def get_body(self) -> str | None:
        """The text of an inline artifact."""
        return self.inline


class ArtifactDoc(Model):
    """A whole artifact; kind is artifact (file), dir, dataset, model, plot, table, link, ..."""

    kind: str = ""
    metadata: ArtifactMetadata = Field(default_factory=ArtifactMetadata)
    spec: ArtifactSpec = Field(default_factory=ArtifactSpec)
    status: dict[str, Any] = Field(default_factory=dict)
