"""The kinds of values that only the run will know: parameters, outputs, items of loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlrun_like.pipelines.texts import TEXTS, is_marked, split_text
from mlrun_like.pipelines.values import Ref, Resolve, refs_in

__all__ = [
    "CollectRef",
    "Item",
    "ItemRef",
    "OneOfRef",
    "OutputRef",
    "ParamRef",
    "StatusRef",
    "TextRef",
    "from_text",
    "producers",
    "substitute",
]


@dataclass(frozen=True, eq=False, repr=False)
class ParamRef(Ref):
    """A parameter of the pipeline."""

    name: str

    @property
    def text(self) -> str:
        """The parameter's name."""
        return self.name

    def __repr__(self) -> str:
        return f"<parameter {self.name}>"


@dataclass(frozen=True, eq=False, repr=False)
class OutputRef(Ref):
    """An output of a step: a result's value or an artifact's URI."""

    step: str
    key: str

    @property
    def text(self) -> str:
        """`step.key`."""
        return f"{self.step}.{self.key}"

    @property
    def short(self) -> str:
        """The key alone."""
        return self.key

    def __repr__(self) -> str:
        return f"<output {self.key!r} of step {self.step!r}>"


@dataclass(frozen=True, eq=False, repr=False)
class ItemRef(Ref):
    """The item that a loop is at, or a part of it: `item["key"]`, `item.key`.

    Args:
        loop: The loop's name.
        path: Keys into the item.
    """

    loop: str
    path: tuple[str | int, ...] = ()

    @property
    def text(self) -> str:
        """`loop.item` with its keys."""
        return ".".join([self.loop, "item", *map(str, self.path)])

    def __getitem__(self, key: str | int) -> ItemRef:
        return ItemRef(self.loop, (*self.path, key))

    def __getattr__(self, name: str) -> ItemRef:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        return f"<item {self.text}>"


class Item(ItemRef):
    """The item as a loop's block gets it: any public name is a key of the item.

    >>> item = Item("for")
    >>> item.path, item["loop"].text.x
    (<item for.item.path>, <item for.item.loop.text.x>)
    """

    def _settled(self) -> ItemRef:
        found = vars(self)
        return ItemRef(found["loop"], found["path"])

    def __getitem__(self, key: str | int) -> Item:
        found = vars(self)
        return Item(found["loop"], (*found["path"], key))

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattribute__(name)
        return self[name]

    def __repr__(self) -> str:
        return repr(self._settled())


@dataclass(frozen=True, eq=False, repr=False)
class CollectRef(Ref):
    """A list with the value that each round of a loop gave; loops in loops give lists of lists."""

    each: Ref

    @property
    def text(self) -> str:
        """`[value]`."""
        return f"[{self.each.text}]"

    def __repr__(self) -> str:
        return f"<list of {self.each!r}>"


@dataclass(frozen=True, eq=False, repr=False)
class OneOfRef(Ref):
    """The first of these whose step ran: what the arms of a condition have in common."""

    choices: tuple[Ref, ...]

    @property
    def text(self) -> str:
        """`a or b`."""
        return " or ".join(choice.text for choice in self.choices)

    def __repr__(self) -> str:
        return f"<one of {', '.join(map(repr, self.choices))}>"


@dataclass(frozen=True, eq=False, repr=False)
class StatusRef(Ref):
    """How a guarded part ended: a mapping with `state`, `error`, `steps`; for exit handlers."""

    guard: str

    @property
    def text(self) -> str:
        """`guard.status`."""
        return f"{self.guard}.status"

    def __repr__(self) -> str:
        return f"<status of {self.guard}>"


@dataclass(frozen=True, eq=False, repr=False)
class TextRef(Ref):
    """A text with values in it, as an f-string makes it."""

    parts: tuple[str | Ref, ...]

    def inner(self) -> Iterator[Ref]:
        """See Ref.inner."""
        yield from refs_in([part for part in self.parts if isinstance(part, Ref)])

    @property
    def text(self) -> str:
        """The text with `{name}` for each value."""
        return "".join(p if isinstance(p, str) else "{" + p.text + "}" for p in self.parts)

    def __repr__(self) -> str:
        return f"<text {self.text!r}>"


def from_text(text: str) -> str | Ref:
    """A text, with the references that an f-string put into it."""
    table = TEXTS.get()
    if table is None or not is_marked(text):
        return text
    parts = split_text(text, table)
    only = parts[0]
    return only if len(parts) == 1 and isinstance(only, Ref) else TextRef(parts)


def substitute(value: Any, resolve: Resolve) -> Any:
    """The value with every reference replaced.

    >>> substitute({"a": [ParamRef("x"), 2]}, lambda ref: 1)
    {'a': [1, 2]}
    """
    if isinstance(value, TextRef):
        return "".join(p if isinstance(p, str) else str(resolve(p)) for p in value.parts)
    if isinstance(value, Ref):
        return resolve(value)
    if isinstance(value, dict):
        return {key: substitute(item, resolve) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, resolve) for item in value]
    if type(value) is tuple:
        return tuple(substitute(item, resolve) for item in value)
    return value


def producers(ref: Ref) -> Iterator[str]:
    """The names of the steps that a reference needs."""
    if isinstance(ref, OutputRef):
        yield ref.step
    elif isinstance(ref, CollectRef):
        yield from producers(ref.each)
    elif isinstance(ref, OneOfRef):
        for choice in ref.choices:
            yield from producers(choice)
