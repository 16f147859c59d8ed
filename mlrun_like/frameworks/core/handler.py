"""ModelHandler: a model, how it is saved and loaded, and what is recorded with it."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mlrun_like.artifacts.formats import executes
from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.artifacts.models import get_model, load_model, update_model
from mlrun_like.artifacts.results import to_result
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.frameworks.core.custom_objects import CustomObjects
from mlrun_like.frameworks.core.notes import Notes
from mlrun_like.registry import resolve
from mlrun_like.runs.context import MLClientCtx, current_context

__all__ = ["ModelHandler"]


class ModelHandler(Notes, ABC):
    """A model of one framework: load, save, log, update.

    Args:
        model: The model; None: `load` brings it from `model_path`.
        model_path: A `store://models/...` URI, a folder or a file.
        model_name: The model's name in the store; by default the one it was logged with, else the
            name of its class.
        modules_map: Modules that must be imported before the model is loaded.
        custom_objects_map: Files with code that must be imported before that.
        custom_objects_directory: The folder or zip file that holds them.
        context: The run that the model is logged to; None: the current one.

    Raises:
        InvalidArgumentError: if there is neither a model nor a path.
    """

    FRAMEWORK_NAME: ClassVar[str] = ""
    """What the model's record says (MLRun's word)."""
    SUFFIXES: ClassVar[tuple[str, ...]] = (".pkl",)
    """Endings of the model's file in a folder without a record."""

    def __init__(
        self,
        model: Any = None,
        model_path: str | os.PathLike[str] | None = None,
        model_name: str | None = None,
        modules_map: Mapping[str, Any] | str | None = None,
        custom_objects_map: Mapping[str, Any] | str | None = None,
        custom_objects_directory: str | None = None,
        context: MLClientCtx | None = None,
    ) -> None:
        if model is None and not model_path:
            raise InvalidArgumentError(
                f"{type(self).__name__} needs a model or the path of one",
                fix='model=..., or model_path="store://models/project/name"',
            )
        self._model = model
        self.model_path = os.fspath(model_path) if model_path else ""
        self.record: ModelArtifact | None = None
        self.extra_files: dict[str, Any] = {}
        self._file = ""
        if self.model_path:
            self._find()
        super().__init__()
        name = model_name or _recorded(self.record)
        self.model_name = name or _default_name(model, self._file)
        self.custom_objects = CustomObjects(
            modules_map, custom_objects_map, custom_objects_directory
        )
        if not self.custom_objects and self.extra_files:
            kept = _recorded(self.record) or self.model_name
            self.custom_objects = CustomObjects.beside(kept, self.extra_files)
        self.context = context

    @property
    def _model_artifact(self) -> ModelArtifact | None:
        """The record, by the name that code written for MLRun reads it by."""
        return self.record

    def _find(self) -> None:
        failure: InvalidArgumentError | None = None
        for suffix in self.SUFFIXES:
            try:
                self._file, self.record, self.extra_files = get_model(self.model_path, suffix)
                return
            except InvalidArgumentError as exc:
                failure = failure or exc
        raise failure or InvalidArgumentError(f"nothing loads {self.model_path!r}")

    # -- what a framework adds ------------------------------------------------------------

    @abstractmethod
    def write(self, folder: str) -> str:
        """Write the model into a folder; returns the name of its file."""

    def read(self, path: str) -> Any:
        """The model in a file that cannot run code."""
        return load_model(path)

    def own_labels(self) -> dict[str, str]:
        """Labels that say how the model was saved."""
        return {}

    def own_parameters(self) -> dict[str, Any]:
        """What the model itself knows of how it was made."""
        return {}

    # -- MLRun's words --------------------------------------------------------------------

    @property
    def model(self) -> Any:
        """The model; None until it is loaded."""
        return self._model

    def set_context(self, context: MLClientCtx) -> None:
        """Set the run that the model is logged to."""
        self.context = context

    def set_model_name(self, model_name: str) -> None:
        """Set the model's name."""
        self.model_name = model_name

    def load(self) -> Any:
        """Load the model from its path, after its own code was imported; also in `model`.

        Raises:
            UntrustedFormatError: if opening it could run code that this store did not record.
        """
        self.custom_objects.load()
        if not self._file:
            raise InvalidArgumentError(
                "the handler has no path to load the model from", fix="model_path="
            )
        if executes(self._file):
            source = self.model_path if self.record is not None else self._file
            self._model = load_model(source)
        else:
            self._model = self.read(self._file)
        return self._model

    def save(self, output_path: str | os.PathLike[str]) -> str:
        """Write the model's file and its own code into a folder.

        Args:
            output_path: The folder; it is made if it is not there.

        Returns:
            The path of the model's file.

        Raises:
            InvalidArgumentError: if there is no model.
        """
        self._check_model()
        folder = os.path.abspath(os.fspath(output_path))
        os.makedirs(folder, exist_ok=True)
        name = self.write(folder)
        for file, data in self.custom_objects.files(self.model_name).items():
            with open(os.path.join(folder, file), "wb") as stream:
                stream.write(data)
        return os.path.join(folder, name)

    def log(self, **more: Any) -> ModelArtifact:
        """Log the model to the run, as its output `model`.

        Args:
            more: `tag`, `labels`, `parameters`, `inputs`, `outputs`, `metrics`, `artifacts` and
                `extra_data` (added to those that were set), and arguments of `log_model`.

        Raises:
            InvalidArgumentError: if there is no model or no run.
        """
        self._check_model()
        context = self.run
        self.take(more)
        given = {key: value for key, value in self._details().items() if value is not None}
        with tempfile.TemporaryDirectory(prefix="mlrun-like-model-") as folder:
            name = self.write(folder)
            extra = {**self.custom_objects.files(self.model_name), **self.extra_data}
            artifact = context.log_model(
                self._key(context),
                model_dir=folder,
                model_file=name,
                framework=self.FRAMEWORK_NAME,
                tag=self.tag,
                labels={**self.own_labels(), **self.labels},
                parameters=_plain({**self.own_parameters(), **self.parameters}),
                metrics=_plain(self.metrics),
                extra_data=extra,
                db_key=self.model_name,
                **{**given, **more},
            )
        if not isinstance(artifact, ModelArtifact):
            raise InvalidArgumentError(f"{self.model_name!r} was logged as a {artifact.kind}")
        self.record, self.model_path = artifact, artifact.uri
        self._file = ""
        return artifact

    def update(self, **more: Any) -> ModelArtifact:
        """Add to the record of the model that was logged before.

        Args:
            more: As for `log`.

        Raises:
            InvalidArgumentError: if the model was not logged.
        """
        if self.record is None:
            raise InvalidArgumentError(
                "only a model that was logged can be updated",
                fix='model_path="store://models/project/name"',
            )
        self.take(more)
        return update_model(
            self.record.uri,
            parameters=_plain(self.parameters),
            metrics=_plain(self.metrics),
            extra_data=self.extra_data,
            labels=self.labels or None,
            inputs=self.inputs,
            outputs=self.outputs,
            **more,
        )

    def to_onnx(self, model_name: str | None = None, **options: Any) -> Any:
        """The model in ONNX, as a handler.

        Args:
            model_name: The new model's name; by default this one's.
            options: `sample` (rows that show the inputs), `optimize`, `log`; see
                `mlrun_like.frameworks.onnx.convert`.

        Raises:
            MissingDependencyError: if a converter is not installed.
        """
        convert = resolve("mlrun_like.frameworks.onnx:convert")
        return convert(self, model_name=model_name, **options)

    # -- inside ---------------------------------------------------------------------------

    def _details(self) -> dict[str, Any]:
        """Further arguments of `log_model`."""
        return {"inputs": self.inputs, "outputs": self.outputs}

    def _key(self, context: MLClientCtx) -> str:
        """The run's output is `model`, whatever the model's name; of further models, their name."""
        try:
            other = context.get_cached_artifact("model")
        except NotFoundError:
            return "model"
        return "model" if other.spec.db_key == self.model_name else self.model_name

    def _check_model(self) -> None:
        if self._model is None:
            raise InvalidArgumentError("the handler has no model", fix="call its load() first")

    @property
    def run(self) -> MLClientCtx:
        """The run that the model is logged to.

        Raises:
            InvalidArgumentError: if there is none.
        """
        context = self.context or current_context()
        if context is None:
            raise InvalidArgumentError(
                f"model {self.model_name!r} cannot be logged: there is no run",
                fix="pass context=, or call it in a function that runs",
            )
        return context


def _recorded(record: ModelArtifact | None) -> str:
    """The name that a model was logged with."""
    return str(record.spec.db_key or record.key) if record is not None else ""


def _default_name(model: Any, file: str) -> str:
    if model is None:
        return os.path.splitext(os.path.basename(file))[0]
    return type(model).__name__


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = to_result(dict(values))
    return plain if isinstance(plain, dict) else {}
