"""The definition of a graph: steps, their order, who answers.

A definition only records; `check` and `compile` judge it as a whole, so that all mistakes come in
one message. Dictionaries have MLRun's keys.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.lookup import is_plain_function, local_name
from mlrun_like.serving.nesting import insert_flow
from mlrun_like.serving.plot import Picture, plot_graph
from mlrun_like.serving.reading import read_graph
from mlrun_like.serving.server import GraphServer
from mlrun_like.serving.step import GraphStep, QueueStep, RouterStep, add_error_handler

__all__ = ["Graph", "flow"]

_QUEUES = (">>", "$queue")


class Graph:
    """A flow of steps, or (kind `router`) a router and its routes.

    Args:
        engine: What the answer is when no step responds: `async` (MLRun's default) answers
            `{"id": <event id>}`, `sync` answers with the last step's result.
        parameters: What steps read by `context.get_param`.
        kind: `flow` or `router`.

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
    ) -> None:
        self.engine = engine
        self.parameters = dict(parameters or {})
        self.kind = kind
        self.steps: list[GraphStep] = []
        self.on_error = ""
        self.error_stream = ""

    def __getitem__(self, name: str) -> GraphStep:
        for step in self.steps:
            if step.name == name:
                return step
        for step in self.steps:
            if name in getattr(step, "routes", ()):
                found: GraphStep = step.routes[name]  # type: ignore[attr-defined]
                return found
        names = [step.name for step in self.steps]
        raise GraphError(
            f"the graph has no step {name!r}.{nearest(name, names)}",
            fix=f"steps: {', '.join(names) or 'none yet'}",
        )

    def to(
        self,
        class_name: Any = None,
        name: str | None = None,
        handler: str | Callable[..., Any] | None = None,
        graph_shape: str = "",
        function: str = "",
        full_event: bool = False,
        input_path: str | None = None,
        result_path: str | None = None,
        **class_args: Any,
    ) -> GraphStep:
        """Add a first step and return it; arguments as for `add_step`."""
        return self.add_step(
            class_name, name, handler, None, None, graph_shape, function, full_event, input_path,
            result_path, **class_args,
        )  # fmt: skip

    def add_step(  # noqa: PLR0913 - MLRun's signature
        self,
        class_name: Any = None,
        name: str | None = None,
        handler: str | Callable[..., Any] | None = None,
        after: str | GraphStep | Iterable[str | GraphStep] | None = None,
        before: str | GraphStep | Iterable[str | GraphStep] | None = None,
        graph_shape: str = "",
        function: str = "",
        full_event: bool = False,
        input_path: str | None = None,
        result_path: str | None = None,
        **class_args: Any,
    ) -> GraphStep:
        """Add a step and return it.

        Args:
            class_name: A class, an object, a function, or the name of one: importable, registered
                (`storey.Filter`), or found in the module that builds the server. `"*Name"` is a
                router of that class (`"*"`: the default one), `">>"` or `"$queue"` a queue. A
                graph is inserted as a whole; its steps are then named `name/step`.
            name: Name of the step; by default that of the class or function.
            handler: With a class: the method to call (default `do_event`, `do` or the object
                itself). Alone: a function, its name, or an expression such as `"(event + 1)"`.
            after: The step or steps before it (`"$prev"`: the step added last); none: events
                start here.
            before: The step or steps that then come after this one only.
            graph_shape: Shape in pictures.
            function: The child function that runs it, or `"*"`: every function.
            full_event: Whether it receives and returns the event instead of the body.
            input_path: Dotted path of the part of the body it receives.
            result_path: Dotted path in the body where its result is put.
            class_args: Arguments of the class, or of the function besides the body. A name that
                starts with `_` stands for a function: `_fn="(event['x'] > 5)"` or `_fn="name"`.

        Nothing is checked here: a server names all mistakes of a graph at once.
        """
        previous = [self._prev(item) for item in _names(after)]
        if isinstance(class_name, Graph):
            return insert_flow(self, class_name, name or "flow", previous)
        if handler == "" or handler is None:
            class_name, handler = (
                (None, class_name) if is_plain_function(class_name) else (class_name, None)
            )
        step = self.make_step(class_name, name, handler, full_event, class_args)
        step.after = previous
        step.shape = graph_shape or step.shape
        step.function = function or step.function
        step.input_path = input_path or step.input_path
        step.result_path = result_path or step.result_path
        self.steps.append(step)
        for follower in _names(before):
            self[self._prev(follower)].after_step(step.name, append=False)
        return step

    def make_step(
        self,
        class_name: Any,
        name: str | None,
        handler: Any,
        full_event: bool,
        class_args: Mapping[str, Any],
    ) -> GraphStep:
        """A step of the kind that its class names, not yet part of the graph."""
        if isinstance(class_name, GraphStep):
            step = class_name
            step.graph = self
            step.name = name or step.name
            return step
        values: dict[str, Any] = {
            "class_name": class_name or "",
            "handler": handler or "",
            "class_args": dict(class_args),
            "full_event": full_event,
        }
        if isinstance(class_name, str) and class_name in _QUEUES:
            return QueueStep(self, name or "", **{**values, "class_name": ""})
        if isinstance(class_name, str) and class_name.startswith("*"):
            router = class_name[1:]
            found = name or local_name(router or "router")
            return RouterStep(self, found, **{**values, "class_name": router})
        return GraphStep(self, name or local_name(class_name or handler or ""), **values)

    def set_flow(self, steps: Iterable[Any], force: bool = False) -> GraphStep:
        """Replace the graph by a row of steps; returns the last one.

        Args:
            steps: Steps, or what `to` takes as `class_name`, or mappings of its arguments.
            force: Replace steps that are there already.

        Raises:
            GraphError: if there are steps and `force` is not set, or no steps are given.
        """
        if self.steps and not force:
            raise GraphError(
                "the graph has steps already", fix="set_flow(steps, force=True) replaces them"
            )
        self.steps = []
        last: GraphStep | None = None
        for item in steps:
            values = dict(item) if isinstance(item, Mapping) else {"class_name": item}
            last = (last or self).to(**values)
        if last is None:
            raise GraphError("set_flow needs at least one step")
        return last

    def error_handler(
        self,
        name: str | None = None,
        class_name: Any = None,
        handler: str | Callable[..., Any] | None = None,
        full_event: bool = False,
        before: str | Iterable[str] | None = None,
        function: str = "",
        input_path: str | None = None,
        result_path: str | None = None,
        **class_args: Any,
    ) -> GraphStep:
        """What receives the events that fail anywhere without a handler of their own.

        Arguments as for `GraphStep.error_handler`; returns the handler's step.
        """
        step = add_error_handler(
            self, name, class_name, handler, function=function, full_event=full_event,
            input_path=input_path or "", result_path=result_path or "", class_args=class_args,
        )  # fmt: skip
        self.on_error = step if isinstance(step, str) else step.name
        made = self[step] if isinstance(step, str) else step
        for follower in _names(before):
            self[follower].after_step(made.name)
            made.before.append(follower)
        return made

    def respond(self) -> GraphStep:
        """Make the step added last the one that answers; returns it.

        Raises:
            GraphError: if there is none.
        """
        if not self.steps:
            raise GraphError("the graph has no step that could respond")
        return self.steps[-1].respond()

    def remove_steps(self, names: Iterable[str]) -> None:
        """Remove steps; unknown names are ignored (MLRun: `clear_children`)."""
        gone = set(names)
        self.steps = [step for step in self.steps if step.name not in gone]

    clear_children = remove_states = remove_steps

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain data with MLRun's keys.

        Raises:
            GraphError: if a step holds an object that has no importable name.
        """
        document: dict[str, Any] = {"kind": "root", "engine": self.engine}
        if self.kind == "router" and self.steps:
            document = {k: v for k, v in self.steps[0].to_dict().items() if k != "after"}
        if self.parameters:
            document["parameters"] = dict(self.parameters)
        for key in ("on_error", "error_stream"):
            if getattr(self, key):
                document[key] = getattr(self, key)
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
            return cls.from_dict(yaml.safe_load(text))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as exc:
            raise GraphError(f"the graph cannot be read: {exc}", where=str(source)[:80]) from exc

    def plot(self, filename: str | Path | None = None, format: str | None = None) -> Picture:
        """A picture of the graph: SVG in notebooks, Mermaid as text.

        Args:
            filename: Also write it here; the ending chooses the format.
            format: `svg`, `html` or `mermaid` instead of what the ending says.

        >>> graph = Graph()
        >>> _ = graph.to(abs).respond()
        >>> print(graph.plot().mermaid)
        flowchart LR
            n0(["abs"])
        """
        return plot_graph(self.steps, on_error=self.on_error, filename=filename, format=format)

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

    def _prev(self, name: str) -> str:
        if name != "$prev":
            return name
        if not self.steps:
            raise GraphError("'$prev' is the step added last, but the graph has no steps yet")
        return self.steps[-1].name


def flow(*, engine: str = "sync", parameters: Mapping[str, Any] | None = None) -> Graph:
    """Start a graph: `flow().to(...).to(...)`; arguments as for `Graph`.

    The last step answers, unless another one calls `.respond()`.

    >>> graph = flow()
    >>> step = graph.to(abs, "size")
    >>> graph.to_mock_server().test(body=-3)
    3
    """
    return Graph(engine=engine, parameters=parameters)


def _names(steps: str | GraphStep | Iterable[str | GraphStep] | None) -> list[str]:
    listed = [steps] if isinstance(steps, (str, GraphStep)) else list(steps or ())
    return [step if isinstance(step, str) else step.name for step in listed]
