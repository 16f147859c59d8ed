"""What a step may ask of its server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.serving.event import Response

__all__ = ["GraphContext"]


@dataclass(frozen=True)
class GraphContext:
    """Injected into steps that have an argument `context`.

    Args:
        parameters: Parameters of the whole graph.
        is_mock: Whether events come from tests in this process only.
        logger: For messages of steps.

    >>> GraphContext({"limit": 3}).get_param("limit")
    3
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_mock: bool = False
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("mlrun_like.serving"))

    Response = Response
    """`context.Response(body, status_code=404)`: an answer with its status."""

    def get_param(self, key: str, default: Any = None) -> Any:
        """The graph's parameter `key`, else `default`."""
        return self.parameters.get(key, default)
