"""An ingestion in this process, from the request to the feature set's new status."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.ingestion.batch import Batch, Outcome
from mlrun_like.feature_store.ingestion.checking import Checking
from mlrun_like.feature_store.ingestion.failing import end_badly
from mlrun_like.feature_store.ingestion.feeds import Feed, find_feed
from mlrun_like.feature_store.ingestion.incremental import position_text
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.options import IngestOptions
from mlrun_like.feature_store.ingestion.planning import LOG, feeds_root, make_sinks, plan_targets
from mlrun_like.feature_store.ingestion.preparing import Reader, head_of, learn_schema
from mlrun_like.feature_store.ingestion.progress import Reporter
from mlrun_like.feature_store.ingestion.results import indexed, joined, note_target
from mlrun_like.feature_store.ingestion.sinks import Sinks
from mlrun_like.feature_store.ingestion.spark_rows import SparkRows
from mlrun_like.feature_store.ingestion.statistics import Statistics
from mlrun_like.feature_store.ingestion.tracked import ingestion_run, record, uses
from mlrun_like.feature_store.targets.writing import WriteJob
from mlrun_like.feature_store.transform.compile import compile_transform

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.sources.base import Source
    from mlrun_like.feature_store.transform.base import Transform
    from mlrun_like.runs.context import MLClientCtx

__all__ = ["Request", "run_here"]


@dataclass(frozen=True)
class Request:
    """What shall be ingested.

    Args:
        feature_set: Into what.
        source: From where.
        targets: Instead of the set's; None: the set's.
        namespace: Where classes of steps are found.
        infer: See `InferOptions`.
        overwrite: Whether what the targets hold is replaced.
        options: How.
        index: Names of the index of the frame that is ingested.
        after: A position in the source: only what comes behind it.
    """

    feature_set: FeatureSet
    source: Source
    targets: list[Any] | None
    namespace: Any
    infer: int
    overwrite: bool
    options: IngestOptions
    index: tuple[str, ...] = ()
    after: str = ""

    def document(self, run: str) -> dict[str, Any]:
        """What a feed remembers of it."""
        return {
            "featureset": self.feature_set.uri,
            "source": self.source.to_dict(),
            "chunk_size": self.options.chunk_size,
            "overwrite": self.overwrite,
            "after": self.after,
            "run_id": run,
            "entities": self.feature_set.spec.entities.to_dict(),
            "features": self.feature_set.spec.features.to_dict(),
        }

    def learn_from(self, document: Mapping[str, Any]) -> None:
        """Give the feature set the schema that the feed's beginning found."""
        for name in ("entities", "features"):
            columns = getattr(self.feature_set.spec, name)
            for column in document.get(name) or ():
                known = columns.get(column["name"])
                if known is None:
                    columns[column["name"]] = column
                elif not known.value_type:
                    known.value_type = column.get("value_type")


def run_here(
    request: Request, return_df: bool = True, context: Any = None, spark: Any = None
) -> pd.DataFrame | None:
    """Ingest; gives the result's frame if it is wanted.

    Args:
        request: What.
        return_df: Whether the frame is wanted.
        context: The context of the job we are in.
        spark: A Spark session, for engine `spark`.

    Raises:
        InvalidArgumentError: if `spark` is given and the engine is another.
    """
    feature_set = request.feature_set
    if spark is not None and feature_set.spec.engine != "spark":
        raise InvalidArgumentError(
            f"feature set {feature_set.name!r} has engine {feature_set.spec.engine!r}, and a "
            "spark_context was given",
            fix='FeatureSet(..., engine="spark")',
        )
    if feature_set.spec.passthrough and feature_set.spec.require_processing():
        raise InvalidArgumentError(
            f"feature set {feature_set.name!r} is passthrough: it cannot have steps",
            fix="leave passthrough out, or the steps",
        )
    with contextlib.ExitStack() as held:
        run = held.enter_context(ingestion_run(feature_set, request.source, context))
        feature_set.status.run_uri = run.uri
        try:
            made = None
            if feature_set.spec.engine == "spark":
                made = _on_spark(request, spark)
                held.callback(made.close)
            found = _tracked(request, run, return_df, made)
            uses(run, request.source, feature_set)
            return found
        except BaseException:
            feature_set.status.state = "error"
            if feature_set.name and len(feature_set.spec.entities):
                feature_set.save()
            raise


def _timed(request: Request) -> Source:
    """The source, with the set's time and entities where it names none."""
    spec = request.feature_set.spec
    entities = list(spec.entities.keys()) or None
    return request.source.with_defaults(time_field=spec.timestamp_key, key_field=entities)


def _on_spark(request: Request, session: Any) -> SparkRows:
    targets = request.targets
    chosen = list(request.feature_set.spec.targets if targets is None else targets)
    steps = (t.get("after_step") if isinstance(t, Mapping) else _step_of(t) for t in chosen)
    outputs = tuple(dict.fromkeys(step for step in steps if step))
    return SparkRows(request.feature_set, _timed(request), session, request.namespace, outputs)


def _step_of(target: Any) -> str:
    return getattr(target, "after_step", None) or ""


def _tracked(
    request: Request, run: MLClientCtx, keep: bool, spark: SparkRows | None
) -> pd.DataFrame | None:
    feature_set, options = request.feature_set, request.options
    feed = find_feed(feeds_root(feature_set), options.resume) if options.resume else None
    source = spark or _timed(request)
    if feed is None:
        head, read = head_of(source, options.chunk_size, request.after)
        if request.infer & InferOptions.schema() or not len(feature_set.spec.features):
            learn_schema(feature_set, head, request, made=spark is not None)
        feed = Feed.create(feeds_root(feature_set), request.document(run.uid), options.feed)
        run_id, overwrite = run.uid, request.overwrite
    else:
        document = feed.document()
        request.learn_from(document)
        size, overwrite = int(document["chunk_size"]), bool(document["overwrite"])
        run_id, read = (
            str(document["run_id"]),
            _reader(source, size, str(document.get("after", ""))),
        )
    with feed.held():
        try:
            return _fed(request, run, feed, (read, run_id, overwrite, keep), spark)
        except BaseException:
            if not feed.touched:  # no target knows of it: nothing to go on with
                feed.remove()
            raise


def _reader(source: Source | SparkRows, size: int, begin: str) -> Reader:
    return lambda after: source.chunks(size, after=after or begin)


def _fed(
    request: Request,
    run: MLClientCtx,
    feed: Feed,
    chosen: tuple[Reader, str, bool, bool],
    spark: SparkRows | None,
) -> pd.DataFrame | None:
    feature_set = request.feature_set
    read, run_id, overwrite, keep = chosen
    targets = plan_targets(feature_set, request.targets, overwrite)
    job = WriteJob.of(
        feature_set, feed.id, overwrite=overwrite, run_id=run_id, project=feature_set.project
    )
    outputs = tuple(dict.fromkeys(t.after_step for t in targets if t.after_step))
    checking = Checking(feature_set)
    statistics = Statistics(request.infer)
    transform: Transform = spark or compile_transform(
        feature_set, namespace=request.namespace, outputs=("", *outputs)
    )
    try:
        with Sinks(make_sinks(feature_set, targets, job)) as sinks:
            if not overwrite and sinks.reader is not None:
                transform.load_windows(sinks.reader)  # what is added counts with what is there
            batch = Batch(feed, transform, sinks, checking, statistics, request.options, keep)
            try:
                outcome = batch.run(read, Reporter(feature_set.name, request.options.progress))
            except BaseException as exc:
                end_badly(exc, feed, sinks, request.options.on_failure)
                raise
    finally:
        transform.close()
    _remember(request, run, (targets, overwrite), outcome, checking, statistics)
    feed.remove()
    if not keep:
        return None
    return indexed(joined(outcome.frames), list(feature_set.spec.entities.keys()))


def _remember(
    request: Request,
    run: MLClientCtx,
    written: tuple[list[Any], bool],
    outcome: Outcome,
    checking: Checking,
    statistics: Statistics,
) -> None:
    feature_set = request.feature_set
    targets, overwrite = written
    place = position_text(request.source, outcome.at or request.after)
    for target in targets:
        status = {**outcome.targets[target.name], "position": place}
        note_target(feature_set, target, status, run.uid, not overwrite)
    outcome.targets = {n: s for n, s in outcome.targets.items() if not n.startswith(LOG)}
    remembered = feature_set.status
    if request.infer & InferOptions.Stats:
        remembered.stats = statistics.result()
    if request.infer & InferOptions.Preview:
        remembered.preview = statistics.preview()
    remembered.state = "ready"
    checking.remember()
    source = request.source.to_dict()
    if source.get("path") and feature_set.spec.passthrough:
        feature_set.spec.source = source  # it is what readers read
    feature_set.save()
    record(run, feature_set, outcome, checking)
