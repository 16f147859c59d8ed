"""Default targets of feature sets; classes of sources and targets by kind."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.paths import feature_store_root
from mlrun_like.feature_store.definitions.target_spec import (
    DEFAULT_TARGETS,
    OFFLINE_KINDS,
    ONLINE_KINDS,
    DataTargetBase,
)
from mlrun_like.feature_store.sources.opening import KINDS
from mlrun_like.feature_store.targets.kinds import TargetTypes, kind_to_target
from mlrun_like.registry import resolve

__all__ = [
    "default_target_names",
    "generate_path_with_chunk",
    "generate_target_run_id",
    "get_default_prefix_for_target",
    "get_default_targets",
    "kind_to_driver",
    "offline_lookup_order",
    "online_lookup_order",
    "source_kind_to_driver",
    "update_targets_run_id_for_ingest",
    "validate_target_placement",
]

offline_lookup_order = list(OFFLINE_KINDS)
online_lookup_order = list(ONLINE_KINDS)


class _Classes(Mapping[str, type[Any]]):
    """Classes by kind, imported when one is asked for."""

    def __init__(self, kinds: list[str], load: Any) -> None:
        self._kinds = kinds
        self._load = load

    def __getitem__(self, kind: str) -> type[Any]:
        if kind not in self._kinds:
            raise KeyError(kind)
        found: type[Any] = self._load(kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


kind_to_driver = _Classes(TargetTypes.all(), kind_to_target)
"""By kind: the class of the target."""
source_kind_to_driver = _Classes([*KINDS], lambda kind: resolve(KINDS[kind]))
"""By kind: the class of the source."""


def default_target_names() -> list[str]:
    """The kinds of targets that a feature set has unless it says.

    >>> default_target_names()
    ['parquet', 'nosql']
    """
    return list(DEFAULT_TARGETS)


def get_default_targets(offline_only: bool = False) -> list[DataTargetBase]:
    """The default targets.

    Args:
        offline_only: Without those that are read by key.
    """
    return [
        DataTargetBase(kind, name=kind, partitioned=kind == "parquet")
        for kind in DEFAULT_TARGETS
        if not offline_only or kind not in ONLINE_KINDS
    ]


def generate_target_run_id() -> str:
    """An id of one ingestion, which sorts by time."""
    return f"{round(time.time() * 1000)}_{secrets.randbelow(1000)}"


def update_targets_run_id_for_ingest(
    overwrite: bool, targets: list[Any], targets_in_status: Any
) -> None:
    """Give targets the id of a new ingestion, or of the last one if it is added to.

    Args:
        overwrite: Replace what they hold.
        targets: Are changed.
        targets_in_status: What was written, by name.
    """
    run_id = generate_target_run_id()
    for target in targets:
        known = target.name in targets_in_status.keys()  # noqa: SIM118 - lists of objects
        fresh = overwrite or not known
        target.run_id = run_id if fresh else targets_in_status[target.name].run_id


def get_default_prefix_for_target(kind: str) -> str:
    """Where targets of a kind are below, `{project}` to be filled."""
    return feature_store_root("{project}")


def validate_target_placement(graph: Any, final_step: str | None, targets: list[Any]) -> bool:
    """See that it is clear which step's results each target gets.

    Raises:
        InvalidArgumentError: if it is not.
    """
    if final_step or not graph.steps:
        return True
    for target in targets:
        if not target.after_step:
            raise InvalidArgumentError(
                "writer step location is undetermined due to graph branching, set the target "
                ".after_step attribute or the graph .final_step"
            )
    return True


def generate_path_with_chunk(target: Any, chunk_id: int, path: str) -> str:
    """The path of one chunk of a target that is a folder.

    >>> generate_path_with_chunk(kind_to_driver["csv"](), 2, "/data/out/")
    '/data/out/2.csv'
    """
    if chunk_id and not target.is_single_file():
        return f"{path.rstrip('/')}/{chunk_id}{target.suffix}"
    return path
