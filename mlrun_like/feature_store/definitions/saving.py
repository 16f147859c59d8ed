"""From definitions to records and back."""

from __future__ import annotations

from typing import Any, TypeVar

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.metadata import Metadata
from mlrun_like.tracking.abilities import DocumentStore
from mlrun_like.tracking.connect import open_store

__all__ = ["document_store", "load", "publish", "read", "record_kind", "save"]

_Definition = TypeVar("_Definition", bound=Definition)


def document_store(store: Any = None) -> DocumentStore:
    """A store that keeps definitions.

    Args:
        store: A store or its address; None: the configured one.

    Raises:
        InvalidArgumentError: if it cannot keep them.
    """
    found = open_store(store or "") if store is None or isinstance(store, str) else store
    if not isinstance(found, DocumentStore):
        raise InvalidArgumentError(
            f"{found!r:.80} keeps no feature sets or vectors",
            fix="set dbpath to a SQLite file or a PostgreSQL database",
        )
    return found


def record_kind(cls: type[Definition]) -> str:
    """What a definition is called in the store: `feature-set`, `feature-vector`."""
    return cls.category[:-1]


def save(definition: Definition, tag: str = "", versioned: bool = False, store: Any = None) -> None:
    """Record a definition; see `Definition.save`."""
    definition.metadata.project = definition.project
    wanted = tag or definition.metadata.tag
    found = document_store(store)
    document = definition.to_dict()
    kind = record_kind(type(definition))
    uid = found.store_document(kind, document, wanted, versioned=versioned)
    _saved(definition, found, uid, tag)


def publish(definition: _Definition, tag: str, store: Any = None) -> _Definition:
    """Record a version under a tag that never moves again; returns a copy of it.

    Raises:
        ConflictError: if another version was published under the tag.
    """
    definition.metadata.project = definition.project
    found = document_store(store)
    kind = record_kind(type(definition))
    document = definition.to_dict()
    uid = found.store_document(kind, document, tag, fixed=True)
    published = definition.copy()
    _saved(published, found, uid, tag)
    return published


def _saved(definition: Definition, store: DocumentStore, uid: str, tag: str) -> None:
    metadata = definition.metadata
    record = store.read_document(
        record_kind(type(definition)), definition.project, definition.name, uid=uid
    )
    metadata.uid = uid
    metadata.updated = record["metadata"].get("updated")
    metadata.tag = tag or metadata.tag


def load(cls: type[_Definition], definition: Definition, store: Any = None) -> _Definition:
    """The record of a definition: of its tag, else the latest."""
    metadata = definition.metadata
    return read(cls, definition.project, metadata.name, metadata.tag, store=store)


def read(
    cls: type[_Definition], project: str, name: str, tag: str = "", uid: str = "", store: Any = None
) -> _Definition:
    """A definition from its record.

    Raises:
        NotFoundError: if there is none.
        ConflictError: if the record is of another kind.
    """
    document = document_store(store).read_document(record_kind(cls), project, name, tag, uid)
    if document.get("kind", cls.kind) != cls.kind:
        raise ConflictError(f"the record {project}/{name} is no {cls.noun}")
    made = cls.from_dict(document)
    if not isinstance(made.metadata, Metadata) or not made.metadata.project:
        made.metadata.project = project
    return made
