"""What every packer can be asked: the base of `DefaultPackager` and of packers that do it all.

A subclass of `Packager` itself decides everything in `pack` and `unpack`; most packers are easier
to write as subclasses of `DefaultPackager`, which finds a method for each artifact type.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.artifacts import typehints, workspace
from mlrun_like.artifacts.ports import Item

__all__ = ["Packager"]


class Packager(ABC):
    """How one Python type is logged and how it comes back."""

    PACKABLE_OBJECT_TYPE: Any = ...
    """The type handled here; `...` means any."""

    PACK_SUBCLASSES: bool = False
    """Whether subclasses of the type are handled too."""

    PRIORITY: Any = ...
    """1 (asked first) to 10; `...`: 5 for built-in packers, 3 for registered ones."""

    priority: Any = ...

    @abstractmethod
    def get_default_packing_artifact_type(self, obj: Any) -> str:
        """The artifact type of an object whose hint names none."""

    @abstractmethod
    def get_default_unpacking_artifact_type(self, data_item: Item) -> str:
        """The artifact type assumed of an input that was not logged by a packer."""

    @abstractmethod
    def get_supported_artifact_types(self) -> list[str]:
        """The artifact types it packs or unpacks."""

    @abstractmethod
    def pack(
        self,
        obj: Any,
        key: str = "",
        artifact_type: str | None = None,
        configurations: Mapping[str, Any] | None = None,
    ) -> Any:
        """A dict of results, or an artifact and the instructions to unpack it."""

    @abstractmethod
    def unpack(
        self,
        data_item: Item,
        artifact_type: str | None = None,
        instructions: Mapping[str, Any] | None = None,
    ) -> Any:
        """The object that an input holds."""

    def get_supported_packing_artifact_types(self) -> list[str]:
        """The artifact types it packs."""
        return self.get_supported_artifact_types()

    def get_supported_unpacking_artifact_types(self) -> list[str]:
        """The artifact types it unpacks."""
        return self.get_supported_artifact_types()

    def is_packable(
        self,
        obj: Any,
        artifact_type: str | None = None,
        configurations: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether this packer can log `obj` (as that artifact type)."""
        if not self.is_type(type(obj)):
            return False
        return not artifact_type or artifact_type in self.get_supported_packing_artifact_types()

    def is_unpackable(
        self, data_item: Item, type_hint: Any, artifact_type: str | None = None
    ) -> bool:
        """Whether this packer can make an input into `type_hint`."""
        if not self.is_type(typehints.origin(type_hint)):
            return False
        return not artifact_type or artifact_type in self.get_supported_unpacking_artifact_types()

    def is_type(self, kind: Any) -> bool:
        """Whether `kind` is the packer's type, or a subclass if it takes those."""
        wanted = self.PACKABLE_OBJECT_TYPE
        if wanted is ... or kind is wanted:
            return True
        return self.PACK_SUBCLASSES and isinstance(kind, type) and issubclass(kind, wanted)

    def fit(self, value: Any, kind: Any) -> Any:
        """The unpacked value as the hint's class; what cannot be is returned as it is."""
        return value

    # static, because packers may be written with class methods only
    @staticmethod
    def add_future_clearing_path(path: str | Path) -> None:
        """Remove this file or folder once everything is logged."""
        workspace.current().remove_later(path)

    def get_data_item_local_path(
        self, data_item: Item, add_to_future_clearing_path: bool | None = None
    ) -> str:
        """The input as a file on this machine.

        Args:
            data_item: The input.
            add_to_future_clearing_path: Remove the file once everything is logged; only for one
                that was downloaded, which an input whose address is a path was not.
        """
        path = data_item.local()
        if add_to_future_clearing_path and str(data_item.url) != path:
            self.add_future_clearing_path(path)
        return path
