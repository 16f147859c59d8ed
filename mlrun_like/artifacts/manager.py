"""log_artifact, log_dataset, log_model: from a value or file to bytes, record and lineage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.artifact import (
    Artifact,
    DatasetArtifact,
    DirArtifact,
    LinkArtifact,
    ModelArtifact,
    make_artifact,
)
from mlrun_like.artifacts.formats import TABLES, suffix_of
from mlrun_like.artifacts.model import features
from mlrun_like.artifacts.paths import Producer, expand_artifact_path, extend_artifact_path
from mlrun_like.artifacts.placing import identify, place, register
from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import parse_artifact_uri
from mlrun_like.tracking.base import Store

__all__ = ["ArtifactManager", "Producer", "expand_artifact_path", "extend_artifact_path"]


class ArtifactManager:
    """Logs artifacts of one producer.

    Args:
        store: Where they are recorded.
        producer: The run or project that makes them.
    """

    def __init__(self, store: Store, producer: Producer) -> None:
        self.store = store
        self.producer = producer

    def log_artifact(  # noqa: PLR0913
        self,
        item: str | Artifact,
        body: Any = None,
        local_path: str | os.PathLike[str] | None = "",
        artifact_path: str | os.PathLike[str] | None = None,
        tag: str = "",
        viewer: str | None = "",
        target_path: str = "",
        src_path: str | os.PathLike[str] | None = None,
        upload: bool | None = None,
        labels: Mapping[str, Any] | None = None,
        format: str | None = None,
        db_key: str | bool | None = None,
        **kwargs: Any,
    ) -> Artifact:
        """Record something and copy its bytes to where artifacts go.

        Args:
            item: Its key, or an Artifact object.
            body: Its content: str, bytes, dict or list (JSON), a DataFrame (csv) or a figure.
            local_path: A file or folder on this machine to copy, or the URL where it already is.
            artifact_path: Another folder than the run's; `+/sub` is one below it.
            tag: A tag besides `latest`.
            viewer: How a UI shows it.
            target_path: Exactly where it goes (with a body) or already is (without).
            src_path: Older name of `local_path`.
            upload: Whether to copy. None: yes, but not folders, nor files with a `target_path`.
            labels: Labels.
            format: The file's suffix and format.
            db_key: Its name in the store; None: `<run>_<key>`; False: do not record it.
            kwargs: Fields of the record, such as `description` or `is_inline=True`.

        Raises:
            InvalidArgumentError: if the key is not allowed, the file does not exist, a path is
                relative that must not be, or there is nothing to log.
        """
        source = os.fspath(local_path or src_path or "")
        if isinstance(item, Artifact):
            artifact = item
            if body is not None:
                artifact._body = body
            artifact.set_fields(kwargs)
            if format:
                artifact.spec.format = format
        elif source and body is None and not scheme_of(source) and os.path.isdir(source):
            artifact = DirArtifact(item, format=format or "", **kwargs)
        else:
            artifact = make_artifact(item, body, format or "", kwargs)
        if viewer:
            artifact.spec.viewer = viewer
        if source:
            artifact.spec.src_path = source
        identify(artifact, self.producer, tag, labels, db_key)
        artifact.before_log()
        target = os.fspath(target_path or artifact.target_path or "")
        artifact.spec.target_path = target
        place(artifact, self.producer, target, artifact_path, upload)
        register(artifact, self.store, self.producer, db_key)
        return artifact

    def log_dataset(  # noqa: PLR0913
        self,
        key: str,
        df: Any,
        tag: str = "",
        local_path: str | os.PathLike[str] | None = None,
        artifact_path: str | os.PathLike[str] | None = None,
        upload: bool = True,
        labels: Mapping[str, Any] | None = None,
        format: str = "",
        preview: int | None = None,
        stats: bool | None = None,
        db_key: str | bool | None = None,
        target_path: str = "",
        extra_data: dict[str, Any] | None = None,
        label_column: str | None = None,
        **kwargs: Any,
    ) -> DatasetArtifact:
        """Record a table with schema, preview and statistics.

        Args:
            key: Its name.
            df: A DataFrame of pandas or another package.
            tag: A tag besides `latest`.
            local_path: A file that already holds the table.
            artifact_path: Another folder than the run's; `+/sub` is one below it.
            upload: False: only record what the table is like.
            labels: Labels.
            format: parquet (default), csv, tsv, json, jsonl or feather.
            preview: Rows in the preview.
            stats: Compute statistics; None: if the table is small.
            db_key: Its name in the store; False: do not record it.
            target_path: Exactly where it goes.
            extra_data: What belongs to it.
            label_column: The column to predict.
            kwargs: Fields of the record, or options of the writer.

        Raises:
            InvalidArgumentError: if the format is unknown or the label column absent.
        """
        artifact = DatasetArtifact(
            key,
            df,
            preview=preview,
            format=format or TABLES.get(suffix_of(os.fspath(target_path or "")), ""),
            stats=stats,
            extra_data=extra_data,
            label_column=label_column,
            **kwargs,
        )
        if df is None and os.path.isfile(os.fspath(local_path or "")):
            artifact.look_at(os.fspath(local_path or ""), preview)
        self.log_artifact(
            artifact,
            local_path=local_path,
            artifact_path=artifact_path,
            tag=tag,
            target_path=target_path,
            upload=upload,
            labels=labels,
            db_key=db_key,
        )
        return artifact

    def log_model(  # noqa: PLR0913
        self,
        key: str,
        body: Any = None,
        framework: str = "",
        tag: str = "",
        model_dir: str | os.PathLike[str] | None = None,
        model_file: str | os.PathLike[str] | None = None,
        algorithm: str | None = None,
        metrics: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        artifact_path: str | os.PathLike[str] | None = None,
        upload: bool = True,
        labels: Mapping[str, Any] | None = None,
        inputs: list[Any] | None = None,
        outputs: list[Any] | None = None,
        feature_vector: str | None = None,
        feature_weights: list[float] | None = None,
        training_set: Any = None,
        label_column: str | list[str] | None = None,
        extra_data: dict[str, Any] | None = None,
        db_key: str | bool | None = None,
        **kwargs: Any,
    ) -> ModelArtifact:
        """Record a model: a folder with its file, extra data and `model_spec.yaml`.

        Args:
            key: Its name.
            body: The model file's bytes, or the model itself, which is then pickled.
            framework: Such as `sklearn`; also set as label.
            tag: A tag besides `latest`.
            model_dir: The folder that holds the model file.
            model_file: The model file's name or path.
            algorithm: Such as `RandomForest`.
            metrics: What it achieved.
            parameters: What it was trained with.
            artifact_path: Another folder than the run's.
            upload: False: leave it where it is and only record it.
            labels: Labels.
            inputs: Its features.
            outputs: Its predictions.
            feature_vector: URI of its feature vector.
            feature_weights: Weight of each feature.
            training_set: DataFrame that inputs, outputs and statistics are taken from.
            label_column: The predicted column or columns of `training_set`.
            extra_data: Further files: bytes, paths, URLs or artifacts, by name.
            db_key: Its name in the store; False: do not record it.
            kwargs: Fields of the record; `model_url` is where a model is that others serve.

        Raises:
            InvalidArgumentError: if the model file does not exist, or `inputs` and `training_set`
                are both given, or content and `model_url`.
        """
        if kwargs.get("model_url"):
            if body is not None or model_file or model_dir:
                raise InvalidArgumentError(
                    f"model {key!r}: model_url cannot be given with body, model_file or model_dir",
                    fix="leave model_url out to record the file",
                )
            upload = False
        if training_set is not None and inputs:
            raise InvalidArgumentError(
                f"model {key!r}: inputs and training_set cannot be given together",
                fix="training_set already tells the inputs",
            )
        model = ModelArtifact(
            key,
            body,
            model_file=os.fspath(model_file or ""),
            model_dir=os.fspath(model_dir or ""),
            metrics=metrics,
            parameters=parameters,
            inputs=inputs,
            outputs=outputs,
            framework=framework or "",
            algorithm=algorithm or "",
            feature_vector=feature_vector or "",
            feature_weights=feature_weights,
            extra_data=extra_data,
            **kwargs,
        )
        if training_set is not None:
            model.infer_from_df(training_set, label_column or ())
            if outputs:
                model.spec.outputs = features(outputs)
        self.log_artifact(
            model, artifact_path=artifact_path, tag=tag, upload=upload, labels=labels, db_key=db_key
        )
        return model

    def link(self, key: str, artifact_uri: str, iteration: int) -> Artifact:
        """Record that `key` of this run is an artifact of one of its child iterations.

        Args:
            key: The key in this run.
            artifact_uri: The child's artifact.
            iteration: The child's number.
        """
        uri = parse_artifact_uri(artifact_uri, self.producer.project)
        link = LinkArtifact(
            key,
            artifact_uri,
            link_iteration=iteration,
            link_key=uri.key,
            link_tree=uri.tree,
        )
        identify(link, self.producer, "", None, None)
        register(link, self.store, self.producer, None)
        return link
