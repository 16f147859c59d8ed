"""The registry: versions of logged models, their aliases and stages, and who moved them why."""

from __future__ import annotations

import time
from typing import Any

from mlrun_like.artifacts.artifact import ModelArtifact
from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_artifact
from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError, NotFoundError, nearest
from mlrun_like.names import check_tag, parse_artifact_uri
from mlrun_like.promotion.actor import actor
from mlrun_like.promotion.stages import check_stage, check_step
from mlrun_like.tracking.abilities import (
    AliasMove,
    ModelChange,
    ModelEvent,
    ModelStore,
    ModelVersion,
    StageMove,
)
from mlrun_like.tracking.base import ArtifactQuery, Store
from mlrun_like.tracking.connect import open_store

__all__ = [
    "alias_holder",
    "find_version",
    "history",
    "load_version",
    "model_store",
    "model_versions",
    "new_event",
    "remove_alias",
    "set_alias",
    "set_stage",
    "version_uri",
]

_FREE = "latest"


def model_store(store: Store | None = None) -> Any:
    """The store (None: the configured one), if it keeps a registry.

    Raises:
        EngineError: if it does not.
    """
    found = store if store is not None else open_store()
    if not isinstance(found, ModelStore):
        raise EngineError(
            f"{type(found).__name__} keeps no model registry",
            fix="use a tracking store in SQLite or PostgreSQL",
        )
    return found


def model_versions(
    project: str = "", key: str = "", *, store: Store | None = None
) -> list[ModelVersion]:
    """The versions of logged models, oldest first; numbers count the versions of a key from 1.

    Args:
        project: The project; empty: the default one; `"*"`: all.
        key: The model's key in the store, or the key it was logged with; empty: all models.
        store: The tracking store; None: the configured one.
    """
    where: ModelStore = model_store(store)
    project = project or config.default_project
    if not key:
        return where.model_versions(project)
    found = where.model_versions(project, key)
    if found:
        return found
    keys = _keys_named(where, project, key)
    return where.model_versions(project, keys[0]) if len(keys) == 1 else []


def _keys_named(where: Any, project: str, key: str) -> list[str]:
    """Keys in the store of models that were logged with `key` (by default `<run>_<key>`)."""
    documents = where.list_artifacts(ArtifactQuery(project=project, kind="model", tag="latest"))
    return sorted(
        {
            str((d.get("spec") or {}).get("db_key") or key)
            for d in documents
            if d["metadata"].get("key") == key
        }
    )


def find_version(
    model: str | Artifact | ModelVersion | DataItem,
    *,
    project: str = "",
    store: Store | None = None,
) -> ModelVersion:
    """The version that somebody means.

    Args:
        model: A `store://models/...` URI; a logged model; a version; or
            `[<project>/]<key>[:<alias, tag or number>]` (without: the latest).
        project: The project, if `model` names none.
        store: The tracking store; None: the configured one.

    Raises:
        NotFoundError: if there is no such model or version; the message names those there are.
        InvalidArgumentError: if several models were logged with this key.
    """
    where = model_store(store)
    if isinstance(model, ModelVersion):
        return model
    if isinstance(model, DataItem):
        model = model.meta if isinstance(model.meta, Artifact) else model.artifact_url
    if isinstance(model, str) and not model.startswith("store://"):
        return _find_named(where, model, project)
    found = model if isinstance(model, Artifact) else get_artifact(model, store=where)
    meta = found.metadata
    key = found.spec.db_key or meta.key
    versions = where.model_versions(meta.project or config.default_project, key)
    uid = meta.uid
    if not uid:  # just logged: the record knows which version it is
        uid = get_artifact(found.uri, store=where).metadata.uid
    for version in versions:
        if version.uid == uid:
            return version  # type: ignore[no-any-return]
    raise InvalidArgumentError(
        f"{model!s} is not a model but a {found.kind or 'file'}", fix="log it with log_model"
    )


def _find_named(where: Any, text: str, project: str) -> ModelVersion:
    name, _, mark = text.partition(":")
    head, _, key = name.rpartition("/")
    uri = parse_artifact_uri(f"store://models/{head or project or config.default_project}/{key}")
    versions = where.model_versions(uri.project, uri.key)
    if not versions:
        keys = _keys_named(where, uri.project, uri.key)
        if len(keys) > 1:
            raise InvalidArgumentError(
                f"several models of project {uri.project!r} were logged as {key!r}",
                fix=f"use one of: {', '.join(keys)}",
            )
        versions = where.model_versions(uri.project, keys[0]) if keys else []
    if not versions:
        known = sorted({version.key for version in where.model_versions(uri.project)})
        raise NotFoundError(
            f"project {uri.project!r} has no model {key!r}.{nearest(key, known)}",
            fix=f"models: {', '.join(known[:20]) or 'none'}",
        )
    return _pick(versions, mark or _FREE)


def _pick(versions: list[ModelVersion], mark: str) -> ModelVersion:
    held = [version for version in versions if mark in version.tags]
    if held:
        return held[-1]
    for version in versions:
        if mark in (str(version.number), f"v{version.number}"):
            return version
    if mark == _FREE:
        return versions[-1]
    tags = sorted({tag for version in versions for tag in version.tags})
    one = versions[0]
    raise NotFoundError(
        f"no version of model {one.project}/{one.key} is {mark!r}.{nearest(mark, tags)}",
        fix=f"versions 1 to {versions[-1].number}; tags and aliases: {', '.join(tags) or 'none'}",
    )


def load_version(version: ModelVersion, *, store: Store | None = None) -> ModelArtifact:
    """The record of exactly this version."""
    where = model_store(store)
    query = ArtifactQuery(project=version.project, key=version.key, kind="model", tag="*")
    for document in where.list_artifacts(query):
        if document["metadata"].get("uid") == version.uid:
            found = Artifact.from_dict(document)
            if isinstance(found, ModelArtifact):
                return found
    raise NotFoundError(
        f"version {version.number} of model {version.project}/{version.key} was deleted"
    )


def version_uri(version: ModelVersion, *, store: Store | None = None) -> str:
    """The `store://` URI of exactly this version."""
    return load_version(version, store=store).uri


def alias_holder(
    project: str, key: str, alias: str, *, store: Store | None = None
) -> ModelVersion | None:
    """The version that holds an alias, if any does."""
    versions = model_store(store).model_versions(project, key)
    return next((version for version in versions if alias in version.tags), None)


def new_event(version: ModelVersion | None, action: str, why: str = "", **body: Any) -> ModelEvent:
    """A line of the audit trail: now, by the user of this process."""
    number, uid = (version.number, version.uid) if version else (0, "")
    return ModelEvent(number, uid, action, time.time(), {**body, "who": actor(), "why": why})


def set_alias(
    model: Any, alias: str, *, why: str = "", expected: Any = ..., store: Store | None = None
) -> ModelVersion:
    """Give an alias to a version; the one that held it loses it, both at once.

    Args:
        model: As for `find_version`.
        alias: Such as `champion` or `challenger`; URIs with `:<alias>` mean this version then.
        why: For the audit trail.
        expected: The version that must hold it now (None: nobody may); by default the one that
            does when this is called. If another process was faster, nothing moves.
        store: The tracking store; None: the configured one.

    Raises:
        ConflictError: if another version holds it by now.
        InvalidArgumentError: if this is no name for an alias.
    """
    where = model_store(store)
    version = find_version(model, store=where)
    if check_tag(alias) == _FREE:
        raise InvalidArgumentError(
            f"{alias!r} is no alias: it is the version that was logged last",
            fix="choose another name, such as champion",
        )
    held = alias_holder(version.project, version.key, alias, store=where)
    if expected is not ...:
        held = None if expected is None else find_version(expected, store=where)
    event = new_event(
        version, "alias", why, alias=alias, before=held.number if held else 0, after=version.number
    )
    move = AliasMove(alias, version.uid, held.uid if held else "")
    where.change_model(version.project, version.key, ModelChange([move], events=[event]))
    return version._replace(tags=tuple(sorted({*version.tags, alias})))


def remove_alias(
    project: str, key: str, alias: str, *, why: str = "", store: Store | None = None
) -> bool:
    """Take an alias from whoever holds it; False if nobody does."""
    where = model_store(store)
    held = alias_holder(project, key, alias, store=where)
    if held is None:
        return False
    event = new_event(held, "alias", why, alias=alias, before=held.number, after=0)
    change = ModelChange([AliasMove(alias, "", held.uid)], events=[event])
    where.change_model(project, key, change)
    return True


def set_stage(model: Any, stage: str, *, why: str = "", store: Store | None = None) -> ModelVersion:
    """Move a version to a stage.

    Args:
        model: As for `find_version`.
        stage: `none`, `staging`, `production` or `archived`.
        why: For the audit trail.
        store: The tracking store; None: the configured one.

    Raises:
        StateError: if that stage may not follow, or somebody else moved it meanwhile.
    """
    where = model_store(store)
    version = find_version(model, store=where)
    check_step(version.stage, check_stage(stage), f"{version.key} version {version.number}")
    if version.stage == stage:
        return version
    event = new_event(version, "stage", why, before=version.stage, after=stage)
    move = StageMove(version.uid, version.stage, stage)
    change = ModelChange(stages=[move], events=[event])
    where.change_model(version.project, version.key, change)
    return version._replace(stage=stage)


def history(
    project: str = "", key: str = "", *, limit: int = 0, store: Store | None = None
) -> list[ModelEvent]:
    """The audit trail of a project's models (or of one key), newest first; limit 0: all."""
    where: ModelStore = model_store(store)
    return where.model_events(project or config.default_project, key, limit)
