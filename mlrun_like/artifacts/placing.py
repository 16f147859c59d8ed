"""The three steps of logging: say who the artifact is, put its bytes in place, record it."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from mlrun_like.artifacts.artifact import Artifact, DatasetArtifact, LinkArtifact, ModelArtifact
from mlrun_like.artifacts.base import assign
from mlrun_like.artifacts.digests import Digest
from mlrun_like.artifacts.paths import (
    Producer,
    generate_target_path,
    local_artifact_path,
    resolve_artifact_path,
)
from mlrun_like.artifacts.stores import redact, scheme_of
from mlrun_like.artifacts.writing import measure, note, write, write_model_spec
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError, UnauthorizedError
from mlrun_like.names import check_key, check_label
from mlrun_like.tracking.base import Store

__all__ = ["check_tag", "identify", "place", "register"]

_TAG_LIMIT = 63
_log = logging.getLogger(__name__)


def check_tag(tag: str) -> str:
    """The tag if it follows the rules of label values, else InvalidArgumentError."""
    try:
        check_label("tag", tag)
    except InvalidArgumentError:
        raise InvalidArgumentError(
            f"tag {tag!r} is not allowed",
            fix=f"letters, digits, '-', '_' and '.', at most {_TAG_LIMIT} characters",
        ) from None
    return tag


def identify(
    artifact: Artifact,
    producer: Producer,
    tag: str,
    labels: Mapping[str, Any] | None,
    db_key: str | bool | None,
) -> None:
    """Fill in whose artifact it is."""
    metadata, spec = artifact.metadata, artifact.spec
    check_key(metadata.key)
    assign(
        metadata,
        project=producer.project,
        tree=producer.tree,
        iter=producer.iteration,
        updated=datetime.now(timezone.utc).isoformat(),
    )
    if tag or metadata.tag:
        metadata.tag = check_tag(tag or metadata.tag)
    merged = {**metadata.labels, **{name: str(value) for name, value in (labels or {}).items()}}
    if spec.framework:
        merged.setdefault("framework", spec.framework)
    if merged:
        metadata.labels = dict(check_label(name, value) for name, value in merged.items())
    name = spec.db_key
    if isinstance(db_key, str) and db_key:
        name = check_key(db_key)
    elif db_key is None and producer.kind == "run":
        name = f"{producer.name}_{metadata.key}"
    elif db_key is None and not name:
        name = metadata.key
    assign(spec, producer=producer.to_dict(), sources=list(producer.sources), db_key=name)
    if not spec.viewer and (spec.format == "html" or spec.src_path.endswith(".html")):
        spec.viewer = "web-app"


def place(
    artifact: Artifact,
    producer: Producer,
    target: str,
    artifact_path: str | os.PathLike[str] | None,
    upload: bool | None,
) -> None:
    """Decide where the bytes are or go, and write them if they are to be written.

    Raises:
        InvalidArgumentError: if a file does not exist, a target is relative, a remote file shall
            be uploaded, or there is nothing to log.
    """
    spec, source = artifact.spec, artifact.spec.src_path
    chosen = target or producer.artifact_path or config.artifact_path
    chosen = chosen or (artifact_path and not os.fspath(artifact_path).startswith("+/"))
    if artifact.is_inline:
        _measure_inline(artifact)
        return
    has_body = artifact.body is not None or artifact.__dict__.get("_df") is not None
    has_body = has_body or artifact.get_body() is not None  # some classes make it when asked
    remote = bool(scheme_of(source))
    _check_source(artifact, source, has_body, upload)
    if target:
        if not scheme_of(target) and not os.path.isabs(target):
            raise InvalidArgumentError(
                f"target_path {target!r} cannot be relative",
                where=f"artifact {artifact.key!r}",
                fix=f"target_path={os.path.abspath(target)!r}",
            )
        copying = has_body if upload is None else upload and (has_body or bool(source))
    elif remote and not has_body:
        if upload and not isinstance(artifact, (ModelArtifact, DatasetArtifact)):
            raise InvalidArgumentError(
                f"artifact {artifact.key!r} cannot be uploaded from {redact(source)!r}",
                fix="leave upload out: it is recorded where it is",
            )
        target, copying = source, False
    else:
        copying = artifact.kind != "dir" if upload is None else upload
        if source and not copying and not has_body:
            target = os.path.abspath(source)
        elif copying or isinstance(artifact, ModelArtifact):
            path = resolve_artifact_path(producer, artifact_path)
            named = _by_hash(artifact, path) if config.artifact_path_from_hash else ""
            target = named or generate_target_path(artifact, path, producer)
    assign(spec, target_path=target)
    if copying and not _same(source, target, has_body):
        try:
            write(artifact, target)
        except (StoreUnavailableError, UnauthorizedError) as exc:
            if not target.startswith("service://") or chosen:
                raise
            # nobody asked for this place: the run goes on, as its records do
            here = dataclasses.replace(producer, artifact_path=local_artifact_path(producer))
            path = resolve_artifact_path(here, artifact_path)
            target = generate_target_path(artifact, path, here)
            _log.warning(
                "artifact %r stays on this machine, at %s: %s",
                artifact.key, target, exc.what,
            )  # fmt: skip
            assign(spec, target_path=target)
            write(artifact, target)
    elif source and not remote:
        measure(artifact)
    if source and not remote and os.path.exists(source):
        spec.src_path = os.path.abspath(source)


def _by_hash(artifact: Artifact, path: str) -> str:
    """A path that is named after the bytes; empty: they are several files, or not there yet."""
    body, source = artifact.get_body(), artifact.spec.src_path
    if artifact.is_dir or isinstance(artifact, DatasetArtifact):
        return ""
    if isinstance(body, (str, bytes)):
        return artifact.resolve_body_target_hash_path(body, path)[1]
    return artifact.resolve_file_target_hash_path(source, path)[1] if source else ""


def _measure_inline(artifact: Artifact) -> None:
    note(artifact, Digest().of((artifact.spec.inline or "").encode()))


def _same(source: str, target: str, has_body: bool) -> bool:
    """Whether the file to copy is the target already."""
    if has_body or not source or scheme_of(target):
        return False
    try:
        return os.path.samefile(source, target)
    except OSError:
        return False


def _check_source(artifact: Artifact, source: str, has_body: bool, upload: bool | None) -> None:
    where = f"artifact {artifact.key!r}"
    if scheme_of(source) == "file":
        source = source.partition("://")[2]
    if isinstance(artifact, ModelArtifact) and has_body:
        _check_model_file(artifact)
    if source and not scheme_of(source):
        path = source
        if isinstance(artifact, ModelArtifact) and not has_body:
            path = os.path.join(source, artifact.spec.model_file)
        # Beside a body, `local_path` only lends its name and suffix, as MLRun's tutorials use it.
        if not has_body and not os.path.exists(path):
            raise InvalidArgumentError(
                f"Failed to log an artifact, file does not exists at path {path}",
                where=where,
                fix="check the path",
            )
        return
    if source or has_body:
        return
    if isinstance(artifact, ModelArtifact) and artifact.spec.model_file and upload is not False:
        if not os.path.exists(artifact.spec.model_file):
            raise InvalidArgumentError(
                f"model file {artifact.spec.model_file!r} does not exist",
                where=where,
                fix="give body=, or model_dir= with the folder that holds it",
            )
        artifact.spec.src_path = os.getcwd()
        return
    if not artifact.target_path and upload is not False:
        raise InvalidArgumentError(
            f"artifact {artifact.key!r} has no content",
            fix="give body=, local_path= or target_path=",
        )


def _check_model_file(model: ModelArtifact) -> None:
    """A body is written to a file of the model's folder, so its name must be one."""
    name = model.spec.model_file
    if not name:
        raise InvalidArgumentError(
            f"model {model.key!r} has a body but no model_file",
            fix='name it: model_file="model.onnx"',
        )
    if os.path.isabs(name) or ".." in name.split("/") or scheme_of(name):
        raise InvalidArgumentError(
            f"model_file {name!r} of model {model.key!r} must be a plain file name",
            fix=f"model_file={os.path.basename(name)!r}",
        )


def register(
    artifact: Artifact, store: Store, producer: Producer, db_key: str | bool | None
) -> None:
    """Record the artifact and, for a run, that the run wrote it."""
    target = artifact.target_path
    if isinstance(artifact, ModelArtifact) and target and artifact.status.get("files"):
        own = artifact.spec.src_path and os.path.abspath(artifact.spec.src_path) == target
        if not own:
            write_model_spec(artifact, target)
    if db_key is False:
        return
    store.store_artifact(artifact.to_dict(), tag=artifact.metadata.tag, wait=False)
    if producer.kind == "run" and not isinstance(artifact, LinkArtifact):
        store.record_use(producer.project, producer.uid, artifact.uri, "write")
