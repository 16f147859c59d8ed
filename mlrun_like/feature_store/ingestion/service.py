"""deploy_ingestion_service: a serving function whose step takes events into a feature set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError, InvalidArgumentError, MLRunLikeError
from mlrun_like.feature_store.definitions.metadata import work_name
from mlrun_like.feature_store.sources.opening import open_source
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.functions.creators import new_function
from mlrun_like.names import normalize_name
from mlrun_like.serving.definition.lookup import namespaces_of, resolve

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet

__all__ = ["check_steps", "deploy_service", "service_function"]

_STEP = "mlrun_like.feature_store.ingestion.live_step.FeatureIngest"


def service_function(
    feature_set: FeatureSet, source: Any, targets: Sequence[Any] | None, name: str, config: Any
) -> Any:
    """The function of an ingestion service, not deployed yet.

    One replica works on a feature set: the order of its events is that of its windows.

    Args:
        feature_set: Is saved.
        source: A source of events; None: HTTP.
        targets: Instead of the set's.
        name: The function's name.
        config: A RunConfig or None.

    Raises:
        InvalidArgumentError: if the source is none of events.
    """
    opened = None if source is None else open_source(source)
    if opened is not None and not opened.online:
        raise InvalidArgumentError(
            f"{opened.describe()} is no source of events",
            where="deploy_ingestion_service()",
            fix="use HttpSource(), StreamSource(...) or KafkaSource(...); ingest() reads the rest",
        )
    if not len(feature_set.spec.targets) and not targets:
        feature_set.set_targets()
    if config is not None:
        function = config.to_function("serving", name=name)
    else:
        function = new_function(name, kind="serving", project=feature_set.project)
    function.metadata.project = feature_set.project
    function.metadata.name = function.metadata.name or name
    given = dict(opened.attributes) if opened is not None else {}
    arguments = {
        "featureset": feature_set.uri,
        "source": None if opened is None else opened.to_dict(),
        "targets": None if targets is None else [_document(target) for target in targets],
        "service": name,
        "max_events": given.get("max_events"),
        "seconds": given.get("flush_after_seconds"),
    }
    graph = function.set_topology("flow", engine="sync", exist_ok=True)
    kept = {key: value for key, value in arguments.items() if value is not None}
    graph.to(_STEP, "ingest", full_event=True, **kept).respond()
    function.with_gateway(min_replicas=1, max_replicas=1, concurrency=8)
    return function


def _document(target: Any) -> Any:
    return target if isinstance(target, (str, dict)) else target.to_dict()


def check_steps(feature_set: FeatureSet, function: Any, calling: Mapping[str, Any]) -> None:
    """Make sure that the service will find the steps of a feature set.

    Args:
        feature_set: Its steps are created and thrown away.
        function: Its code is what steps are looked up in.
        calling: What the caller has: names that are only there are told apart.

    Raises:
        GraphError: naming the step that the function's code does not have, and all other mistakes.
    """
    spaces = namespaces_of(function._own_code(""))
    for step in feature_set.spec.graph.steps:
        for name in (step.class_name or step.handler, step.class_args.get("_fn")):
            if not isinstance(name, str) or not name or name.startswith("("):
                continue
            try:
                resolve(name, spaces)
            except MLRunLikeError:
                if name.partition(".")[0] not in calling:
                    continue  # nobody has it: told with all other mistakes
                raise GraphError(
                    f"step {step.name!r} uses {name!r}, which only the calling notebook or module "
                    "has: the service runs elsewhere",
                    where=f"feature set {feature_set.name!r}",
                    fix='give its code: run_config=RunConfig("steps.py"), or RunConfig(code=...)',
                ) from None
    compile_transform(feature_set, namespace=spaces).close()


def deploy_service(
    feature_set: FeatureSet,
    source: Any,
    targets: Sequence[Any] | None,
    name: str | None,
    run_config: Any,
    told: tuple[bool, Mapping[str, Any]],
) -> Any:
    """Deploy the service; arguments are those of `deploy_ingestion_service`.

    Args:
        feature_set: See there.
        source: See there.
        targets: See there.
        name: See there.
        run_config: See there.
        told: `verbose`, and the globals of the caller.
    """
    verbose, calling = told
    config = run_config.copy() if run_config is not None else None
    name = normalize_name(name or work_name(feature_set.name, "ingest"))
    function = service_function(feature_set, source, targets, name, config)
    function.verbose = function.verbose or verbose
    local = config is not None and config.local
    if not local:
        check_steps(feature_set, function, calling)
    feature_set.save()
    if local:
        server = function.server((), calling, is_mock=True, track_models=False)
        feature_set.reload()
        return server
    address = str(function.deploy(verbose=verbose))
    feature_set.reload()
    feature_set.status.function_uri = f"{feature_set.project}/{function.metadata.name}"
    feature_set.save()
    return address, function
