"""A graph from its document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from mlrun_like.errors import GraphError, InvalidArgumentError, nearest
from mlrun_like.serving.definition.document import STEP_KEYS, shape_problems
from mlrun_like.serving.definition.nesting import insert_flow
from mlrun_like.serving.definition.sharing import read_shared
from mlrun_like.serving.definition.step import GraphStep, QueueStep, RouterStep
from mlrun_like.serving.rounds import check_rounds

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["read_graph"]

_Graph = TypeVar("_Graph", bound="Graph")


def read_graph(graph: _Graph, document: Any) -> _Graph:
    """Fill an empty graph from a document.

    Raises:
        GraphError: naming every unknown key and wrong type.
    """
    problems = shape_problems(document)
    if problems:
        raise GraphError("; ".join(problems), where="graph document")
    return _filled(graph, document)


def _filled(graph: _Graph, document: Mapping[str, Any]) -> _Graph:
    graph.kind = "router" if document.get("kind") == "router" else "flow"
    graph.engine = document.get("engine") or "async"
    graph.parameters = dict(document.get("parameters") or {})
    graph.on_error = document.get("on_error") or ""
    graph.error_stream = document.get("error_stream") or ""
    graph.allow_cyclic = bool(document.get("allow_cyclic"))
    try:
        graph.max_iterations = check_rounds(document.get("max_iterations"), "graph document")
        for name, item in (document.get("steps") or {}).items():
            check_rounds(item.get("max_iterations"), f"graph document, step {name!r:.80}")
    except InvalidArgumentError as exc:
        raise GraphError(exc.what, where=exc.where, fix=exc.fix) from exc
    read_shared(graph, document)
    if graph.kind == "router":
        graph.steps.append(_read_step(graph, "router", {**document, "responder": True}))
        return graph
    for name, item in document["steps"].items():
        if item.get("kind") != "flow":
            graph.steps.append(_read_step(graph, name, item))
            continue
        nested = _filled(type(graph)(), item)
        try:
            insert_flow(graph, nested, name, _list(item.get("after")))
        except GraphError as exc:
            raise GraphError(exc.what, where="graph document", fix=exc.fix) from exc
    _shorten(graph, document.get("from_step") or "", document.get("final_step") or "")
    return graph


def _shorten(graph: Graph, first: str, last: str) -> None:
    """Begin at the step `first`, leaving out what only leads to it; answer with the step `last`."""
    names = [step.name for step in graph.steps]
    for key, name in (("from_step", first), ("final_step", last)):
        if name and name not in names:
            raise GraphError(
                f"{key} {name!r} does not exist.{nearest(name, names)}", where="graph document"
            )
    if last:
        graph[last].respond()
    if not first:
        return
    kept, count = {first}, 0
    while count != len(kept):
        count = len(kept)
        for step in graph.steps:
            if step.name in kept:
                kept |= {step.on_error, graph.on_error} & set(names)
            elif kept & set(step.after):
                kept.add(step.name)
    graph.steps = [step for step in graph.steps if step.name in kept]
    for step in graph.steps:
        step.after = [name for name in step.after if name in kept]
        step.cycle_from = [name for name in step.cycle_from if name in kept]
    if graph[first].earlier:  # it is inside of a loop: its own ways stay
        graph.from_step = first


def _read_step(graph: Graph, name: str, item: Mapping[str, Any]) -> GraphStep:
    values = {key: item[key] for key in STEP_KEYS if item.get(key) is not None}
    values["after"] = _list(values.get("after"))
    values["before"] = _list(values.get("before"))
    values["cycle_from"] = _list(values.get("cycle_from"))
    values["class_args"] = dict(values.get("class_args", {}))
    kind = item.get("kind", "task")
    options = dict(item.get("options") or {})
    if kind == "queue":
        queue = ("path", "shards", "retention_in_hours", "trigger_args")
        values["class_args"] |= {**options, **{key: item[key] for key in queue if key in item}}
        return QueueStep(graph, name, **values)
    step: GraphStep
    if kind == "router":
        step = router = RouterStep(graph, name, **values)
        for key, route in (item.get("routes") or {}).items():
            router.routes[key] = _read_step(graph, key, route)
    else:
        step = GraphStep(graph, name, kind=kind, **values)
    try:
        return step.options(**options) if options else step
    except InvalidArgumentError as exc:
        raise GraphError(f"step {name!r}: {exc.what}", where="graph document") from exc


def _list(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())
