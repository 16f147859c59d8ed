"""Functions of artifacts' records, their URIs and their paths."""

from __future__ import annotations

import hashlib
import json
import os
import string
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import yaml

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.artifacts.writing import write_extra_data
from mlrun_like.compat.adapted.artifacts.chart import ChartArtifact
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.names import parse_artifact_uri

__all__ = [
    "MODEL_OPTIONAL_SUFFIXES",
    "artifact_types",
    "check_artifact_parent",
    "dict_to_artifact",
    "filename",
    "fill_artifact_object_hash",
    "generate_artifact_uri",
    "generate_target_path",
    "get_artifact_meta",
    "get_local_file_schema",
    "is_relative_path",
    "upload_extra_data",
    "verify_target_path",
]

MODEL_OPTIONAL_SUFFIXES = [".tar.gz", ".pkl", ".bin", ".pickle"]
artifact_types: Mapping[str, type[Artifact]] = MappingProxyType(Artifact._kinds)
"""By kind: the class."""
_VOLATILE = ("updated", "labels", "uid", "tag", "hash")


def dict_to_artifact(struct: Mapping[str, Any]) -> Artifact:
    """The artifact of its record, as the class of its kind.

    >>> dict_to_artifact({"kind": "model", "metadata": {"key": "net"}}).key
    'net'

    Raises:
        InvalidArgumentError: if there is no such kind.
    """
    kind = str(struct.get("kind") or "")
    if kind not in artifact_types and kind != ChartArtifact.kind:
        raise InvalidArgumentError(
            f"there is no artifact of kind {kind!r:.60}.{nearest(kind, artifact_types)}"
        )
    return Artifact.from_dict(struct)


def get_artifact_meta(artifact: str | DataItem) -> tuple[Artifact, dict[str, DataItem]]:
    """An artifact and the items of its extra data.

    Args:
        artifact: A `store://` URI, a `.yaml` file of a record, or a DataItem.

    Raises:
        InvalidArgumentError: if it is something else.
    """
    url = artifact.artifact_url if isinstance(artifact, DataItem) else os.fspath(artifact)
    if scheme_of(url) == "store":
        found = get_artifact(url)
    elif url.lower().endswith(".yaml"):
        found = dict_to_artifact(yaml.safe_load(open_url(url).get()))
    else:
        raise InvalidArgumentError(
            f"cant resolve artifact file for {url}", fix="give a store:// URI or a .yaml file"
        )
    texts = {key: v for key, v in found.spec.extra_data.items() if isinstance(v, str)}
    return found, {key: get_dataitem(text, key=key) for key, text in texts.items()}


def generate_artifact_uri(
    project: str,
    key: str,
    tag: str | None = None,
    iter: int | None = None,
    tree: str | None = None,
    uid: str | None = None,
) -> str:
    """The end of a `store://` URI.

    >>> generate_artifact_uri("demo", "net", tag="v1", iter=2)
    'demo/net#2:v1'
    """
    parts = (("#", iter), (":", tag), ("@", tree), ("^", uid))
    kept = [f"{mark}{value}" for mark, value in parts if value is not None and value != ""]
    return f"{project}/{key}{''.join(kept)}"


def generate_target_path(item: Artifact, artifact_path: str | None, producer: Any) -> str:
    """Where an artifact goes: `<path>[/<run>/<iteration>]/<key><suffix>`."""
    return item.generate_target_path(artifact_path, producer)


def is_relative_path(path: str | None) -> bool:
    """Whether it is a path that depends on the current folder.

    >>> is_relative_path("a/b"), is_relative_path("s3://a/b"), is_relative_path("")
    (True, False, False)
    """
    return bool(path) and not os.path.isabs(str(path)) and "://" not in str(path)


def verify_target_path(artifact: Artifact) -> None:
    """See that an artifact's record names a place.

    Raises:
        InvalidArgumentError: if it does not.
    """
    if not artifact.target_path:
        raise InvalidArgumentError(
            f"artifact {artifact.uri} does not have a valid/persistent offline target"
        )


def check_artifact_parent(artifact_project: str, expected_parent_uri: str) -> None:
    """See that a parent's URI names an artifact of the same project.

    Raises:
        InvalidArgumentError: if it does not.
    """
    if scheme_of(expected_parent_uri) != "store":
        raise InvalidArgumentError(
            f"parent_uri ({expected_parent_uri}) must be a valid artifact URI"
        )
    if parse_artifact_uri(expected_parent_uri).project != artifact_project:
        raise InvalidArgumentError(
            f"parent_uri ({expected_parent_uri}) must be under the same project "
            f"({artifact_project})"
        )


def upload_extra_data(
    artifact: Artifact,
    extra_data: Mapping[str, Any],
    prefix: str = "",
    update_spec: bool = False,
    artifact_path: str | None = None,
) -> None:
    """Write further files next to an artifact and note them in its record.

    Args:
        artifact: Is changed.
        extra_data: Bytes, paths, URLs or artifacts by name.
        prefix: Put before names.
        update_spec: Also note what needs no copy; it is noted here in any case.
        artifact_path: The folder, if the artifact has no target.
    """
    given = {name: value for name, value in (extra_data or {}).items() if value is not ...}
    write_extra_data(artifact, given, artifact.target_path or str(artifact_path or ""), prefix)


def fill_artifact_object_hash(
    object_dict: dict[str, Any], iteration: int | None = None, producer_id: str | None = None
) -> str:
    """Set the `uid` of a record: a hash of what does not change when it is logged again."""
    metadata = object_dict.setdefault("metadata", {})
    if not metadata.get("key"):
        raise InvalidArgumentError("Artifact key is not set")
    metadata["iter"] = iteration or metadata.get("iter")
    metadata["tree"] = metadata.get("tree") or producer_id
    kept = {name: value for name, value in metadata.items() if name not in _VOLATILE}
    spec = {
        name: value
        for name, value in (object_dict.get("spec") or {}).items()
        if name not in ("db_key", "extra_data")
    }
    text = json.dumps([object_dict.get("kind"), kept, spec], sort_keys=True, default=str)
    metadata["uid"] = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return str(metadata["uid"])


def get_local_file_schema() -> list[str]:
    """The schemes of URLs of this machine."""
    return ["file", *string.ascii_lowercase]


def filename(key: str, format: str | None) -> str:
    """A key with a format's suffix.

    >>> filename("table", "csv")
    'table.csv'
    """
    return f"{key}.{format}" if format else key
