"""The base class of packers: how one Python type is logged and how it comes back.

A packer for a type of your own is a subclass with `PACKABLE_OBJECT_TYPE` and, for every artifact
type it offers, `pack_<type>(self, obj, key, **instructions)` and
`unpack_<type>(self, data_item, **instructions)`. `DefaultPackager` is its name in MLRun.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.artifacts import pickles, typehints, workspace
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packager import Packager
from mlrun_like.artifacts.ports import Item, PackingWarning, file_artifact
from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["DefaultPackager", "Packer"]


class DefaultPackager(Packager):
    """Packs any object as a pickle; the base of all other packers.

    A `pack_<type>` method returns either a dict of results, or a pair: what to log (a `Packed`
    or an artifact object) and the instructions that its `unpack_<type>` method gets back.

    >>> class Celsius(float): pass
    >>> class CelsiusPackager(Packer):
    ...     PACKABLE_OBJECT_TYPE = Celsius
    ...     DEFAULT_PACKING_ARTIFACT_TYPE = "result"
    ...     def pack_result(self, obj, key, digits=1):
    ...         return {key: round(obj, digits)}
    >>> CelsiusPackager().pack(Celsius(21.456), "room")
    {'room': 21.5}
    """

    DEFAULT_PACKING_ARTIFACT_TYPE: str = ArtifactType.OBJECT
    DEFAULT_UNPACKING_ARTIFACT_TYPE: str = ArtifactType.OBJECT

    def get_default_packing_artifact_type(self, obj: Any) -> str:
        """The artifact type of an object whose hint names none."""
        return self.DEFAULT_PACKING_ARTIFACT_TYPE

    def get_default_unpacking_artifact_type(self, data_item: Item) -> str:
        """The artifact type assumed of an input that was not logged by a packer."""
        return self.DEFAULT_UNPACKING_ARTIFACT_TYPE

    def get_supported_packing_artifact_types(self) -> list[str]:
        """The types with a `pack_` method."""
        return list(_methods(type(self), "pack_"))

    def get_supported_unpacking_artifact_types(self) -> list[str]:
        """The types with an `unpack_` method."""
        return list(_methods(type(self), "unpack_"))

    def get_supported_artifact_types(self) -> list[str]:
        """Both of the above, without repetition."""
        packing = self.get_supported_packing_artifact_types()
        return list(dict.fromkeys([*packing, *self.get_supported_unpacking_artifact_types()]))

    def is_packable(
        self,
        obj: Any,
        artifact_type: str | None = None,
        configurations: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether this packer can log `obj` (as that artifact type)."""
        if not self.is_type(type(obj)):
            return False
        return not artifact_type or artifact_type in _methods(type(self), "pack_")

    def is_unpackable(
        self, data_item: Item, type_hint: Any, artifact_type: str | None = None
    ) -> bool:
        """Whether this packer can make an input into `type_hint`."""
        if not self.is_type(typehints.origin(type_hint)):
            return False
        return not artifact_type or artifact_type in _methods(type(self), "unpack_")

    def pack(
        self,
        obj: Any,
        key: str = "",
        artifact_type: str | None = None,
        configurations: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the `pack_` method of the artifact type with the instructions it knows."""
        artifact_type = artifact_type or self.get_default_packing_artifact_type(obj)
        method = self._method("pack_", artifact_type)
        return method(obj, key, **self._accepted("pack_", artifact_type, configurations or {}))

    def unpack(
        self,
        data_item: Item,
        artifact_type: str | None = None,
        instructions: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the `unpack_` method of the artifact type with the instructions it knows."""
        artifact_type = artifact_type or self.get_default_unpacking_artifact_type(data_item)
        method = self._method("unpack_", artifact_type)
        return method(data_item, **self._accepted("unpack_", artifact_type, instructions or {}))

    def folder(self) -> Path:
        """A new temporary folder that is removed once everything is logged."""
        return workspace.current().folder()

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log the value itself (see `to_result`)."""
        return {key: obj}

    def pack_object(
        self, obj: Any, key: str, pickle_module_name: str = "cloudpickle"
    ) -> tuple[Any, dict[str, Any]]:
        """Log a pickle."""
        path = self.folder() / f"{key}.pkl"
        notes = pickles.dump(obj, path, pickle_module_name)
        return file_artifact(key, path), notes

    def unpack_object(
        self,
        data_item: Item,
        pickle_module_name: str = "cloudpickle",
        object_module_name: str | None = None,
        python_version: str | None = None,
        pickle_module_version: str | None = None,
        object_module_version: str | None = None,
    ) -> Any:
        """Open a pickle of the own store."""
        notes = {
            "pickle_module_name": pickle_module_name,
            "pickle_module_version": pickle_module_version,
            "object_module_name": object_module_name,
            "object_module_version": object_module_version,
            "python_version": python_version,
        }
        data = pickles.trusted_bytes(data_item, data_item.local())
        return pickles.load(data, notes, str(data_item.url))

    def _method(self, prefix: str, artifact_type: str) -> Any:
        known = _methods(type(self), prefix)
        if artifact_type not in known:
            verb = prefix.rstrip("_")
            raise InvalidArgumentError(
                f"{type(self).__name__} cannot {verb} artifact type {artifact_type!r}."
                f"{nearest(artifact_type, known)}",
                fix=f"use one of: {', '.join(known)}",
            )
        return getattr(self, f"{prefix}{artifact_type}")

    def _accepted(
        self, prefix: str, artifact_type: str, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        names = _methods(type(self), prefix)[artifact_type]
        if names is None:
            return dict(given)
        unknown = [name for name in given if name not in names]
        if unknown:
            warnings.warn(
                f"{type(self).__name__}.{prefix}{artifact_type} does not know "
                f"{', '.join(map(repr, unknown))}: ignored.{nearest(unknown[0], names)}",
                PackingWarning,
                stacklevel=4,
            )
        return {name: value for name, value in given.items() if name in names}


Packer = DefaultPackager


_known: dict[tuple[type[Packer], str], dict[str, tuple[str, ...] | None]] = {}


def _methods(cls: type[Packer], prefix: str) -> dict[str, tuple[str, ...] | None]:
    """Artifact type -> names of its method's instructions (None: takes any)."""
    if (cls, prefix) in _known:
        return _known[cls, prefix]
    found: dict[str, tuple[str, ...] | None] = {}
    for name in dir(cls):
        method = getattr(cls, name)
        if name.startswith(prefix) and callable(method):
            parameters = inspect.signature(method).parameters.values()
            skipped = 3 if prefix == "pack_" else 2  # self, obj, key or self, data_item
            if isinstance(inspect.getattr_static(cls, name), (classmethod, staticmethod)):
                skipped -= 1
            takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
            names = tuple(p.name for p in parameters)[skipped:]
            found[name[len(prefix) :]] = None if takes_any else names
    _known[cls, prefix] = found
    return found
