"""What an ingestion writes to: targets as objects, what may be appended to, their writers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.set_targets import check_apart, chosen_targets
from mlrun_like.feature_store.ingestion.sinks import Sink
from mlrun_like.feature_store.targets.kinds import get_target_driver
from mlrun_like.feature_store.targets.window_log import WindowLog, window_log_path
from mlrun_like.feature_store.targets.writing import WriteJob

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet

__all__ = ["LOG", "feeds_root", "make_sinks", "plan_targets"]

LOG = "log:"
"""What the outputs of window logs are named: this and their step."""


def feeds_root(feature_set: FeatureSet) -> Path:
    """Where the unfinished ingestions of a feature set are."""
    return config.path("feature-store", feature_set.project, feature_set.name, "feeds")


def plan_targets(
    feature_set: FeatureSet, targets: Sequence[Any] | None, overwrite: bool
) -> list[Any]:
    """The targets of an ingestion, as objects that can be written.

    Args:
        feature_set: Whose targets are taken if none are given; it gets default ones if it has
            none itself.
        targets: Kinds, documents or objects; None: the feature set's. An empty list: none.
        overwrite: Whether what they hold is replaced.

    Raises:
        InvalidArgumentError: if a target cannot be appended to.
    """
    if targets is None:
        if not len(feature_set.spec.targets):
            feature_set.set_targets()
        chosen = list(feature_set.spec.targets)
    else:
        chosen = chosen_targets(list(targets), False, bool(feature_set.spec.passthrough))
    check_apart(chosen)
    opened = [get_target_driver(target, feature_set) for target in chosen]
    if not overwrite:
        for target in opened:
            _check_append(target, feature_set)
    return opened


def _check_append(target: Any, feature_set: FeatureSet) -> None:
    where = f"target {target.name!r} of feature set {feature_set.name!r}"
    if not target.support_append:
        raise InvalidArgumentError(
            f"a target of kind {target.kind!r} cannot be added to (overwrite=False)",
            where=where,
            fix="use overwrite=True, or a Parquet target",
        )
    if target.is_single_file():
        raise InvalidArgumentError(
            f"a single file cannot be added to (overwrite=False): {target.path!r}",
            where=where,
            fix="give the path of a folder",
        )


def make_sinks(feature_set: FeatureSet, targets: Sequence[Any], job: WriteJob) -> list[Sink]:
    """A sink for each target, and one for each window log that an offline target keeps.

    Args:
        feature_set: What is ingested.
        targets: Its targets.
        job: What is written, and for whom.
    """
    sinks = [
        Sink(target.name, target.after_step or "", bool(target.is_online), _writer(target, job))
        for target in targets
    ]
    steps = dict.fromkeys(str(row["step"]) for row in feature_set.aggregations())
    kept = next((target for target in targets if target.kind in _LOGGED), None)
    if kept is not None:
        for step in steps:
            path = window_log_path(kept.get_target_path(job.run_id), step)
            log = WindowLog(path, kept.storage_options)
            sinks.append(Sink(f"{LOG}{step}", f"{LOG}{step}", False, _writer(log, job)))
    return sinks


_LOGGED = ("parquet",)


def _writer(target: Any, job: WriteJob) -> Any:
    return lambda: target.writer(job)
