"""Records by what a person types: a short uid, a key, a name, a URI."""

from __future__ import annotations

import re
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.names import parse_artifact_uri, parse_function_uri, parse_run_uri
from mlrun_like.runs.object import RunObject
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import ArtifactQuery, RunQuery, Store
from mlrun_like.types import Document

__all__ = ["find_artifact", "find_function", "find_run"]

_HEX = re.compile(r"[0-9a-f]+\Z")


def find_run(store: Store, text: str, project: str = "") -> RunObject:
    """A run by uid, any unambiguous beginning of it, `<project>@<uid>#<iteration>`, or name.

    Of several runs with that name it is the newest.

    Raises:
        NotFoundError: if there is none.
        InvalidArgumentError: if several begin so.
    """
    uri = parse_run_uri(text, project or "*")
    exact = RunQuery(project=uri.project, uid=uri.uid, iteration=uri.iteration)
    found = store.list_runs(exact)
    if not found and _HEX.match(uri.uid):
        every = store.list_runs(RunQuery(project=uri.project, iteration=uri.iteration))
        found = [run for run in every if run["metadata"]["uid"].startswith(uri.uid)]
    if not found:
        found = store.list_runs(RunQuery(project=uri.project, name=uri.uid, limit=1))
    if not found:
        raise NotFoundError(f"there is no run {text!r}", fix="mlrun-like get runs")
    if len(found) > 1:
        names = ", ".join(_run_name(run) for run in found[:4])
        raise InvalidArgumentError(
            f"{len(found)} runs begin with {text!r}: {names}{', …' if len(found) > 4 else ''}",
            fix="give more of the uid, or <project>@<uid>",
        )
    return RunObject(parse(RunDoc, found[0], text), store)


def _run_name(run: Document) -> str:
    meta: dict[str, Any] = run["metadata"]
    return f"{meta.get('project')}@{meta.get('uid')}"


def find_artifact(store: Store, text: str, project: str = "", tag: str = "") -> Document:
    """An artifact by its `store://` URI or its key (the newest version, or the tagged one).

    Raises:
        NotFoundError: if there is none.
    """
    if text.startswith("store://"):
        uri = parse_artifact_uri(text, project or config.default_project)
        return store.read_artifact(
            uri.project, uri.key, tag=uri.tag or tag, iteration=uri.iteration, tree=uri.tree
        )
    query = ArtifactQuery(project=project or "*", tag=tag or "*")
    for artifact in store.list_artifacts(query):
        keys = (artifact["metadata"].get("key"), artifact.get("spec", {}).get("db_key"))
        if text in keys:
            return artifact
    raise NotFoundError(f"there is no artifact {text!r}", fix="mlrun-like get artifacts")


def find_function(store: Store, text: str, project: str = "", tag: str = "") -> Document:
    """A function by name or `[<project>/]<name>[:<tag>][@<hash>]`.

    Raises:
        NotFoundError: if there is none.
    """
    uri = parse_function_uri(text, project or config.default_project)
    if "/" in text or project or uri.hash:
        return store.read_function(uri.project, uri.name, tag=uri.tag or tag, hash=uri.hash)
    found = store.list_functions("*", uri.name, uri.tag or tag)
    if not found:
        raise NotFoundError(f"there is no function {text!r}", fix="mlrun-like get functions")
    return found[0]
