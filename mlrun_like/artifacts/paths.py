"""Where an artifact's bytes go."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.stores import join_url, scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve
from mlrun_like.tracking.connect import open_store

__all__ = [
    "Producer",
    "expand_artifact_path",
    "extend_artifact_path",
    "generate_target_path",
    "local_artifact_path",
    "resolve_artifact_path",
    "service_artifact_path",
]

_PLACE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


@dataclass(frozen=True)
class Producer:
    """Who makes artifacts.

    Args:
        kind: `run` or `project`.
        name: The run's or project's name.
        uri: The run's URI `<project>@<uid>#<iteration>`.
        project: The project.
        tree: The id under which the artifacts of one run or workflow are found together.
        iteration: The child's number; 0: the run itself.
        owner: The user.
        artifact_path: Where artifacts go, with nothing left to fill in; empty: the default.
        sources: The run's inputs, `{"key": ..., "path": ...}` each.
        origin: Of artifacts that come from elsewhere: who made them, for their records.

    >>> Producer(kind="run", name="train", uri="demo@abc#2", project="demo", tree="wf").uid
    'abc'
    """

    kind: str
    name: str
    uri: str
    project: str
    tree: str
    iteration: int = 0
    owner: str = ""
    artifact_path: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """The run's id; empty for a project."""
        if self.kind != "run":
            return ""
        found = self.uri.partition("#")[0].rpartition("@")[2].rpartition("/")[2]
        return found.partition(":")[0] or self.tree

    def to_dict(self) -> dict[str, str]:
        """What the artifact's record says of it."""
        if self.origin:
            return dict(self.origin)
        known = {"kind": self.kind, "name": self.name, "uri": self.uri, "owner": self.owner}
        return {name: value for name, value in known.items() if value}


def expand_artifact_path(template: str, project: str, uid: str) -> str:
    """Fill in `{{run.uid}}`, `{{run.project}}`, `{{project}}` and `{{workflow.uid}}`.

    >>> expand_artifact_path("s3://b/{{project}}/{{run.uid}}", "demo", "")
    's3://b/demo/project'

    Raises:
        InvalidArgumentError: for any other name in double braces.
    """
    values: Mapping[str, str] = {
        "run.uid": uid or "project",
        "workflow.uid": uid or "project",
        "run.project": project,
        "project": project,
    }

    def fill(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise InvalidArgumentError(
                f"artifact path {template!r} holds the unknown name {match[1]!r}",
                fix=f"use {', '.join('{{' + name + '}}' for name in values)}",
            )
        return values[match[1]]

    return _PLACE.sub(fill, template)


def extend_artifact_path(path: str, default: str) -> str:
    """The path, or the default; `+/sub` is a folder below the default.

    >>> extend_artifact_path("+/x", "yz"), extend_artifact_path("", "yz")
    ('yz/x', 'yz')
    """
    if path.startswith("+/"):
        return join_url(default, path[2:]) if path[2:] else default and default.rstrip("/") + "/"
    return path or default


def resolve_artifact_path(producer: Producer, path: str | os.PathLike[str] | None) -> str:
    """The folder of one artifact.

    Argument, else producer, else setting, else where the service keeps files, else below home.
    """
    uid, project = producer.uid, producer.project
    template = producer.artifact_path or config.artifact_path or service_artifact_path()
    base = expand_artifact_path(template, project, uid) if template else ""
    if not base:
        base = local_artifact_path(producer)
    if not path:
        return _absolute(base)
    asked = expand_artifact_path(os.fspath(path), project, uid)
    return _absolute(extend_artifact_path(asked, base))


def local_artifact_path(producer: Producer) -> str:
    """The folder below home, where artifacts go if nothing else is said."""
    return str(config.path("artifacts", producer.project or "default", producer.uid or "project"))


def service_artifact_path() -> str:
    """Where the configured service keeps artifacts; empty: there is none, it does not, it is away.

    >>> service_artifact_path()
    ''
    """
    if not config.dbpath.lower().startswith(("http://", "https://")):
        return ""
    store = open_store()
    # what reaches a service is loaded only where there is one
    remote = resolve("mlrun_like.tracking.remote.store:RemoteStore")
    return str(store.artifact_path()) if isinstance(store, remote) else ""


def _absolute(path: str) -> str:
    """A relative path would mean another folder to whoever reads the record later."""
    return path if scheme_of(path) else os.path.abspath(os.path.expanduser(path))


def generate_target_path(artifact: Artifact, artifact_path: str, producer: Producer) -> str:
    """`<path>/<run name>/<iteration>/<key><suffix>`, for a project `<path>/<key><suffix>`.

    The default folders belong to one run already, so there it is `<path>/[<iteration>/]<key>…`: one
    folder to make instead of three.
    """
    parts = [producer.name, str(producer.iteration)] if producer.kind == "run" else []
    kept = f"service://{producer.project}/{producer.uid}"
    if parts and artifact_path in (local_artifact_path(producer), kept):
        parts = [str(producer.iteration)] if producer.iteration else []
    suffix, key = artifact.suffix(), artifact.key
    name = key if suffix != "/" and key.endswith(suffix) and key != suffix else f"{key}{suffix}"
    return join_url(artifact_path, *parts, name) if artifact_path else "/".join([*parts, name])
