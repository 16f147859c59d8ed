"""Rows that are mappings, in the order of the columns that a model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError

if TYPE_CHECKING:
    from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["in_order"]


def in_order(model: V2ModelServer, request: dict[str, Any]) -> dict[str, Any]:
    """The request of `infer_dict` or `predict_dict` with its rows as lists.

    `inputs` is a list of mappings by column name, or one mapping, which becomes one list.

    Raises:
        InvalidArgumentError: if the model's columns are not known, or a row lacks one of them.
    """
    spec = model.model_spec.spec if model.model_spec else None
    names = [str(item["name"]) for item in spec.inputs] if spec and spec.inputs else []
    where = f"model {model.name!r}"
    if not names:
        raise InvalidArgumentError(
            "the columns of the model are not recorded, so rows cannot be given by name",
            where=where,
            fix="log the model with training_set= or inputs= and give its URI as model_path",
        )
    inputs = request.get("inputs")
    rows = [inputs] if isinstance(inputs, dict) else inputs
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidArgumentError(
            "'inputs' must be a mapping, or a list of mappings, by column name",
            where=where,
            fix=f'send {{"inputs": [{{"{names[0]}": ...}}]}}, or use infer for lists',
        )
    for number, row in enumerate(rows):
        missing = [name for name in names if name not in row]
        if missing:
            raise InvalidArgumentError(
                f"row {number} has no {', '.join(missing)}",
                where=where,
                fix=f"columns: {', '.join(names)}",
            )
    ordered = [[row[name] for name in names] for row in rows]
    return {**request, "inputs": ordered[0] if isinstance(inputs, dict) else ordered}
