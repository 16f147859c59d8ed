"""The output keys of a step, as far as its function declares them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.hints import parse_log_hints
from mlrun_like.pipelines.values import Ref

__all__ = ["known_outputs", "returned_keys"]

_SWEEP_OUTPUTS = ("best_iteration", "iteration_results")


def returned_keys(function: Any, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the declared returned values; empty if they are not all known."""
    declared = options.get("returns")
    if declared is None and "runspec" not in options:
        declared = function.spec.returns
    if isinstance(declared, Ref):
        return ()
    hints = [hint for hint in parse_log_hints(declared or ()) if hint is not None]
    return () if any(hint.levels for hint in hints) else tuple(hint.key for hint in hints)


def known_outputs(function: Any, options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """All output keys, if they can be known: returned values are declared, and no context logs."""
    keys = returned_keys(function, options)
    if not keys:
        return None
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    for item in parameters:
        if item.name == "context" or "MLClientCtx" in str(item.annotation):
            return None
        if item.kind is item.VAR_POSITIONAL:
            return None
    return (*keys, *_SWEEP_OUTPUTS) if options.get("hyperparams") else keys
