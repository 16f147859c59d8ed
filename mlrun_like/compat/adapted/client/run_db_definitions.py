"""Feature sets and feature vectors under the names of MLRun's client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.compat.adapted.client.run_db_lists import partitioned
from mlrun_like.compat.adapted.client.run_db_values import (
    has_labels,
    labels_of,
    merge,
    plain,
    project_of,
    several,
    text_of,
)
from mlrun_like.registry import resolve
from mlrun_like.tracking.full import FullStore
from mlrun_like.types import Document

__all__ = ["DefinitionCalls"]

_SET, _VECTOR = "feature-set", "feature-vector"


class DefinitionCalls:
    """What `RunDB` does with feature sets and feature vectors."""

    store: FullStore

    def store_feature_set(self, feature_set: Any, name: str | None = None, project: str = "",
                          tag: str | None = None, uid: str | None = None, versioned: bool = True,
                          ) -> dict[str, Any]:  # fmt: skip
        """Record a feature set."""
        return self._store_definition(_SET, feature_set, name, project, tag or uid, versioned)

    def create_feature_set(
        self, feature_set: Any, project: str = "", versioned: bool = True
    ) -> dict[str, Any]:
        """Record a feature set."""
        return self.store_feature_set(feature_set, project=project, versioned=versioned)

    def get_feature_set(
        self, name: str, project: str = "", tag: str | None = None, uid: str | None = None
    ) -> Any:
        """A feature set."""
        return self._definition(_SET, name, project, tag, uid)

    def list_feature_sets(  # noqa: PLR0913 - MLRun's signature
        self,
        project: str | None = None,
        name: str | None = None,
        tag: str | None = None,
        state: str | None = None,
        entities: Any = None,
        features: Any = None,
        labels: Any = None,
        partition_by: Any = None,
        rows_per_partition: int = 1,
        partition_sort_by: Any = None,
        partition_order: Any = "desc",
        format_: Any = None,
    ) -> list[Any]:
        """Feature sets; with entities or features those that have one of them."""
        del format_
        options = (partition_by, rows_per_partition, partition_sort_by, partition_order)
        found = self._definitions(_SET, (project, name, tag, state, labels), options)
        parts = (("entities", several(entities)), ("features", several(features)))
        kept = [
            item
            for item in found
            if all(not wanted or set(wanted) & _names(item, part) for part, wanted in parts)
        ]
        return [_feature_class(_SET).from_dict(item) for item in kept]

    def list_features_v2(
        self, project: str | None = None, name: str | None = None, tag: str | None = None,
        entities: Any = None, labels: Any = None,
    ) -> dict[str, list[Any]]:  # fmt: skip
        """Features, each with the index of its feature set in `feature_set_digests`.

        Args:
            project: The project.
            name: Exact name of the feature, or `~part`.
            tag: Of sets with this tag.
            entities: Of sets that have one of these entities.
            labels: With these labels.
        """
        return self._parts("features", project, (name, tag, labels), several(entities))

    def list_entities_v2(
        self, project: str | None = None, name: str | None = None, tag: str | None = None,
        labels: Any = None,
    ) -> dict[str, list[Any]]:  # fmt: skip
        """Entities, as `list_features_v2` gives features."""
        return self._parts("entities", project, (name, tag, labels), [])

    def patch_feature_set(
        self, name: str, feature_set_update: Mapping[str, Any], project: str = "",
        tag: str | None = None, uid: str | None = None, patch_mode: Any = "replace",
    ) -> None:  # fmt: skip
        """Change parts of a feature set; `additive` joins lists, `replace` replaces them."""
        self._patch(_SET, (name, project, tag, uid), feature_set_update, patch_mode)

    def delete_feature_set(
        self, name: str, project: str = "", tag: str | None = None, uid: str | None = None
    ) -> None:
        """Delete a feature set's record."""
        self.store.delete_document(_SET, project_of(project), name, tag or "", uid or "")

    def store_feature_vector(self, feature_vector: Any, name: str | None = None, project: str = "",
                             tag: str | None = None, uid: str | None = None, versioned: bool = True,
                             ) -> dict[str, Any]:  # fmt: skip
        """Record a feature vector."""
        return self._store_definition(_VECTOR, feature_vector, name, project, tag or uid, versioned)

    def create_feature_vector(
        self, feature_vector: Any, project: str = "", versioned: bool = True
    ) -> dict[str, Any]:
        """Record a feature vector."""
        return self.store_feature_vector(feature_vector, project=project, versioned=versioned)

    def get_feature_vector(
        self, name: str, project: str = "", tag: str | None = None, uid: str | None = None
    ) -> Any:
        """A feature vector."""
        return self._definition(_VECTOR, name, project, tag, uid)

    def list_feature_vectors(  # noqa: PLR0913 - MLRun's signature
        self,
        project: str | None = None,
        name: str | None = None,
        tag: str | None = None,
        state: str | None = None,
        labels: Any = None,
        partition_by: Any = None,
        rows_per_partition: int = 1,
        partition_sort_by: Any = None,
        partition_order: Any = "desc",
    ) -> list[Any]:
        """Feature vectors."""
        options = (partition_by, rows_per_partition, partition_sort_by, partition_order)
        found = self._definitions(_VECTOR, (project, name, tag, state, labels), options)
        return [_feature_class(_VECTOR).from_dict(item) for item in found]

    def patch_feature_vector(
        self, name: str, feature_vector_update: Mapping[str, Any], project: str = "",
        tag: str | None = None, uid: str | None = None, patch_mode: Any = "replace",
    ) -> None:  # fmt: skip
        """Change parts of a feature vector, as `patch_feature_set`."""
        self._patch(_VECTOR, (name, project, tag, uid), feature_vector_update, patch_mode)

    def delete_feature_vector(
        self, name: str, project: str = "", tag: str | None = None, uid: str | None = None
    ) -> None:
        """Delete a feature vector's record."""
        self.store.delete_document(_VECTOR, project_of(project), name, tag or "", uid or "")

    def _store_definition(
        self, kind: str, given: Any, name: str | None, project: str, tag: str | None,
        versioned: bool,
    ) -> dict[str, Any]:  # fmt: skip
        document = plain(given)
        meta = dict(document.get("metadata") or {})
        meta["name"] = name or meta.get("name")
        meta["project"] = project_of(project or meta.get("project"))
        document["metadata"] = meta
        meta["uid"] = self.store.store_document(kind, document, tag or "", versioned=versioned)
        return document

    def _definition(
        self, kind: str, name: str, project: str, tag: str | None, uid: str | None
    ) -> Any:
        place = project_of(project)
        found = self.store.read_document(kind, place, name, tag or "", uid or "")
        return _feature_class(kind).from_dict(found)

    def _definitions(
        self, kind: str, chosen: Sequence[Any], options: Sequence[Any]
    ) -> list[Document]:
        project, name, tag, state, labels = chosen
        found = self.store.list_documents(
            kind, project_of(project), name or "", tag or "", labels_of(labels)
        )
        kept = [
            item
            for item in found
            if text_of(state) in ("", (item.get("status") or {}).get("state"))
        ]
        names = ("partition_by", "rows_per_partition", "partition_sort_by", "partition_order")
        return list(partitioned(kept, dict(zip(names, options, strict=True))))

    def _parts(
        self, part: str, project: str | None, chosen: Sequence[Any], entities: Sequence[str]
    ) -> dict[str, list[Any]]:
        name, tag, labels = chosen
        wanted = labels_of(labels)
        rows: list[Document] = []
        digests: list[Document] = []
        for item in self._definitions(_SET, (project, None, tag, None, None), (None, 1, None, "")):
            if entities and not set(entities) & _names(item, "entities"):
                continue
            spec, index = item.get("spec") or {}, len(digests)
            found = [
                {**row, "feature_set_index": index}
                for row in spec.get(part) or ()
                if _fits(str(row.get("name")), name) and has_labels({"metadata": row}, wanted)
            ]
            if found:
                rows += found
                kept = {key: spec.get(key) or [] for key in ("entities", "features")}
                digest = {"metadata": item.get("metadata") or {}, "spec": kept}
                digests.append({"feature_set_index": index, **digest})
        return {part: rows, "feature_set_digests": digests}

    def _patch(
        self, kind: str, place: Sequence[Any], update: Mapping[str, Any], patch_mode: Any
    ) -> None:
        name, project, tag, uid = place
        document = dict(
            self.store.read_document(kind, project_of(project), name, tag or "", uid or "")
        )
        merge(document, plain(update), additive=text_of(patch_mode) == "additive")
        self.store.store_document(kind, document, tag or "", versioned=bool(uid))


def _feature_class(kind: str) -> Any:
    name = "FeatureSet" if kind == _SET else "FeatureVector"
    return resolve(f"mlrun_like.feature_store:{name}")


def _names(item: Document, part: str) -> set[str]:
    return {str(row.get("name")) for row in (item.get("spec") or {}).get(part) or ()}


def _fits(text: str, wanted: str | None) -> bool:
    if wanted and wanted.startswith("~"):
        return wanted[1:].lower() in text.lower()
    return wanted in (None, "", text)
