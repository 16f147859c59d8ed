"""Which targets a feature set is written to, and from which it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.feature_store.definitions.target_spec import (
    DEFAULT_TARGETS,
    OFFLINE_KINDS,
    ONLINE_KINDS,
    make_target,
)

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.target_spec import DataTarget

__all__ = ["check_apart", "chosen_targets", "offline_target", "online_target"]


def chosen_targets(
    targets: Sequence[Any] | None, with_defaults: bool, passthrough: bool
) -> list[Any]:
    """Targets as objects; the default ones where none of their kind is given.

    Raises:
        InvalidArgumentError: if it is no list, a kind is unknown, or two cannot be told apart.
    """
    if targets is not None and not isinstance(targets, (list, tuple)):
        raise InvalidArgumentError(
            f"targets must be a list of kinds or target objects, not {targets!r:.80}",
            fix='set_targets(["parquet"], with_defaults=False)',
        )
    chosen = [make_target(target) for target in targets or ()]
    if with_defaults:
        given = {target.kind for target in chosen}
        chosen += [make_target(kind) for kind in DEFAULT_TARGETS if kind not in given]
    if passthrough:
        chosen = [target for target in chosen if target.kind not in OFFLINE_KINDS]
    check_apart(chosen)
    return chosen


def check_apart(targets: Sequence[Any]) -> None:
    """Raise InvalidArgumentError if two targets have one name, or one place."""
    names: dict[str, Any] = {}
    places: dict[tuple[str, str], str] = {}
    for target in targets:
        if target.name in names:
            raise InvalidArgumentError(
                f"there are two targets {target.name!r}",
                where="targets",
                fix="give each a name and a path of its own",
            )
        names[target.name] = target
        place = (str(target.kind), str(target.path or ""))
        if place in places:
            raise InvalidArgumentError(
                f"targets {places[place]!r} and {target.name!r} of kind {target.kind!r} are "
                "written to one place",
                where="targets",
                fix="give each a path of its own",
            )
        places[place] = target.name


def offline_target(definition: Any, name: str | None = None) -> DataTarget | None:
    """The written target to read in bulk: by name, else the first of the best kind; None: none.

    Raises:
        NotFoundError: if none has the name.
    """
    written = definition.status.targets
    if name:
        if name not in written:
            raise NotFoundError(
                f"{definition.noun} {definition.name!r} has no written target {name!r}."
                f"{nearest(name, written.keys())}",
                fix=f"written: {', '.join(written.keys()) or 'none; ingest first'}",
            )
        found: DataTarget = written[name]
        return found
    return _first(written, OFFLINE_KINDS)


def online_target(definition: Any, name: str | None = None) -> DataTarget | None:
    """The written target to read by key; arguments as for `offline_target`."""
    if name:
        return offline_target(definition, name)
    return _first(definition.status.targets, ONLINE_KINDS)


def _first(written: Any, kinds: Sequence[str]) -> DataTarget | None:
    for kind in kinds:
        for target in written:
            if target.kind == kind:
                found: DataTarget = target
                return found
    return None
