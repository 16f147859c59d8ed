"""From documents to rows: the columns by which records are found, and the JSON body.

Bodies are made when the caller hands a document over, so later changes to it are not recorded.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from mlrun_like.errors import SpecError
from mlrun_like.specs.platform_key import without_platform_key
from mlrun_like.types import Document

__all__ = [
    "artifact_row",
    "artifact_uid",
    "category_of",
    "encode",
    "epoch",
    "function_row",
    "labels_text",
    "merge_runs",
    "now_iso",
    "run_row",
]

_PUT = json.JSONEncoder(separators=(",", ":"), check_circular=True).encode
_PUT_SORTED = json.JSONEncoder(separators=(",", ":"), sort_keys=True, default=str).encode
_CATEGORIES = {"model": "model", "dataset": "dataset", "link": "link"}
_RECORDED = ("state", "error", "traceback", "status_text", "end_time")
# what may differ between two descriptions of the same version
_VOLATILE_METADATA = ("updated", "tag", "uid", "labels")
_VOLATILE_SPEC = {
    "model": ("metrics", "parameters", "inputs", "outputs", "feature_stats"),
    "dataset": ("schema", "preview", "features", "stats", "header"),
}


def encode(document: Mapping[str, Any], what: str) -> str:
    """JSON text of a document.

    Raises:
        SpecError: if a value in it cannot be JSON.
    """
    try:
        return _PUT(document)
    except (TypeError, ValueError, RecursionError) as exc:
        raise SpecError(
            f"{what} cannot be recorded: {exc}",
            fix="use only None, bool, numbers, text, lists and dicts",
        ) from exc


def now_iso() -> str:
    """The time in the form documents use."""
    return datetime.now(timezone.utc).isoformat()


def epoch(text: object, where: str = "") -> float | None:
    """Seconds since 1970 of an ISO time (without a zone: UTC); None for an empty one.

    >>> epoch("1970-01-02T00:00:00Z")
    86400.0

    Raises:
        SpecError: if it is not an ISO time.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(str(text).strip().replace("Z", "+00:00"))
    except ValueError as exc:
        raise SpecError(
            f"{text!r} is not an ISO time", where=where, fix="for example 2026-01-31T12:00:00+00:00"
        ) from exc
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()


def labels_text(labels: Mapping[str, Any]) -> str:
    """Labels as canonical text, so that equal labels are equal texts."""
    if not labels:
        return ""
    return _PUT_SORTED({str(name): "" if v is None else str(v) for name, v in labels.items()})


def _required(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise SpecError(f"{what} is missing (got {value!r})", fix="fill it before storing")
    return value


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name) or {}
    if not isinstance(part, Mapping):
        raise SpecError(f"{name} must be a mapping, not {part!r}")
    return part


def run_row(run: Document) -> dict[str, Any]:
    """The row of a run."""
    metadata, spec, status = _part(run, "metadata"), _part(run, "spec"), _part(run, "status")
    labels = _part(metadata, "labels")
    return {
        "project": _required(metadata.get("project"), "a run's project"),
        "uid": _required(metadata.get("uid"), "a run's uid"),
        "iter": int(metadata.get("iteration") or 0),
        "name": str(metadata.get("name") or ""),
        "state": str(status.get("state") or "created"),
        "function": str(spec.get("function") or ""),
        "kind": str(labels.get("kind") or ""),
        "host": str(status.get("host") or ""),
        "pid": int(status.get("pid") or 0),
        "pid_started": float(status.get("pid_started") or 0.0),
        "started": epoch(status.get("start_time"), "status.start_time"),
        "updated": time.time(),
        "ended": epoch(status.get("end_time"), "status.end_time"),
        "labels": labels_text(labels),
        "body": encode(run, "the run"),
    }


def merge_runs(recorded: Document, new: Document, *, keep_state: bool) -> Document:
    """The new document with results and artifacts of both; optionally the recorded outcome.

    Args:
        recorded: What the store holds.
        new: What was handed in.
        keep_state: Whether the recorded state, error and end stay.
    """
    old_status, status = _part(recorded, "status"), dict(_part(new, "status"))
    for name in ("results", "artifact_uris"):
        both = {**_part(old_status, name), **_part(status, name)}
        if both:
            status[name] = both
    if keep_state:
        for name in _RECORDED:
            if name in old_status:
                status[name] = old_status[name]
            else:
                status.pop(name, None)
    return {**new, "status": status}


def category_of(kind: str) -> str:
    """`model`, `dataset`, `link` or `other`."""
    return _CATEGORIES.get(kind, "other")


def artifact_uid(artifact: Mapping[str, Any]) -> str:
    """The id of a version: SHA-1 over the document without its volatile parts."""
    kind = str(artifact.get("kind") or "")
    metadata, spec = dict(_part(artifact, "metadata")), dict(_part(artifact, "spec"))
    for name in _VOLATILE_METADATA:
        metadata.pop(name, None)
    for name in _VOLATILE_SPEC.get(kind, ()):
        spec.pop(name, None)
    text = _PUT_SORTED({"kind": kind, "metadata": metadata, "spec": spec})
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def artifact_row(artifact: Document) -> dict[str, Any]:
    """The row of an artifact version; its uid is computed if the document has none."""
    metadata, spec = _part(artifact, "metadata"), _part(artifact, "spec")
    kind = str(artifact.get("kind") or "")
    uid = str(metadata.get("uid") or "") or artifact_uid(artifact)
    body = {k: v for k, v in metadata.items() if k != "tag"}
    body.update(uid=uid, updated=metadata.get("updated") or now_iso())
    return {
        "project": _required(metadata.get("project"), "an artifact's project"),
        "key": _required(spec.get("db_key") or metadata.get("key"), "an artifact's key"),
        "uid": uid,
        "iter": int(metadata.get("iter") or 0),
        "tree": str(metadata.get("tree") or ""),
        "kind": kind,
        "category": category_of(kind),
        "target_path": str(spec.get("target_path") or ""),
        "updated": time.time(),
        "labels": labels_text(_part(metadata, "labels")),
        "body": encode({**artifact, "metadata": body}, "the artifact"),
    }


def function_row(function: Document) -> dict[str, Any]:
    """The row of a function version; its hash is computed if the document has none."""
    function = without_platform_key(function)
    metadata = _part(function, "metadata")
    version = str(metadata.get("hash") or "") or _function_hash(function)
    body = {k: v for k, v in metadata.items() if k != "tag"}
    body.update(hash=version, updated=metadata.get("updated") or now_iso())
    return {
        "project": _required(metadata.get("project"), "a function's project"),
        "name": _required(metadata.get("name"), "a function's name"),
        "hash": version,
        "kind": str(function.get("kind") or ""),
        "updated": time.time(),
        "body": encode({**function, "metadata": body}, "the function"),
    }


def _function_hash(function: Mapping[str, Any]) -> str:
    document = {k: v for k, v in function.items() if k != "status"}
    document["metadata"] = {
        k: v for k, v in _part(function, "metadata").items() if k not in ("tag", "hash", "updated")
    }
    # the same text as FunctionDoc.digest, so that both ways lead to one version
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
