"""A feature set or vector by its URI, from a file, or from its document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.saving import read
from mlrun_like.names import check_project, check_tag

__all__ = ["RecordURI", "get_feature_set", "get_feature_vector", "parse_record_uri"]

_D = TypeVar("_D", bound=Definition)


class RecordURI(NamedTuple):
    """The parts of `[store://feature-sets/][<project>/]<name>[:<tag>][@<uid>]`."""

    project: str
    name: str
    tag: str = ""
    uid: str = ""


def parse_record_uri(uri: str, cls: type[Definition], project: str | None = None) -> RecordURI:
    """Take the URI of a feature set or vector apart.

    Raises:
        InvalidArgumentError: if it is none, or of the other kind.
    """
    form = f"store://{cls.category}/<project>/<name>[:<tag>][@<uid>]"
    if not isinstance(uri, str) or not uri.strip():
        raise InvalidArgumentError(f"{uri!r:.80} is no {cls.noun}", fix=f"write {form}")
    rest = uri.strip()
    for scheme in ("store://", "db://"):
        if rest.startswith(scheme):
            rest = rest[len(scheme) :]
            category, slash, tail = rest.partition("/")
            if category == cls.category and slash:
                rest = tail
            elif scheme == "store://":
                raise InvalidArgumentError(
                    f"{uri!r:.80} is not the URI of a {cls.noun}", fix=f"write {form}"
                )
    owner, _, rest = rest.rpartition("/")
    rest, _, uid = rest.partition("@")
    name, _, tag = rest.partition(":")
    found = RecordURI(owner or project or str(config.default_project), name, tag, uid)
    try:
        check_project(found.project)
        if tag:
            check_tag(tag)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{uri!r:.80}: {exc.what}", fix=f"write {form}") from exc
    if not name or "/" in owner:
        raise InvalidArgumentError(f"{uri!r:.80} is no {cls.noun}", fix=f"write {form}")
    return found


def _get(cls: type[_D], uri: Any, project: str | None, store: Any) -> _D:
    if isinstance(uri, cls):
        return uri
    if isinstance(uri, Mapping):
        return cls.from_dict(uri)
    if isinstance(uri, Path) or str(uri).endswith((".yaml", ".yml", ".json")):
        return cls.from_yaml(Path(uri))
    parts = parse_record_uri(uri, cls, project)
    return read(cls, parts.project, parts.name, parts.tag, parts.uid, store=store)


def get_feature_set(uri: Any, project: str | None = None, store: Any = None) -> FeatureSet:
    """A feature set.

    Args:
        uri: `[store://feature-sets/][<project>/]<name>[:<tag>][@<uid>]` or `db://...`, a YAML or
            JSON file, or a document.
        project: The project of URIs that name none; None: the default one.
        store: Where it is recorded; None: the configured store.

    Raises:
        NotFoundError: if there is none; the message names near ones.
    """
    return _get(FeatureSet, uri, project, store)


def get_feature_vector(uri: Any, project: str | None = None, store: Any = None) -> FeatureVector:
    """A feature vector; arguments as for `get_feature_set`."""
    return _get(FeatureVector, uri, project, store)
