"""The OpenAPI 3.1 document of a graph: from type hints, docstrings and model signatures."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like import __version__
from mlrun_like.registry import resolve
from mlrun_like.serving.definition.step import GraphStep, RouterStep
from mlrun_like.signatures import signature_of

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph
    from mlrun_like.serving.engine.plan import Plan

__all__ = ["openapi_document"]

Schema = dict[str, Any]

_ERROR: Schema = {
    "type": "object",
    "required": ["error", "code"],
    "properties": {
        "error": {"type": "string", "description": "What is wrong, with the value."},
        "code": {"type": "string"},
        "step": {"type": "string", "description": "The step that failed."},
        "event_id": {"type": "string"},
        "fix": {"type": "string", "description": "What to do."},
    },
}
_FAILURES = {
    "400": "The body or a header cannot be used.",
    "404": "What the request names does not exist.",
    "413": "The body is too large.",
    "422": "The body is understood and cannot be processed.",
    "500": "A step failed.",
    "503": "Too much is being worked on; try again later.",
    "504": "The time of the request is over.",
}
_SCALARS = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
_METHODS = ("do", "do_event", "process", "__call__")


def openapi_document(graph: Graph, plan: Plan, *, token: bool = False) -> dict[str, Any]:
    """The document of a graph.

    Args:
        graph: The definition.
        plan: Its plan, with the objects of the steps.
        token: Whether callers need one.

    >>> from mlrun_like.serving.definition.graph import flow
    >>> def double(body: int) -> int:
    ...     return 2 * body
    >>> graph = flow()
    >>> step = graph.to(double).respond()
    >>> document = openapi_document(graph, graph.to_mock_server().plan)
    >>> document["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    {'type': 'integer'}
    """
    schemas: dict[str, Schema] = {"Error": _ERROR}
    paths: dict[str, Any] = {}
    steps = {step.name: step for step in graph.steps}
    router = next((s for s in graph.steps if isinstance(s, RouterStep) and s.routes), None)
    first = next((steps[name] for name in plan.starts if name in steps), None)
    if router is None or router is not first:
        last = next(
            (
                steps[node.bound.name]
                for node in plan.nodes.values()
                if node.answers and node.bound.name in steps
            ),
            None,
        )
        paths["/"] = {"post": _graph_operation(first, last, plan, schemas)}
    if router is not None:
        paths |= _model_paths(router, plan)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": getattr(graph, "name", "") or "Serving graph",
            "version": __version__,
            "description": _text(first, plan) if first is not None else "",
        },
        "paths": paths | _health_paths(),
        "components": {"schemas": schemas},
    }
    if token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _graph_operation(
    first: GraphStep | None, last: GraphStep | None, plan: Plan, schemas: dict[str, Schema]
) -> dict[str, Any]:
    taken = _hint(first, plan, schemas, result=False)
    given = _hint(last, plan, schemas, result=True)
    return {
        "summary": "Send an event through the graph",
        "description": _text(first, plan) if first is not None else "",
        "operationId": "run",
        "requestBody": {"content": {"application/json": {"schema": taken}}},
        "responses": _responses(given),
    }


def _responses(schema: Schema) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answers: dict[str, Any] = {
        status: {"description": text, "content": error} for status, text in _FAILURES.items()
    }
    answers["200"] = {
        "description": "The answer of the graph.",
        "content": {"application/json": {"schema": schema}},
    }
    return dict(sorted(answers.items()))


def _callable(step: GraphStep | None, plan: Plan) -> Any:
    """The function of a step that a user wrote, as far as it can be told."""
    if step is None:
        return None
    made = plan.objects.get(step.name)
    if made is not None:
        names = [step.handler] if isinstance(step.handler, str) and step.handler else _METHODS
        return next((getattr(made, name) for name in names if hasattr(made, name)), None)
    for named in (step.handler, step.class_name):
        if callable(named):
            return named
    bound = plan.nodes[step.name].bound if step.name in plan.nodes else None
    return bound.call or bound.acall if bound is not None else None


def _text(step: GraphStep, plan: Plan) -> str:
    made = plan.objects.get(step.name)
    return inspect.getdoc(type(made) if made is not None else _callable(step, plan)) or ""


def _hint(
    step: GraphStep | None, plan: Plan, schemas: dict[str, Schema], *, result: bool
) -> Schema:
    """The schema of what a step takes or gives; empty (anything) without a type hint."""
    function = _callable(step, plan)
    if function is None or (step is not None and (step.input_path or step.result_path)):
        return {}
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        names = [name for name in signature_of(function).parameters if name != "context"]
    except (TypeError, ValueError, NameError, AttributeError):
        return {}
    name = "return" if result else (names[0] if names else "")
    hint = hints.get(name, Any)
    return _schema(hint, schemas)


def _schema(hint: Any, schemas: dict[str, Schema]) -> Schema:
    named = _SCALARS.get(getattr(hint, "__name__", "")) if isinstance(hint, type) else None
    if named:
        return {"type": named}
    if hint is Any or hint is None:
        return {}
    try:
        adapter = resolve("pydantic:TypeAdapter")(hint)
        found: Schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
    except Exception:  # noqa: BLE001  types that have no schema may raise anything: they are left out
        return {}
    schemas.update(found.pop("$defs", {}))
    return found


def _model_paths(router: RouterStep, plan: Plan) -> dict[str, Any]:
    """The V2 inference protocol for each model of a router."""
    made = plan.objects.get(router.name)
    routes: Mapping[str, Any] = getattr(made, "routes", None) or {}
    prefix = str(getattr(made, "url_prefix", "") or "/v2/models").rstrip("/")
    paths: dict[str, Any] = {
        f"{prefix}/": {"get": {"summary": "The models", "responses": _responses({})}}
    }
    for key in router.routes:
        model = getattr(routes.get(key), "object", None)
        name, _, version = key.partition(":")
        at = f"{prefix}/{name}" + (f"/versions/{version}" if version else "")
        text = inspect.getdoc(type(model)) or "" if model is not None else ""
        paths[f"{at}/infer"] = {
            "post": {
                "summary": f"Predict with {key}",
                "description": text,
                "requestBody": {"content": {"application/json": {"schema": _inputs(model)}}},
                "responses": _responses(_outputs(model)),
            }
        }
        paths[at] = {"get": {"summary": f"About {key}", "responses": _responses({})}}
        paths[f"{at}/ready"] = {
            "get": {"summary": f"Whether {key} is ready", "responses": _responses({})}
        }
    return paths


def _features(model: Any, name: str) -> list[str]:
    spec = getattr(getattr(model, "model_spec", None), "spec", None)
    features = getattr(spec, name, None) or []
    found = [item.get("name") if isinstance(item, Mapping) else None for item in features]
    return [str(item) for item in found if item]


def _inputs(model: Any) -> Schema:
    row: Schema = {}
    features = _features(model, "inputs")
    if features:
        row = {
            "description": f"The values of: {', '.join(features)}.",
            "type": "array",
            "minItems": len(features),
            "maxItems": len(features),
        }
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": row}},
    }


def _outputs(model: Any) -> Schema:
    names = ", ".join(_features(model, "outputs"))
    outputs: Schema = {"type": "array"}
    if names:
        outputs["description"] = f"For each row: {names}."
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "model_name": {"type": "string"},
            "outputs": outputs,
        },
    }


def _health_paths() -> dict[str, Any]:
    plain = {"200": {"description": "Yes."}}
    return {
        "/healthz": {"get": {"summary": "Whether the process lives", "responses": plain}},
        "/readyz": {
            "get": {
                "summary": "Whether it takes requests",
                "responses": {**plain, "503": {"description": "Not yet, or not any more."}},
            }
        },
    }
