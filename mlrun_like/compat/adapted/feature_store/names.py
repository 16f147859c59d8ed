"""Texts of features, and URIs of feature sets and vectors."""

from __future__ import annotations

from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_text import parse_feature
from mlrun_like.feature_store.definitions.records import get_feature_set, get_feature_vector
from mlrun_like.projects.current import get_current_project

__all__ = [
    "expected_message",
    "feature_separator",
    "get_feature_set_by_uri",
    "get_feature_vector_by_uri",
    "parse_feature_set_uri",
    "parse_feature_string",
    "parse_project_name_from_feature_string",
    "previous_step",
    "project_separator",
    "queue_class_names",
    "verify_feature_set_exists",
]

project_separator = "/"
previous_step = "$prev"
queue_class_names = [">>", "$queue"]
feature_separator = "."
expected_message = "in the form feature-set.feature[ as alias]"


def parse_feature_string(feature: str) -> tuple[str, str, str | None]:
    """The feature set, the feature and the alias of a text.

    >>> parse_feature_string("demo/quotes.bid as offer")
    ('demo/quotes', 'bid', 'offer')

    Raises:
        InvalidArgumentError: if it has another form.
    """
    found = parse_feature(feature)
    return found.key, found.feature, found.alias or None


def parse_project_name_from_feature_string(feature: str) -> tuple[str | None, str]:
    """The project and the rest of a feature's text; None: it names no project.

    >>> parse_project_name_from_feature_string("demo/quotes.bid")
    ('demo', 'quotes.bid')
    """
    if project_separator not in feature:
        return None, feature
    project, _, rest = feature.partition(project_separator)
    if project_separator in rest:
        raise InvalidArgumentError(
            f"feature {feature} must be {expected_message}, cannot have more than one '/'"
        )
    return project.strip(), rest.strip()


def parse_feature_set_uri(
    uri: str, project: str | None = None
) -> tuple[str, str, str | None, str | None]:
    """Project, name, tag and uid of a feature set's URI.

    >>> parse_feature_set_uri("store://feature-sets/demo/quotes:v1")
    ('demo', 'quotes', 'v1', None)

    Raises:
        InvalidArgumentError: if it is the URI of something else.
    """
    text = uri
    if uri.startswith("store://"):
        kind, _, text = uri.removeprefix("store://").partition("/")
        if kind != "feature-sets":
            raise InvalidArgumentError(
                f"provided store uri ({uri}) does not represent a feature set (prefix={kind})"
            )
    owner, _, name = text.rpartition("/")
    name, _, uid = name.partition("@")
    name, _, tag = name.partition(":")
    if not owner and not project:
        current = get_current_project(silent=True)
        project = current.name if current is not None else config.default_project
    return owner or str(project), name, tag or None, uid or None


def get_feature_set_by_uri(uri: str, project: str | None = None) -> Any:
    """The feature set of a URI."""
    return get_feature_set(uri, project)


def get_feature_vector_by_uri(uri: str, project: str | None = None, update: bool = True) -> Any:
    """The feature vector of a URI; who may change it is asked when it is changed."""
    return get_feature_vector(uri, project)


def verify_feature_set_exists(feature_set: FeatureSet) -> None:
    """See that a feature set is recorded and has features.

    Raises:
        NotFoundError: if it is not, or has none.
    """
    found = get_feature_set(feature_set.uri)
    if not len(found.spec.features):
        raise NotFoundError(f"feature set {feature_set.uri} is empty", fix="ingest it first")
