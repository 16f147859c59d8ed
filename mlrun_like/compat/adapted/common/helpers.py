"""Small functions that MLRun's client and service shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "BinCounts",
    "BinEdges",
    "FeatureStats",
    "Histogram",
    "InMemorySecretProvider",
    "generate_api_gateway_name",
    "get_kafka_topic",
    "pad_features_hist",
    "pad_hist",
    "parse_versioned_object_uri",
    "validate_not_forbidden_secret",
]

BinCounts: TypeAlias = list[int]
BinEdges: TypeAlias = list[float]
Histogram: TypeAlias = list[Any]
"""Counts and edges."""
FeatureStats: TypeAlias = dict[str, dict[str, Any]]
"""Statistics by feature."""
_LARGEST = 1.7976931348623157e308


def parse_versioned_object_uri(uri: str, default_project: str = "") -> tuple[str, str, str, str]:
    """Project, name, tag and hash of `[<project>/]<name>[@<hash>][:<tag>]`.

    >>> parse_versioned_object_uri("fraud/train:v2")
    ('fraud', 'train', 'v2', '')
    """
    project, slash, rest = uri.partition("/")
    if not slash:
        project, rest = default_project, uri
    rest, _, tag = rest.partition(":")
    name, _, hash_key = rest.partition("@")
    return project, name, tag, hash_key


def generate_api_gateway_name(project: str, name: str) -> str:
    """The name of a gateway, unique among projects."""
    return f"{project}-{name}" if project else name


def get_kafka_topic(project: str, function_name: str | None = None) -> str:
    """The topic of a project's monitoring, or of one of its applications."""
    function = function_name if function_name not in (None, "model-monitoring-stream") else ""
    return f"monitoring_stream_{project}{f'_{function}' if function else ''}_v1"


def pad_hist(histogram: Any) -> None:
    """Add empty bins below and above to a histogram `[counts, edges]`, once."""
    counts, edges = histogram
    if edges[0] <= -_LARGEST:
        return
    counts[:] = [0, *counts, 0]
    edges[:] = [-_LARGEST, *edges, _LARGEST]


def pad_features_hist(feature_stats: Mapping[str, Any]) -> None:
    """The same for the histograms of all features."""
    for stats in feature_stats.values():
        if "hist" in stats:
            pad_hist(stats["hist"])


def validate_not_forbidden_secret(secret_name: str) -> None:
    """Refuse names that MLRun keeps for its service.

    Raises:
        InvalidArgumentError: for such a name.
    """
    if secret_name.startswith("mlrun-auth-secrets."):
        raise InvalidArgumentError(f"secret {secret_name!r} is the service's own")


class InMemorySecretProvider:
    """Secrets of projects in this process.

    >>> kept = InMemorySecretProvider()
    >>> kept.store_project_secrets("fraud", {"TOKEN": "x"})
    >>> kept.get_project_secret_data("fraud")
    {'TOKEN': 'x'}
    """

    def __init__(self) -> None:
        self._projects: dict[str, dict[str, str]] = {}

    def store_project_secrets(self, project: str, secrets: Mapping[str, str]) -> None:
        """Add secrets."""
        self._projects.setdefault(project, {}).update(secrets)

    def delete_project_secrets(self, project: str, secrets: Any = None) -> None:
        """Remove secrets; by default all."""
        kept = self._projects.get(project, {})
        for name in list(kept) if secrets is None else secrets:
            kept.pop(name, None)

    def get_project_secret_keys(self, project: str) -> list[str]:
        """Their names."""
        return list(self._projects.get(project, {}))

    def get_project_secret_data(self, project: str, secret_keys: Any = None) -> dict[str, str]:
        """Names and values."""
        kept = self._projects.get(project, {})
        return {name: kept[name] for name in secret_keys or kept if name in kept}
