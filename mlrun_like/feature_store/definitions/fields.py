"""Objects with named fields that are written as plain data and read back, MLRun's `ModelObj`."""

from __future__ import annotations

import copy
import datetime
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import yaml

from mlrun_like.errors import SpecError

__all__ = ["Fields", "mapping_of", "plain"]

_Self = TypeVar("_Self", bound="Fields")
_DEEPEST = 60


class Fields:
    """The base: `_fields` names the attributes of which the document consists.

    Keys of a document that this version does not know are kept and written again, so that a
    definition made by a newer version survives being saved by an older one.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _always: ClassVar[tuple[str, ...]] = ()
    """Written also when empty."""

    _texts: ClassVar[tuple[str, ...]] = ()
    """Fields that hold a text or None."""
    _mappings: ClassVar[tuple[str, ...]] = ()
    """Fields that hold a mapping."""

    _unknown: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The object as plain data; empty values are left out."""
        document: dict[str, Any] = {}
        for name in self._fields:
            value = self._written(name)
            if name in self._always or _says_something(value):
                document[name] = plain(value, f"{type(self).__name__}.{name}")
        return {**document, **copy.deepcopy(getattr(self, "_unknown", {}))}

    def _written(self, name: str) -> Any:
        """What the document says of a field."""
        return getattr(self, name)

    @classmethod
    def from_dict(cls: type[_Self], document: Any, where: str = "") -> _Self:
        """Read what `to_dict` writes.

        Raises:
            SpecError: if it is no mapping, or a value cannot be used.
        """
        values = mapping_of(document, where or cls.__name__)
        made = cls()
        made._unknown = {}
        for key, value in values.items():
            if key in cls._fields:
                made._read(str(key), value, where or cls.__name__)
            else:
                made._unknown[str(key)] = copy.deepcopy(value)
        return made

    def _read(self, name: str, value: Any, where: str) -> None:
        """Set a field from a document."""
        wrong = (name in self._texts and not isinstance(value, (str, type(None)))) or (
            name in self._mappings and not isinstance(value, (Mapping, type(None)))
        )
        if wrong:
            kind = "text" if name in self._texts else "mapping"
            raise SpecError(f"{name} must be a {kind}, not {value!r:.80}", where=where)
        if value is None and getattr(self, name) is not None:
            return  # MLRun writes null for what is not set
        setattr(self, name, copy.deepcopy(value))

    def to_yaml(self) -> str:
        """The document as YAML text."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    def copy(self: _Self) -> _Self:
        """An independent copy."""
        return copy.deepcopy(self)

    # a field may also be read as an item, since status documents are often handled as mappings

    def __getitem__(self, name: str) -> Any:
        if name in self._fields:
            return getattr(self, name)
        return getattr(self, "_unknown", {})[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A field by name, or `default` if it is unknown or not set."""
        try:
            value = self[name]
        except KeyError:
            return default
        return default if value is None else value

    def keys(self) -> Iterator[str]:
        """The names of the fields that say something."""
        return iter(self.to_dict())

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, Fields)
        return self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        inner = ", ".join(f"{k}={v!r:.60}" for k, v in self.to_dict().items())
        return f"{type(self).__name__}({inner})"


def _says_something(value: Any) -> bool:
    if value is None or (isinstance(value, str) and not value):
        return False
    return not (hasattr(value, "__len__") and not isinstance(value, str) and len(value) == 0)


def plain(value: Any, where: str = "", depth: int = 0) -> Any:
    """A value as JSON data: times as text, NaN as None, objects by their `to_dict`.

    >>> plain({"t": datetime.date(2024, 1, 2), "x": (1, float("nan"))})
    {'t': '2024-01-02', 'x': [1, None]}

    Raises:
        SpecError: if it is nothing that can be written.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value if type(value) in (bool, int, str, type(None)) else _base(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > _DEEPEST:
        raise SpecError(f"{where} is nested more than {_DEEPEST} times", where=where)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat() if value == value else None
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(k): plain(v, where, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [plain(item, where, depth + 1) for item in items]
    for method in ("to_dict", "tolist"):  # the second: numpy's values
        call = getattr(value, method, None)
        if callable(call) and not isinstance(value, type):
            return plain(call(), where, depth + 1)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "__fspath__"):
        return str(value)
    raise SpecError(
        f"{value!r:.120} cannot be written as plain data",
        where=where,
        fix="give texts, numbers, times, lists or mappings",
    )


def _base(value: Any) -> Any:
    """The plain form of a child class of bool, int or str, such as a member of an Enum."""
    value = getattr(value, "value", value)
    for kind in (str, int):
        if isinstance(value, kind):
            return kind(value)
    return value


def mapping_of(document: Any, where: str) -> Mapping[str, Any]:
    """`document` if it is a mapping.

    Raises:
        SpecError: if not.
    """
    if document is None:
        return {}
    to_dict = getattr(document, "to_dict", None)
    if callable(to_dict):
        document = to_dict()
    if not isinstance(document, Mapping):
        raise SpecError(f"{where} must be a mapping, not {document!r:.80}", where=where)
    return document
