"""Feature sets and vectors in the store: get, list, delete.

getting.py    by URI, from a file, from a document
listing.py    with filters; features and entities of all sets
deleting.py   with or without their data
"""

from __future__ import annotations

from mlrun_like.feature_store.definitions.deleting import (
    delete_feature_set,
    delete_feature_vector,
)
from mlrun_like.feature_store.definitions.getting import get_feature_set, get_feature_vector
from mlrun_like.feature_store.definitions.listing import (
    ListedEntity,
    ListedFeature,
    list_entities,
    list_feature_sets,
    list_feature_vectors,
    list_features,
)

__all__ = [
    "ListedEntity",
    "ListedFeature",
    "delete_feature_set",
    "delete_feature_vector",
    "get_feature_set",
    "get_feature_vector",
    "list_entities",
    "list_feature_sets",
    "list_feature_vectors",
    "list_features",
]
