"""The shared models of a graph, made for a server."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.lookup import resolve
from mlrun_like.serving.definition.sharing import proxies
from mlrun_like.serving.steps.runnable_executor import RunnableExecutor

if TYPE_CHECKING:
    from mlrun_like.serving.context import GraphContext
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["share_models"]

_OURS = frozenset(
    {"artifact_uri", "inputs", "outputs", "input_path", "result_path", "shared_proxy_mapping"}
)
"""Arguments that every shared model has here, whether its user gave them or not."""


def share_models(
    graph: Graph, namespaces: Sequence[Mapping[str, Any]], context: GraphContext
) -> None:
    """Make the shared models of a graph; `context.executor` runs them, and the steps load them.

    Raises:
        GraphError: naming every model that could not be created.
    """
    if not graph.shared_models:
        return
    executor = RunnableExecutor(
        graph.shared_max_processes, graph.shared_max_threads, graph.pool_factor
    )
    standing: dict[str, dict[str, str]] = {name: {} for name in graph.shared_models}
    for shared, name, uri in proxies(graph.steps):
        standing.setdefault(shared, {})[name] = uri
    failures = []
    for name, (kind, arguments) in graph.shared_models.items():
        mechanism = graph.shared_models_mechanism[name]
        given = {**arguments, "shared_proxy_mapping": standing[name]}
        try:
            found = resolve(kind, namespaces) if isinstance(kind, str) else kind
            runnable = found(**_accepted(found, given))
        except Exception as exc:  # noqa: BLE001  users' constructors may raise anything
            failures.append(f"{name!r}: {type(exc).__name__}: {exc}")
            continue
        runnable._raise_exception = False
        runnable._execution_mechanism = mechanism
        executor.add_runnable(runnable, mechanism)
    if failures:
        raise GraphError(
            "shared models could not be created:\n  - " + "\n  - ".join(failures),
            fix="mend the arguments given to add_shared_model, or the models' classes",
        )
    context.executor = executor
    context.closing.append(executor.shutdown)


def _accepted(kind: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that the class names; if it takes all: any but ours that have no value."""
    names = inspect.signature(kind).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in names.values())
    return {
        key: value
        for key, value in arguments.items()
        if key in names or (takes_all and not (key in _OURS and value in (None, [], {})))
    }
