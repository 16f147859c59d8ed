"""MLFlowModelServer: models in MLflow's format, of any flavour that has a Python function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pandas

from mlrun_like.errors import InvalidArgumentError, UntrustedFormatError
from mlrun_like.registry import require
from mlrun_like.serving.models.columns import Columns
from mlrun_like.serving.models.framework import FrameworkModelServer

__all__ = ["MLFlowModelServer"]

_SCHEMES = ("models:/", "runs:/", "mlflow-artifacts:/")


class MLFlowModelServer(FrameworkModelServer):
    """Serves a folder with an `MLmodel` file, or a `models:/` or `runs:/` URI of MLflow.

    Such models are loaded by code that is stored beside them, so the class argument `trust=True`
    is needed, except for a folder that this store recorded. Rows go to the model as a table; its
    signature names the columns.

        graph.to(MLFlowModelServer, "net", model_path="models:/net/3", trust=True)
    """

    def open_model(self) -> Any:
        """The model as MLflow's Python function."""
        mlflow = require("mlflow.pyfunc", extra="mlflow", feature=type(self).__name__)
        path, recorded = self.model_path, False
        if not path.startswith(_SCHEMES):
            path, recorded = self.local_folder()
            if not os.path.isfile(os.path.join(path, "MLmodel")):
                raise InvalidArgumentError(
                    f"{self.model_path!r} is not a model of MLflow: it has no file MLmodel",
                    where=f"model {self.name!r}",
                    fix="give the folder that mlflow.<flavour>.save_model wrote, or models:/NAME/1",
                )
        if not (recorded or self.trusts):
            raise UntrustedFormatError(
                f"opening {self.model_path!r} could execute code that is stored in it",
                where=f"model {self.name!r}",
                fix="if you know where it comes from: trust=True",
            )
        return mlflow.load_model(path)

    def infer(self, table: Any, request: Mapping[str, Any]) -> Any:
        """The predictions as a list; of tables, one mapping per row."""
        mlflow = require("mlflow.exceptions", extra="mlflow", feature=type(self).__name__)
        try:
            found = self.model.predict(table)
        except mlflow.MlflowException as exc:  # the table does not have the signature's types
            raise self.misfit(f"the model refused the rows: {exc!s:.300}") from exc
        if isinstance(found, pandas.DataFrame):
            return found.to_dict("records")
        return found

    def table(self, inputs: Any) -> Any:
        """A table; numbers in the types that the model's signature declares."""
        found = self.columns.table(inputs)
        schema = self.model.metadata.get_input_schema()
        if schema is None or not hasattr(found, "columns") or schema.is_tensor_spec():
            return found
        for item in schema.inputs:
            kind = item.type.to_pandas() if hasattr(item.type, "to_pandas") else None
            if kind is not None and getattr(kind, "kind", "") in "biuf":
                column = found[item.name]
                if column.dtype.kind in "biuf" and _keeps(column, kind):
                    found = found.assign(**{item.name: column.astype(kind)})
        return found

    @cached_property
    def columns(self) -> Columns:
        """The names in the model's signature."""
        schema = self.model.metadata.get_input_schema()
        names = schema.input_names() if schema is not None and schema.has_input_names() else None
        return Columns(names, None, f"model {self.name!r}")


def _keeps(column: Any, kind: Any) -> bool:
    """Whether a column's values are the same in another type: JSON has but one kind of number."""
    if column.isna().any():
        return bool(kind.kind == "f")
    return bool((column.astype(kind) == column).all())
