"""An ingestion as a run: where its rows come from, what it wrote, how many."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.artifacts.stores import redact
from mlrun_like.feature_store.definitions.metadata import work_name
from mlrun_like.runs.context import current_context
from mlrun_like.runs.session import get_or_create_ctx

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.ingestion.batch import Outcome
    from mlrun_like.feature_store.ingestion.checking import Checking
    from mlrun_like.runs.context import MLClientCtx

__all__ = ["KIND_LABEL", "ingestion_run", "labels_of", "record", "uses"]

KIND_LABEL = "feature-ingest"


def labels_of(feature_set: FeatureSet) -> dict[str, str]:
    """The labels of a run that ingests a feature set."""
    return {"job-type": KIND_LABEL, "feature-set": str(feature_set.metadata.name)[:63]}


@contextlib.contextmanager
def ingestion_run(feature_set: FeatureSet, source: Any, given: Any = None) -> Iterator[MLClientCtx]:
    """The run that an ingestion is: the one we are in, or a new one that ends with the block.

    Args:
        feature_set: What is ingested.
        source: Where its rows come from.
        given: The context of a handler that ingests.
    """
    current = given if given is not None else current_context()
    if current is not None:
        for name, value in labels_of(feature_set).items():
            current.set_label(name, value, replace=False)
        _note_source(current, source)
        yield current
        return
    name = work_name(feature_set.metadata.name or "", "ingest")
    context = get_or_create_ctx(
        name,
        project=feature_set.metadata.project or "",
        labels={"kind": "ingest", **labels_of(feature_set)},
        with_env=False,
    )
    with context:
        _note_source(context, source)
        yield context


def _note_source(context: MLClientCtx, source: Any) -> None:
    path = getattr(source, "path", None)
    inputs = context._run.spec.inputs
    if path and "source" not in inputs:
        inputs["source"] = _shown(str(path))
    document = source.to_dict() if hasattr(source, "to_dict") else {}
    if document:
        shown = {key: _shown(value) for key, value in document.items() if key in _SHOWN}
        context._run.spec.parameters.setdefault("source", shown)


_SHOWN = ("kind", "name", "path", "start_time", "end_time", "time_field", "key_field", "schedule")


def record(
    context: MLClientCtx, feature_set: FeatureSet, outcome: Outcome, checking: Checking
) -> None:
    """Log what an ingestion did as the run's results."""
    results: dict[str, Any] = {
        "featureset": feature_set.uri,
        "rows": outcome.rows,
        "written": outcome.written,
        "rejected": checking.total,
        "bytes": sum(int(row.get("size") or 0) for row in outcome.targets.values()),
        "targets": _targets(outcome.targets),
        "feed": outcome.feed,
    }
    if outcome.resumed:
        results["resumed_after_chunk"] = outcome.resumed
    if checking.counts:
        results["validation"] = dict(checking.counts)
    context.log_results(results)


def uses(context: MLClientCtx, source: Any, feature_set: FeatureSet) -> None:
    """Record that the run wrote a feature set, and read what its source is of.

    Args:
        context: The run.
        source: Feature sets, vectors and artifacts (`store://`) count as read.
        feature_set: What was written.
    """
    store, run = context.store, context._run.metadata
    path = str(getattr(source, "path", None) or "")
    if path.startswith("store://"):
        store.record_use(run.project, run.uid, path, "read")
    store.record_use(run.project, run.uid, feature_set.uri, "write")


def _targets(targets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _shown(row.get("path") or "") for name, row in targets.items()}


def _shown(value: Any) -> Any:
    """A path without a password."""
    return redact(value) if isinstance(value, str) and "@" in value else value
