"""The definition of one step: what it calls, what comes before it, who answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from mlrun_like.errors import GraphError, InvalidArgumentError, nearest
from mlrun_like.serving.definition.arguments import check_types, step_names
from mlrun_like.serving.definition.back import heads_of
from mlrun_like.serving.definition.document import step_document
from mlrun_like.serving.definition.handlers import add_error_handler
from mlrun_like.serving.definition.lookup import taken_apart
from mlrun_like.serving.definition.options import StepOptions

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["GraphStep", "QueueStep", "RouterStep"]

_OPTIONS = tuple(item.name for item in dataclasses.fields(StepOptions))


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
    function: str = ""
    """The child function that runs it, or "*": every function."""
    on_error: str = ""
    """The step that receives the event when this one fails."""
    before: list[str] = field(default_factory=list)
    """Of an error handler: the steps where the flow goes on; none: its result is the answer."""
    shape: str = ""
    comment: str = ""
    call_options: StepOptions = field(default_factory=StepOptions)
    kind: str = "task"
    cycle_from: list[str] = field(default_factory=list)
    """The later steps that lead back here."""
    max_iterations: int | None = None
    """How often one event may come here if it can come again; None: as the graph says."""

    def __post_init__(self) -> None:
        """An object that knows how it was made stands for its class with the same arguments."""
        apart = taken_apart(self.class_name)
        if apart is None:
            return
        if apart.name and self.name in ("", apart.found.__name__):
            self.name = apart.name
        self.class_name = apart.found
        self.class_args = {**apart.arguments, **self.class_args}
        for key, value in apart.values.items():
            setattr(self, key, getattr(self, key) or value)

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
        """Add a step after this one and return it; arguments as for `Graph.add_step`."""
        return self.graph.add_step(
            class_name, name, handler, [self.name], None, graph_shape, function, full_event,
            input_path, result_path, **class_args,
        )  # fmt: skip

    def after_step(self, *names: str | GraphStep, append: bool = True) -> GraphStep:
        """Also (or, without `append`, only) run after these steps; returns this step."""
        found = step_names(names, "after_step", self.name)
        kept = self.after if append else []
        self.after = list(dict.fromkeys([*kept, *found]))
        return self

    def cycle_to(self, step_names: Any = ()) -> GraphStep:
        """Let events go from this step back to earlier ones; returns this step.

        A step with a way back and a way on says where each event goes: it is a choice, or its
        class has `select_outlets(body)`, which gives the names of steps.

        Args:
            step_names: The earlier steps, or their names; none: nothing happens.

        >>> from mlrun_like.serving import Graph
        >>> graph = Graph(allow_cyclic=True, max_iterations=5)
        >>> step = graph.to("Ask", "ask").to("Judge", "judge").cycle_to("ask")
        >>> graph["ask"].cycle_from
        ['judge']

        Raises:
            GraphError: if the graph does not allow that, or there is no such step.
        """
        for name in heads_of(self.graph, step_names, self.name):
            head = self.graph.steps[name]
            head.after_step(self.name)
            head.cycle_from = list(dict.fromkeys([*head.cycle_from, self.name]))
        return self

    @property
    def earlier(self) -> list[str]:
        """The steps before it, without those that lead back here."""
        return [name for name in self.after if name not in self.cycle_from]

    def join(self, graph: Graph) -> None:
        """Become a step of a graph; subclasses may check that they fit."""
        self.graph = graph

    def respond(self) -> GraphStep:
        """Make this step's result the answer to the caller; returns this step."""
        self.responder = True
        return self

    def options(self, **options: Any) -> GraphStep:
        """Set how the step is called; arguments as for `StepOptions`; returns this step.

        Raises:
            InvalidArgumentError: if there is no such option, or its value cannot be used.
        """
        for name in options:
            if name not in _OPTIONS:
                raise InvalidArgumentError(
                    f"a step has no option {name!r}.{nearest(name, _OPTIONS)}",
                    where=f"step {self.name!r}",
                    fix=f"options: {', '.join(_OPTIONS)}",
                )
        try:
            self.call_options = dataclasses.replace(self.call_options, **options)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(exc.what, where=f"step {self.name!r}", fix=exc.fix) from exc
        return self

    def error_handler(
        self,
        name: str | None = None,
        class_name: Any = None,
        handler: str | Callable[..., Any] | None = None,
        before: str | Iterable[str] | None = None,
        function: str = "",
        full_event: bool = False,
        input_path: str | None = None,
        result_path: str | None = None,
        **class_args: Any,
    ) -> GraphStep:
        """Send an event that fails in this step to an error handler; returns the handler's step.

        The handler sees the body that failed; with `full_event`, also `event.error` (text by step)
        and `event.origin_state` (the step). What it gives is the answer, unless the flow goes on.

        Args:
            name: The handler's name. Alone: a step with this name, declared elsewhere; then this
                step is returned.
            class_name: As for `Graph.add_step`.
            handler: As for `Graph.add_step`.
            before: The step or steps where the flow goes on after the handler.
            function: The child function that runs it.
            full_event: Whether it receives and returns the event.
            input_path: As for `Graph.add_step`.
            result_path: As for `Graph.add_step`.
            class_args: Arguments of the class.

        Raises:
            InvalidArgumentError: if it has neither a name nor a class nor a handler.
        """
        step = add_error_handler(
            self.graph, name, class_name, handler, function=function, full_event=full_event,
            input_path=input_path or "", result_path=result_path or "", class_args=class_args,
        )  # fmt: skip
        self.on_error = step if isinstance(step, str) else step.name
        if isinstance(step, str):
            return self
        self.graph.continue_at(step, before)
        return step

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data, empty values left out."""
        return step_document(self)

    def to_yaml(self) -> str:
        """The step as YAML text."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))


class RouterStep(GraphStep):
    """A step with routes: models or other steps among which a router class chooses."""

    def __init__(self, graph: Graph, name: str, **values: Any) -> None:
        super().__init__(graph, name, **{**values, "kind": "router"})
        self._routes: dict[str, GraphStep] = {}

    @property
    def routes(self) -> dict[str, GraphStep]:
        """The routes by key; may be assigned to."""
        return self._routes

    @routes.setter
    def routes(self, routes: Mapping[str, GraphStep]) -> None:
        self._routes = {}
        for key, route in routes.items():
            self.add_route(key, route)

    def add_route(
        self,
        key: str,
        route: GraphStep | None = None,
        class_name: Any = None,
        handler: str | Callable[..., Any] | None = None,
        function: str = "",
        full_event: bool = False,
        **class_args: Any,
    ) -> GraphStep:
        """Add a route and return its step.

        Args:
            key: The route's name; `model:version` names a version of a model.
            route: A finished step instead of a class.
            class_name: The model's class: a class or its name.
            handler: The method to call, or (alone) a function.
            function: The child function that runs it.
            full_event: Whether it receives and returns the event.
            class_args: Arguments of the class, such as `model_path`.

        Raises:
            GraphError: if there is neither a route nor a class nor a handler.
            InvalidTypeError: if an argument has a type that it cannot have.
        """
        check_types(key, full_event, function=function)
        if not (route or class_name or handler):
            raise GraphError(
                f"route {key!r} has neither a class nor a function",
                where=f"router {self.name!r}",
                fix='add_route("m1", class_name="MyModel", model_path="store://models/...")',
            )
        if route is None:
            made = self.graph.make_step(class_name, key, handler, full_event, class_args)
        else:
            made = route
            made.name = key
        made.function = function or made.function
        self.routes[key] = made
        return made

    def clear_children(self, routes: Iterable[str] | None = None) -> None:
        """Remove these routes, without names all; unknown ones are ignored."""
        for key in list(routes or self.routes):
            self.routes.pop(key, None)


class QueueStep(GraphStep):
    """A stream between two functions of a graph.

    `path` is the stream's URL. A graph that runs as a whole in one process skips a queue that has
    followers; an event that ends at a queue is pushed to its stream.
    """

    def __init__(self, graph: Graph, name: str, **values: Any) -> None:
        super().__init__(graph, name, **{**values, "kind": "queue"})

    @property
    def path(self) -> str:
        """The stream's URL, or an empty string: within the process."""
        return str(self.class_args.get("path") or "")
