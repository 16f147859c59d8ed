"""Where a feature set's data comes from and who uses it: runs, sources, vectors, models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_text import parse_feature
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.listing import list_feature_vectors
from mlrun_like.feature_store.definitions.saving import document_store, record_kind
from mlrun_like.tracking.base import ArtifactQuery, Store
from mlrun_like.types import Document

__all__ = ["Lineage", "lineage_of"]

_MODELS = 1000


@dataclass(frozen=True)
class Lineage:
    """What is connected with a feature set or vector.

    Args:
        sources: What it was made of: a set's source, a vector's sets.
        written_by: URIs of the runs that wrote it, oldest first.
        read_by: URIs of the runs that read it, oldest first.
        vectors: URIs of the vectors that take features of the set.
        models: URIs of the models that were trained on the vector, or on one of the set's.
    """

    sources: list[str] = field(default_factory=list)
    written_by: list[str] = field(default_factory=list)
    read_by: list[str] = field(default_factory=list)
    vectors: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    def rows(self) -> list[tuple[str, str]]:
        """The relation and the URI, for tables."""
        return [
            (name.replace("_", " "), uri)
            for name in ("sources", "written_by", "read_by", "vectors", "models")
            for uri in getattr(self, name)
        ]


def lineage_of(definition: Definition, store: Any = None) -> Lineage:
    """The lineage of a feature set or vector.

    Args:
        definition: The set or vector.
        store: Where runs and definitions are recorded; None: the configured store.

    Raises:
        StoreUnavailableError: if the store cannot be reached.
    """
    where = document_store(store)
    if not isinstance(where, Store):
        raise InvalidArgumentError(f"{where!r:.80} records no runs")
    written, read = _runs(definition, where)
    run = definition.status.run_uri
    vectors = _vectors(definition, where) if isinstance(definition, FeatureSet) else []
    users = [vector.uri for vector in vectors]
    asked = users if isinstance(definition, FeatureSet) else [definition.uri]
    return Lineage(
        _sources(definition), written or ([str(run)] if run else []), read, users,
        _models(asked, definition.project, where),
    )  # fmt: skip


def _sources(definition: Definition) -> list[str]:
    if isinstance(definition, FeatureVector):
        return list(dict.fromkeys(_set_uri(text, definition) for text in definition.spec.features))
    source = definition.spec.source
    if source is None:
        return []
    kind, path, name = (
        source.get(key) if isinstance(source, Mapping) else getattr(source, key, None)
        for key in ("kind", "path", "name")
    )
    return [f"{kind or 'source'} {path or name or ''}".strip()]


def _set_uri(text: str, vector: FeatureVector) -> str:
    try:
        parts = parse_feature(text)
    except InvalidArgumentError:
        return text
    tag = f":{parts.tag}" if parts.tag else ""
    return f"store://feature-sets/{parts.project or vector.project}/{parts.feature_set}{tag}"


def _runs(definition: Definition, store: Store) -> tuple[list[str], list[str]]:
    """Runs that wrote and read it, by any of its URIs."""
    base = f"store://{definition.category}/{definition.project}/{definition.name}"
    kind = record_kind(type(definition))
    records = document_store(store).list_documents(
        kind, definition.project, definition.name, tag="*"
    )
    uris = {base, f"{base}:latest", definition.uri}
    for record in records:
        metadata = record.get("metadata") or {}
        uris.add(f"{base}@{metadata.get('uid')}")
        if metadata.get("tag"):
            uris.add(f"{base}:{metadata['tag']}")
    edges = [edge for uri in sorted(uris) for edge in store.lineage("*", artifact_uri=uri)]
    edges.sort(key=lambda edge: float(edge["time"]))

    def of(direction: str) -> list[str]:
        found = [f"{e['project']}@{e['uid']}" for e in edges if e["direction"] == direction]
        return list(dict.fromkeys(found))

    return of("write"), of("read")


def _vectors(feature_set: FeatureSet, store: Any) -> list[FeatureVector]:
    """The vectors of all projects that take features of the set."""
    found = []
    for vector in list_feature_vectors("*", store=store):
        texts = [*vector.spec.features, vector.spec.label_feature or ""]
        plain = f"store://feature-sets/{feature_set.project}/{feature_set.name}"
        uris = {_set_uri(text, vector) for text in texts if text}
        if any(uri == plain or uri.startswith(f"{plain}:") for uri in uris):
            found.append(vector)
    return found


def _models(vectors: list[str], project: str, store: Store) -> list[str]:
    """Models whose record names one of these vectors, whatever the tag."""
    if not vectors:
        return []
    wanted = {uri.rpartition("/")[0] + "/" + _bare(uri) for uri in vectors}
    projects = {project, *(uri.split("/")[3] for uri in vectors if uri.count("/") >= 4)}
    found: list[str] = []
    for name in sorted(projects):
        query = ArtifactQuery(project=name, category="model", limit=_MODELS)
        for model in store.list_artifacts(query):
            uri = str((model.get("spec") or {}).get("feature_vector") or "")
            if uri and uri.rpartition("/")[0] + "/" + _bare(uri) in wanted:
                found.append(_model_uri(model))
    return list(dict.fromkeys(found))


def _bare(uri: str) -> str:
    """The last part of a URI without tag and version."""
    return uri.rpartition("/")[2].partition("@")[0].partition(":")[0]


def _model_uri(model: Document) -> str:
    metadata = model.get("metadata") or {}
    key = (model.get("spec") or {}).get("db_key") or metadata.get("key")
    tree = f"@{metadata['tree']}" if metadata.get("tree") else ""
    return f"store://models/{metadata.get('project')}/{key}{tree}"
