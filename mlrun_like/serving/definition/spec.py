"""The spec of a serving function: the document's, with the graph and child functions alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.functions.function import Function
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.lookup import import_name
from mlrun_like.specs.function import FunctionSpec

__all__ = ["ServingSpec"]

_LOAD_MODES = ("", "sync", "async")


class ServingSpec:
    """Reads and writes the document's spec, but `graph` is a Graph instead of its document.

    Args:
        spec: The document's spec.
        read_child: Makes the function that a reference in `function_refs` stands for.
    """

    _dict_fields = tuple(FunctionSpec.model_fields)  # MLRun's name
    graph: Graph | None
    graph_initializer: str | Callable[..., Any]
    children: dict[str, Function[..., Any]]
    """Child functions by name."""

    def __init__(
        self, spec: Any, read_child: Callable[[Mapping[str, Any]], Function[..., Any]]
    ) -> None:
        found = {
            "_spec": spec,
            "graph": None if spec.graph is None else Graph.from_dict(spec.graph),
            "graph_initializer": spec.graph_initializer,
            "children": {},
            "_read_child": read_child,
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "load_mode":
            _check_load_mode(value)
        if name == "graph_initializer" and callable(value):
            object.__setattr__(self, name, value)
            return
        if name != "graph":
            setattr(self._spec, name, value)
            if name == "graph_initializer":
                object.__setattr__(self, name, value)
            return
        if isinstance(value, dict):
            value = Graph.from_dict(value)
        if value is not None and not isinstance(value, Graph):
            raise InvalidArgumentError(
                f"spec.graph cannot be {value!r:.80}", fix="give a Graph, its dictionary, or None"
            )
        object.__setattr__(self, "graph", value)

    def add_child(self, name: str, reference: Mapping[str, Any], child: Function[..., Any]) -> None:
        """Note a child function and what it is made of."""
        self._spec.function_refs[name] = dict(reference)
        self.children[name] = child

    def child_functions(self) -> dict[str, Function[..., Any]]:
        """All child functions; those of a document that was read are made now."""
        for name, reference in self._spec.function_refs.items():
            if name not in self.children:
                self.children[name] = self._read_child({"name": name, **reference})
        return self.children

    def write(self) -> None:
        """Put the graph's document and the children's into the spec.

        Raises:
            GraphError: if a step, or the initializer, has no importable name.
        """
        spec = self._spec
        spec.graph = None if self.graph is None else self.graph.to_dict()
        initializer = self.graph_initializer
        if callable(initializer):
            spec.graph_initializer = import_name(initializer)
            if not spec.graph_initializer:
                raise GraphError(
                    f"spec.graph_initializer holds {initializer!r:.120}, which has no importable "
                    "name",
                    fix="define it at the top of a module and pass its name",
                )
        for name, child in self.children.items():
            spec.function_refs[name] = {**spec.function_refs[name], "spec": child.to_dict()}


def _check_load_mode(mode: Any) -> None:
    if (mode or "") not in _LOAD_MODES:
        raise InvalidArgumentError(
            f"illegal model loading mode {mode!r}", fix='spec.load_mode = "sync" or "async"'
        )
