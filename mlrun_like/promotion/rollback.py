"""rollback: an alias back to the version that held it before, in one call."""

from __future__ import annotations

from mlrun_like.configuration import config
from mlrun_like.errors import NotFoundError, StateError
from mlrun_like.promotion.canary import sync
from mlrun_like.promotion.promote import stage_steps
from mlrun_like.promotion.registry import model_store, model_versions, new_event
from mlrun_like.promotion.stages import CHAMPION
from mlrun_like.tracking.abilities import (
    AliasMove,
    ModelChange,
    ModelEvent,
    ModelStore,
    ModelVersion,
    StageMove,
)
from mlrun_like.tracking.base import Store

__all__ = ["previous_holder", "rollback"]


def rollback(
    project: str,
    key: str,
    alias: str = CHAMPION,
    *,
    why: str = "",
    store: Store | None = None,
) -> ModelVersion:
    """Give an alias back to the version that held it before.

    The version that loses `champion` is archived, the one that gets it back goes to production.
    A second rollback goes one version further back; what was rolled back is not returned to.

    Args:
        project: The project; empty: the default one.
        key: The model's key.
        alias: The alias.
        why: For the audit trail.
        store: The tracking store; None: the configured one.

    Returns:
        The version that holds the alias now.

    Raises:
        NotFoundError: if there is no such model, or nobody holds the alias.
        StateError: if no earlier version held it.
    """
    where: ModelStore = model_store(store)
    versions = model_versions(project or config.default_project, key, store=store)
    if not versions:
        raise NotFoundError(
            f"project {project or config.default_project!r} has no model {key!r}",
            fix="mlrun-like models list",
        )
    project, key = versions[0].project, versions[0].key
    held = next((version for version in versions if alias in version.tags), None)
    if held is None:
        raise NotFoundError(f"no version of {project}/{key} holds alias {alias!r}")
    earlier = previous_holder(where.model_events(project, key), versions, held, alias)
    if earlier is None:
        raise StateError(
            f"no version of {project}/{key} held alias {alias!r} before version {held.number}",
            fix=f"mlrun-like models alias {key}:<version> {alias}   gives it to any version",
        )
    event = new_event(
        earlier, "rollback", why, alias=alias, before=held.number, after=earlier.number
    )
    moves: list[StageMove] = []
    events = [event]
    if alias == CHAMPION:
        for version, stage in ((held, "archived"), (earlier, "production")):
            steps, lines = stage_steps(version, stage, why)
            moves, events = [*moves, *steps], [*events, *lines]
    change = ModelChange([AliasMove(alias, earlier.uid, held.uid)], moves, events)
    where.change_model(project, key, change)
    sync(key, project=project, store=store)
    return next(
        version for version in where.model_versions(project, key) if version.uid == earlier.uid
    )


def previous_holder(
    events: list[ModelEvent], versions: list[ModelVersion], held: ModelVersion, alias: str
) -> ModelVersion | None:
    """The version that held an alias before; deleted ones and rolled back ones do not count.

    Args:
        events: The audit trail, newest first.
        versions: The versions that there are.
        held: The one that holds it.
        alias: The alias.
    """
    there = {version.number: version for version in versions}
    stack: list[int] = []
    for event in reversed(events):
        if event.action not in ("alias", "rollback") or event.body.get("alias") != alias:
            continue
        before, after = int(event.body.get("before") or 0), int(event.body.get("after") or 0)
        if event.action == "rollback":
            while stack and stack[-1] != after:
                stack.pop()
            stack = stack or [after]
        else:
            if before and (not stack or stack[-1] != before):
                stack.append(before)  # it was tagged by other means
            if after:
                stack.append(after)
    while stack and (stack[-1] == held.number or stack[-1] not in there):
        stack.pop()
    return there[stack[-1]] if stack else None
