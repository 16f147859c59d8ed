"""Adding steps to a graph: one after another, before, in a row, as error handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.definition.arguments import check_types, step_names
from mlrun_like.serving.definition.back import taken_rounds
from mlrun_like.serving.definition.handlers import add_error_handler
from mlrun_like.serving.definition.lookup import is_plain_function, local_name
from mlrun_like.serving.definition.named import Steps
from mlrun_like.serving.definition.nesting import insert_flow
from mlrun_like.serving.definition.step import (
    GraphStep,
    QueueStep,
    RouterStep,
)

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["Building"]

_QUEUES = (">>", "$queue")


class Building:
    """The part of a graph that collects its steps."""

    on_error: str
    _steps: Steps

    @property
    def steps(self) -> Steps:
        """The steps, in the order in which they were added; `steps[name]` finds one."""
        return self._steps

    @steps.setter
    def steps(self, value: Iterable[GraphStep]) -> None:
        self._steps = value if isinstance(value, Steps) else Steps(value)

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
                Where ways back are allowed, `cycle_to` and `max_iterations` are the step's own.

        Nothing but their types is checked here: a server names all mistakes of a graph at once.

        Raises:
            InvalidTypeError: if an argument has a type that it cannot have.
        """
        check_types(
            name, full_event, graph_shape=graph_shape, function=function, input_path=input_path,
            result_path=result_path,
        )  # fmt: skip
        previous = [self._prev(item) for item in step_names(after, "after", name)]
        back, most = taken_rounds(self._graph, class_args, name)
        if isinstance(class_name, Building):
            inner = cast("Graph", class_name)
            return insert_flow(self._graph, inner, name or "flow", previous).cycle_to(back)
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
        step.max_iterations = most or step.max_iterations
        followers = [self[self._prev(item)] for item in step_names(before, "before", name)]
        step.after_step(*(other.name for other in self.steps if step.name in other.before))
        self.steps.append(step)
        self._put_before(step, followers)
        return step.cycle_to(back)

    def insert_step(
        self,
        key: str,
        step: GraphStep,
        after: str | None = None,
        before: str | Iterable[str] | None = None,
    ) -> GraphStep:
        """Add a finished step, named `key`, between others; returns it.

        Args:
            key: The step's name.
            step: The step.
            after: The step before it (`"$prev"`: the one added last); by default what is before
                the steps of `before`.
            before: The step or steps that then come after this one only.
        """
        return self.add_step(step, key, after=after, before=before)

    def _put_before(self, step: GraphStep, followers: list[GraphStep]) -> None:
        if followers and not step.after:  # it takes the place of the way that led to them
            step.after_step(*(name for follower in followers for name in follower.earlier))
        for follower in followers:
            follower.after_step(step.name, append=False)

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
            step.name = name or step.name
            step.join(self._graph)
            return step
        values: dict[str, Any] = {
            "class_name": class_name or "",
            "handler": handler or "",
            "class_args": dict(class_args),
            "full_event": full_event,
        }
        if isinstance(class_name, str) and class_name in _QUEUES:
            return QueueStep(self._graph, name or "", **{**values, "class_name": ""})
        if isinstance(class_name, str) and class_name.startswith("*"):
            values["class_name"] = class_name[1:]
            return RouterStep(self._graph, name or local_name(class_name[1:] or "router"), **values)
        kind = RouterStep if getattr(class_name, "step_kind", "") == "router" else GraphStep
        return kind(self._graph, name or local_name(class_name or handler or ""), **values)

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
            self._graph, name, class_name, handler, function=function, full_event=full_event,
            input_path=input_path or "", result_path=result_path or "", class_args=class_args,
        )  # fmt: skip
        self.on_error = step if isinstance(step, str) else step.name
        made = self[step] if isinstance(step, str) else step
        self.continue_at(made, before)
        return made

    def continue_at(self, handler: GraphStep, before: str | Iterable[str] | None) -> None:
        """Let the flow go on at these steps after an error handler; they may be added later."""
        for follower in step_names(before, "before", handler.name):
            handler.before.append(follower)
            for step in self.steps:
                if step.name == follower:
                    step.after_step(handler.name)

    def respond(self) -> GraphStep:
        """Make the step added last the one that answers; returns it.

        Raises:
            GraphError: if there is none.
        """
        if not self.steps:
            raise GraphError("the graph has no step that could respond")
        return self.steps[-1].respond()

    def remove_steps(self, names: Iterable[str] | None = None) -> None:
        """Remove steps, without names all; unknown ones are ignored (MLRun: `clear_children`)."""
        gone = set(names or (step.name for step in self.steps))
        self.steps = [step for step in self.steps if step.name not in gone]

    clear_children = remove_states = remove_steps

    @property
    def _graph(self) -> Graph:
        return cast("Graph", self)

    def _prev(self, name: str) -> str:
        if name != "$prev":
            return name
        if not self.steps:
            raise GraphError("'$prev' is the step added last, but the graph has no steps yet")
        return self.steps[-1].name
