"""A training set as an artifact: what it holds and where every column comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlrun_like.feature_store.offline.planning import Planned
from mlrun_like.runs.context import current_context

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_vector import FeatureVector

__all__ = ["content_digest", "record_reads", "record_training_set", "sources_of"]


def content_digest(frame: pd.DataFrame) -> str:
    """A digest of names, types and values: equal frames have equal digests.

    Example:
        >>> one = content_digest(pd.DataFrame({"a": [1, 2]}))
        >>> one == content_digest(pd.DataFrame({"a": [1, 2]}))
        True
    """
    found = hashlib.sha256()
    for name in frame.columns:
        column = frame[name]
        found.update(f"{name}\\x00{column.dtype}\\x00".encode())
        values = column
        if column.dtype == object:
            values = column.map(repr)
        found.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return found.hexdigest()


def sources_of(planned: Planned) -> list[dict[str, Any]]:
    """The sets of a training set: uri, uid, and the columns that came from each."""
    return [
        {
            "name": item.name,
            "path": item.feature_set.uri,
            "uid": item.feature_set.metadata.uid or "",
            "columns": [column for column, _ in item.columns],
            "last_written": _written(item.feature_set.status.targets),
        }
        for item in planned.sources
    ]


def _written(targets: Iterable[Any]) -> str:
    times = [str(target.last_written) for target in targets if target.last_written]
    return max(times, default="")


def record_reads(vector: FeatureVector, planned: Planned, given: Any) -> None:
    """Record that a run read a vector and its sets; nothing outside of runs.

    Args:
        vector: The vector.
        planned: What was joined.
        given: The context of the run, or None: the current one.
    """
    context = given or current_context()
    if context is None:
        return
    uris = [item.feature_set.uri for item in planned.sources if item.feature_set.metadata.name]
    for uri in dict.fromkeys([vector.uri, *uris] if vector.metadata.name else uris):
        context.store.record_use(context.project, context._run.metadata.uid, uri, "read")


def record_training_set(
    vector: FeatureVector, planned: Planned, frame: pd.DataFrame, request: Any
) -> str:
    """Record a result that a run makes as a data set of the run.

    Nothing is recorded outside of runs. The artifact has the vector's name, the label, statistics,
    the digest of the content (the same data gives the same digest) and the sets with their uids.

    Args:
        vector: The vector.
        planned: What was joined.
        frame: The result.
        request: What was asked for.

    Returns:
        The digest; empty: nothing was recorded.
    """
    context = request.context or current_context()
    if context is None or not vector.metadata.name:
        return ""
    digest = content_digest(frame)
    label = vector.status.label_column
    target = request.target
    where: dict[str, Any] = {}
    if target is not None:  # it is written already
        where = {"target_path": vector.status.targets[target.name].path, "upload": False}
    artifact = context.log_dataset(
        str(vector.metadata.name),
        frame,
        label_column=label if label and label in frame.columns else None,
        labels={"feature-vector": str(vector.metadata.name), "content": digest[:16]},
        **where,
    )
    inputs = list(artifact.spec.sources)
    artifact.spec.sources = [
        *inputs,
        {"name": "feature-vector", "path": vector.uri, "uid": vector.metadata.uid or ""},
        *sources_of(planned),
    ]
    context.update_artifact(artifact)
    return digest
