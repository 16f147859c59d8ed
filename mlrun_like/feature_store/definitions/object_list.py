"""Ordered, named objects: iteration gives the objects, `objects["name"]` one of them."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Generic, TypeVar

from mlrun_like.errors import NotFoundError, SpecError, nearest

__all__ = ["ObjectList"]

T = TypeVar("T")


class ObjectList(Generic[T]):
    """Objects by name, in the order they were added; MLRun's `ObjectList`.

    Args:
        make: Turns what a document or a user gives for one object (text, mapping, object) into
            the object.
        noun: What one is called, in errors.
    """

    def __init__(self, make: Callable[[Any], T], noun: str = "item") -> None:
        self._make = make
        self._noun = noun
        self._children: dict[str, T] = {}

    @classmethod
    def from_list(
        cls, make: Callable[[Any], T], children: Any, noun: str = "item"
    ) -> ObjectList[T]:
        """A list filled from a sequence of objects, or a mapping by name.

        Raises:
            SpecError: if it is neither, or two have one name.
        """
        made = cls(make, noun)
        if isinstance(children, Mapping):
            for name, child in children.items():
                made.update(child, str(name))
            return made
        plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
        if children is not None and (
            isinstance(children, (str, bytes)) or not hasattr(children, "__iter__")
        ):
            raise SpecError(f"{plural} must be a list, not {children!r:.80}")
        for child in children or ():
            item = make(child)
            name = str(getattr(item, "name", "") or "")
            if name in made._children:
                raise SpecError(f"{noun} {name!r} is given twice", fix="give each its own name")
            made.update(item)
        return made

    def update(self, child: Any, name: str | None = None) -> T:
        """Add an object, or replace the one of its name; returns it.

        Raises:
            SpecError: if it has no name.
        """
        item = self._make(child)
        if name:
            item.name = name  # type: ignore[attr-defined]
        key = getattr(item, "name", None)
        if not isinstance(key, str) or not key:
            raise SpecError(f"a {self._noun} needs a name: {child!r:.80}")
        self._children[key] = item
        return item

    def __setitem__(self, name: str, child: Any) -> None:
        self.update(child, name)

    def __getitem__(self, name: str | int) -> T:
        if isinstance(name, int):
            return list(self._children.values())[name]
        try:
            return self._children[name]
        except KeyError:
            known = list(self._children)
            raise NotFoundError(
                f"there is no {self._noun} {name!r}.{nearest(str(name), known)}",
                fix=f"there are: {', '.join(known[:20]) or 'none'}",
            ) from None

    def __delitem__(self, name: str) -> None:
        del self._children[self[name].name]  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._children.values()))

    def __contains__(self, name: object) -> bool:
        key = name if isinstance(name, str) else getattr(name, "name", None)
        return key in self._children

    def __len__(self) -> int:
        return len(self._children)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ObjectList):
            return self._children == other._children
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"[{', '.join(repr(item) for item in self)}]"

    def get(self, name: str, default: T | None = None) -> T | None:
        """The object of that name, or `default`."""
        return self._children.get(name, default)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._children.keys()

    def values(self) -> ValuesView[T]:
        """The objects."""
        return self._children.values()

    def items(self) -> ItemsView[str, T]:
        """Names and objects."""
        return self._children.items()

    def to_dict(self) -> list[Any]:
        """The objects as plain data, in order."""
        return [item.to_dict() for item in self]  # type: ignore[attr-defined]
