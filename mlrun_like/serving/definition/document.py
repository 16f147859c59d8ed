"""The form of a graph as plain data: which keys it has and what they may hold."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.definition.lookup import import_name

if TYPE_CHECKING:
    from mlrun_like.serving.definition.step import GraphStep

__all__ = [
    "GRAPH_KEYS",
    "STEP_KEYS",
    "plain_value",
    "shape_problems",
    "step_document",
    "written_name",
]

STEP_KEYS = (
    "class_name", "class_args", "handler", "after", "full_event", "input_path", "result_path",
    "responder", "function", "on_error", "before", "shape", "comment", "cycle_from",
    "max_iterations",
)  # fmt: skip
"""Keys that are attributes of a step; `kind`, `routes`, `steps` and `options` are special."""

_STEP_KINDS = ("task", "error_step", "router", "queue", "flow")
_QUEUE_KEYS = ("path", "shards", "retention_in_hours", "trigger_args")
# MLRun writes these; they say nothing here, and documents with them must still load.
_FOREIGN_KEYS = (
    "skip_context", "state", "default_class", "model_endpoint_creation_strategy", "endpoint_type",
    "name", "creation_strategy", "track_models", "base_step",
    "model_endpoints_names", "model_endpoints_routes_names", "default_final_step",
)  # fmt: skip
_SHARED = (
    "shared_models", "shared_models_mechanism", "shared_max_processes", "shared_max_threads",
    "pool_factor",
)  # fmt: skip
GRAPH_KEYS = (
    "kind", "engine", "steps", "parameters", "on_error", "routes", "class_name", "class_args",
    "final_step", "from_step", "error_stream", "allow_cyclic", "max_iterations", *_SHARED,
)  # fmt: skip
_ATOMS = (str, int, float, bool, bytes, type(None), datetime.date, datetime.datetime)
_DEEPEST = 100
_MOST_VALUES = 1_000_000
_KINDS = ("root", "flow", "router")  # MLRun writes "root" for the outermost flow

_TYPES: Mapping[str, tuple[type, ...]] = {
    "class_name": (str,), "handler": (str,), "class_args": (dict,), "after": (list, str),
    "full_event": (bool,), "input_path": (str,), "result_path": (str,), "responder": (bool,),
    "function": (str,), "on_error": (str,), "before": (list, str), "shape": (str,),
    "comment": (str,), "kind": (str,), "cycle_from": (list, str), "max_iterations": (int,),
    "allow_cyclic": (bool,),
    "routes": (dict,), "steps": (dict,), "options": (dict,), "path": (str,), "shards": (int,),
    "retention_in_hours": (int,), "trigger_args": (dict,), "error_stream": (str,),
    "engine": (str,), "parameters": (dict,), "final_step": (str,), "from_step": (str,),
    "shared_models": (dict,), "shared_models_mechanism": (dict,), "shared_max_processes": (int,),
    "shared_max_threads": (int,), "pool_factor": (int,),
}  # fmt: skip
_KNOWN = ("kind", *STEP_KEYS, "options", "routes", "steps", "engine", "parameters", *_QUEUE_KEYS)


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
    document: dict[str, Any] = {"kind": step.kind}
    document["after"] = list(dict.fromkeys([*step.after, *step.cycle_from]))  # as MLRun has them
    if step.kind == "queue":
        arguments = dict(step.class_args)
        document |= {key: arguments.pop(key) for key in _QUEUE_KEYS if key in arguments}
        document["options"] = arguments
    else:
        document["class_name"] = written_name(step.name, step.class_name)
        document["class_args"] = _written_args(step.name, step.class_args)
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
    always = ("after", "path", "routes")
    return {k: v for k, v in kept.items() if v not in ("", None, False, {}, []) or k in always}


def _written_args(step: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a class as plain data; a function is written by name, with `_` before its key.

    Raises:
        GraphError: if a value is no plain data.
    """
    return {
        f"_{key.lstrip('_')}" if callable(value) else key: (
            written_name(step, value) if callable(value) else plain_value(step, key, value)
        )
        for key, value in values.items()
    }


def plain_value(step: str, key: str, value: Any) -> Any:
    """A value of a step as plain data.

    Raises:
        GraphError: if it cannot be written.
    """
    if isinstance(value, _ATOMS):
        return value
    if isinstance(value, Mapping):
        return {item: plain_value(step, key, held) for item, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(step, key, held) for held in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, type):  # such as the class of a model
        return written_name(step, value)
    to_dict = getattr(value, "to_dict", None)
    if callable(to_dict):
        return plain_value(step, key, to_dict())
    raise GraphError(
        f"step {step!r} holds {key}={value!r:.120}, which cannot be written",
        fix="give plain data: texts, numbers, lists, mappings",
    )


def shape_problems(document: Any) -> list[str]:
    """What is wrong with the form of a graph document; empty: nothing."""
    if not isinstance(document, dict):
        return ["a graph document is a mapping with 'steps': {name: {...}}"]
    size = _size_problem(document)
    if size:
        return [size]
    kind = document.get("kind", "root")
    if kind not in _KINDS:
        return [f"graph kind {kind!r} is not one of: {', '.join(_KINDS)}"]
    children = "routes" if kind == "router" else "steps"
    if not isinstance(document.get(children), dict):
        return [f"a graph document is a mapping with '{children}': {{name: {{...}}}}"]
    known = (*GRAPH_KEYS, *STEP_KEYS, "options") if kind == "router" else GRAPH_KEYS
    problems = _value_problems(document, known, "")
    return problems + _children_problems(document[children], children[:-1], 1)


def _size_problem(document: Any) -> str:
    """YAML's aliases make a large document, or an endless one, of a few lines."""
    waiting = [(document, 0)]
    count = 0
    while waiting:
        value, depth = waiting.pop()
        if not isinstance(value, (dict, list, tuple)):
            continue
        count += len(value)
        if count > _MOST_VALUES:
            return f"the document is too large: it holds more than {_MOST_VALUES:,} values"
        if depth > _DEEPEST:
            return f"the document is nested too deep: more than {_DEEPEST} levels"
        held = value.values() if isinstance(value, dict) else value
        waiting += [(item, depth + 1) for item in held]
    return ""


def _value_problems(item: Mapping[Any, Any], known: Sequence[str], where: str) -> list[str]:
    problems = []
    for key, value in item.items():
        if key in _FOREIGN_KEYS:
            continue
        if key not in known:
            problems.append(f"{where}unknown key {key!r}.{nearest(str(key), known)}")
        elif value is not None and not isinstance(value, _TYPES.get(key, object)):
            problems.append(f"{where}{key} must be {_TYPES[key][0].__name__}, not {value!r:.60}")
        elif isinstance(value, list) and key in ("after", "before", "cycle_from"):
            problems += [
                f"{where}{key} must hold names, not {name!r:.60}"
                for name in value
                if not isinstance(name, str)
            ]
        elif isinstance(value, dict) and key in ("class_args", "options"):
            problems += [
                f"{where}the names in {key} must be texts, not {name!r:.60}"
                for name in value
                if not isinstance(name, str)
            ]
    return problems


def _children_problems(children: Mapping[Any, Any], owner: str, depth: int) -> list[str]:
    if depth > _DEEPEST:
        return [f"{owner[:80]}s are nested too deep: more than {_DEEPEST} levels"]
    problems = []
    for name, item in children.items():
        if not isinstance(name, str) or not isinstance(item, dict):
            problems.append(f"{owner} {name!r} must be a name with a mapping")
            continue
        where = f"{owner} {name!r}: "
        kind = item.get("kind", "task")
        if kind not in _STEP_KINDS:
            problems.append(f"{where}kind {kind!r} is not one of: {', '.join(_STEP_KINDS)}")
        problems += _value_problems(item, _KNOWN, where)
        if kind == "flow" and not isinstance(item.get("steps"), dict):
            problems.append(f"{owner} {name!r} is a flow without steps")
        for key in ("routes", "steps"):
            if isinstance(item.get(key), dict):
                below = key[:-1] if depth > 3 else f"{name}: {key[:-1]}"
                problems += _children_problems(item[key], below, depth + 1)
    return problems
