"""`store://` URIs, and what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.getting import get_feature_set, get_feature_vector
from mlrun_like.projects.profiles import current_name
from mlrun_like.registry import resolve
from mlrun_like.tracking.base import Store

__all__ = [
    "ResourceCache",
    "get_store_resource",
    "get_store_uri",
    "is_store_uri",
    "parse_store_uri",
    "parse_versioned_object_uri",
    "split_artifact_uri",
]

_SCHEME = "store://"
_ARTIFACTS = ("artifacts", "models", "datasets", "documents", "llm-prompts")
_FEATURES: Mapping[str, Callable[..., Any]] = {
    "feature-sets": get_feature_set,
    "feature-vectors": get_feature_vector,
}


def is_store_uri(url: Any) -> bool:
    """Whether it is a `store://` URI.

    >>> is_store_uri("store://models/demo/net"), is_store_uri("s3://x")
    (True, False)
    """
    return isinstance(url, str) and url.startswith(_SCHEME)


def parse_store_uri(url: str) -> tuple[str | None, str]:
    """The kind and the rest of a `store://` URI; None: it is another URL.

    >>> parse_store_uri("store://models/demo/net"), parse_store_uri("store://demo/x")
    (('models', 'demo/net'), ('artifacts', 'demo/x'))
    """
    if not is_store_uri(url):
        return None, ""
    rest = url.removeprefix(_SCHEME).lstrip("/")
    kind, _, tail = rest.partition("/")
    return (kind, tail) if kind in (*_ARTIFACTS, *_FEATURES) else ("artifacts", rest.rstrip("/"))


def get_store_uri(kind: str, uri: str) -> str:
    """The `store://` URI of a kind and a rest."""
    return f"{_SCHEME}{kind}/{uri}"


def parse_versioned_object_uri(
    uri: str, default_project: str = ""
) -> tuple[str, str, str | None, str | None]:
    """Project, name, tag and uid of `[<project>/]<name>[:<tag>][@<uid>]`.

    >>> parse_versioned_object_uri("demo/quotes:v1")
    ('demo', 'quotes', 'v1', None)
    """
    project, _, rest = uri.rpartition("/")
    rest, _, uid = rest.partition("@")
    name, _, tag = rest.partition(":")
    return project or default_project, name, tag or None, uid or None


def split_artifact_uri(
    uri: str, default_project: str = ""
) -> tuple[str, str, int, str | None, str | None, str | None]:
    """Project, key, iteration, tag, tree and uid of the rest of an artifact's URI.

    >>> split_artifact_uri("demo/net#2:v1@wf^abc")
    ('demo', 'net', 2, 'v1', 'wf', 'abc')

    Raises:
        InvalidArgumentError: if the iteration is no number.
    """
    rest, _, uid = uri.partition("^")
    rest, _, tree = rest.partition("@")
    project, _, rest = rest.rpartition("/")
    rest, _, tag = rest.partition(":")
    key, _, number = rest.partition("#")
    if number and not number.isdigit():
        raise InvalidArgumentError(
            f"illegal store path {uri!r:.200}, iteration must be integer value"
        )
    owner = project.strip("/") or default_project
    return owner, key, int(number or 0), tag or None, tree or None, uid or None


def get_store_resource(
    uri: str,
    db: Any = None,
    secrets: Mapping[str, str] | None = None,
    project: str | None = None,
    data_store_secrets: Mapping[str, str] | None = None,
) -> Any:
    """The artifact, feature set or feature vector of a URI; None: there is no such artifact.

    Args:
        uri: A `store://` URI.
        db: Where it is looked up; None: the run database.
        secrets: MLRun's argument; the store needs none.
        project: The project of URIs that name none.
        data_store_secrets: MLRun's argument; a record needs none.

    Raises:
        InvalidArgumentError: if it is no such URI.
    """
    kind, rest = parse_store_uri(uri)
    if not kind:
        raise InvalidArgumentError(f"Cannot get store resource from invalid URI: {uri!r:.200}")
    owner = project or current_name()
    if kind in _FEATURES:
        return _FEATURES[kind](uri, owner, db if isinstance(db, Store) else None)
    where = (
        db if db is not None else resolve("mlrun_like.compat.adapted.client.run_db:get_run_db")()
    )
    project_, key, iteration, tag, tree, uid = split_artifact_uri(rest, owner)
    found = where.read_artifact(key, project=project_, tag=tag, iter=iteration, tree=tree, uid=uid)
    if found and found.get("kind") == "link":
        number = (found.get("spec") or {}).get("link_iteration", 0)
        found = where.read_artifact(key, tag=tag, iter=number, project=project_)
    return Artifact.from_dict(found) if found else None


class ResourceCache:
    """What flows look up by URI: tables, feature sets, artifacts."""

    def __init__(self) -> None:
        self._tables: dict[str, Any] = {}
        self._resources: dict[str, Any] = {}

    def cache_table(self, uri: str, value: Any, is_default: bool = False) -> None:
        """Know a table; a default one is also `"."`."""
        self._tables[uri] = value
        if is_default:
            self._tables["."] = value

    def get_table(self, uri: str) -> Any:
        """The table of a URI; it is opened once.

        Raises:
            InvalidArgumentError: if the URI names none.
        """
        if uri not in self._tables:
            self._tables[uri] = resolve("mlrun_like.serving.steps.tables:open_table")(uri)
        return self._tables[uri]

    def cache_resource(self, uri: str, value: Any, default: bool = False) -> None:
        """Know a feature set or an artifact; a default one is also `"."`."""
        self._resources[uri] = value
        if default:
            self._resources["."] = value

    def get_resource(self, uri: str) -> Any:
        """What is known of a URI."""
        return self._resources[uri]

    def resource_getter(self, db: Any = None, secrets: Any = None) -> Callable[..., Any]:
        """A function that gives what a URI names, and knows it the next time."""

        def get(uri: str, use_cache: bool = True) -> Any:
            known = uri == "." or use_cache
            if known and uri in self._resources:
                return self._resources[uri]
            found = get_store_resource(uri, db) if is_store_uri(uri) else get_dataitem(uri)
            if use_cache:
                self._resources[uri] = found
            return found

        return get
