"""An ingestion as a job: on another runtime, or by schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.metadata import work_name
from mlrun_like.feature_store.definitions.records import get_feature_set
from mlrun_like.feature_store.definitions.run_config import RunConfig
from mlrun_like.feature_store.ingestion.incremental import with_new_rows
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.options import IngestOptions
from mlrun_like.feature_store.ingestion.running import Request, run_here
from mlrun_like.feature_store.ingestion.tracked import labels_of
from mlrun_like.feature_store.sources.opening import open_source

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.sources.base import Source

__all__ = ["HANDLER", "handler", "ingest_in_job", "run_ingestion_job"]

HANDLER = """

from mlrun_like.feature_store.ingestion.job import ingest_in_job as _ingest_in_job


def handler(context):
    return _ingest_in_job(context, globals())
"""
"""What is added to the code of a job: classes of steps in that code are found."""

_KIND = "process"
_OPTIONS = ("chunk_size", "commit_rows", "resume", "on_failure")


def handler(context: Any) -> None:
    """Ingest what the run's parameters say."""
    ingest_in_job(context, {})


def run_ingestion_job(
    feature_set: FeatureSet,
    source: Source,
    run_config: Any,
    request: Mapping[str, Any],
    options: IngestOptions,
) -> Any:
    """Start the job `<set>-ingest`, or store it as a schedule if the source has one.

    Args:
        feature_set: Is saved.
        source: Where rows come from; the job opens it again.
        run_config: A RunConfig; None: a process of this machine.
        request: targets, infer_options, overwrite.
        options: See `IngestOptions`.

    Returns:
        The run.

    Raises:
        InvalidArgumentError: if there are no targets, or a job cannot open the source.
    """
    config = run_config.copy() if run_config is not None else RunConfig(kind=_KIND)
    targets = request["targets"]
    if targets is None and not len(feature_set.spec.targets):
        feature_set.set_targets()
    if targets is not None and not len(targets):
        raise InvalidArgumentError(
            f"feature set {feature_set.name!r} is ingested by a job, and has no targets",
            fix='fset.set_targets(["parquet", "nosql"])',
        )
    document = source.to_dict()
    if document.get("kind") == "dataframe":
        raise InvalidArgumentError(
            "a job cannot read a frame of this process",
            fix="write it to a file and give its path",
        )
    name = work_name(feature_set.name, "ingest")
    function = _function(config, name)
    function.metadata.project = feature_set.project
    function.metadata.name = function.metadata.name or name
    feature_set.save()
    parameters = {
        **config.parameters,
        "featureset": feature_set.uri,
        "source": document,
        "infer_options": request["infer_options"],
        "overwrite": request["overwrite"],
        **{key: getattr(options, key) for key in _OPTIONS},
    }
    if targets is not None:
        parameters["targets"] = [t if isinstance(t, (str, dict)) else t.to_dict() for t in targets]
    labels = {**labels_of(feature_set), **({"owner": config.owner} if config.owner else {})}
    run = function.run(
        name=name,
        handler=config.handler or "handler",
        params=parameters,
        labels=labels,
        local=bool(config.local),
        watch=bool(config.watch),
        schedule=document.get("schedule") or None,
    )
    if config.watch and not document.get("schedule"):
        feature_set.reload()
    return run


def _function(config: RunConfig, name: str) -> Any:
    """The function, with a handler unless the user's code has one."""
    if config.function is None:
        config.code = config.code + HANDLER
    return config.to_function(_KIND, name=name)


def ingest_in_job(context: Any, namespace: Any = None, options: IngestOptions | None = None) -> Any:
    """Ingest what the parameters of a run say; called by its handler.

    Args:
        context: The run's context: parameters featureset, source, targets, infer_options,
            overwrite, chunk_size, commit_rows, resume.
        namespace: Where classes of steps are found.
        options: What holds unless a parameter says otherwise.
    """
    feature_set = get_feature_set(str(context.get_param("featureset", "")))
    given = context.get_param("source", None) or feature_set.spec.source
    if not given:
        raise InvalidArgumentError(
            f"feature set {feature_set.name!r} has no source to ingest",
            where=f"run {context.uri}",
            fix='parameters={"source": {"kind": "parquet", "path": "..."}}',
        )
    source = open_source(given)
    overwrite = context.get_param("overwrite", None)
    if overwrite is None:
        overwrite = not source.schedule
    after = ""
    if source.schedule and not overwrite:
        source, after = with_new_rows(feature_set, source)
    found = {name: context.get_param(name, None) for name in _OPTIONS}
    chosen = (options or IngestOptions()).changed({k: v for k, v in found.items() if v is not None})
    targets = context.get_param("targets", None)
    request = Request(
        feature_set,
        source,
        targets or None,
        namespace,
        int(context.get_param("infer_options", InferOptions.default())),
        bool(overwrite),
        chosen,
        after=after,
    )
    return run_here(request, return_df=False, context=context)
