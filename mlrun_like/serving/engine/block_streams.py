"""The lines of a step that gives a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlrun_like.serving.engine.codegen import Form, Node, Writer

__all__ = ["StreamLines"]


class StreamLines(ABC):
    """The part of a block's writer that writes streams."""

    writer: Writer
    nodes: Mapping[str, Node]
    form: Form
    value: str
    is_async: bool
    step: str

    @abstractmethod
    def add(self, line: str) -> None:
        """Write a line of the present step."""

    @abstractmethod
    def follow(self, head: str) -> None:
        """Write the steps from `head` to the next fork, join or end."""

    @abstractmethod
    def _try(self, node: Node, line: str) -> None: ...

    @abstractmethod
    def _answer(self, node: Node) -> None: ...

    @abstractmethod
    def _fork(self, children: Sequence[str]) -> None: ...

    @abstractmethod
    def _end(self, value: str) -> None: ...

    def _stream(self, node: Node, values: str) -> bool:
        """A generator: its values pass the following steps one by one, until one gathers them."""
        whole = self.form.whole
        item = self.value
        form = "async" if self.is_async else "sync"
        wait = "await " if self.is_async else ""
        gatherer = self._gatherer(node)
        if gatherer:
            tail = "None"
            first = node.children[0]
            if first != gatherer:
                tail = self._tail(first, gatherer)
            self._try(node, f"body = {wait}gather_{form}({values}, {tail}, {item}, {whole})")
            self.step = gatherer
            after = self.nodes[gatherer]
            collected = self.writer.bind("collected", after.bound.made.collected)
            self.add(f"body = {collected}(body)")
            if after.answers:
                self._answer(after)
            elif len(after.children) == 1 and after.children[0] not in self.writer.joins:
                self.follow(after.children[0])  # writes no `until`: streams do not nest
            else:
                self._fork(after.children)
            return False
        tail = "None"
        if node.children and not node.answers:
            tail = self._tail(node.children[0], "")
        if tail == "None" or self._answered_below(node):
            self.add(f"body = stream_{form}({values}, {tail}, {item}, {whole})")
            self._end(item)
        else:
            self.add(f"{wait}gather_{form}({values}, {tail}, {item}, {whole})")
            self.add("return DROP")
        return False

    def _tail(self, head: str, until: str) -> str:
        block = self.writer.want(head, until)
        way = f"Way({block}, {self.writer.coloured.get(head, False)})"
        if self.writer.loops:  # an error handler of these steps may lead into a loop
            way = f"settling({way})"
        return way if self.is_async else f"{way}.block" if self.writer.loops else block

    def _gatherer(self, node: Node) -> str:
        """The step down a plain row that takes the whole stream as a list."""
        while len(node.children) == 1 and not node.answers:
            name = node.children[0]
            node = self.nodes[name]
            if node.bound.gathers:
                return name
        return ""

    def _answered_below(self, node: Node) -> bool:
        stack, seen = list(node.children), set()
        while stack:
            name = stack.pop()
            if name in seen:
                continue
            seen.add(name)
            if self.nodes[name].answers:
                return True
            stack += self.nodes[name].children
        return False
