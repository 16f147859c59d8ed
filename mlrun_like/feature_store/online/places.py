"""Where the online rows of a feature set are: its target's store and the namespace in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.target_spec import ONLINE_KINDS
from mlrun_like.feature_store.online.store import place_of
from mlrun_like.registry import resolve

__all__ = ["Place", "default_namespace", "namespace_of", "online_place"]

_DRIVER = "mlrun_like.feature_store.targets.kinds:get_target_driver"
_ELSEWHERE = ("v3io://", "v3ios://")


class Place(NamedTuple):
    """A store's address, and what keys of the set start with there."""

    url: str
    namespace: str


def namespace_of(feature_set: Any) -> str:
    """What keys of a feature set start with unless its target's path says otherwise.

    >>> from types import SimpleNamespace
    >>> metadata = SimpleNamespace(project="fraud", name="users")
    >>> namespace_of(SimpleNamespace(metadata=metadata))
    'fraud/users'
    """
    return default_namespace(feature_set.metadata.project, feature_set.metadata.name)


def default_namespace(project: str | None, name: str) -> str:
    """What keys of a set of this project and name start with."""
    return f"{project or config.default_project}/{name}"


def online_place(feature_set: Any, run_id: str = "") -> Place:
    """Where a feature set can be read by key.

    Args:
        feature_set: Its `status.targets` are looked at, then its `spec.targets`.
        run_id: What `{run_id}` in a path means, where the target does not say.

    Raises:
        InvalidArgumentError: if it has no online target; the message says how to get one.
    """
    for targets in (feature_set.status.targets, feature_set.spec.targets):
        for target in _listed(targets):
            if target.kind in ONLINE_KINDS and target.kind != "sql":
                driver = resolve(_DRIVER)(target, feature_set)
                path = driver.get_target_path(run_id)
                if path.startswith(_ELSEWHERE):
                    raise InvalidArgumentError(
                        f"the online target of feature set {feature_set.metadata.name!r} is in "
                        "V3IO, which is written but not read by key here",
                        where=path,
                        fix="add a target of kind nosql without a path, or redisnosql",
                    )
                url, namespace = place_of(path)
                return Place(driver.address(url), namespace or namespace_of(feature_set))
    name = feature_set.metadata.name
    raise InvalidArgumentError(
        f"feature set {name!r} has no online target, so its features cannot be read by key",
        where=f"feature set {name!r}, kinds of its targets: "
        f"{', '.join(target.kind for target in _listed(feature_set.spec.targets)) or 'none'}",
        fix="feature_set.set_targets() for the default ones, or "
        'set_targets(["parquet", "nosql"], with_defaults=False), and ingest',
    )


def _listed(targets: Any) -> Iterable[Any]:
    return list(targets.values() if hasattr(targets, "values") else targets or ())
