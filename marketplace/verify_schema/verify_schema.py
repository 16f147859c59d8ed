"""A step that lets pass what has the fields of a schema; anything else fails with their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, SchemaError, nearest

__all__ = ["EventSchemaError", "VerifySchema"]

_TYPES: dict[str, tuple[type, ...]] = {
    "any": (object,),
    "str": (str,),
    "int": (int,),
    "float": (int, float),  # JSON writes 2.0 as 2
    "number": (int, float),
    "bool": (bool,),
    "list": (list, tuple),
    "dict": (Mapping,),
}
_NUMBERS = ("int", "float", "number")


class EventSchemaError(SchemaError, KeyError):
    """An event does not have the fields of the schema; callers over HTTP get 400 or 422."""


class VerifySchema:
    """Checks events, and lists of events, against a schema; they pass unchanged.

    Args:
        schema: Names of fields; or names with types: `{"id": "int", "note": "str?"}`. Types are
            any, str, int, float, number, bool, list and dict; with `?` a field may be missing or
            None. A mapping instead of a type is the schema of what the field holds.
        allow_unexpected_keys: Whether an event may have other fields besides.
        name: The step's name, for messages.

    Raises:
        InvalidArgumentError: if the schema cannot be used.

    >>> VerifySchema({"id": "int", "note": "str?"}).do({"id": 7})
    {'id': 7}
    """

    def __init__(
        self,
        schema: Sequence[str] | Mapping[str, Any],
        allow_unexpected_keys: bool = False,
        name: str = "",
    ) -> None:
        self.schema = schema
        self.allow_unexpected_keys = allow_unexpected_keys
        self.name = name or type(self).__name__
        self._fields = _fields_of(schema, self.name)

    def do(self, event: Any) -> Any:
        """The event as it came.

        Raises:
            EventSchemaError: naming the fields that are missing, unexpected or of another type.
        """
        if isinstance(event, (list, tuple)):
            for row, each in enumerate(event):
                self._check(each, self._fields, f"row {row}: ")
        else:
            self._check(event, self._fields, "")
        return event

    def _check(self, event: Any, fields: Mapping[str, Any], place: str) -> None:
        if not isinstance(event, Mapping):
            self._fail(f"{place}the event is a {type(event).__name__}, not a dictionary", event)
        if missing := {k for k, kind in fields.items() if not _optional(kind)} - set(event):
            self._fail(f"{place}missing keys {_names(missing)}", event)
        if not self.allow_unexpected_keys and (unexpected := set(event) - set(fields)):
            self._fail(f"{place}unexpected keys {_names(unexpected)}", event)
        for key, kind in fields.items():
            if key not in event:
                continue
            value = event[key]
            if isinstance(kind, dict):
                self._check(value, kind, f"{place}in {key!r}: ")
            elif not _fits(value, kind):
                self._fail(f"{place}{key!r} is a {type(value).__name__}, not {kind}", event)

    def _fail(self, what: str, event: Any) -> None:
        raise EventSchemaError(
            f"Schema verification failed: {what} in event: {event!r:.200}",
            where=f"step {self.name!r}",
            fix="send the fields of the schema, or change the step's schema",
        )


def _fields_of(schema: Any, where: str) -> dict[str, Any]:
    if isinstance(schema, Mapping):
        return {str(key): _kind(kind, key, where) for key, kind in schema.items()}
    if isinstance(schema, str) or not isinstance(schema, (Sequence, set, frozenset)):
        raise InvalidArgumentError(
            f"a schema is a list of names or a mapping of names to types, not {schema!r:.80}",
            where=f"step {where!r}",
            fix='schema=["id", "name"], or schema={"id": "int", "name": "str?"}',
        )
    return {key: "any" for key in schema}


def _kind(kind: Any, key: str, where: str) -> Any:
    if isinstance(kind, Mapping):
        return _fields_of(kind, where)
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    if name.removesuffix("?") not in _TYPES:
        raise InvalidArgumentError(
            f"{key!r} has an unknown type {kind!r:.60}.{nearest(name, _TYPES)}",
            where=f"step {where!r}",
            fix=f"use one of: {', '.join(_TYPES)}; with ? at the end it may be missing",
        )
    return name


def _optional(kind: Any) -> bool:
    return isinstance(kind, str) and kind.endswith("?")


def _fits(value: Any, kind: str) -> bool:
    if _optional(kind):
        if value is None:
            return True
        kind = kind[:-1]
    if isinstance(value, bool) and kind in _NUMBERS:
        return False
    return isinstance(value, _TYPES[kind])


def _names(keys: set[Any]) -> str:
    return "{" + ", ".join(sorted(map(repr, keys)))[:500] + "}"
