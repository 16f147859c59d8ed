"""Steps that build or deploy a function instead of running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.registry import resolve

__all__ = ["OUTPUTS", "act"]

OUTPUTS: Mapping[str, tuple[str, ...]] = {"build": ("image",), "deploy": ("endpoint", "name")}
"""The keys of what such a step gives, by its action."""
_CALLS = {
    "build": "mlrun_like.projects.building:build_now",
    "deploy": "mlrun_like.projects.building:deploy_function",
}


def act(action: str, function: Any, options: Mapping[str, Any]) -> Any:
    """Do it now.

    Args:
        action: `build` or `deploy`.
        function: The function.
        options: What the call of that name takes.

    Returns:
        A BuildStatus or DeployStatus; both have `outputs`.

    Raises:
        BuildError, EngineError: if it cannot be done.
        InvalidArgumentError: if the function is of a kind with which it is not done.
    """
    return resolve(_CALLS[action])(function, **options)
