"""Aggregations of a feature set: the arguments of one step of its graph, as MLRun has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.serving.steps.aggregate_user import UserAggregate, register_aggregate

__all__ = [
    "AGGREGATES_STEP",
    "aggregation_document",
    "is_aggregation",
    "list_aggregations",
    "merge_aggregation",
]

AGGREGATES_STEP = "Aggregates"
"""The name of the step that aggregates, unless another is given."""
_CLASS = "AggregateByKey"


def aggregation_document(
    column: str, operations: Any, windows: Any, period: str | None, name: str | None
) -> dict[str, Any]:
    """One aggregation as data.

    Raises:
        InvalidArgumentError: if an argument has a form that it cannot have.
    """
    where = f"aggregation of {column!r:.60}"
    if isinstance(operations, str) or not isinstance(operations, Sequence) or not operations:
        raise InvalidArgumentError(
            f"operations must be a list, not {operations!r:.60}",
            where=where,
            fix=f'add_aggregation("{column}", ["sum", "max"], "1h")',
        )
    listed = [windows] if isinstance(windows, str) else windows
    if (
        not isinstance(listed, Sequence)
        or not listed
        or not all(isinstance(window, str) for window in listed)
    ):
        raise InvalidArgumentError(
            f"windows must be a text or a list of texts, not {windows!r:.60}",
            where=where,
            fix=f'add_aggregation("{column}", ["sum"], ["1h", "24h"])',
        )
    if not isinstance(column, str) or not column:
        raise InvalidArgumentError(f"{column!r:.60} is no column", where="add_aggregation")
    return {
        "name": name or column,
        "column": column,
        "operations": list(dict.fromkeys(_operation(item, where) for item in operations)),
        "windows": list(dict.fromkeys(listed)),
        "period": period,
    }


def merge_aggregation(known: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """The aggregations of a step with one more; operations of the same windows are joined.

    Raises:
        InvalidArgumentError: if there is another one of that name.
    """
    merged = [dict(item) for item in known]
    for item in merged:
        if item.get("name") != new["name"]:
            continue
        for key in ("windows", "period", "column"):
            if item.get(key) != new[key]:
                raise InvalidArgumentError(
                    f"there is an aggregation {new['name']!r} with {key} {item.get(key)!r}, "
                    f"not {new[key]!r}",
                    where="add_aggregation",
                    fix='give this one a name of its own: name="..."',
                )
        item["operations"] = list(dict.fromkeys([*item["operations"], *new["operations"]]))
        return merged
    return [*merged, new]


def is_aggregation(step: GraphStep) -> bool:
    """Whether a step aggregates by windows."""
    target = step.class_name
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    return str(name).rpartition(".")[2] == _CLASS


def list_aggregations(graph: Graph) -> list[dict[str, Any]]:
    """All aggregations of a graph, each with its `step`."""
    found = []
    for step in graph.steps:
        if is_aggregation(step):
            for item in step.class_args.get("aggregates") or ():
                to_dict = getattr(item, "to_dict", None)
                values = dict(to_dict() if callable(to_dict) else item)
                windows = values.get("windows") or []
                found.append(
                    {
                        **values,
                        "name": values.get("name"),
                        "column": values.get("column"),
                        "operations": list(values.get("operations") or []),
                        "windows": [windows] if isinstance(windows, str) else list(windows),
                        "period": values.get("period"),
                        "step": step.name,
                    }
                )
    return found


def _operation(operation: Any, where: str) -> str:
    """The name of an operation; one of the user's is registered, so that the name finds it."""
    if isinstance(operation, UserAggregate):
        return register_aggregate(operation).name
    if not isinstance(operation, str) or not operation:
        raise InvalidArgumentError(f"{operation!r:.60} is no operation", where=where)
    return operation
