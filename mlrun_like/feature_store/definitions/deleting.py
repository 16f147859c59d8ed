"""The end of feature sets and vectors."""

from __future__ import annotations

from typing import Any, TypeVar

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, NotFoundError
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.listing import list_definitions
from mlrun_like.feature_store.definitions.saving import document_store, read, record_kind
from mlrun_like.registry import resolve

__all__ = ["delete_feature_set", "delete_feature_vector"]

_D = TypeVar("_D", bound=Definition)
_PURGE = "mlrun_like.feature_store.targets.purging:purge"


def delete_feature_set(
    name: str,
    project: str = "",
    tag: str | None = None,
    uid: str | None = None,
    force: bool = False,
    store: Any = None,
) -> None:
    """Delete the record of a feature set; nothing happens if there is none.

    Args:
        name: Its name.
        project: Its project; empty: the default one.
        tag: Only the version that holds it.
        uid: Only this version.
        force: Also delete its data; else it must have none, or share it with a version that
            stays (shared data stays too).
        store: Where it is recorded; None: the configured store.

    Raises:
        ConflictError: if it has data in targets and `force` is not set.
    """
    found = _doomed(FeatureSet, name, project, tag, uid, store)
    gone = {item.metadata.uid for item in found}
    kept = {
        target.path
        for item in _versions(FeatureSet, name, project, store)
        if item.metadata.uid not in gone
        for target in item.status.targets
    }
    own = {
        item.metadata.uid: [t.name for t in item.status.targets if t.path not in kept]
        for item in found
    }
    for item in found:
        written = own[item.metadata.uid]
        if written and not force:
            raise ConflictError(
                f"feature set {item.fullname!r} has data in targets: {', '.join(written)}",
                fix="call purge_targets() first, or delete it with force=True",
            )
    for item in found:
        if own[item.metadata.uid]:
            resolve(_PURGE)(item, own[item.metadata.uid], True)
    _delete(FeatureSet, name, project, tag, uid, store)


def delete_feature_vector(
    name: str,
    project: str = "",
    tag: str | None = None,
    uid: str | None = None,
    store: Any = None,
) -> None:
    """Delete the record of a feature vector; nothing happens if there is none."""
    _delete(FeatureVector, name, project, tag, uid, store)


def _versions(cls: type[_D], name: str, project: str, store: Any) -> list[_D]:
    """All versions, each once."""
    owner = project or str(config.default_project)
    found = list_definitions(cls, owner, None, "*", None, store)
    return list({item.metadata.uid: item for item in found if item.name == name}.values())


def _doomed(
    cls: type[_D], name: str, project: str, tag: str | None, uid: str | None, store: Any
) -> list[_D]:
    if not (tag or uid):
        return _versions(cls, name, project, store)
    owner = project or str(config.default_project)
    try:
        return [read(cls, owner, name, tag or "", uid or "", store=store)]
    except NotFoundError:
        return []


def _delete(
    cls: type[Definition], name: str, project: str, tag: str | None, uid: str | None, store: Any
) -> None:
    owner = project or str(config.default_project)
    document_store(store).delete_document(record_kind(cls), owner, name, tag or "", uid or "")
