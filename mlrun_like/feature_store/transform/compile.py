"""compile_transform: from a feature set's definition to what transforms its rows."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import GraphError, MLRunLikeError, nearest
from mlrun_like.feature_store.steps.base import SetFacts
from mlrun_like.feature_store.transform.aggregating import SetAggregates
from mlrun_like.feature_store.transform.base import Transform
from mlrun_like.feature_store.transform.flow import FlowTransform
from mlrun_like.feature_store.transform.nodes import Runner, runner_of
from mlrun_like.feature_store.transform.order import in_step
from mlrun_like.feature_store.transform.sinks import Sink
from mlrun_like.feature_store.transform.states import remember_new
from mlrun_like.feature_store.transform.whole import WholeTransform
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.lookup import namespaces_of, resolve
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.serving.event import Event
from mlrun_like.serving.server import GraphServer
from mlrun_like.serving.steps.tables import Table

__all__ = ["Transform", "compile_transform", "facts_of"]


def compile_transform(
    feature_set: Any,
    *,
    namespace: Any = None,
    context: GraphContext | None = None,
    outputs: Iterable[str] = (),
) -> Transform:
    """Check a feature set's steps, create them, and choose how rows go through them.

    With engine "storey", chunks go through whole, step by step, if every step can: built-in steps
    take frames, others are called row after row. If a step needs events in the serving engine
    (emit policies, queues, error handlers, async functions, merges), each row is an event.
    Engines "pandas" and "spark" call each step once with the frame.

    Args:
        feature_set: The feature set.
        namespace: Where names of classes and functions are looked up.
        context: What steps are given; by default a new one.
        outputs: The steps whose results are wanted; "" is the final step. By default that.

    Raises:
        GraphError: naming every mistake of the steps.
    """
    facts = facts_of(feature_set)
    graph: Graph = feature_set.spec.graph
    spaces = namespaces_of(namespace)
    wanted, problems = _outputs(graph, outputs, getattr(feature_set.spec, "final_step", ""))
    problems += _argument_problems(graph, feature_set, spaces)
    if problems:
        raise _mistakes(problems, feature_set)
    context = context or GraphContext(graph.parameters)
    engine = feature_set.spec.engine
    held: list[tuple[str, Event]] = []
    twin = _with_sinks(graph, wanted, held, spaces if engine != "pandas" else None)
    if engine != "pandas":
        context.tables.setdefault(".", Table(facts.name or "aggregates"))
    server = _server(twin, spaces, context)
    steps = {
        name: node.bound.made
        for name, node in server.plan.nodes.items()
        if type(node.bound.made) is not Sink
    }
    _attach(steps, facts, server)
    if engine != "storey":
        return WholeTransform(server, engine, wanted, facts)
    remember_new(steps)
    transform: FlowTransform
    runners = _runners(server, graph, lambda: transform.dtypes)
    transform = FlowTransform(server, runners, wanted, held, facts)
    return transform


def facts_of(feature_set: Any) -> SetFacts:
    """What steps may know of a feature set."""
    spec = feature_set.spec
    validators = {}
    for feature in spec.features:
        if feature.validator is not None:
            feature.validator.set_feature(feature)
            validators[feature.name] = feature.validator
    return SetFacts(
        name=str(feature_set.metadata.name or ""),
        entities=tuple(spec.entities.keys()),
        timestamp_key=spec.timestamp_key or "",
        label_column=spec.label_column or "",
        statistics=dict(feature_set.status.stats or {}),
        validators=validators,
    )


def _attach(steps: Mapping[str, Any], facts: SetFacts, server: GraphServer) -> None:
    """Tell steps which feature set they belong to."""
    problems = []
    for name, made in steps.items():
        attach = getattr(made, "attach", None)
        if callable(attach):
            try:
                attach(facts)
            except MLRunLikeError as exc:
                problems.append(f"step {name!r}: {exc.what}")
    if problems:
        server.close()
        raise GraphError("\n  - ".join(problems), where=f"feature set {facts.name!r}")


def _server(graph: Graph, spaces: Any, context: GraphContext) -> GraphServer:
    if not graph.steps:  # nothing to do is no mistake here
        graph = Graph(engine="async")
        graph.steps.append(GraphStep(graph, "rows", Sink("", [])))
    return GraphServer(graph, list(spaces), context=context)


def _outputs(
    graph: Graph, outputs: Iterable[str], final_step: str
) -> tuple[dict[str, str], list[str]]:
    """The step of each output, and what is wrong with them."""
    names = [step.name for step in graph.steps]
    followed = {name for step in graph.steps for name in step.earlier}
    handlers = {step.on_error for step in graph.steps} | {graph.on_error}
    ends = [name for name in names if name not in followed and name not in handlers]
    found: dict[str, str] = {}
    problems = []
    for output in dict.fromkeys(outputs) or [""]:
        step = output or final_step
        if not graph.steps and not output:
            found[output] = ""
        elif step:
            found[output] = step
            if step not in names:
                problems.append(f"there is no step {step!r} to write from.{nearest(step, names)}")
        elif len(ends) == 1:
            found[output] = ends[0]
        else:
            problems.append(
                f"it has {len(ends)} last steps ({', '.join(ends)}): name the one whose result is "
                "the feature set, by set_targets(default_final_step=...), or give each target "
                "after_step="
            )
    return found, problems


def _argument_problems(graph: Graph, feature_set: Any, spaces: Sequence[Any]) -> list[str]:
    """What steps find wrong with their arguments in this feature set."""
    problems = []
    for step in graph.steps:
        found = _class_of(step, spaces)
        check = getattr(found, "validate_args", None)
        if isinstance(found, type) and callable(check):
            try:
                check(feature_set, **step.class_args)
            except MLRunLikeError as exc:
                if exc.what.startswith(f"{found.__name__} - "):
                    raise  # it names the step by itself: MLRun's text, which programs look for
                problems.append(f"step {step.name!r}: {exc.what}")
    return problems


def _class_of(step: GraphStep, spaces: Sequence[Any]) -> Any:
    """The class of a step, or None: the graph's own check says what is wrong."""
    named = step.class_name
    if not isinstance(named, str):
        return named
    try:
        return resolve(named, spaces) if named else None
    except MLRunLikeError:
        return None


def _mistakes(problems: Sequence[str], feature_set: Any) -> GraphError:
    head = f"{len(problems)} mistakes in the steps:"
    text = "\n  - ".join([head, *problems]) if len(problems) > 1 else problems[0]
    return GraphError(text, where=f"feature set {feature_set.metadata.name!r}")


def _with_sinks(
    graph: Graph,
    outputs: Mapping[str, str],
    held: list[tuple[str, Event]],
    spaces: Sequence[Any] | None,
) -> Graph:
    """The graph with a sink behind each output, and nobody who answers."""
    twin = Graph(engine="async", parameters=graph.parameters)
    twin.on_error, twin.error_stream = graph.on_error, graph.error_stream
    twin.allow_cyclic, twin.max_iterations = graph.allow_cyclic, graph.max_iterations
    for step in graph.steps:
        own = copy.copy(step)
        own.responder = False
        if spaces is not None:
            found = _class_of(step, spaces)
            if SetAggregates.stands_for(found, step.class_args):
                own.class_name = SetAggregates
        twin.steps.append(own)
    names = {step.name for step in graph.steps}
    for output, step_name in outputs.items():
        if step_name:
            name = f"output {output or 'of the set'}"
            while name in names:
                name += " "
            sink = GraphStep(twin, name, Sink(output, held), after=[step_name])
            twin.steps.append(sink)
    return twin


def _runners(server: GraphServer, graph: Graph, like: Any) -> dict[str, Runner] | None:
    """How each step takes chunks; None: some step cannot."""
    if server.plan.on_error or not in_step(server.plan):
        return None
    options = {step.name: step.call_options for step in graph.steps}
    found: dict[str, Runner] = {}
    for name, node in server.plan.nodes.items():
        if type(node.bound.made) is Sink:
            continue
        runner = runner_of(node, options[name], like)
        if runner is None:
            return None
        found[name] = runner
    return found
