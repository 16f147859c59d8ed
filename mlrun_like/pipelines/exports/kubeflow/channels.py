"""Values that go from one task to another: their names, types and forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mlrun_like.pipelines.nodes import REQUIRED, Parameter

__all__ = ["TYPES_OF_VIEWS", "Channel", "Ids", "kind_of", "type_of_parameter"]

TYPES_OF_VIEWS = {
    "json": "STRING",
    "number": "NUMBER_DOUBLE",
    "text": "STRING",
    "flag": "BOOLEAN",
    "list": "LIST",
}
"""An output is JSON text, so that nothing of a value is lost; conditions and loops need others."""

_TYPES: dict[type, str] = {
    bool: "BOOLEAN",
    int: "NUMBER_INTEGER",
    float: "NUMBER_DOUBLE",
    str: "STRING",
    list: "LIST",
    dict: "STRUCT",
}
_KINDS = {"NUMBER_INTEGER": "number", "NUMBER_DOUBLE": "number", "BOOLEAN": "flag"}


@dataclass(frozen=True)
class Channel:
    """One value.

    Args:
        kind: `param`, `item` (of a loop), `output` (of a step), `oneof` (of a branch), `status` (of
            a guard).
        name: Of the parameter, loop, step, branch or guard.
        key: Of the output.
        view: How an output is written; see `TYPES_OF_VIEWS`.
        choices: Of which one is there.
    """

    kind: str
    name: str
    key: str = ""
    view: str = "json"
    choices: tuple[Channel, ...] = ()


class Ids:
    """Names that Kubeflow accepts: small letters, digits and dashes, no two alike.

    >>> ids = Ids()
    >>> ids.of("Train_A"), ids.of("train-a"), ids.of("Train_A"), ids.free("x")
    ('train-a', 'train-a-2', 'train-a', 'x')
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, name: str) -> str:
        """The id of a node."""
        if name not in self._known:
            self._known[name] = self.free(name)
        return self._known[name]

    def free(self, text: str) -> str:
        """A new id that is like this text."""
        plain = re.sub("[^a-z0-9]+", "-", text.lower())[:100].strip("-") or "step"
        found, count = plain, 2
        while found in self._taken:
            found, count = f"{plain}-{count}", count + 1
        self._taken.add(found)
        return found


def type_of_parameter(item: Parameter) -> str:
    """The type of a pipeline's parameter; empty: it says nothing about it.

    >>> type_of_parameter(Parameter(3)), type_of_parameter(Parameter(None))
    ('NUMBER_INTEGER', '')
    """
    if item.type is not None:
        return _TYPES[item.type]
    default: Any = item.default
    return "" if default is REQUIRED else _TYPES.get(type(default), "")


def kind_of(type_: str) -> str:
    """The view that compares with a parameter of this type; empty: none does.

    >>> kind_of("NUMBER_INTEGER"), kind_of("STRING"), kind_of("LIST")
    ('number', 'text', '')
    """
    return "text" if type_ == "STRING" else _KINDS.get(type_, "")
