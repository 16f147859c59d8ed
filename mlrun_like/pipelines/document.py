"""A plan as plain data, and back: what is stored, diffed, exported and resumed elsewhere.

References are mappings with one key that begins with `$`: `{"$output": ["train", "model"]}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.nodes import (
    REQUIRED,
    Arm,
    Branch,
    Guard,
    Loop,
    Node,
    Parameter,
    Part,
    Policy,
    Runnable,
    Step,
)
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.refs import (
    CollectRef,
    ItemRef,
    OneOfRef,
    OutputRef,
    ParamRef,
    StatusRef,
    TextRef,
)
from mlrun_like.pipelines.values import Comparison, Condition, Joined, Not, Ref
from mlrun_like.specs.notification import read_notifications

__all__ = [
    "VERSION",
    "plan_from_document",
    "to_document",
    "value_from_document",
    "value_to_document",
]

VERSION = 1
"""Of the form of the document; readers refuse a newer one."""

_TYPES: Mapping[str, type] = {t.__name__: t for t in (int, float, str, bool, list, dict)}


def to_document(plan: Plan) -> dict[str, Any]:
    """The plan as plain data; values that are none are described, and cannot be read back."""
    return {
        "version": VERSION,
        "name": plan.name,
        "description": plan.description,
        "cache": plan.cache,
        "parameters": {name: _parameter(item) for name, item in plan.parameters.items()},
        "body": [_node(node) for node in plan.body],
        "outputs": None if plan.outputs is None else _value(dict(plan.outputs)),
    }


def plan_from_document(document: Mapping[str, Any], find: Callable[[str], Runnable]) -> Plan:
    """The plan that a document describes.

    Args:
        document: What `to_document` gave.
        find: Gives the function of a URI or name.

    Raises:
        PipelineError: if the document is damaged, newer than this, or holds a value that was not
            plain data.
    """
    version = document.get("version")
    if version != VERSION:
        raise PipelineError(
            f"the plan has version {version!r}; this reads version {VERSION}",
            fix="upgrade mlrun-like" if isinstance(version, int) and version > VERSION else "",
        )
    try:
        outputs = document["outputs"]
        return Plan(
            document["name"],
            tuple(_to_node(item, find) for item in document["body"]),
            {name: _to_parameter(item) for name, item in document["parameters"].items()},
            None if outputs is None else _to_value(outputs),
            bool(document.get("cache")),
            str(document.get("description") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise PipelineError(f"the plan's document is damaged: {type(exc).__name__}: {exc}") from exc


def value_to_document(value: Any) -> Any:
    """A value, reference or condition of a plan as plain data.

    >>> value_to_document([ParamRef("n"), 1])
    [{'$param': 'n'}, 1]
    """
    return _value(value)


def value_from_document(value: Any) -> Any:
    """What `value_to_document` was given."""
    return _to_value(value)


# -- to plain data -------------------------------------------------------------------------------


def _parameter(item: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {} if item.default is REQUIRED else {"default": _value(item.default)}
    return {**found, **({"type": item.type.__name__} if item.type else {})}


def _node(node: Node) -> dict[str, Any]:
    if isinstance(node, Step):
        return {"step": _step(node)}
    body = {"name": node.name}
    if isinstance(node, Branch):
        arms = [
            {"when": _value(arm.condition), "body": [_node(each) for each in arm.body]}
            for arm in node.arms
        ]
        return {"branch": {**body, "arms": arms}}
    inside = {**body, "body": [_node(each) for each in node.body]}
    if isinstance(node, Loop):
        more = {"items": _value(node.items), "parallelism": node.parallelism}
        return {"loop": {**inside, **more}}
    if isinstance(node, Guard):
        return {"guard": {**inside, "handler": _step(node.handler)}}
    return {"part": inside}


def _step(step: Step) -> dict[str, Any]:
    function: Any = step.function
    options = dict(step.options)
    if options.get("notifications"):  # their secret values are never written down
        told = read_notifications(options["notifications"])
        options["notifications"] = [item.public() for item in told]
    policy = {k: v for k, v in vars(step.policy).items() if v != getattr(Policy(), k)}
    row = {
        "name": step.name,
        "function": str(getattr(function, "uri", "") or function.name),
        "params": _value(dict(step.params)),
        "inputs": _value(dict(step.inputs)),
        "outputs": None if step.outputs is None else list(step.outputs),
        "returns": list(step.returns),
        "after": list(step.after),
        "options": _value(options),
        "policy": policy,
        "plain_call": step.plain_call,
        "action": "" if step.action == "run" else step.action,
    }
    return {key: value for key, value in row.items() if value not in ({}, [], "", False)}


def _value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        plain = {str(key): _value(item) for key, item in value.items()}
        return {"$map": plain} if any(key.startswith("$") for key in plain) else plain
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    if isinstance(value, (Ref, Condition)):
        return _reference(value)
    to_dict = getattr(value, "to_dict", None)
    if callable(to_dict):
        try:
            return json.loads(json.dumps(to_dict()))
        except (TypeError, ValueError):
            pass
    return {"$live": f"{type(value).__name__} {value!r:.80}"}


def _reference(value: Ref | Condition) -> dict[str, Any]:
    if isinstance(value, ParamRef):
        return {"$param": value.name}
    if isinstance(value, OutputRef):
        return {"$output": [value.step, value.key]}
    if isinstance(value, ItemRef):
        return {"$item": [value.loop, *value.path]}
    if isinstance(value, CollectRef):
        return {"$collect": _value(value.each)}
    if isinstance(value, OneOfRef):
        return {"$one_of": [_value(item) for item in value.choices]}
    if isinstance(value, StatusRef):
        return {"$status": value.guard}
    if isinstance(value, TextRef):
        return {"$text": [_value(part) for part in value.parts]}
    if isinstance(value, Comparison):
        return {"$compare": [_value(value.left), value.operator, _value(value.right)]}
    if isinstance(value, Not):
        return {"$not": _value(value.inner)}
    if isinstance(value, Joined):
        return {"$join": [value.word, *(_value(part) for part in value.parts)]}
    raise PipelineError(f"{value!r} has no plain form")


# -- from plain data -----------------------------------------------------------------------------


def _to_parameter(item: Mapping[str, Any]) -> Parameter:
    default = _to_value(item["default"]) if "default" in item else REQUIRED
    return Parameter(default, _TYPES[item["type"]] if item.get("type") else None)


def _to_node(item: Mapping[str, Any], find: Callable[[str], Runnable]) -> Node:
    ((kind, row),) = item.items()
    if kind == "step":
        return _to_step(row, find)
    if kind == "branch":
        return Branch(
            row["name"],
            tuple(Arm(_to_value(arm["when"]), _to_body(arm["body"], find)) for arm in row["arms"]),
        )
    body = _to_body(row["body"], find)
    if kind == "loop":
        return Loop(row["name"], _to_value(row["items"]), body, int(row["parallelism"]))
    if kind == "guard":
        return Guard(row["name"], body, _to_step(row["handler"], find))
    if kind == "part":
        return Part(row["name"], body)
    raise ValueError(f"no node is called {kind!r}")


def _to_body(rows: Any, find: Callable[[str], Runnable]) -> tuple[Node, ...]:
    return tuple(_to_node(row, find) for row in rows)


def _to_step(row: Mapping[str, Any], find: Callable[[str], Runnable]) -> Step:
    outputs = row.get("outputs")
    return Step(
        name=row["name"],
        function=find(row["function"]),
        params=_to_value(row.get("params", {})),
        inputs=_to_value(row.get("inputs", {})),
        outputs=None if outputs is None else tuple(outputs),
        returns=tuple(row.get("returns", ())),
        after=tuple(row.get("after", ())),
        options=_to_value(row.get("options", {})),
        policy=Policy(**row.get("policy", {})),
        plain_call=bool(row.get("plain_call")),
        action=row.get("action", "run"),
    )


def _to_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_value(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    key = next(iter(value)) if len(value) == 1 else ""
    if not key.startswith("$"):
        return {name: _to_value(item) for name, item in value.items()}
    if key == "$map":
        return {name: _to_value(item) for name, item in value[key].items()}
    return _READERS[key](value[key])


def _live(text: Any) -> Any:
    raise PipelineError(
        f"the plan holds {text}, which was not plain data and cannot be read back",
        fix="pass plain data or the URL of a file",
    )


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "$param": ParamRef,
    "$output": lambda value: OutputRef(*value),
    "$item": lambda value: ItemRef(value[0], tuple(value[1:])),
    "$collect": lambda value: CollectRef(_to_value(value)),
    "$one_of": lambda value: OneOfRef(tuple(_to_value(item) for item in value)),
    "$status": StatusRef,
    "$text": lambda value: TextRef(tuple(_to_value(part) for part in value)),
    "$compare": lambda value: Comparison(_to_value(value[0]), value[1], _to_value(value[2])),
    "$not": lambda value: Not(_to_value(value)),
    "$join": lambda value: Joined(value[0], tuple(_to_value(part) for part in value[1:])),
    "$live": _live,
}
