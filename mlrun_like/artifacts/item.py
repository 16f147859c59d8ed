"""The door to data: `get_dataitem` takes any URL, path or `store://` URI.

>>> from mlrun_like.artifacts.memory import set_in_memory_item
>>> get_dataitem(set_in_memory_item("a.csv", "x,y\\n1,2\\n")).as_df().x.tolist()
[1]
"""

from __future__ import annotations

import difflib
import os

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.memory import set_in_memory_item
from mlrun_like.artifacts.nowhere import NowhereStore
from mlrun_like.artifacts.stores import FileStats, Secrets, scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.names import ArtifactURI, parse_artifact_uri
from mlrun_like.registry import resolve
from mlrun_like.tracking.base import ArtifactQuery, Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = [
    "DataItem",
    "FileStats",
    "get_artifact",
    "get_dataitem",
    "set_in_memory_item",
]

_LINKS = 8
_FEATURES = ("store://feature-sets/", "store://feature-vectors/")
_OPEN_FEATURES = "mlrun_like.feature_store.definitions.data_item:open_features"


def get_dataitem(
    url: str | os.PathLike[str],
    *,
    store: Store | None = None,
    project: str = "",
    secrets: Secrets = None,
    key: str = "",
    allow_empty_resources: bool = False,
) -> DataItem:
    """The file or folder at a URL.

    Args:
        url: A path, `file://`, `memory://`, `http(s)://`, `s3://`, `gs://`, `az://`, ... or the
            `store://` URI of an artifact, a feature set or a feature vector.
        store: Where `store://` URIs are looked up; None: the configured store.
        project: The project of `store://` URIs that name none.
        secrets: Looked into first for credentials.
        key: The name of the run's input it stands for.
        allow_empty_resources: An artifact without bytes is an item, too; reading it is an error.

    Raises:
        NotFoundError: if there is no such artifact; the message names near ones.
        UnknownNameError: if nothing knows the scheme.
        MissingDependencyError: if the package for the scheme is not installed.
    """
    if not isinstance(url, (str, os.PathLike)):
        raise InvalidArgumentError(
            f"{url!r} is not a URL or path", fix="for example data/iris.csv or s3://bucket/iris.csv"
        )
    text = os.fspath(url)
    if scheme_of(text) != "store":
        return open_url(text, secrets, key=key)
    if text.startswith(_FEATURES):
        opened: DataItem = resolve(_OPEN_FEATURES)(
            text, store=store, project=project, secrets=secrets, key=key
        )
        return opened
    found = get_artifact(text, store=store, project=project)
    if allow_empty_resources and not found.target_path and not found.is_inline:
        nowhere = NowhereStore(f"artifact {text!r} has no bytes: its record names no file")
        return DataItem(key or text, nowhere, "", "", found, text)
    return found.to_dataitem(secrets, key=key or text)


def get_artifact(uri: str, *, store: Store | None = None, project: str = "") -> Artifact:
    """The artifact of a `store://` URI; links are followed.

    Raises:
        NotFoundError: if there is none; the message names near ones.
    """
    where = store if store is not None else open_store()
    wanted = parse_artifact_uri(uri, project or config.default_project)
    for _ in range(_LINKS):
        found = _read(where, wanted, uri)
        if found.get("kind") != "link":
            return Artifact.from_dict(found)
        wanted = _target_of(found, wanted)
    raise InvalidArgumentError(f"{uri!r} is a link to a link ... {_LINKS} deep")


def _target_of(link: Document, link_uri: ArtifactURI) -> ArtifactURI:
    spec = link.get("spec", {})
    tree = spec.get("link_tree") or link.get("metadata", {}).get("tree", "")
    key = spec.get("link_key") or link_uri.key
    return ArtifactURI(
        link_uri.category, link_uri.project, key, spec.get("link_iteration"), "", tree
    )


def _read(store: Store, wanted: ArtifactURI, uri: str) -> Document:
    try:
        return store.read_artifact(
            wanted.project,
            wanted.key,
            tag=wanted.tag,
            iteration=wanted.iteration,
            tree=wanted.tree,
        )
    except NotFoundError as exc:
        raise NotFoundError(
            f"there is no artifact {uri!r}", where=_near(store, wanted), fix=exc.fix
        ) from exc


def _near(store: Store, wanted: ArtifactURI) -> str:
    """The keys that exist and look like the one asked for."""
    try:
        documents = store.list_artifacts(ArtifactQuery(project=wanted.project, limit=500))
    except MLRunLikeError:
        return ""
    keys = sorted({str(d.get("spec", {}).get("db_key") or d["metadata"]["key"]) for d in documents})
    ends = [key for key in keys if key.endswith(f"_{wanted.key}") or wanted.key in key]
    close = [*ends, *difflib.get_close_matches(wanted.key, keys, n=5, cutoff=0.5)]
    if wanted.key in keys:
        return f"project {wanted.project!r} has {wanted.key!r}, but not this tag, tree or iteration"
    if not keys:
        return f"project {wanted.project!r} has no artifacts"
    return f"near keys in project {wanted.project!r}: {', '.join((close or keys)[:5])}"
