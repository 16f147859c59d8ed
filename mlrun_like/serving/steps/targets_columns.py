"""What targets write of an event: storey's notation for columns.

"n"           the field n of the body
"new=old"     the field old, under the name new
"$key"        the event's attribute key, under the name key
"when=$time"  the event's attribute time, under the name when
("n", "int")  with a type
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.serving.event import Event

__all__ = ["TYPES", "Column", "Columns", "parse_columns", "typed"]

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "str": "string",
        **{name: name for name in ("int8", "int16", "int32", "int64")},
        **{name: name for name in ("uint8", "uint16", "uint32", "uint64")},
        "int": "int64",
        "float16": "halffloat",
        "float32": "float",
        "float": "double",
        "bool": "bool",
        "datetime": "timestamp[ns]",
    }
)
"""Names of types in columns, and what Arrow calls them."""

_ATTRIBUTES = ("key", "id", "time", "processing_time", "path", "method", "content_type", "headers")


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: Its name where it is written.
        field: The field of the body it is read from.
        attribute: The attribute of the event it is read from instead.
        type: One of `TYPES`, or empty.
    """

    name: str
    field: str
    attribute: str = ""
    type: str = ""

    def read(self, event: Event, default: Any) -> Any:
        """The value of an event whose body is a dictionary."""
        if self.attribute:
            return getattr(event, self.attribute)
        return typed(event.body.get(self.field, default), self.type)


def parse_columns(columns: Any, argument: str, step: str) -> list[Column]:
    """Columns in storey's notation.

    Raises:
        InvalidTypeError: if one is neither text nor a pair of texts.
        InvalidArgumentError: if a type or attribute is unknown, or two columns have one name.

    >>> [column.name for column in parse_columns(["a", "b=c", "$key"], "columns", "CSVTarget")]
    ['a', 'b', 'key']
    """
    if columns is None:
        return []
    if isinstance(columns, str) or _is_typed(columns):
        columns = [columns]
    made = [_column(item, argument, step) for item in columns]
    names = [column.name for column in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidArgumentError(
            f"{argument} name {twice!r} twice",
            where=f"step class {step}",
            fix="rename one: new=old",
        )
    return made


def _is_typed(item: Any) -> bool:
    return (
        isinstance(item, tuple)
        and len(item) == 2
        and all(isinstance(part, str) for part in item)
        and item[1] in TYPES
    )


def _column(item: Any, argument: str, step: str) -> Column:
    text, kind = item, ""
    if isinstance(item, (tuple, list)) and len(item) == 2:
        text, kind = item
        if kind not in TYPES:
            raise InvalidArgumentError(
                f"column {text!r:.80} has the unknown type {kind!r:.80}."
                f"{nearest(str(kind), TYPES)}",
                where=f"step class {step}",
                fix=f"use one of: {', '.join(TYPES)}",
            )
    if not isinstance(text, str) or not text:
        raise InvalidTypeError(
            f"{argument} cannot hold {item!r:.80}",
            where=f"step class {step}",
            fix='write "name", "new=old", "$key", "when=$time" or ("name", "int")',
        )
    if text.startswith("$"):
        return Column(text[1:], "", _attribute(text[1:], step), kind)
    name, mark, source = text.partition("=")
    if mark and source.startswith("$"):
        return Column(name, "", _attribute(source[1:], step), kind)
    return Column(name, source or name, "", kind)


def _attribute(name: str, step: str) -> str:
    if not name.isidentifier():
        raise InvalidArgumentError(
            f"${name} is no attribute of events",
            where=f"step class {step}",
            fix=f"such as {', '.join('$' + item for item in _ATTRIBUTES)}",
        )
    return name


def typed(value: Any, kind: str) -> Any:
    """A value as its column's type wants it: texts and seconds since 1970 as times.

    >>> typed("2020-02-15T00:00:00", "datetime").year
    2020
    """
    if kind != "datetime" or value is None:
        return value
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError) as exc:
        raise InvalidArgumentError(f"{value!r:.80} is not a time: {exc}") from exc
    return value


class Columns:
    """The columns of a target.

    Args:
        columns: In storey's notation; none: see `infer`.
        infer: Whether the fields of the first body are added, sorted by name.
        index: Columns that come first.
        left_out: Names of columns that are not written (they are in the path of the file).
        default: The value of a field that a body does not have.
        step: The step's class, for errors.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        infer: bool,
        index: Sequence[Column] = (),
        left_out: Iterable[str] = (),
        default: Any = None,
        step: str = "",
    ) -> None:
        self.declared = list(columns)
        self.infer = infer
        self.index = list(index)
        self.left_out = frozenset(left_out)
        self.default = default
        self.step = step
        self.begin()

    def begin(self) -> None:
        """Forget what was inferred."""
        self._inferred = not self.infer
        self._set(self.declared)

    def _set(self, columns: Sequence[Column]) -> None:
        self.all = list(columns)
        self.written = [column for column in columns if column.name not in self.left_out]

    def names(self) -> list[str]:
        """Names of the columns that are written, the index first; none: whatever bodies have."""
        return [column.name for column in (*(self.index if self.written else ()), *self.written)]

    def _infer(self, body: Mapping[str, Any]) -> None:
        known = {column.name for column in (*self.index, *self.declared)}
        sources = {column.field for column in self.declared if column.field}
        fresh = [Column(str(n), n) for n in body if n not in known and n not in sources]
        self._set(sorted([*self.declared, *fresh], key=lambda column: column.name))
        self._inferred = True

    def row(self, event: Event) -> list[Any]:
        """The values of an event in the order of `names()`.

        Raises:
            InvalidTypeError: if the body is neither a dictionary nor a list, or a list although
                columns are to be inferred.
            InvalidArgumentError: if a list has not as many values as there are columns.
        """
        body = event.body
        if isinstance(body, Mapping):
            if not self._inferred:
                self._infer(body)
            return [column.read(event, self.default) for column in (*self.index, *self.written)]
        if not isinstance(body, (list, tuple)):
            raise InvalidTypeError(
                f"{self.step} writes dictionaries and lists, not a {type(body).__name__}"
            )
        if not self._inferred:
            raise InvalidTypeError(
                "Cannot infer_columns_from_data when event type is list. "
                "Inference is only possible from dict.",
                where=f"step class {self.step}",
                fix="name the columns",
            )
        if not self.all and not self.index:
            return list(body)
        return self._of_list(event, body)

    def _of_list(self, event: Event, body: Sequence[Any]) -> list[Any]:
        columns = (*self.index, *self.all)
        expected = sum(not column.attribute for column in columns)
        if len(body) != expected:
            raise InvalidArgumentError(
                f"a list of {len(body)} values does not fit {expected} columns: {body!r:.80}",
                where=f"step class {self.step}",
                fix=f"columns: {', '.join(column.name for column in columns)}",
            )
        values = iter(body)
        found = []
        for column in columns:
            if column.attribute:
                value = getattr(event, column.attribute)
            else:
                value = typed(next(values), column.type)
            if column.name not in self.left_out:
                found.append(value)
        return found

    def record(self, event: Event, missing: bool = True) -> Any:
        """The values of an event by name; lists and other bodies that need no columns as they are.

        Args:
            event: The event.
            missing: Whether fields that a body does not have are written, with the default.

        Raises:
            InvalidTypeError: as `row`.
            InvalidArgumentError: as `row`.
        """
        body = event.body
        if not isinstance(body, Mapping):
            if not self.all and not self.index and not self.infer:
                return body
            return dict(zip(self.names(), self.row(event), strict=True))
        if not self._inferred:
            self._infer(body)
        if not self.written:
            found = {column.name: column.read(event, self.default) for column in self.index}
            kept = {name: value for name, value in body.items() if name not in self.left_out}
            return {**found, **kept}
        return {
            column.name: column.read(event, self.default)
            for column in (*self.index, *self.written)
            if missing or column.attribute or body.get(column.field) is not None
        }

    def value(self, event: Event, name: str) -> Any:
        """The value of one column or field of an event.

        Raises:
            InvalidArgumentError: if it has none.
        """
        body = event.body
        for place, column in enumerate(column for column in self.all if not column.attribute):
            if column.name == name and isinstance(body, (list, tuple)) and place < len(body):
                return body[place]
        for column in self.all:
            if column.name == name and isinstance(body, Mapping):
                return column.read(event, None)
        if isinstance(body, Mapping) and name in body:
            return body[name]
        raise InvalidArgumentError(
            f"the event has no {name!r}: {body!r:.80}", where=f"step class {self.step}"
        )
