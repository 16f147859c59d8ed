"""Steps and graphs that are made without a function: TaskStep, RouterStep, RootFlowStep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlrun_like.compat.adapted.serving.standing import Standing
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.lookup import is_plain_function
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.serving.definition.step import QueueStep as OurQueueStep
from mlrun_like.serving.definition.step import RouterStep as OurRouterStep
from mlrun_like.serving.rounds import check_rounds

__all__ = [
    "ErrorStep",
    "QueueStep",
    "RootFlowStep",
    "RouterStep",
    "StepKinds",
    "TaskStep",
    "new_remote_endpoint",
]

Names = Iterable[str] | str | None


class StepKinds:
    """The kinds of steps, as documents name them."""

    router = "router"
    task = "task"
    flow = "flow"
    queue = "queue"
    choice = "choice"
    root = "root"
    error_step = "error_step"
    monitoring_application = "monitoring_application"
    model_runner = "model_runner"
    hub_task = "hub_task"


class TaskStep(metaclass=Standing):
    """A step, for `router.routes`, `graph.insert_step` and `create_graph_server`.

    >>> TaskStep("MyModel", class_args={"model_path": "."}).class_args
    {'model_path': '.'}
    """

    ours = GraphStep

    @staticmethod
    def make(  # noqa: PLR0913 - MLRun's signature
        class_name: Any = None,
        class_args: Mapping[str, Any] | None = None,
        handler: str | Callable[..., Any] | None = None,
        name: str | None = None,
        after: Names = None,
        full_event: bool | None = None,
        function: str | None = None,
        responder: bool | None = None,
        input_path: str | None = None,
        result_path: str | None = None,
        model_endpoint_creation_strategy: Any = None,
        endpoint_type: Any = None,
        max_iterations: int | None = None,
    ) -> GraphStep:
        """A step that is not part of a graph yet; arguments as for `graph.add_step`."""
        del model_endpoint_creation_strategy, endpoint_type
        if not handler and is_plain_function(class_name):
            class_name, handler = None, class_name
        step = Graph().make_step(class_name, name, handler, bool(full_event), class_args or {})
        step.after = _names(after)
        step.function = function or step.function
        step.responder = bool(responder)
        step.max_iterations = check_rounds(max_iterations, f"step {step.name!r}")
        step.input_path = input_path or step.input_path
        step.result_path = result_path or step.result_path
        return step

    @staticmethod
    def from_dict(struct: Mapping[str, Any], *args: Any, **kwargs: Any) -> GraphStep:
        """The step that `to_dict` wrote, not yet part of a graph."""
        return Graph.from_dict({"steps": {str(struct.get("name") or ""): dict(struct)}}).steps[0]


class ErrorStep(metaclass=Standing):
    """A step that receives events which failed."""

    ours = GraphStep

    @staticmethod
    def make(*args: Any, before: Names = None, **values: Any) -> GraphStep:
        """The same as a TaskStep, with the steps where the flow goes on."""
        step: GraphStep = TaskStep.make(*args, **values)
        step.kind = StepKinds.error_step
        step.before = _names(before)
        return step

    from_dict = TaskStep.from_dict


class RouterStep(metaclass=Standing):
    """A router, for `create_graph_server` and `set_topology`.

    >>> router = RouterStep()
    >>> router.add_route("m1", class_name="MyModel").name
    'm1'
    """

    ours = OurRouterStep

    @staticmethod
    def make(
        class_name: Any = None,
        class_args: Mapping[str, Any] | None = None,
        handler: str | None = None,
        routes: Mapping[str, Any] | None = None,
        name: str | None = None,
        function: str | None = None,
        input_path: str | None = None,
        result_path: str | None = None,
    ) -> OurRouterStep:
        """A router that is not part of a graph yet; arguments as for a TaskStep."""
        router = OurRouterStep(
            Graph(kind="router"), name or "router", class_name=class_name or "",
            class_args=dict(class_args or {}), handler=handler or "",
        )  # fmt: skip
        router.function = function or ""
        router.input_path = input_path or ""
        router.result_path = result_path or ""
        if routes:
            router.routes = dict(routes)
        return router

    from_dict = TaskStep.from_dict


class QueueStep(metaclass=Standing):
    """A queue between two functions of a graph."""

    ours = OurQueueStep

    @staticmethod
    def make(
        name: str | None = None,
        path: str | None = None,
        after: Names = None,
        shards: int | None = None,
        retention_in_hours: int | None = None,
        trigger_args: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> OurQueueStep:
        """A queue that is not part of a graph yet."""
        given = {
            "path": path or "",
            "shards": shards,
            "retention_in_hours": retention_in_hours,
            "trigger_args": trigger_args,
            **options,
        }
        arguments = {key: value for key, value in given.items() if value is not None}
        queue = OurQueueStep(Graph(), name or "", class_args=arguments)
        queue.after = _names(after)
        return queue

    from_dict = TaskStep.from_dict


class RootFlowStep(metaclass=Standing):
    """A flow as a whole.

    >>> RootFlowStep(engine="sync").engine
    'sync'
    """

    ours = Graph

    @staticmethod
    def make(
        name: str | None = None,
        steps: Mapping[str, Any] | None = None,
        engine: str | None = None,
        final_step: str | None = None,
        allow_cyclic: bool = False,
        max_iterations: int | None = None,
        **others: Any,
    ) -> Graph:
        """A graph, with the steps that are given by name."""
        del name, final_step, others
        graph = Graph(
            engine=engine or "async", allow_cyclic=allow_cyclic, max_iterations=max_iterations
        )
        for key, step in (steps or {}).items():
            if isinstance(step, GraphStep):
                step.graph = graph
                graph.steps.append(step)
            else:
                graph.steps += Graph.from_dict({"steps": {key: step}}).steps
        return graph


def new_remote_endpoint(
    url: str,
    creation_strategy: Any = None,
    endpoint_type: Any = None,
    **class_args: Any,
) -> GraphStep:
    """A route that calls a server elsewhere."""
    del creation_strategy, endpoint_type
    step: GraphStep = TaskStep.make("$remote", {**class_args, "url": url})
    return step


def _names(names: Names) -> list[str]:
    return [names] if isinstance(names, str) and names else list(names or ())
