"""The steps of a graph: a list, whose items are also found by their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

if TYPE_CHECKING:
    from mlrun_like.serving.definition.step import GraphStep

__all__ = ["Steps"]


class Steps(list["GraphStep"]):
    """Steps in the order in which they were added.

    >>> from mlrun_like.serving.definition.graph import Graph
    >>> graph = Graph()
    >>> step = graph.to(abs, "size")
    >>> graph.steps["size"] is step, graph.steps[0] is step, "size" in graph.steps
    (True, True, True)
    >>> list(graph.steps.keys())
    ['size']
    """

    @overload
    def __getitem__(self, name: SupportsIndex | str) -> GraphStep: ...
    @overload
    def __getitem__(self, name: slice) -> list[GraphStep]: ...
    def __getitem__(self, name: Any) -> Any:
        if not isinstance(name, str):
            return super().__getitem__(name)
        for step in self:
            if step.name == name:
                return step
        raise KeyError(name)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return any(step.name == item for step in self)
        return super().__contains__(item)

    def keys(self) -> list[str]:
        """The names."""
        return [step.name for step in self]

    def values(self) -> list[GraphStep]:
        """The steps."""
        return list(self)

    def items(self) -> Iterator[tuple[str, GraphStep]]:
        """The steps with their names."""
        return iter([(step.name, step) for step in self])

    def get(self, name: str, default: Any = None) -> Any:
        """A step by its name, or the default."""
        return next((step for step in self if step.name == name), default)
