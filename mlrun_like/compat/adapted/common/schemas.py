"""Enumerations and records of `mlrun.common`, made from a table when they are used.

A line of `schemas.txt` has a full name, what it is, and its members or fields:

    mlrun.common.schemas.constants.OrderType enum str asc=asc desc=desc
    mlrun.common.schemas.project.ProjectOwner record closed username:str access_key:str?=null
    mlrun.common.schemas.constants.LabelNames names any schedule_name="mlrun/schedule-name"
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field, create_model

from mlrun_like.compat.adapted.common.record import OpenRecord, Record
from mlrun_like.registry import resolve

__all__ = ["MonitoringStrEnum", "StrEnum", "modules"]

_OURS: Mapping[str, str] = {
    "ResultKindApp": "mlrun_like.monitoring.applications.results:ResultKindApp",
    "ResultStatusApp": "mlrun_like.monitoring.applications.results:ResultStatusApp",
}
_SIMPLE: Mapping[str, Any] = {
    "any": Any,
    "bool": bool,
    "bytes": bytes,
    "dict": dict[str, Any],
    "float": float,
    "int": int,
    "list": list[Any],
    "str": Annotated[str, BeforeValidator(lambda value: _text(value))],
    "time": datetime,
}


class StrEnum(str, Enum):
    """Texts with names; such a member is its text."""

    def __str__(self) -> str:
        return str(self.value)

    __repr__ = __str__


class MonitoringStrEnum(StrEnum):
    """The same, of monitoring."""

    @classmethod
    def list(cls) -> list[str]:
        """All texts."""
        return [str(member.value) for member in cls]


def __getattr__(name: str) -> Any:
    if name in globals():  # asked for by a record that has it
        return globals()[name]
    if name in _OURS:
        return resolve(_OURS[name])
    row = _rows().get(name)
    if row is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = _make(name, *row)
    globals()[name] = made
    return made


@cache
def _rows() -> Mapping[str, tuple[str, str, str, list[str]]]:
    found = {}
    text = files("mlrun_like.compat.adapted.common").joinpath("schemas.txt").read_text("utf-8")
    for line in text.splitlines():
        full, what, how, *parts = line.split(" ")
        module, _, name = full.rpartition(".")
        found[name] = (module, what, how, [part.replace("%20", " ") for part in parts if part])
    return found


def modules() -> dict[str, dict[str, str]]:
    """The rows of `mlrun.common`: by module, by name.

    >>> modules()["mlrun.common.schemas.constants"]["OrderType"]
    'mlrun_like.compat.adapted.common.schemas:OrderType'
    """
    found: dict[str, dict[str, str]] = {}
    for name, (module, *_) in _rows().items():
        found.setdefault(module, {})[name] = f"{__name__}:{name}"
    return found


def _make(name: str, module: str, what: str, how: str, parts: list[str]) -> Any:
    pairs = [part.partition("=") for part in parts]
    if what == "names":
        return type(name, (), {key: json.loads(value) for key, _, value in pairs}
                    | {"__module__": __name__, "__doc__": f"Names that {module} has."})  # fmt: skip
    if what == "enum":
        values = {key: text if how == "str" else _number(text) for key, _, text in pairs}
        monitoring = module.endswith("model_monitoring.constants")
        base: Any = {"str": MonitoringStrEnum if monitoring else StrEnum}.get(how, Enum)
        options = {"type": int} if how == "int" else {}
        return base(name, values, module=__name__, **options)
    fields: dict[str, Any] = {}
    for head, mark, value in pairs:
        key, _, kind = head.partition(":")
        fields[key] = (_type(kind), _default(json.loads(value), kind) if mark else ...)
    base = OpenRecord if how == "open" else Record
    return create_model(name, __base__=base, __module__=__name__, **fields)


def _type(kind: str) -> Any:
    if kind.endswith("?"):
        return _type(kind[:-1]) | None
    head, mark, inner = kind.rstrip("]").partition("[")
    if mark:
        item = _type(inner)
        return list[item] if head == "list" else dict[str, item]  # type: ignore[valid-type]
    return _SIMPLE[head] if head in _SIMPLE else __getattr__(head)


def _default(value: Any, kind: str) -> Any:
    if isinstance(value, (dict, list)):
        named = kind.rstrip("?")
        made = None if "[" in named or named in _SIMPLE else cast("type[Record]", _type(named))
        if made is not None and isinstance(value, dict):
            return Field(default_factory=lambda: made.model_validate(value))
        return Field(default_factory=lambda: value.copy())
    found = _type(kind.rstrip("?"))
    is_words = isinstance(found, type) and issubclass(found, Enum)
    return found(value) if is_words and value is not None else value


def _number(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text


def _text(value: Any) -> Any:
    """Numbers are taken for texts, as pydantic 1 did."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
