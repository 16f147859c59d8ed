"""Functions and feature definitions under the names of MLRun's client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import labels_of, plain, project_of, text_of
from mlrun_like.registry import resolve
from mlrun_like.tracking.full import FullStore
from mlrun_like.types import Document

__all__ = ["DefinitionCalls"]

_SET, _VECTOR = "feature-set", "feature-vector"


class DefinitionCalls:
    """What `RunDB` does with functions, feature sets and feature vectors."""

    store: FullStore

    def store_function(
        self, function: Any, name: str = "", project: str = "", tag: str | None = None,
        versioned: bool = False,
    ) -> str:  # fmt: skip
        """Record a function; gives the hash of this version."""
        del versioned  # every version is kept
        document = plain(function)
        meta = dict(document.get("metadata") or {})
        meta["name"] = name or meta.get("name")
        meta["project"] = project_of(project or meta.get("project"))
        return self.store.store_function({**document, "metadata": meta}, tag=tag or "")

    def get_function(
        self, name: str, project: str = "", tag: str | None = None, hash_key: str = ""
    ) -> dict[str, Any]:
        """A function's document.

        Raises:
            NotFoundError: if there is none.
        """
        found = self.store.read_function(project_of(project), name, tag=tag or "", hash=hash_key)
        return dict(found)

    def list_functions(
        self, name: str | None = None, project: str | None = None, tag: str | None = None,
        labels: Any = None, **others: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Functions' documents, newest first."""
        kind, wanted = text_of(others.get("kind")), labels_of(labels)
        return [
            item
            for item in self.store.list_functions(project_of(project), name or "", tag or "")
            if kind in ("", item.get("kind")) and _has_labels(item, wanted)
        ]

    # feature definitions

    def store_feature_set(self, feature_set: Any, name: str | None = None, project: str = "",
                          tag: str | None = None, uid: str | None = None, versioned: bool = True,
                          ) -> dict[str, Any]:  # fmt: skip
        """Record a feature set."""
        return self._store_definition(_SET, feature_set, name, project, tag or uid, versioned)

    create_feature_set = store_feature_set

    def get_feature_set(
        self, name: str, project: str = "", tag: str | None = None, uid: str | None = None
    ) -> Any:
        """A feature set."""
        return self._definition(_SET, name, project, tag, uid)

    def list_feature_sets(
        self, project: str = "", name: str | None = None, tag: str | None = None, **others: Any
    ) -> list[Any]:
        """Feature sets."""
        return self._definitions(_SET, project, name, tag, others)

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

    create_feature_vector = store_feature_vector

    def get_feature_vector(
        self, name: str, project: str = "", tag: str | None = None, uid: str | None = None
    ) -> Any:
        """A feature vector."""
        return self._definition(_VECTOR, name, project, tag, uid)

    def list_feature_vectors(
        self, project: str = "", name: str | None = None, tag: str | None = None, **others: Any
    ) -> list[Any]:
        """Feature vectors."""
        return self._definitions(_VECTOR, project, name, tag, others)

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
        self, kind: str, project: str, name: str | None, tag: str | None, others: dict[str, Any]
    ) -> list[Any]:
        labels = labels_of(others.get("labels"))
        made = _feature_class(kind).from_dict
        found: Iterable[Document] = self.store.list_documents(
            kind, project_of(project), name or "", tag or "", labels
        )
        return [made(item) for item in found]


def _feature_class(kind: str) -> Any:
    name = "FeatureSet" if kind == _SET else "FeatureVector"
    return resolve(f"mlrun_like.feature_store:{name}")


def _has_labels(item: Document, wanted: dict[str, str | None]) -> bool:
    own = (item.get("metadata") or {}).get("labels") or {}
    return all(key in own and value in (None, own[key]) for key, value in wanted.items())
