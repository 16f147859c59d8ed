"""The graph of a definition in its document: like a serving graph's, and it may be empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import GraphError, SpecError
from mlrun_like.serving.definition.graph import Graph

__all__ = ["graph_document", "read_definition_graph"]


def read_definition_graph(document: Any, where: str) -> tuple[Graph, str]:
    """A graph and its final step (empty: the last one) from a document, or as it is.

    Raises:
        SpecError: if it is no graph.
    """
    if isinstance(document, Graph):
        return document, ""
    if document is None:
        return Graph(), ""
    if not isinstance(document, Mapping):
        raise SpecError(f"a graph must be a mapping, not {document!r:.80}", where=where)
    final = document.get("final_step") or ""
    if not isinstance(final, str):
        raise SpecError(f"final_step must be a text, not {final!r:.80}", where=where)
    kept = {
        key: value for key, value in document.items() if key != "final_step" and value is not None
    }
    if not kept.get("steps") and kept.get("kind", "root") != "router":
        graph = Graph(engine=str(kept.get("engine") or "async"))
    else:
        try:
            graph = Graph.from_dict(kept)
        except GraphError as exc:
            raise SpecError(exc.what, where=where, fix=exc.fix) from exc
    return graph, final


def graph_document(graph: Graph, final_step: str) -> dict[str, Any]:
    """The document of a graph; empty if it has no steps.

    Raises:
        GraphError: if a step holds an object that has no importable name.
    """
    if not graph.steps:
        return {}
    document = graph.to_dict()
    if final_step:
        document["final_step"] = final_step
    return document
