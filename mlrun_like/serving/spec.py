"""The spec of a serving function: the document's, with the graph alive."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.graph import Graph

__all__ = ["ServingSpec"]


class ServingSpec:
    """Reads and writes the document's spec, but `graph` is a Graph instead of its document.

    Args:
        spec: The document's spec.
    """

    graph: Graph | None

    def __init__(self, spec: Any) -> None:
        object.__setattr__(self, "_spec", spec)
        graph = None if spec.graph is None else Graph.from_dict(spec.graph)
        object.__setattr__(self, "graph", graph)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "graph":
            setattr(self._spec, name, value)
            return
        if isinstance(value, dict):
            value = Graph.from_dict(value)
        if value is not None and not isinstance(value, Graph):
            raise InvalidArgumentError(
                f"spec.graph cannot be {value!r:.80}", fix="give a Graph, its dictionary, or None"
            )
        object.__setattr__(self, "graph", value)

    def write(self) -> None:
        """Put the graph's document into the spec.

        Raises:
            GraphError: if a step holds an object that has no importable name.
        """
        self._spec.graph = None if self.graph is None else self.graph.to_dict()
