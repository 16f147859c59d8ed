"""Plain data whose keys are attributes too: what users reach into by dots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

__all__ = ["FieldDict", "FieldList", "ReadByKey"]


class FieldDict(dict[str, Any]):
    """A dictionary whose keys can be read and written as attributes; unset ones are None.

    >>> feature = FieldDict(name="age")
    >>> feature.value_type = "int"
    >>> feature.name, feature, feature.description
    ('age', {'name': 'age', 'value_type': 'int'}, None)
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary."""
        return dict(self)


class FieldList(list[Any]):
    """A list of such dictionaries; `to_dict()` gives plain ones.

    >>> FieldList([{"name": "age"}])[0].name
    'age'
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__(FieldDict(v) if isinstance(v, dict) else v for v in values)

    def to_dict(self) -> list[Any]:
        """Plain values."""
        return [dict(value) if isinstance(value, dict) else value for value in self]

    def keys(self) -> list[Any]:
        """The names of all."""
        return [value.get("name") for value in self]


class ReadByKey:
    """A record that is also read as its document is: `run["metadata"]["name"]`.

    MLRun's lists of runs and artifacts hold dictionaries, so old code reads them that way. What is
    given is a copy: writing to it changes no record.
    """

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        raise NotImplementedError

    def __getitem__(self, key: str) -> Any:
        return self.to_dict()[key]

    def __contains__(self, key: object) -> bool:
        return key in self.to_dict()

    __iter__: ClassVar[Any] = None  # or the integers would be tried as keys

    def get(self, key: str, default: Any = None) -> Any:
        """A part of the document, or the default."""
        return self.to_dict().get(key, default)
