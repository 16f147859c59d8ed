"""The definition of a graph: steps, their order, who answers.

A definition only records; `check` and `compile` judge it as a whole, so that all mistakes come in
one message. Dictionaries have MLRun's keys.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.dag import mermaid
from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.document import STEP_KEYS, shape_problems, written_name
from mlrun_like.serving.lookup import local_name
from mlrun_like.serving.server import GraphServer

__all__ = ["Graph", "GraphStep", "flow"]


@dataclass(eq=False)
class GraphStep:
    """One step of a graph; made by `graph.to` and `step.to`, never directly."""

    graph: Graph = field(repr=False)
    name: str
    class_name: str | type | object = ""
    handler: str | Callable[..., Any] = ""
    class_args: dict[str, Any] = field(default_factory=dict)
    after: list[str] = field(default_factory=list)
    full_event: bool = False
    input_path: str = ""
    result_path: str = ""
    responder: bool = False
    blocking: bool | None = None

    def to(
        self,
        class_name: str | type | Callable[..., Any] | None = None,
        name: str | None = None,
        handler: str | Callable[..., Any] | None = None,
        full_event: bool = False,
        input_path: str | None = None,
        result_path: str | None = None,
        **class_args: Any,
    ) -> GraphStep:
        """Add a step after this one and return it; arguments as for `Graph.add_step`."""
        return self.graph.add_step(
            class_name, name, handler, [self.name], full_event, input_path, result_path,
            **class_args,
        )  # fmt: skip

    def after_step(self, *names: str | GraphStep, append: bool = True) -> GraphStep:
        """Also (or, without `append`, only) run after these steps; returns this step."""
        found = [_name_of(name) for name in names]
        self.after = [*self.after, *found] if append else found
        return self

    def respond(self) -> GraphStep:
        """Make this step's result the answer to the caller; returns this step."""
        self.responder = True
        return self

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data, empty values left out."""
        document: dict[str, Any] = {
            "kind": "task",
            "class_name": written_name(self.name, self.class_name),
            "class_args": self.class_args,
            "handler": written_name(self.name, self.handler),
            "after": list(self.after),
        }
        for key in ("full_event", "input_path", "result_path", "responder", "blocking"):
            document[key] = getattr(self, key)
        return {k: v for k, v in document.items() if v not in ("", None, False, {}) or k == "after"}


class Graph:
    """A flow of steps.

    Args:
        engine: What the answer is when no step responds: `async` (MLRun's default) answers
            `{"id": <event id>}`, `sync` answers with the last step's result.
        parameters: What steps read by `context.get_param`.

    >>> graph = Graph(engine="sync")
    >>> _ = graph.to(abs, "size").to("pkg.steps.Scale", factor=3)
    >>> [step.name for step in graph.steps]
    ['size', 'Scale']
    """

    def __init__(
        self, *, engine: str = "async", parameters: Mapping[str, Any] | None = None
    ) -> None:
        self.engine = engine
        self.parameters = dict(parameters or {})
        self.steps: list[GraphStep] = []

    def __getitem__(self, name: str) -> GraphStep:
        for step in self.steps:
            if step.name == name:
                return step
        names = [step.name for step in self.steps]
        raise GraphError(
            f"the graph has no step {name!r}.{nearest(name, names)}",
            fix=f"steps: {', '.join(names) or 'none yet'}",
        )

    def to(
        self,
        class_name: str | type | Callable[..., Any] | None = None,
        name: str | None = None,
        handler: str | Callable[..., Any] | None = None,
        full_event: bool = False,
        input_path: str | None = None,
        result_path: str | None = None,
        **class_args: Any,
    ) -> GraphStep:
        """Add a first step and return it; arguments as for `add_step`."""
        return self.add_step(
            class_name, name, handler, [], full_event, input_path, result_path, **class_args
        )

    def add_step(
        self,
        class_name: str | type | Callable[..., Any] | None = None,
        name: str | None = None,
        handler: str | Callable[..., Any] | None = None,
        after: str | GraphStep | Iterable[str | GraphStep] = (),
        full_event: bool = False,
        input_path: str | None = None,
        result_path: str | None = None,
        blocking: bool | None = None,
        **class_args: Any,
    ) -> GraphStep:
        """Add a step and return it.

        Args:
            class_name: A class, an object, a function, or the name of one: importable, or found
                in the module that builds the server.
            name: Name of the step; by default that of the class or function.
            handler: With a class: the method to call (default `do_event`, `do` or the object
                itself). Alone: a function or its name.
            after: The step or steps before it; none: events start here.
            full_event: Whether it receives and returns the event instead of the body.
            input_path: Dotted path of the part of the body it receives.
            result_path: Dotted path in the body where its result is put.
            blocking: Whether it must run in a thread, so that it does not hold up other callers;
                by default what the class says in its attribute `blocking`.
            class_args: Arguments of the class, or of the function besides the body.

        Nothing is checked here: a server names all mistakes of a graph at once.
        """
        plain = callable(class_name) and not isinstance(class_name, type) and handler is None
        if plain and hasattr(class_name, "__name__") and not hasattr(class_name, "do"):
            class_name, handler = None, class_name
        after = [after] if isinstance(after, (str, GraphStep)) else after
        step = GraphStep(
            self,
            name or local_name(class_name or handler or ""),
            class_name or "",
            handler or "",
            class_args,
            [_name_of(item) for item in after],
            full_event,
            input_path or "",
            result_path or "",
            blocking=blocking,
        )
        self.steps.append(step)
        return step

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain data with MLRun's keys.

        Raises:
            GraphError: if a step holds an object that has no importable name.
        """
        document: dict[str, Any] = {"kind": "root", "engine": self.engine}
        if self.parameters:
            document["parameters"] = dict(self.parameters)
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
        problems = shape_problems(document)
        if problems:
            raise GraphError("; ".join(problems), where="graph document")
        graph = cls(engine=document.get("engine") or "async", parameters=document.get("parameters"))
        for name, item in document["steps"].items():
            values = {key: item[key] for key in STEP_KEYS[1:] if item.get(key) is not None}
            after = values.get("after", [])
            values["after"] = [after] if isinstance(after, str) else list(after)
            values["class_args"] = dict(values.get("class_args", {}))
            graph.steps.append(GraphStep(graph, name, **values))
        return graph

    @classmethod
    def from_yaml(cls, source: str | Path) -> Graph:
        """Read a YAML or JSON file (a `Path`), or text.

        Raises:
            GraphError: if it cannot be read or is not a graph.
        """
        try:
            text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
            return cls.from_dict(yaml.safe_load(text))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as exc:
            raise GraphError(f"the graph cannot be read: {exc}", where=str(source)[:80]) from exc

    def plot(self) -> str:
        """The graph as Mermaid text, which notebooks, GitHub and GitLab draw.

        >>> graph = Graph()
        >>> _ = graph.to(abs).respond()
        >>> print(graph.plot())
        flowchart LR
            n0(["abs"])
        """
        return mermaid(
            {step.name: step.after for step in self.steps},
            round_names=[step.name for step in self.steps if step.responder],
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


def flow(*, engine: str = "async", parameters: Mapping[str, Any] | None = None) -> Graph:
    """Start a graph: `flow().to(...).to(...).respond()`; arguments as for `Graph`.

    >>> graph = flow()
    >>> step = graph.to(abs, "size").respond()
    >>> graph.to_mock_server().test(body=-3)
    3
    """
    return Graph(engine=engine, parameters=parameters)


def _name_of(step: str | GraphStep) -> str:
    return step.name if isinstance(step, GraphStep) else step
