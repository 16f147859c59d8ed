"""The form of a graph as plain data: which keys it has and what they may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.lookup import import_name

if TYPE_CHECKING:
    from mlrun_like.serving.step import GraphStep

__all__ = ["GRAPH_KEYS", "STEP_KEYS", "shape_problems", "step_document", "written_name"]

STEP_KEYS = (
    "class_name", "class_args", "handler", "after", "full_event", "input_path", "result_path",
    "responder", "function", "on_error", "before", "shape", "comment",
)  # fmt: skip
"""Keys that are attributes of a step; `kind`, `routes`, `steps` and `options` are special."""

_STEP_KINDS = ("task", "error_step", "router", "queue", "flow")
_QUEUE_KEYS = ("path", "shards", "retention_in_hours", "trigger_args")
# MLRun writes these; they say nothing here, and documents with them must still load.
_FOREIGN_KEYS = (
    "skip_context", "state", "default_class", "model_endpoint_creation_strategy", "endpoint_type",
    "name", "max_iterations", "cycle_from", "creation_strategy",
)  # fmt: skip
GRAPH_KEYS = (
    "kind", "engine", "steps", "parameters", "on_error", "routes", "class_name", "class_args",
    "final_step", "from_step", "error_stream",
)  # fmt: skip
_KINDS = ("root", "flow", "router")  # MLRun writes "root" for the outermost flow

_TYPES: Mapping[str, tuple[type, ...]] = {
    "class_name": (str,), "handler": (str,), "class_args": (dict,), "after": (list, str),
    "full_event": (bool,), "input_path": (str,), "result_path": (str,), "responder": (bool,),
    "function": (str,), "on_error": (str,), "before": (list, str), "shape": (str,),
    "comment": (str,), "kind": (str,),
    "routes": (dict,), "steps": (dict,), "options": (dict,), "path": (str,), "shards": (int,),
    "retention_in_hours": (int,), "trigger_args": (dict,), "error_stream": (str,),
}  # fmt: skip


def written_name(step: str, target: object) -> str:
    """The name under which a step's class or function is written.

    Raises:
        GraphError: if it has none that can be found again.
    """
    if isinstance(target, str):
        return target
    name = import_name(target)
    if not name:
        raise GraphError(
            f"step {step!r} holds {target!r:.120}, which has no importable name",
            fix="define the class or function at the top of a module and pass its name",
        )
    return name


def step_document(step: GraphStep) -> dict[str, Any]:
    """A step as plain data with MLRun's keys, empty values left out."""
    document: dict[str, Any] = {"kind": step.kind, "after": list(step.after)}
    if step.kind == "queue":
        arguments = dict(step.class_args)
        document |= {key: arguments.pop(key) for key in _QUEUE_KEYS if key in arguments}
        document["options"] = arguments
    else:
        document["class_name"] = written_name(step.name, step.class_name)
        document["class_args"] = written_args(step.name, step.class_args)
        document["handler"] = written_name(step.name, step.handler)
        document["options"] = step.call_options.to_dict()
    for key in STEP_KEYS[4:]:
        document[key] = getattr(step, key)
    routes = getattr(step, "routes", None)
    if routes is not None:
        document["routes"] = {
            key: {k: v for k, v in route.to_dict().items() if k != "after"}
            for key, route in routes.items()
        }
    order = ("kind", *STEP_KEYS, "routes", *_QUEUE_KEYS, "options")
    kept = {key: document[key] for key in order if key in document}
    always = ("after", "path")
    return {k: v for k, v in kept.items() if v not in ("", None, False, {}, []) or k in always}


def written_args(step: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a class as plain data; functions among them are written by name."""
    return {
        key: written_name(step, value) if callable(value) else value
        for key, value in values.items()
    }


def shape_problems(document: Any) -> list[str]:
    """What is wrong with the form of a graph document; empty: nothing."""
    if not isinstance(document, dict):
        return ["a graph document is a mapping with 'steps': {name: {...}}"]
    kind = document.get("kind", "root")
    children = "routes" if kind == "router" else "steps"
    if not isinstance(document.get(children), dict):
        return [f"a graph document is a mapping with '{children}': {{name: {{...}}}}"]
    problems = [
        f"unknown key {key!r}.{nearest(str(key), GRAPH_KEYS)}"
        for key in document
        if key not in (*GRAPH_KEYS, *_FOREIGN_KEYS)
    ]
    if kind not in _KINDS:
        problems.append(f"graph kind {kind!r} is not one of: {', '.join(_KINDS)}")
    if not isinstance(document.get("parameters") or {}, dict):
        problems.append("'parameters' must be a mapping")
    return problems + _children_problems(document[children], "route" if kind == "router" else "")


def _children_problems(children: Mapping[Any, Any], owner: str) -> list[str]:
    problems = []
    for name, item in children.items():
        if not isinstance(name, str) or not isinstance(item, dict):
            problems.append(f"{owner or 'step'} {name!r} must be a name with a mapping")
            continue
        where = f"{owner or 'step'} {name!r}"
        kind = item.get("kind", "task")
        if kind not in _STEP_KINDS:
            problems.append(f"{where}: kind {kind!r} is not one of: {', '.join(_STEP_KINDS)}")
        known = ("kind", *STEP_KEYS, "options", "routes", "steps", "engine", *_QUEUE_KEYS)
        for key, value in item.items():
            if key in _FOREIGN_KEYS:
                continue
            if key not in known:
                problems.append(f"{where}: unknown key {key!r}.{nearest(str(key), known)}")
            elif value is not None and key in _TYPES and not isinstance(value, _TYPES[key]):
                problems.append(
                    f"{where}: {key} must be {_TYPES[key][0].__name__}, not {value!r:.60}"
                )
        for key in ("routes", "steps"):
            if isinstance(item.get(key), dict):
                problems += _children_problems(item[key], f"{name}: {key[:-1]}")
    return problems
