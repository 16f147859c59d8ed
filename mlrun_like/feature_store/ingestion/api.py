"""`ingest`, `preview`, `infer_metadata`, `deploy_ingestion_service`: MLRun's calls."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.artifacts.formats import is_frame
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.records import get_feature_set
from mlrun_like.feature_store.ingestion.columns import clean_name
from mlrun_like.feature_store.ingestion.incremental import MOCK, with_new_rows
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.inference import infer_schema
from mlrun_like.feature_store.ingestion.options import current_options
from mlrun_like.feature_store.ingestion.preparing import HEAD_ROWS, cleaned, features_of
from mlrun_like.feature_store.ingestion.results import indexed
from mlrun_like.feature_store.ingestion.running import Request, run_here
from mlrun_like.feature_store.ingestion.statistics import Statistics
from mlrun_like.feature_store.sources.opening import open_source
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["deploy_ingestion_service", "first_rows", "infer_metadata", "ingest", "preview"]

_HERE = "mlrun_like.feature_store.ingestion"


def ingest(  # noqa: PLR0913 - MLRun's signature
    featureset: FeatureSet | str | None = None,
    source: Any = None,
    targets: Sequence[Any] | None = None,
    namespace: Any = None,
    return_df: bool = True,
    infer_options: int = InferOptions.default(),
    run_config: Any = None,
    mlrun_context: Any = None,
    spark_context: Any = None,
    overwrite: bool | None = None,
    **how: Any,
) -> Any:
    """Read a source, make the features of a feature set, and write them to its targets.

    What targets held stays visible until all rows are written. See `ingestion.failing` for what
    becomes of an ingestion that fails, and `ingestion.batch` for one that is killed.

    Args:
        featureset: The feature set, or its URI or name.
        source: A DataFrame, path, URL, source or another feature set; None: the set's own source.
        targets: Kinds or objects instead of the set's targets.
        namespace: Where classes and functions of steps are found; by default the caller's globals.
        return_df: Give the result as a frame indexed by the entities. It is in memory then: with
            False, memory does not grow with the rows.
        infer_options: What is found out about the data, see `InferOptions`.
        run_config: A RunConfig: run it as a job `<set>-ingest`; else here.
        mlrun_context: The context of a job's handler that ingests; its parameters say what.
        spark_context: A Spark session for engine `spark`; True or None: the current one, or a new
            one. The steps run there; their rows come through this process to the targets.
        overwrite: True (default): replace what the targets hold. False (default if the source has
            a schedule): add to it.
        how: Fields of `IngestOptions`: resume, chunk_size, commit_rows, progress.

    Returns:
        The frame, or None without `return_df`; with `run_config` the run.

    Raises:
        InvalidArgumentError: if an argument cannot be used, or a validator refuses data.
        SchemaError: if the data does not fit the set's schema.
        ConflictError: if the ingestion to resume is worked on, or its source has changed.
    """
    options = current_options().changed(how)
    if mlrun_context is not None and featureset is None:
        return resolve(f"{_HERE}.job:ingest_in_job")(mlrun_context, namespace, options)
    chosen = _feature_set(featureset)
    given = chosen.spec.source if source is None else source
    if given is None or (isinstance(given, Mapping) and not given):
        raise InvalidArgumentError(
            f"feature set {chosen.name!r} has no source", fix='fset.ingest("data.parquet")'
        )
    if run_config is not None and is_frame(given):
        raise InvalidArgumentError(
            "a DataFrame cannot be ingested by a job (run_config)",
            fix="write it to a file and give its path, or leave run_config out",
        )
    opened = open_source(given)
    schedule = opened.schedule
    if overwrite is None:
        overwrite = not schedule
    if run_config is not None or (schedule and schedule != MOCK):
        request = {"targets": targets, "infer_options": infer_options, "overwrite": overwrite}
        start = resolve(f"{_HERE}.job:run_ingestion_job")
        return start(chosen, opened, run_config, request, options)
    after = ""
    if schedule == MOCK and not overwrite:
        opened, after = with_new_rows(chosen, opened)
    request_here = Request(
        chosen,
        opened,
        None if targets is None else list(targets),
        _globals(namespace),
        infer_options,
        overwrite,
        options,
        _index_names(given),
        after,
    )
    return run_here(request_here, return_df, mlrun_context, spark_context)


def preview(
    featureset: FeatureSet | str,
    source: Any,
    entity_columns: Sequence[str] | None = None,
    namespace: Any = None,
    options: int | None = None,
    verbose: bool = False,
    sample_size: int | None = None,
) -> pd.DataFrame:
    """The features of a source's first rows; the set learns its schema and statistics from them.

    Args:
        featureset: The feature set; it is saved if it has a name.
        source: See `ingest`.
        entity_columns: Columns that are entities.
        namespace: See `ingest`.
        options: See `InferOptions`; all by default.
        verbose: Print what was found.
        sample_size: Rows to read; 1,000 by default.

    Raises:
        InvalidArgumentError: if the engine is spark, or the source has no rows to read.
    """
    chosen = _feature_set(featureset)
    wanted = InferOptions.default() if options is None else options
    if chosen.spec.engine == "spark":
        raise InvalidArgumentError(
            "preview with spark engine is not supported",
            where=f"feature set {chosen.name!r}",
            fix="ingest a few rows: fset.ingest(source, spark_context=spark)",
        )
    rows = HEAD_ROWS if sample_size is None else sample_size
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise InvalidArgumentError(f"sample_size={sample_size!r} is no number of rows")
    frame = first_rows(chosen, source, rows)
    entity_columns = list(entity_columns or ())
    if not entity_columns and not len(chosen.spec.entities) and wanted & InferOptions.Index:
        key = chosen.spec.timestamp_key
        entity_columns = [name for name in _index_names(source) if name != key]
    if entity_columns and not len(chosen.spec.entities):
        infer_schema(chosen, frame, entity_columns, wanted & InferOptions.Entities)
    result = features_of(chosen, frame, _globals(namespace))
    _learn(chosen, result, entity_columns, wanted)
    if verbose:
        sys.stdout.write(f"{result}\n{result.dtypes}\n")
    return indexed(result, list(chosen.spec.entities.keys()))


def infer_metadata(
    featureset: FeatureSet | str,
    source: Any,
    entity_columns: Sequence[str] | None = None,
    timestamp_key: str | None = None,
    label_column: str | None = None,
    namespace: Any = None,
    options: int | None = None,
    verbose: bool = False,
) -> pd.DataFrame:
    """Schema and statistics from a source, as `preview`, with the time stamp and the label.

    Args:
        featureset: See `preview`.
        source: See `preview`.
        entity_columns: See `preview`.
        timestamp_key: The column of the event time.
        label_column: The column that models shall predict.
        namespace: See `preview`.
        options: See `preview`.
        verbose: See `preview`.
    """
    chosen = _feature_set(featureset)
    if timestamp_key:
        chosen.spec.timestamp_key = timestamp_key
    if label_column:
        chosen.spec.label_column = label_column
    return preview(chosen, source, entity_columns, _globals(namespace), options, verbose)


def deploy_ingestion_service(
    featureset: FeatureSet | str,
    source: Any = None,
    targets: Sequence[Any] | None = None,
    name: str | None = None,
    run_config: Any = None,
    verbose: bool = False,
) -> Any:
    """Ingest events as they come, over HTTP or from a stream.

    The steps find classes and functions in the code of `run_config`; what only the calling notebook
    or module has is an error here.

    Args:
        featureset: The feature set; it is saved.
        source: An HttpSource (default), StreamSource or KafkaSource.
        targets: Kinds or objects instead of the set's targets.
        name: The function's name; by default `<set>-ingest`.
        run_config: A RunConfig; with `local=True` a mock server in this process.
        verbose: The function tells more in its log.

    Returns:
        The address and the function; with `local` the mock server alone, as in MLRun.

    Raises:
        InvalidArgumentError: if the source is none of events.
        GraphError: if a step cannot be found by the service; it is named.
    """
    chosen = _feature_set(featureset)
    deploy = resolve(f"{_HERE}.service:deploy_service")
    return deploy(chosen, source, targets, name, run_config, (verbose, _globals(None)))


def first_rows(feature_set: FeatureSet, source: Any, rows: int) -> pd.DataFrame:
    """The first rows of a source, cleaned."""
    timed = open_source(source).with_defaults(time_field=feature_set.spec.timestamp_key)
    chunk = next(iter(timed.chunks(rows)), None)
    if chunk is None:
        raise InvalidArgumentError(
            "the source has no rows to learn from", where=f"feature set {feature_set.name!r}"
        )
    return cleaned(chunk.frame, feature_set)


def _index_names(source: Any) -> tuple[str, ...]:
    """The clean names of a frame's index."""
    names = getattr(getattr(source, "index", None), "names", None) or ()
    return tuple(clean_name(str(name)) for name in names if name is not None)


def _learn(
    feature_set: FeatureSet, frame: pd.DataFrame, entities: Sequence[str] | None, options: int
) -> None:
    if options & InferOptions.schema():
        infer_schema(feature_set, frame, entities, options)
    statistics = Statistics(options)
    statistics.add(frame)
    if options & InferOptions.Stats:
        feature_set.status.stats = statistics.result()
    if options & InferOptions.Preview:
        feature_set.status.preview = statistics.preview()
    if feature_set.name and options:
        feature_set.save()


def _feature_set(given: Any) -> FeatureSet:
    if isinstance(given, str):
        found: FeatureSet = get_feature_set(given)
        return found
    if not isinstance(given, FeatureSet):
        raise InvalidArgumentError(
            f"a feature set is needed, not {given!r:.80}", fix='ingest("my-set", source)'
        )
    return given


def _globals(namespace: Any) -> Any:
    """The namespace, or the globals of the first caller outside this package."""
    if namespace is not None:
        return namespace
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGES):
        frame = frame.f_back
    return frame.f_globals


_PACKAGES = ("mlrun_like.feature_store", "mlrun_like.compat")
