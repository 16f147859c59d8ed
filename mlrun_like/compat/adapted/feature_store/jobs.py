"""`ingest` as newer versions have it, with a context first, and ingestion jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.run_config import RunConfig
from mlrun_like.feature_store.ingestion import api
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.sources.opening import open_source

__all__ = [
    "context_to_ingestion_params",
    "deploy_ingestion_service",
    "ingest",
    "run_ingestion_job",
    "set_task_params",
]

_NEWER = (
    "mlrun_context", "featureset", "source", "targets", "namespace", "return_df",
    "infer_options", "run_config", "spark_context", "overwrite",
)  # fmt: skip
_OLDER = (
    "featureset", "source", "targets", "namespace", "return_df", "infer_options", "run_config",
    "mlrun_context", "spark_context", "overwrite",
)  # fmt: skip


def ingest(*arguments: Any, **options: Any) -> Any:
    """Read a source, make features, write them to the targets; see `fstore.ingest`.

    Both orders of arguments that MLRun had are taken: the feature set first (before 1.8), or a
    context or project first.

    Args:
        arguments: By position.
        options: By name.

    Returns:
        The frame, or None.
    """
    first = arguments[0] if arguments else None
    older = "mlrun_context" in options or isinstance(first, (FeatureSet, str, Mapping))
    given = dict(zip(_OLDER if older else _NEWER, arguments, strict=False))
    twice = sorted(set(given) & set(options))
    if twice or len(arguments) > len(_NEWER):
        raise InvalidArgumentError(
            f"ingest() got {twice[0]!r} twice" if twice else "ingest() got too many arguments"
        )
    given.update(options)
    context = given.get("mlrun_context")
    if context is not None and given.get("featureset") is not None:
        given["mlrun_context"] = context if hasattr(context, "log_result") else None
    return api.ingest(**given)


def run_ingestion_job(  # noqa: PLR0913 - MLRun's signature
    featureset: FeatureSet | str,
    source: Any = None,
    targets: Sequence[Any] | None = None,
    name: str | None = None,
    infer_options: int = InferOptions.default(),
    run_config: Any = None,
    parameters: Mapping[str, Any] | None = None,
    function: Any = None,
    local: bool | None = None,
) -> Any:
    """Ingest by a job; see `fstore.ingest` with `run_config`.

    Args:
        featureset: See `ingest`.
        source: See `ingest`.
        targets: See `ingest`.
        name: The job's name; it is `<set>-ingest` here.
        infer_options: See `ingest`.
        run_config: See `ingest`.
        parameters: Parameters of the run, where there is no `run_config`.
        function: The function, where there is no `run_config`.
        local: Run in this process, where there is no `run_config`.

    Returns:
        The run.
    """
    config = run_config or RunConfig(function, local=local, parameters=parameters)
    return api.ingest(featureset, source, targets, infer_options=infer_options, run_config=config)


def set_task_params(
    featureset: FeatureSet,
    source: Any = None,
    targets: Sequence[Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    infer_options: int = InferOptions.Null,
    overwrite: bool | None = None,
) -> dict[str, Any]:
    """The parameters of an ingestion job.

    Args:
        featureset: The feature set; is saved.
        source: Where rows come from; None: the set's own source.
        targets: Target objects instead of the set's targets.
        parameters: Are completed.
        infer_options: See `InferOptions`.
        overwrite: Replace what the targets hold.
    """
    opened = open_source(featureset.spec.source if source is None else source)
    found = {
        **(parameters or {}),
        "infer_options": infer_options,
        "overwrite": overwrite,
        "featureset": featureset.uri,
        "source": opened.to_dict(),
    }
    if targets:
        found["targets"] = [getattr(one, "to_dict", lambda one=one: one)() for one in targets]
    featureset.save()
    return found


def context_to_ingestion_params(context: Any) -> tuple[Any, Any, Any, int, bool | None]:
    """Feature set, source, targets, infer_options and overwrite of an ingestion job's context."""
    parameters = context.parameters
    featureset = parameters.get("featureset")
    source = parameters.get("source")
    if not featureset or not source:
        raise InvalidArgumentError(
            "an ingestion job needs the parameters featureset and source",
            fix="set_task_params(featureset, source)",
        )
    return (
        featureset,
        source,
        parameters.get("targets"),
        parameters.get("infer_options", InferOptions.Null),
        parameters.get("overwrite"),
    )


def deploy_ingestion_service(*arguments: Any, **options: Any) -> Any:
    """Ingest events as they come; gives the address alone, as before there was a version 2.

    Args:
        arguments: See `fstore.deploy_ingestion_service_v2`.
        options: Likewise.
    """
    made = api.deploy_ingestion_service(*arguments, **options)
    return made[0] if isinstance(made, tuple) else made
