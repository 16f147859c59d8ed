"""The base of model servers for one framework: files, tables of rows, errors that name a misfit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.digests import Digest
from mlrun_like.artifacts.formats import executes
from mlrun_like.artifacts.item import get_artifact
from mlrun_like.artifacts.model import MODEL_SPEC
from mlrun_like.artifacts.models import load_model
from mlrun_like.artifacts.trust import verify
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.serving.models.columns import Columns
from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["FrameworkModelServer", "local_folder"]


class FrameworkModelServer(V2ModelServer):
    """A model of a known framework, loaded from `model_path` and asked with a table of rows.

    Rows are lists in the order of the training columns, or mappings by column name; a mapping of
    columns (`{"inputs": {"x": [1, 2]}}`) is taken too. The class argument `trust=True` opens a
    file that could run code and that this store did not record itself.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".pkl",)
    """Endings of the model's file, when `model_path` is a folder without a record."""

    def load(self) -> None:
        """Load the model from `model_path`."""
        if not self.model_path:
            super().load()
        self.model = self.open_model()

    def check_model(self) -> None:
        """Refuse a model, loaded or given, that this class cannot serve."""

    def open_model(self) -> Any:
        """The model, from a file that any of the registered loaders opens."""
        source = self.model_path
        if source.startswith("store://"):
            self.use_record(get_artifact(source))
        else:
            source = self.file()
        return load_model(source, trust=self.trusts)

    def _load(self) -> None:
        if self.model is None:
            self.load()
        self.check_model()
        super()._load()

    @property
    def trusts(self) -> bool:
        """Whether files that could run code are opened although nobody recorded them."""
        return bool(self.get_param("trust", False))

    def file(self) -> str:
        """The local path of the model's file.

        Raises:
            InvalidArgumentError: if `model_path` is a folder with no such file, or several.
        """
        failure: InvalidArgumentError | None = None
        for suffix in self.suffixes:
            try:
                return self.get_model(suffix)[0]
            except InvalidArgumentError as exc:
                failure = failure or exc
        raise failure or InvalidArgumentError("the class names no endings of files")

    def safe_file(self) -> str:
        """The path of the model's file if loading it cannot run code; else an empty string."""
        path = self.file()
        return "" if executes(path) else path

    def local_folder(self) -> tuple[str, bool]:
        """The model's folder on this machine, and whether its files are the ones recorded."""
        return local_folder(self, self.model_path)

    def validate(self, request: dict[str, Any], operation: str) -> dict[str, Any]:
        """As for every model; `inputs` may also be a mapping of columns."""
        if isinstance(request.get("inputs"), Mapping):
            return request
        return super().validate(request, operation)

    def predict(self, request: dict[str, Any]) -> Any:
        """The model's predictions, one per row.

        Raises:
            InvalidArgumentError: if the rows do not fit the model.
        """
        inputs = request["inputs"]
        if not inputs:
            return []
        try:
            return self.infer(self.table(inputs), request)
        except MLRunLikeError:
            raise
        except (ValueError, TypeError) as exc:  # libraries refuse rows in their own words
            raise self.misfit(f"the model refused the rows: {exc!s:.300}") from exc

    def infer(self, table: Any, request: Mapping[str, Any]) -> Any:
        """The predictions for a table or array that fits."""
        return self.model.predict(table)

    def table(self, inputs: Any) -> Any:
        """The rows as the model takes them."""
        return self.columns.table(inputs)

    @cached_property
    def columns(self) -> Columns:
        """What the model says of its columns."""
        names = getattr(self.model, "feature_names_in_", None)
        count = getattr(self.model, "n_features_in_", None)
        return Columns(names, count, f"model {self.name!r}")

    def misfit(self, what: str) -> InvalidArgumentError:
        """The error that says why rows do not fit."""
        return self.columns.misfit(what)


def local_folder(model: V2ModelServer, uri: str) -> tuple[str, bool]:
    """A model's folder on this machine, and whether each of its files is the one that was logged.

    Args:
        model: Receives the model's record.
        uri: A `store://models/...` URI, or the URL or path of a folder.

    Raises:
        IntegrityError: if a file is not the one that was logged.
    """
    if not uri.startswith("store://"):
        return open_url(uri).local(), False
    record = get_artifact(uri)
    model.use_record(record)
    inner = record.spec.model_file
    item = open_url(record.model_path) if inner else None
    prefix = f"{inner}/" if item is not None and item.isdir() else ""
    folder = (item if item is not None and prefix else open_url(record.target_path)).local()
    files = record.status.get("files")
    known = files if isinstance(files, dict) else {}
    found = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    names = {prefix + str(path.relative_to(folder)) for path in found}
    recorded = {name for name in known if name.startswith(prefix)}
    if not recorded or not names <= recorded | {MODEL_SPEC}:
        return folder, False
    for name in sorted(recorded):
        digest = Digest()
        for _ in digest.passing(open_url(str(Path(folder, name[len(prefix) :]))).chunks()):
            pass
        if not verify(record, name, digest.sha256):
            return folder, False
    return folder, True
