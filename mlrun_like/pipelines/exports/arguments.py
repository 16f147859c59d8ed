"""Values of a pipeline's parameters as other engines hand them over: JSON, or texts."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.engine.local import check_arguments
from mlrun_like.pipelines.nodes import REQUIRED, Parameter
from mlrun_like.pipelines.plan import Plan

__all__ = ["TEXTS", "read_arguments"]

TEXTS = "$texts"
"""The key of a mapping whose values are what people typed."""


def read_arguments(plan: Plan, given: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """The values of all parameters of a plan.

    Args:
        plan: The pipeline.
        given: JSON: a mapping with the values; `{"$texts": {...}}` if the values are texts.
        typed: Texts by name.

    Raises:
        PipelineError: if it is no such JSON, or values are missing, unknown or of a wrong type.
    """
    found: dict[str, Any] = {}
    texts: dict[str, Any] = dict(typed)
    if given.strip():
        try:
            value = json.loads(given)
        except ValueError as exc:
            raise PipelineError(f"the arguments are no JSON: {exc}", where="--arguments") from exc
        if isinstance(value, Mapping) and set(value) == {TEXTS}:
            texts.update(value[TEXTS] or {})
        elif isinstance(value, Mapping):
            found.update(value)
        elif value is not None:
            raise PipelineError(
                f"the arguments are {value!r:.80}, not a mapping", where="--arguments"
            )
    for name, text in texts.items():
        parameter = plan.parameters.get(name)
        if parameter is None:
            found[name] = text  # the check below refuses it
        elif not _is_left_out(text, parameter):
            found[name] = _read(text, parameter)
    return check_arguments(plan, found)


def _is_left_out(text: Any, parameter: Parameter) -> bool:
    """An empty field stands for the default, unless a text is wanted."""
    wants_text = parameter.type is str or (
        parameter.type is None and isinstance(parameter.default, str)
    )
    return text in ("", None) and not wants_text and parameter.default is not REQUIRED


def _read(text: Any, parameter: Parameter) -> Any:
    if not isinstance(text, str):
        return str(text) if parameter.type is str else text
    if parameter.type is str or (parameter.type is None and isinstance(parameter.default, str)):
        return text
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text
