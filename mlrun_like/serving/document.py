"""The form of a graph as plain data: which keys it has and what they may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.lookup import import_name

__all__ = ["STEP_KEYS", "shape_problems", "written_name"]

STEP_KEYS = (
    "kind", "class_name", "class_args", "handler", "after", "full_event", "input_path",
    "result_path", "responder", "blocking",
)  # fmt: skip
_GRAPH_KEYS = ("kind", "engine", "steps", "parameters")
_KINDS = ("root", "flow")  # MLRun writes "root" for the outermost flow


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
            f"step {step!r} holds {target!r}, which has no importable name",
            fix="define the class or function at the top of a module and pass its name",
        )
    return name


_TYPES: Mapping[str, tuple[type, ...]] = {
    "class_name": (str,), "handler": (str,), "class_args": (dict,), "after": (list, str),
    "full_event": (bool,), "input_path": (str,), "result_path": (str,), "responder": (bool,),
    "blocking": (bool,), "kind": (str,),
}  # fmt: skip


def shape_problems(document: Any) -> list[str]:
    """What is wrong with the form of a graph document; empty: nothing."""
    if not isinstance(document, dict) or not isinstance(document.get("steps"), dict):
        return ["a graph document is a mapping with 'steps': {name: {...}}"]
    problems = [
        f"unknown key {key!r}.{nearest(str(key), _GRAPH_KEYS)}"
        for key in document
        if key not in _GRAPH_KEYS
    ]
    kind = document.get("kind", "root")
    if kind not in _KINDS:
        problems.append(f"graph kind {kind!r} is not one of: {', '.join(_KINDS)}")
    if not isinstance(document.get("parameters") or {}, dict):
        problems.append("'parameters' must be a mapping")
    for name, item in document["steps"].items():
        if not isinstance(name, str) or not isinstance(item, dict):
            problems.append(f"step {name!r} must be a name with a mapping")
            continue
        if item.get("kind", "task") != "task":
            problems.append(f"step {name!r}: kind {item['kind']!r} is not one of: task")
        for key, value in item.items():
            if key not in STEP_KEYS:
                problems.append(
                    f"step {name!r}: unknown key {key!r}.{nearest(str(key), STEP_KEYS)}"
                )
            elif value is not None and not isinstance(value, _TYPES[key]):
                problems.append(
                    f"step {name!r}: {key} must be {_TYPES[key][0].__name__}, not {value!r:.60}"
                )
    return problems
