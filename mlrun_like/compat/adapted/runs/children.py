"""`ObjectDict` and `ObjectList`: named objects in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["ObjectDict", "ObjectList"]


class _Children:
    """Named objects in their order."""

    def __init__(self) -> None:
        self._children: dict[Any, Any] = {}

    def values(self) -> Any:
        """The objects."""
        return self._children.values()

    def keys(self) -> Any:
        """Their names."""
        return self._children.keys()

    def items(self) -> Any:
        """Names and objects."""
        return self._children.items()

    def __len__(self) -> int:
        return len(self._children)

    def __delitem__(self, key: Any) -> None:
        del self._children[key]


class ObjectDict(_Children):
    """Objects of several kinds by name.

    Args:
        classes_map: Kind to class.
        default_kind: The kind of documents that name none.
    """

    kind = "object_dict"

    def __init__(self, classes_map: Mapping[str, Any], default_kind: str = "") -> None:
        super().__init__()
        self._classes_map, self._default_kind = classes_map, default_kind

    def __iter__(self) -> Iterator[Any]:
        return iter(self._children)

    def __getitem__(self, name: Any) -> Any:
        return self._children[name]

    def __setitem__(self, key: Any, item: Any) -> None:
        self.update(key, item)

    def update(self, key: Any, item: Any) -> Any:
        """Put an object, or its document, under a name.

        Raises:
            InvalidArgumentError: if it is neither.
        """
        if isinstance(item, Mapping):
            kind = item.get("kind", self._default_kind)
            if kind not in self._classes_map:
                raise InvalidArgumentError(f"illegal object kind {kind}")
            item = self._classes_map[kind].from_dict(item)
        elif getattr(item, "kind", None) not in self._classes_map:
            raise InvalidArgumentError(f"illegal child (should be dict or child kind), {item}")
        item.name = key
        self._children[key] = item
        return item

    def to_dict(self, strip: bool = False) -> dict[Any, Any]:
        """The objects' documents."""
        del strip
        return {name: child.to_dict() for name, child in self._children.items()}

    @classmethod
    def from_dict(
        cls, classes_map: Mapping[str, Any], children: Any = None, default_kind: str = ""
    ) -> ObjectDict:
        """Filled from documents."""
        made = cls(classes_map, default_kind)
        for name, child in (children or {}).items():
            made.update(name, child)
        return made


class ObjectList(_Children):
    """Objects of one class, by their names.

    Args:
        child_class: The class.
    """

    def __init__(self, child_class: Any) -> None:
        super().__init__()
        self._child_class = child_class

    def __iter__(self) -> Iterator[Any]:
        return iter(self._children.values())

    def __getitem__(self, name: Any) -> Any:
        return (
            list(self._children.values())[name] if isinstance(name, int) else self._children[name]
        )

    def __setitem__(self, key: Any, item: Any) -> None:
        self.update(item, key)

    def update(self, child: Any, name: str | None = None) -> Any:
        """Put an object, or its document, under its name.

        Raises:
            InvalidArgumentError: if it is neither, or has no name.
        """
        if isinstance(child, Mapping):
            if "name" not in child:
                raise InvalidArgumentError("illegal object no 'name' field")
            child = self._child_class.from_dict(child)
        elif not isinstance(child, self._child_class):
            raise InvalidArgumentError(f"illegal child (should be dict or child kind), {child}")
        child.name = name or child.name
        self._children[child.name] = child
        return child

    def to_dict(self, strip: bool = False) -> Any:
        """The objects' documents."""
        del strip
        return [child.to_dict() for child in self._children.values()]

    @classmethod
    def from_list(cls, child_class: Any, children: Any = None) -> ObjectList:
        """Filled from objects or documents."""
        made = cls(child_class)
        for child in children or ():
            made.update(child)
        return made
