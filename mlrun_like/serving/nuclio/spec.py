"""What travels in `SERVING_SPEC_ENV`: MLRun's serving spec (`ServingRuntime._get_serving_spec`)."""

from __future__ import annotations

import json
from typing import Any

from mlrun_like.serving.function import ServingFunction

__all__ = ["serving_document", "serving_text"]


def serving_document(function: ServingFunction) -> dict[str, Any]:
    """The spec of a function as plain data.

    Values of secrets that were given inline are not in it, only their names.

    Raises:
        GraphError: if a step has no importable name.
    """
    spec = function._doc().spec
    uri = function.uri_without_graph()
    children = {name: f"{uri}-{name}" for name in spec.function_refs}
    document = {
        "function_uri": uri,
        "version": "v2",
        "parameters": spec.parameters,
        "graph": spec.graph or {},
        "load_mode": spec.load_mode,
        "verbose": function.verbose,
        "functions": children,
        "graph_initializer": spec.graph_initializer or None,
        "error_stream": spec.error_stream or None,
        "track_models": spec.track_models,
        "tracking_policy": spec.tracking_policy,
        "default_content_type": spec.default_content_type or None,
        "function_name": function.metadata.name,
        "function_tag": function.metadata.tag or None,
        "project": function.metadata.project or "default",
    }
    sources = [source for source in spec.secret_sources if source.get("kind") != "inline"]
    if sources:
        document["secret_sources"] = sources
    return document


def serving_text(function: ServingFunction) -> str:
    """The spec as JSON."""
    return json.dumps(serving_document(function), default=str)
