"""Feature sets and vectors: one definition with batch, stream and online forms that agree.

    import mlrun_like.feature_store as fstore

    payments = fstore.FeatureSet("payments", entities=["customer"], timestamp_key="time")
    payments.add_aggregation("amount", ["sum", "count"], ["1h", "24h"], period="10m")
    payments.ingest(frame)                                       # Parquet, and a row per customer
    vector = fstore.FeatureVector("fraud", ["payments.*"])
    fstore.get_offline_features(vector, rows, "time")            # as it was at the time of each row
    fstore.get_online_feature_service(vector).get([{"customer": "ann"}])            # as it is now

definitions/  FeatureSet, FeatureVector, entities, features, validators; their records
steps/        steps that have a form for tables, for events and for Spark
transform/    a set's graph, compiled: chunks of rows or single events through the same steps
windows/      aggregates over windows of time, by chunk, by event, as of a moment
sources/      where data comes from, in chunks with positions
targets/      where features are kept; writers that commit all or nothing
ingestion/    from sources to targets: batches, schedules, live services
offline/      joins as of the time of each row
online/       the newest values by key: stores, the service, steps that ask it
parity/       logged online answers against the offline join; skew
views/        what notebooks show
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.feature_store import sources, steps, targets
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
    from mlrun_like.feature_store.definitions.features import Entity, Feature
    from mlrun_like.feature_store.definitions.join_graph import JoinGraph
    from mlrun_like.feature_store.definitions.records import (
        delete_feature_set,
        delete_feature_vector,
        get_feature_set,
        get_feature_vector,
        list_entities,
        list_feature_sets,
        list_feature_vectors,
        list_features,
    )
    from mlrun_like.feature_store.definitions.run_config import RunConfig
    from mlrun_like.feature_store.definitions.validators import RegexValidator
    from mlrun_like.feature_store.definitions.validators_limits import (
        MinMaxLenValidator,
        MinMaxValidator,
    )
    from mlrun_like.feature_store.definitions.value_types import ValueType
    from mlrun_like.feature_store.ingestion.api import (
        deploy_ingestion_service,
        infer_metadata,
        ingest,
        preview,
    )
    from mlrun_like.feature_store.ingestion.infer_options import InferOptions
    from mlrun_like.feature_store.offline.api import get_offline_features
    from mlrun_like.feature_store.offline.response import OfflineVectorResponse
    from mlrun_like.feature_store.online.api import get_online_feature_service
    from mlrun_like.feature_store.online.service import OnlineVectorService
    from mlrun_like.feature_store.parity.checking import check
    from mlrun_like.serving.steps.windows import FixedWindowType

_HERE = "mlrun_like.feature_store"
_LAZY = {
    "Entity": f"{_HERE}.definitions.features",
    "Feature": f"{_HERE}.definitions.features",
    "FeatureSet": f"{_HERE}.definitions.feature_set",
    "FeatureVector": f"{_HERE}.definitions.feature_vector",
    "FixedWindowType": "mlrun_like.serving.steps.windows",
    "InferOptions": f"{_HERE}.ingestion.infer_options",
    "JoinGraph": f"{_HERE}.definitions.join_graph",
    "MinMaxLenValidator": f"{_HERE}.definitions.validators_limits",
    "MinMaxValidator": f"{_HERE}.definitions.validators_limits",
    "OfflineVectorResponse": f"{_HERE}.offline.response",
    "OnlineVectorService": f"{_HERE}.online.service",
    "RegexValidator": f"{_HERE}.definitions.validators",
    "RunConfig": f"{_HERE}.definitions.run_config",
    "ValueType": f"{_HERE}.definitions.value_types",
    "check": f"{_HERE}.parity.checking",
    "delete_feature_set": f"{_HERE}.definitions.records",
    "delete_feature_vector": f"{_HERE}.definitions.records",
    "deploy_ingestion_service": f"{_HERE}.ingestion.api",
    "get_feature_set": f"{_HERE}.definitions.records",
    "get_feature_vector": f"{_HERE}.definitions.records",
    "get_offline_features": f"{_HERE}.offline.api",
    "get_online_feature_service": f"{_HERE}.online.api",
    "infer_metadata": f"{_HERE}.ingestion.api",
    "ingest": f"{_HERE}.ingestion.api",
    "list_entities": f"{_HERE}.definitions.records",
    "list_feature_sets": f"{_HERE}.definitions.records",
    "list_feature_vectors": f"{_HERE}.definitions.records",
    "list_features": f"{_HERE}.definitions.records",
    "preview": f"{_HERE}.ingestion.api",
}
_FOLDERS = ("sources", "steps", "targets")

__all__ = [
    "Entity",
    "Feature",
    "FeatureSet",
    "FeatureVector",
    "FixedWindowType",
    "InferOptions",
    "JoinGraph",
    "MinMaxLenValidator",
    "MinMaxValidator",
    "OfflineVectorResponse",
    "OnlineVectorService",
    "RegexValidator",
    "RunConfig",
    "ValueType",
    "check",
    "delete_feature_set",
    "delete_feature_vector",
    "deploy_ingestion_service",
    "get_feature_set",
    "get_feature_vector",
    "get_offline_features",
    "get_online_feature_service",
    "infer_metadata",
    "ingest",
    "list_entities",
    "list_feature_sets",
    "list_feature_vectors",
    "list_features",
    "preview",
    "sources",
    "steps",
    "targets",
]


def __getattr__(name: str) -> Any:
    if name in _FOLDERS:
        return import_module(f"{_HERE}.{name}")
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(module), name)
    return found


def __dir__() -> list[str]:
    return [*__all__]
