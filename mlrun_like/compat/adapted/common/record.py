"""The base of records that code written for MLRun makes and reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from mlrun_like.types import Document

__all__ = ["OpenRecord", "Record"]


class Record(BaseModel):
    """A record: attributes that are checked, with the methods of pydantic 1 that MLRun's have.

    >>> class Size(Record):
    ...     rows: int = 0
    >>> Size.parse_obj({"rows": "3", "other": 1}).dict()
    {'rows': 3}
    """

    model_config = ConfigDict(extra="ignore", protected_namespaces=(), arbitrary_types_allowed=True)

    def dict(self, **options: Any) -> Document:
        """As plain data."""
        return self.model_dump(**options)

    def json(self, **options: Any) -> str:
        """As JSON."""
        return self.model_dump_json(**options)

    def copy(self, *, deep: bool = False, **options: Any) -> Any:
        """A copy."""
        return self.model_copy(deep=deep, **options)

    def to_dict(self) -> Document:
        """As plain data."""
        return self.model_dump()

    @classmethod
    def parse_obj(cls, obj: Any) -> Any:
        """A record from plain data."""
        return cls.model_validate(obj)

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any]) -> Any:
        """A record from plain data."""
        return cls.model_validate(dict(struct))


class OpenRecord(Record):
    """A record that keeps what else it is given."""

    model_config = ConfigDict(extra="allow", protected_namespaces=(), arbitrary_types_allowed=True)
