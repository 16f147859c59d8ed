"""get_model, load_model, update_model: models by URI, verified before they are opened."""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Mapping
from typing import Any

import yaml

from mlrun_like.artifacts.archives import create_archive
from mlrun_like.artifacts.artifact import Artifact, ModelArtifact
from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.digests import Digest
from mlrun_like.artifacts.formats import suffix_of
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.artifacts.loaders import LOADERS
from mlrun_like.artifacts.model import MODEL_SPEC, features
from mlrun_like.artifacts.results import to_result
from mlrun_like.artifacts.stores import join_url, scheme_of
from mlrun_like.artifacts.trust import check_trusted, verify
from mlrun_like.artifacts.workspace import current
from mlrun_like.artifacts.writing import add_files, write_extra_data, write_model_spec
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError
from mlrun_like.names import check_label
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store

__all__ = ["get_model", "load_model", "update_model"]


def get_model(
    model_dir: str | os.PathLike[str] | DataItem | ModelArtifact,
    suffix: str = "",
    *,
    store: Store | None = None,
    trust: bool = False,
) -> tuple[str, ModelArtifact | None, dict[str, DataItem]]:
    """A model's file on this machine, its record and its further files.

    Args:
        model_dir: A `store://models/...` URI, a model's folder, its `model_spec.yaml` or its file.
        suffix: The model file's suffix in a folder without record; empty: `.pkl`. With `.zip` a
            model that is a folder is given as an archive of it.
        store: Where URIs are looked up; None: the configured store.
        trust: Hand the file out even if it is not the one that was logged.

    Returns:
        The file's path (a temporary copy if it is remote), the record (None for a plain file or
        folder), and the extra data by name.

    Raises:
        NotFoundError: if there is no such artifact or file.
        InvalidArgumentError: if it is not a model.
        IntegrityError: if the file is not the one that was logged.
    """
    item, model, extra, name = _find(model_dir, suffix, store)
    path = item.local()
    if model is not None and not trust and os.path.isfile(path):
        digest = Digest()
        for _ in digest.passing(open_url(os.path.abspath(path)).chunks()):
            pass
        if config.calculate_digest:
            verify(model, name, digest.sha256, store=store)
    if suffix == ".zip" and os.path.isdir(path):
        path = str(create_archive(path, current().folder()))
    return path, model, extra


def _find(
    uri: str | os.PathLike[str] | DataItem | ModelArtifact, suffix: str, store: Store | None
) -> tuple[DataItem, ModelArtifact | None, dict[str, DataItem], str]:
    """The model file's item, its record, its extra data and its name in the record."""
    if isinstance(uri, DataItem):
        uri = uri.meta if isinstance(uri.meta, ModelArtifact) else uri.artifact_url
    text = "" if isinstance(uri, ModelArtifact) else os.fspath(uri)
    model: ModelArtifact | None = None
    if isinstance(uri, ModelArtifact):
        model = uri
    elif scheme_of(text) == "store":
        found = get_artifact(text, store=store)
        if not isinstance(found, ModelArtifact):
            raise InvalidArgumentError(
                f"{text!r} is not a model but a {found.kind or 'file'}",
                fix="log it with log_model; get_dataitem reads other artifacts",
            )
        model = found
    if model is not None:
        item = open_url(model.model_path)
        extra = _extra_items(model, model.target_path, store)
        return item, model, extra, model.spec.model_file
    return _find_plain(text, suffix)


def _find_plain(
    text: str, suffix: str
) -> tuple[DataItem, ModelArtifact | None, dict[str, DataItem], str]:
    if text.endswith((".yaml", ".yml")):
        return _from_spec(open_url(text), text.rpartition("/")[0] or ".")
    item = open_url(text)
    if not item.isdir():
        return item, None, {}, item.url.rpartition("/")[2]
    spec = item.child(MODEL_SPEC)
    if spec.exists():
        return _from_spec(spec, text)
    wanted = suffix or ".pkl"
    names = [name for name in item.listdir() if name.endswith(wanted)]
    if len(names) != 1:
        raise InvalidArgumentError(
            f"cant resolve model file in {text!r}: {len(names)} files end with {wanted!r}",
            fix='name the file itself, or its suffix: get_model(folder, suffix=".onnx")',
        )
    return item.child(names[0]), None, {}, names[0]


def _from_spec(
    spec: DataItem, folder: str
) -> tuple[DataItem, ModelArtifact | None, dict[str, DataItem], str]:
    """A model's folder with its own record: what it says is not trusted, so no artifact is."""
    try:
        document = yaml.safe_load(spec.get(encoding="utf-8"))
    except yaml.YAMLError as exc:
        raise InvalidArgumentError(f"{spec} is not YAML: {exc}") from exc
    found = Artifact.from_dict(document) if isinstance(document, dict) else None
    if not isinstance(found, ModelArtifact) or not found.spec.model_file:
        raise InvalidArgumentError(f"{spec} is not the record of a model")
    name = found.spec.model_file
    if not name.startswith("/") and not scheme_of(name) and ".." not in name.split("/"):
        item = open_url(join_url(folder, name))
        return item, None, _extra_items(found, folder), name
    raise InvalidArgumentError(f"{spec} names a model file outside of its folder: {name!r}")


def _extra_items(
    model: ModelArtifact, folder: str, store: Store | None = None
) -> dict[str, DataItem]:
    items = {}
    for key, value in model.spec.extra_data.items():
        if not isinstance(value, str):
            continue
        if scheme_of(value) == "store":
            with contextlib.suppress(MLRunLikeError):  # of another store, or deleted
                items[key] = get_dataitem(value, store=store)
            continue
        inside = not scheme_of(value) and not value.startswith("/")
        if inside and ".." in value.split("/"):
            continue
        items[key] = open_url(join_url(folder, value) if inside else value, key=key)
    return items


def load_model(
    uri: str | os.PathLike[str] | DataItem | ModelArtifact,
    *,
    store: Store | None = None,
    trust: bool = False,
) -> Any:
    """The model as an object.

    Formats that cannot run code (json, npz, npy, txt, onnx, safetensors) are always opened; the
    others only if the store knows the model and its bytes are the ones that were logged.

    Args:
        uri: As for `get_model`.
        store: Where URIs are looked up; None: the configured store.
        trust: Open it even if that may execute code of unknown origin.

    Raises:
        UntrustedFormatError: if opening it could run code from elsewhere.
        IntegrityError: if the file is not the one that was logged.
        InvalidArgumentError: if nothing loads files of this kind, or the file is broken.
    """
    item, model, _, name = _find(uri, "", store)
    if model is not None and isinstance(uri, ModelArtifact):
        model = _registered(model, store)
    loader = LOADERS.get(suffix_of(name))
    if loader is None:
        raise InvalidArgumentError(
            f"nothing loads models of the kind {suffix_of(name)!r} ({name!r})",
            fix="get_model(uri)[0] is the path of its file",
        )
    # the very bytes that were verified are loaded: a file may change between two readings
    check_trusted(name, model, verified=model is not None, trust=trust)
    data = b"".join(item.chunks())
    verified = False
    if model is not None and not trust:
        digest = Digest().of(data)
        verified = bool(digest.sha256) and verify(model, name, digest.sha256, store=store)
    check_trusted(name, model, verified, trust)
    try:
        return loader(data, name)
    except (ValueError, TypeError, EOFError, KeyError, AttributeError, pickle.PickleError) as exc:
        raise InvalidArgumentError(f"model file {name!r} is broken: {exc}", where=str(uri)) from exc


def _registered(model: ModelArtifact, store: Store | None) -> ModelArtifact | None:
    """The store's own record of a model object, None if it has none."""
    try:
        found = get_artifact(model.uri, store=store)
    except LookupError:
        return None
    return found if isinstance(found, ModelArtifact) else None


def update_model(  # noqa: PLR0913
    model_artifact: str | DataItem | ModelArtifact,
    parameters: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    extra_data: dict[str, Any] | None = None,
    inputs: list[Any] | None = None,
    outputs: list[Any] | None = None,
    feature_vector: str | None = None,
    feature_weights: list[float] | None = None,
    key_prefix: str = "",
    labels: dict[str, Any] | None = None,
    write_spec_copy: bool = True,
    store_object: bool = True,
    *,
    store: Store | None = None,
) -> ModelArtifact:
    """Add to a model's record.

    Args:
        model_artifact: The model: URI, DataItem or object.
        parameters: Added to its parameters.
        metrics: Added to its metrics, their names after `key_prefix`.
        extra_data: Further files, their names after `key_prefix`.
        inputs: Replace its inputs.
        outputs: Replace its outputs.
        feature_vector: Replaces its feature vector.
        feature_weights: Replace its feature weights.
        key_prefix: Put before names of metrics and extra data.
        labels: Added to its labels.
        write_spec_copy: Also write `model_spec.yaml` again.
        store_object: Record the change; False: only return the changed object.
        store: Where it is recorded; None: the configured store.

    Raises:
        InvalidArgumentError: if it is not a model.
    """
    where = store if store is not None else open_store()
    if isinstance(model_artifact, DataItem):
        model_artifact = model_artifact.artifact_url
    found = (
        model_artifact
        if isinstance(model_artifact, Artifact)
        else get_artifact(os.fspath(model_artifact), store=where)
    )
    if not isinstance(found, ModelArtifact):
        raise InvalidArgumentError(f"{model_artifact!r} is not a model", fix="give a model's URI")
    spec = found.spec
    spec.parameters = {**spec.parameters, **_plain(parameters)}
    prefixed = {f"{key_prefix}{name}": value for name, value in (metrics or {}).items()}
    spec.metrics = {**spec.metrics, **_plain(prefixed)}
    if labels:
        given = dict(check_label(name, str(value)) for name, value in labels.items())
        found.metadata.labels = {**found.metadata.labels, **given}
    if inputs is not None:
        spec.inputs = features(inputs)
    if outputs is not None:
        spec.outputs = features(outputs)
    spec.feature_vector = feature_vector or spec.feature_vector
    if feature_weights is not None:
        spec.feature_weights = [float(weight) for weight in feature_weights]
    if extra_data:
        add_files(found, write_extra_data(found, extra_data, found.target_path, key_prefix))
    if write_spec_copy and found.target_path and _is_folder(found.target_path):
        write_model_spec(found, found.target_path)
    if store_object:
        where.store_artifact(found.to_dict(), tag=found.metadata.tag)
    return found


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any]:
    plain = to_result(dict(values or {}))
    return plain if isinstance(plain, dict) else {}


def _is_folder(url: str) -> bool:
    try:
        return open_url(url).isdir()
    except MissingFileError:
        return False
