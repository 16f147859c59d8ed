"""get_online_feature_service: MLRun's call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidTypeError
from mlrun_like.feature_store.online.service import OnlineVectorService, ServiceOptions
from mlrun_like.registry import resolve
from mlrun_like.serving.steps.windows import FixedWindowType

__all__ = ["get_online_feature_service", "vector_of"]


def get_online_feature_service(
    feature_vector: Any,
    run_config: Any = None,
    fixed_window_type: FixedWindowType = FixedWindowType.LastClosedWindow,
    impute_policy: Mapping[str, Any] | None = None,
    update_stats: bool = False,
    entity_keys: Sequence[str] | None = None,
    *,
    log: Any = None,
    store: Any = None,
) -> OnlineVectorService:
    """A service that gives the features of a vector by entity, in microseconds.

        with fstore.get_online_feature_service("store://feature-vectors/fraud/users") as service:
            service.get([{"user": "ann"}, {"user": "bob"}])

    Args:
        feature_vector: The vector, or its URI.
        run_config: Not used; MLRun's argument.
        fixed_window_type: Whether fixed windows are those that ended last or those under way.
        impute_policy: What stands for None, NaN and infinities: `{"*": "$mean", "age": 33}`.
        update_stats: Whether the vector's statistics are taken from its feature sets anew, and the
            vector is saved with them if it has a name.
        entity_keys: The entities that requests have; by default those that no other set gives.
        log: A folder or `.jsonl` file to which each vector is appended, for comparing them with
            the offline join.
        store: Where feature sets are recorded, or the sets by name; None: the configured store.

    Raises:
        InvalidArgumentError: if a feature set has no online target, or an option is wrong.
        NotFoundError: if there is no such vector or feature set.
    """
    del run_config
    vector = vector_of(feature_vector, store)
    if update_stats or not len(vector.status.features):
        vector.parse_features(True, update_stats=update_stats, store=store)
        if update_stats and vector.metadata.name and not isinstance(store, Mapping):
            vector.save()
    options = ServiceOptions(
        fixed_window_type=fixed_window_type,
        impute_policy=impute_policy,
        entity_keys=entity_keys,
        log=log,
        store=store,
    )
    return OnlineVectorService(vector, options)


def vector_of(feature_vector: Any, store: Any = None) -> Any:
    """A feature vector, given as such or by its URI.

    Raises:
        InvalidTypeError: if it is neither.
    """
    if isinstance(feature_vector, str):
        get = resolve("mlrun_like.feature_store.definitions.records:get_feature_vector")
        return get(feature_vector)
    kind = resolve("mlrun_like.feature_store.definitions.feature_vector:FeatureVector")
    if not isinstance(feature_vector, kind):
        raise InvalidTypeError(
            f"{feature_vector!r:.80} is a {type(feature_vector).__name__}, not a feature vector",
            fix='give a FeatureVector, or its URI: "store://feature-vectors/project/name"',
        )
    return feature_vector
