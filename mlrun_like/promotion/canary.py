"""Canaries: the registry decides which share of a serving graph's traffic a version gets.

A graph has a route for each version that may serve (`v3` for version 3) and a `TrafficSplit` that
follows a file of weights. Whoever moves `champion` or `challenger` writes that file anew: the
challenger gets its share, the champion the rest; after a promotion the new champion gets all, after
a rollback the one before.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError, StateError
from mlrun_like.promotion.predicting import server_class
from mlrun_like.promotion.registry import (
    load_version,
    model_store,
    model_versions,
    new_event,
    version_uri,
)
from mlrun_like.promotion.stages import CHALLENGER, CHAMPION
from mlrun_like.tracking.abilities import ModelChange, ModelEvent, ModelVersion
from mlrun_like.tracking.base import Store

__all__ = ["add_versions", "follow", "route_name", "set_share", "sync", "weights"]

_LOG = logging.getLogger(__name__)
_ACTION = "canary"


def route_name(version: ModelVersion) -> str:
    """The route of a version: `v3`."""
    return f"v{version.number}"


def add_versions(
    router: Any,
    key: str,
    numbers: list[int] | None = None,
    *,
    project: str = "",
    store: Store | None = None,
) -> list[str]:
    """Give a router a route for each version that may serve; their names.

    Args:
        router: A router step of a graph, such as a `TrafficSplit`.
        key: The model's key.
        numbers: The versions; None: champion, challenger, and those that were champion before
            and are archived, newest first, at most three in all.
        project: Its project; empty: the default one.
        store: The tracking store; None: the configured one.

    Raises:
        NotFoundError: if there is no such model or version.
    """
    versions = _versions(project, key, store)
    if numbers is None:
        first = [one for one in versions if {CHAMPION, CHALLENGER} & set(one.tags)]
        rest = [one for one in reversed(versions) if one.stage == "archived" and one not in first]
        chosen = (first + rest)[:3]
    else:
        chosen = [one for one in versions if one.number in numbers]
        if absent := sorted(set(numbers) - {one.number for one in chosen}):
            raise NotFoundError(
                f"model {key!r} has no version {absent[0]}",
                fix=f"versions: {', '.join(str(one.number) for one in versions)}",
            )
    for version in chosen:
        name = server_class(load_version(version, store=store))
        uri = version_uri(version, store=store)
        router.add_route(route_name(version), class_name=name, model_path=uri)
    return [route_name(version) for version in chosen]


def follow(
    key: str,
    path: str | Path,
    share: float = 0.0,
    *,
    project: str = "",
    why: str = "",
    store: Store | None = None,
) -> dict[str, float]:
    """Let a file of weights follow the registry from now on; the weights it has now.

    Args:
        key: The model's key.
        path: The file that a `TrafficSplit(weights_path=...)` reads; it is replaced as a whole.
        share: What each new challenger gets at first, from 0 to 1.
        project: Its project; empty: the default one.
        why: For the audit trail.
        store: The tracking store; None: the configured one.

    Raises:
        InvalidArgumentError: if the share is not from 0 to 1.
        NotFoundError: if there is no such model.
        StateError: if no version is champion.
    """
    _check_share(share)
    return _record(
        key, {"file": os.path.abspath(path), "first": share}, project=project, why=why, store=store
    )


def set_share(
    key: str, share: float, *, project: str = "", why: str = "", store: Store | None = None
) -> dict[str, float]:
    """Give the challenger a share of the traffic; the weights that hold now.

    Args:
        key: The model's key.
        share: From 0 (none) to 1 (all).
        project: Its project; empty: the default one.
        why: For the audit trail.
        store: The tracking store; None: the configured one.

    Raises:
        InvalidArgumentError: if the share is not from 0 to 1.
        NotFoundError: if there is no such model.
        StateError: if no version is challenger, or none is champion.
    """
    _check_share(share)
    found = _holder(_versions(project, key, store), CHALLENGER)
    if found is None:
        raise StateError(
            f"no version of model {key!r} is {CHALLENGER}, so none can get a share",
            fix=f"mlrun-like models promote {key} --to {CHALLENGER}",
        )
    body = {"share": share, "challenger": found.number}
    return _record(key, body, project=project, why=why, store=store)


def weights(key: str, *, project: str = "", store: Store | None = None) -> dict[str, float]:
    """The weight of each route as the registry has it; their sum is 1.

    Raises:
        NotFoundError: if there is no such model.
        StateError: if no version is champion.
    """
    versions = _versions(project, key, store)
    champion, challenger = _holder(versions, CHAMPION), _holder(versions, CHALLENGER)
    if champion is None:
        raise StateError(
            f"no version of model {key!r} is {CHAMPION}, so nothing can serve",
            fix=f"mlrun-like models promote {key}",
        )
    if challenger is None or challenger.uid == champion.uid:
        return {route_name(champion): 1.0}
    share = 0.0
    for event in _events(versions[0], store):  # newest first
        if event.body.get("challenger") == challenger.number:
            share = float(event.body["share"])
            break
        if "first" in event.body:
            share = float(event.body["first"])
            break
    return {route_name(champion): 1.0 - share, route_name(challenger): share}


def sync(key: str, *, project: str = "", store: Store | None = None) -> dict[str, str]:
    """Write all files that follow a model anew; what hindered it by path, empty: nothing.

    Promotions and rollbacks do this themselves; a file that cannot be written hinders none of
    them, and is written by the next one, or by `mlrun-like models canary KEY`.
    """
    versions = model_versions(project, key, store=store)
    if not versions:
        return {}
    paths = {event.body["file"] for event in _events(versions[0], store) if "file" in event.body}
    found: dict[str, str] = {}
    for path in sorted(paths):
        found[path] = ""
        try:
            before: dict[str, float] | None = None
            while (now := weights(key, project=project, store=store)) != before:
                _write(path, now)  # somebody may move an alias meanwhile: look again
                before = now
        except (OSError, MLRunLikeError) as exc:
            found[path] = str(exc)
            _LOG.warning("canary %s: %s keeps its weights: %s", key, path, exc)
    return found


def _record(
    key: str, body: dict[str, Any], *, project: str, why: str, store: Store | None
) -> dict[str, float]:
    weights(key, project=project, store=store)  # there is somebody to serve
    one = _versions(project, key, store)[0]
    event = new_event(None, _ACTION, why, **body)
    model_store(store).change_model(one.project, one.key, ModelChange(events=[event]))
    sync(key, project=project, store=store)
    return weights(key, project=project, store=store)


def _events(one: ModelVersion, store: Store | None) -> list[ModelEvent]:
    found = model_store(store).model_events(one.project, one.key)
    return [event for event in found if event.action == _ACTION]


def _versions(project: str, key: str, store: Store | None) -> list[ModelVersion]:
    found = model_versions(project, key, store=store)
    if not found:
        raise NotFoundError(
            f"project {project or config.default_project!r} has no model {key!r}",
            fix="mlrun-like models list",
        )
    return found


def _holder(versions: list[ModelVersion], alias: str) -> ModelVersion | None:
    return next((one for one in versions if alias in one.tags), None)


def _check_share(share: Any) -> None:
    number = isinstance(share, (int, float)) and not isinstance(share, bool)
    if not number or not 0 <= share <= 1:
        raise InvalidArgumentError(
            f"share {share!r:.40} must be a number from 0 to 1", fix="share=0.1 is a tenth"
        )


def _write(path: str, found: dict[str, float]) -> None:
    new = f"{path}.{uuid4().hex}.tmp"
    try:
        Path(new).write_text(json.dumps(found), encoding="utf-8")
        os.replace(new, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(new)
