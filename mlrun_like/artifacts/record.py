"""A record as users hold it: its fields as attributes, and its forms as text."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import Self

from mlrun_like.artifacts.lazy import as_yaml
from mlrun_like.specs.artifact import ArtifactDoc, ArtifactMetadata, ArtifactSpec
from mlrun_like.specs.fields import FieldDict, ReadByKey
from mlrun_like.specs.model import merge_foreign
from mlrun_like.types import Document

__all__ = ["Record"]


class Record(ReadByKey):
    """What an artifact says of itself; `artifact.tag` is short for `artifact.metadata.tag`."""

    _dict_fields: ClassVar[tuple[str, ...]] = ("kind", "metadata", "spec", "status")
    doc: ArtifactDoc
    foreign: Document

    @property
    def metadata(self) -> ArtifactMetadata:
        """Which artifact it is: key, project, iter, tree, tag, labels, ..."""
        return self.doc.metadata

    @metadata.setter
    def metadata(self, value: ArtifactMetadata | Mapping[str, Any]) -> None:
        self.doc.metadata = value  # type: ignore[assignment]  # a mapping is validated

    @property
    def spec(self) -> ArtifactSpec:
        """Where its bytes are and what they hold."""
        return self.doc.spec

    @spec.setter
    def spec(self, value: ArtifactSpec | Mapping[str, Any]) -> None:
        self.doc.spec = value  # type: ignore[assignment]  # a mapping is validated

    @property
    def status(self) -> FieldDict:
        """What is known of it beyond that: a dictionary whose keys are attributes too."""
        found = self.doc.status
        if not isinstance(found, FieldDict):
            found = self.doc.__dict__["status"] = FieldDict(found)
        return found

    @status.setter
    def status(self, value: Mapping[str, Any]) -> None:
        self.doc.__dict__["status"] = FieldDict(value)

    def __getattr__(self, name: str) -> Any:
        part = None if name.startswith("_") or name == "doc" else self._part(name)
        if part is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(part, "schema_" if name == "schema" else name)

    def __setattr__(self, name: str, value: Any) -> None:
        owner = getattr(type(self), name, None)
        writable = not isinstance(owner, property) or owner.fset is None
        part = None if name.startswith("_") or name == "doc" or not writable else self._part(name)
        if part is None:
            object.__setattr__(self, name, value)
        else:
            setattr(part, "schema_" if name == "schema" else name, value)

    def _part(self, name: str) -> Any:
        """The part of the record that has a field."""
        doc = self.__dict__.get("doc")
        if doc is None:
            return None
        if name == "schema" or name in ArtifactSpec.model_fields:
            return doc.spec
        return doc.metadata if name in ArtifactMetadata.model_fields else None

    def to_dict(
        self, fields: list[str] | None = None, exclude: list[str] | None = None, strip: bool = False
    ) -> Document:
        """The record as plain data.

        Args:
            fields: Only these of kind, metadata, spec and status.
            exclude: Without these.
            strip: Without what tells of this one time only: its status.
        """
        found = merge_foreign(self.doc.to_dict(), self.foreign)
        left_out = {*(exclude or ()), *(("status",) if strip else ())}
        return {
            name: value
            for name, value in found.items()
            if name not in left_out and (not fields or name in fields)
        }

    def base_dict(self) -> Document:
        """The record as plain data."""
        return self.to_dict()

    def to_yaml(self, exclude: list[str] | None = None, strip: bool = False) -> str:
        """The record as YAML; arguments as for `to_dict`."""
        return as_yaml(self.to_dict(exclude=exclude, strip=strip))

    def to_json(self, exclude: list[str] | None = None, strip: bool = False) -> str:
        """The record as JSON; arguments as for `to_dict`."""
        return json.dumps(self.to_dict(exclude=exclude, strip=strip), default=str)

    def to_str(self) -> str:
        """The record as text."""
        return str(self.to_dict())

    def copy(self) -> Self:
        """A copy with a record of its own; the body is the same one."""
        made = copy.copy(self)
        object.__setattr__(made, "doc", self.doc.model_copy(deep=True))
        object.__setattr__(made, "foreign", copy.deepcopy(self.foreign))
        return made
