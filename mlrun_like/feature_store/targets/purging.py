"""Deleting what feature sets wrote, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like import registry
from mlrun_like.errors import ConflictError, MLRunLikeError, NotFoundError, nearest
from mlrun_like.feature_store.targets.state import State, site_of

__all__ = ["purge", "purge_files"]

_FILES = (".parquet", ".pq", ".csv")


def purge(
    feature_set: Any, target_names: Sequence[str] | None = None, silent: bool = False
) -> None:
    """Delete the data of a feature set's targets and forget them in its status.

    Args:
        feature_set: The set.
        target_names: Which of its targets; by default all it was ingested to.
        silent: Whether a target that is not there, or cannot be deleted, is passed over.

    Raises:
        NotFoundError: if the set was not ingested to such a target.
        MLRunLikeError: if one cannot be deleted; those before it are.
    """
    driver = registry.resolve("mlrun_like.feature_store.targets.kinds:get_target_driver")
    known = _status(feature_set)
    names = list(target_names) if target_names else list(known)
    for name in names:
        if name not in known:
            if silent:
                continue
            raise NotFoundError(
                f"feature set {feature_set.metadata.name!r} has no target {name!r}."
                f"{nearest(name, known)}",
                fix=f"targets: {', '.join(known) or 'none; ingest first'}",
            )
        try:
            driver(known[name], feature_set).purge()
        except MLRunLikeError:
            if not silent:
                raise
            continue
        _forget(feature_set, name)


def _status(feature_set: Any) -> dict[str, Any]:
    targets = feature_set.status.targets
    if isinstance(targets, Mapping):
        return dict(targets)
    return {str(item.name): item for item in targets}


def _forget(feature_set: Any, name: str) -> None:
    targets = feature_set.status.targets
    if hasattr(targets, "pop"):
        targets.pop(name, None)
    elif hasattr(targets, "__delitem__"):
        del targets[name]


def purge_files(
    path: str, *, owner: str = "", storage_options: Mapping[str, Any] | None = None
) -> None:
    """Delete the files that feeds wrote to a path; files of others stay, and so does their folder.

    Args:
        path: The path of a target of files.
        owner: Only if this feature set, `project/name`, wrote it; empty: whoever did.
        storage_options: Arguments of fsspec's file system.

    Raises:
        ConflictError: if there are files and no state, so that nobody knows who wrote them.
    """
    site = site_of(path, _FILES, storage_options)
    files, single = site.files, site.single
    state = State.load(site)
    if state is None:
        there = files.exists(single) if single else next(files.names(), "")
        if there:
            raise ConflictError(
                f"{site.where!r:.200} was not written by a feature set; it is not deleted",
                fix="delete it yourself",
            )
        return
    if owner and state.owner != owner:
        return
    with files.locked(f"{site.control}/lock"):
        moved = [target for _, target in (state.publish or {}).get("moves", [])]
        for name in [*state.files, *moved]:
            files.delete(name)
            files.prune(name)
        for name in list((state.publish or {}).get("removes", [])):
            files.delete(name)
            files.prune(name)
        files.delete(site.control, recursive=True)
    local = files.local()
    if not single and local is not None and local.is_dir() and not any(local.iterdir()):
        local.rmdir()
