"""The definition of a graph: steps, their order, who answers.

A definition only records; `check` and `compile` judge it as a whole, so that all mistakes come in
one message. Dictionaries have MLRun's keys.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.arguments import check_parameters
from mlrun_like.serving.definition.building import Building
from mlrun_like.serving.definition.reading import read_graph
from mlrun_like.serving.definition.sharing import Sharing, shared_document
from mlrun_like.serving.plot import Picture, plot_graph
from mlrun_like.serving.rounds import MOST_ROUNDS, check_rounds
from mlrun_like.serving.server import GraphServer

__all__ = ["Graph", "flow"]

# The YAML reader lets errors of Python through for values such as 2001-99-99 and `!!bool x`
_UNREADABLE = (
    OSError, yaml.YAMLError, RecursionError, ValueError, TypeError, LookupError, AttributeError,
)  # fmt: skip


class Graph(Building, Sharing):
    """A flow of steps, or (kind `router`) a router and its routes.

    Args:
        engine: What the answer is when no step responds: `async` (MLRun's default) answers
            `{"id": <event id>}`, `sync` answers with the last step's result.
        parameters: What steps read by `context.get_param`.
        kind: `flow` or `router`.
        allow_cyclic: Whether steps may send events back to earlier ones (`step.cycle_to`).
        max_iterations: How often one event may come to a step; by default 100.

    >>> graph = Graph(engine="sync")
    >>> _ = graph.to(abs, "size").to("pkg.steps.Scale", factor=3)
    >>> [step.name for step in graph.steps]
    ['size', 'Scale']
    """

    def __init__(
        self,
        *,
        engine: str = "async",
        parameters: Mapping[str, Any] | None = None,
        kind: str = "flow",
        allow_cyclic: bool = False,
        max_iterations: int | None = None,
    ) -> None:
        self.engine = engine
        self.parameters = check_parameters(parameters)
        self.kind = kind
        self.allow_cyclic = allow_cyclic
        most = check_rounds(max_iterations, "graph")
        self.max_iterations = most or (MOST_ROUNDS if allow_cyclic else None)
        self.from_step = ""
        self.steps = []
        self.on_error = ""
        self.error_stream = ""

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain data with MLRun's keys.

        Raises:
            GraphError: if a step holds an object that has no importable name.
        """
        document: dict[str, Any] = {"kind": "root", "engine": self.engine}
        if self.kind == "router" and self.steps:
            hidden = ("after", "responder")
            document = {k: v for k, v in self.steps[0].to_dict().items() if k not in hidden}
        if self.parameters:
            document["parameters"] = dict(self.parameters)
        for key in (
            "on_error", "error_stream", "allow_cyclic", "max_iterations", "from_step",
        ):  # fmt: skip
            if getattr(self, key):
                document[key] = getattr(self, key)
        document |= shared_document(self)
        if self.kind != "router":
            document["steps"] = {step.name: step.to_dict() for step in self.steps}
        return document

    def to_yaml(self) -> str:
        """The graph as YAML text."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    @classmethod
    def from_dict(cls, document: Any) -> Graph:
        """Read what `to_dict` writes.

        >>> Graph.from_dict({"steps": {"size": {"handler": "builtins.abs"}}}).steps[0].name
        'size'

        Raises:
            GraphError: naming every unknown key and wrong type.
        """
        return read_graph(cls(), document)

    @classmethod
    def from_yaml(cls, source: str | Path) -> Graph:
        """Read a YAML or JSON file (a `Path`), or text.

        Raises:
            GraphError: if it cannot be read or is not a graph.
        """
        try:
            text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
            document = yaml.safe_load(text)
        except _UNREADABLE as exc:
            raise GraphError(
                f"the graph cannot be read: {str(exc) or type(exc).__name__}",
                where=str(source)[:80],
            ) from exc
        return cls.from_dict(document)

    def plot(
        self,
        filename: str | Path | None = None,
        format: str | None = None,
        source: str = "start",
        rankdir: str = "LR",
    ) -> Picture:
        """A picture of the graph: SVG in notebooks, Mermaid as text.

        Args:
            filename: Also write it here; the ending chooses the format.
            format: `svg`, `html` or `mermaid` instead of what the ending says.
            source: The word at the place where events come in; empty: no mark.
            rankdir: `"LR"`: from left to right, `"TB"`: from top to bottom.

        >>> graph = Graph()
        >>> _ = graph.to(abs).respond()
        >>> print(graph.plot().mermaid)
        flowchart LR
            n0(["abs"])
        """
        return plot_graph(
            self.steps,
            on_error=self.on_error,
            source=source,
            rankdir=rankdir,
            filename=filename,
            format=format,
        )

    def to_mock_server(self, namespace: Any = None) -> GraphServer:
        """Check and compile the graph, create its steps, and return a server to call here.

        Args:
            namespace: Module, dictionary or list of them in which names of classes and functions
                are looked up; by default the calling module.

        Raises:
            GraphError: naming every mistake of the graph.
        """
        if namespace is None:
            namespace = sys._getframe(1).f_globals
        return GraphServer(self, namespace, is_mock=True)


def flow(
    *,
    engine: str = "sync",
    parameters: Mapping[str, Any] | None = None,
    allow_cyclic: bool = False,
    max_iterations: int | None = None,
) -> Graph:
    """Start a graph: `flow().to(...).to(...)`; arguments as for `Graph`.

    The last step answers, unless another one calls `.respond()`.

    >>> graph = flow()
    >>> step = graph.to(abs, "size")
    >>> graph.to_mock_server().test(body=-3)
    3
    """
    return Graph(
        engine=engine,
        parameters=parameters,
        allow_cyclic=allow_cyclic,
        max_iterations=max_iterations,
    )
