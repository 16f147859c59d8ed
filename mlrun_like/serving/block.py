"""The lines of one block: a row of steps that an event takes without a fork."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.serving.passing import Way, chooser

if TYPE_CHECKING:
    from mlrun_like.serving.codegen import Node, Writer

__all__ = ["Block"]


class Block:
    """Writes the lines of one block."""

    def __init__(self, writer: Writer, is_async: bool, until: str) -> None:
        self.writer = writer
        self.nodes = writer.nodes
        self.form = writer.form
        self.value = writer.value
        self.is_async = is_async
        self.until = until
        self.lines: list[tuple[str, str]] = []
        self.step = ""
        if self.form.whole:
            self.add("body = event.body")

    def add(self, line: str) -> None:
        self.lines.append((line, self.step))

    def follow(self, head: str) -> None:
        """Write the steps from `head` to the next fork, join or end."""
        name = head
        while True:
            self.step = name
            node = self.nodes[name]
            if not self._call(node):
                return
            if node.answers:
                self._answer(node)
                return
            if len(node.children) != 1:
                self._fork(node.children)
                return
            name = node.children[0]
            if name == self.until:
                self._end(self.value)
                return
            if name in self.writer.joins:
                self._fork(node.children)
                return

    # One step --------------------------------------------------------------------------------

    def _call(self, node: Node) -> bool:
        """Write the call of a step; False if the block ends with it."""
        bound, form = node.bound, self.form
        use_async = form.is_async and bound.acall is not None
        call: Any = bound.acall if use_async else bound.call
        wait = "await " if use_async else ""
        if form.timed:
            self.add(f"in_time(event, {bound.name!r})")
        whole = bound.whole or bound.kind == "many"
        if form.observe is not None and form.whole:
            call = form.observe(bound, call, use_async)
            argument = "event"
            self.add("event.body = body")
        else:
            argument = "event" if whole else "body"
            if whole:
                self.add("event.body = body")
        name = self.writer.bind("step", call)
        if bound.streams and not use_async:
            wait = ""
        if bound.streams:
            # the call only makes the generator
            return self._stream(node, f"{name}({argument})")
        expression = f"{wait}{name}({argument})"
        targets = {"map": "body", "maybe": "body", "filter": "kept", "choice": "chosen"}
        target = "event" if bound.whole and bound.kind in ("map", "maybe") else ""
        target = target or targets.get(bound.kind, "found")
        if node.on_error:
            self.add("try:")
            self.add(f"    {target} = {expression}")
            self.add("except Exception as error:")
            handler = self.writer.want(node.on_error)
            marked = f"fail(event, body, {bound.name!r}, error)"
            back = "await " if self.writer.coloured.get(node.on_error) else ""
            self.add(f"    return {back}{handler}({marked})")
        else:
            self.add(f"{target} = {expression}")
        return self._after_call(node, target)

    def _after_call(self, node: Node, target: str) -> bool:
        kind = node.bound.kind
        if kind == "filter":
            self.add("if not kept: return DROP")
        elif kind == "choice":
            self._choose(node)
            return False
        elif kind == "many":
            self._many(node)
            return False
        if kind == "maybe":
            self.add(f"if {target} is DROP: return DROP")
        if target == "event":
            self.add("if event.terminated: return event")
            self.add("body = event.body")
        return True

    def _end(self, value: str) -> None:
        if self.form.whole:
            self.add("event.body = body")
        self.add(f"return {value}")

    # Where it goes ---------------------------------------------------------------------------

    def _answer(self, node: Node) -> None:
        if node.children:
            self.add("event.body = body")
            ways = self._ways(node.children)
            self.add(f"spawn({ways}, event.branch())")
        self._end(self.value)

    def _fork(self, children: Sequence[str]) -> None:
        value = self.value
        if not children:
            self.add("return DROP")
            return
        if self.form.whole:
            self.add("event.body = body")
        if len(children) == 1:
            block = self.writer.want(children[0])
            wait = "await " if self.writer.coloured.get(children[0]) else ""
            self.add(f"return {wait}{block}({value})")
            return
        self.add(f"return {self._fan(self._ways(children), value)}")

    def _fan(self, ways: str, value: str) -> str:
        form = "await fan_async" if self.is_async else "fan_sync"
        return f"{form}({ways}, {value}, {self.form.whole})"

    def _ways(self, children: Sequence[str]) -> str:
        """A name for the list of ways to these steps, filled once all blocks exist."""
        for child in children:
            self.writer.want(child)
        ways: list[Way] = []
        name = self.writer.bind("ways", ways)
        self.writer.late.append(lambda blocks: ways.extend(blocks[child] for child in children))
        return name

    def _choose(self, node: Node) -> None:
        for child in node.children:
            self.writer.want(child)
        table: dict[str, Way] = {}

        def fill(blocks: Mapping[str, Way]) -> None:
            table.update({child: blocks[child] for child in node.children})
            # steps of a nested flow are named `flow/step`; a choice inside it says `step`
            table.update({child.rpartition("/")[2]: blocks[child] for child in node.children})

        self.writer.late.append(fill)
        choose = self.writer.bind("choose", chooser(node.bound.name, table))
        value = self.value
        if self.form.whole:
            self.add("event.body = body")
        self.add(f"ways = {choose}(chosen)")
        self.add("if len(ways) == 1:")
        self.add("    way = ways[0]")
        if self.is_async:
            self.add(f"    found = way.block({value})")
            self.add("    return await found if way.is_async else found")
        else:
            self.add(f"    return way.block({value})")
        self.add(f"return {self._fan('ways', value)} if ways else DROP")

    def _many(self, node: Node) -> None:
        if node.answers and not node.children:
            self.add("answer = DROP")
            self.add("for each in found:")
            self.add("    if answer is DROP: answer = each")
            self.add("return answer")
            return
        if not node.children:
            self.add("return DROP")
            return
        self.add("answer = DROP")
        self.add("for each in found:")
        if node.answers:
            self.add("    if answer is DROP: answer = each.branch()")
        if len(node.children) == 1:
            block = self.writer.want(node.children[0])
            wait = "await " if self.writer.coloured.get(node.children[0]) else ""
            self.add(f"    given = {wait}{block}(each)")
        else:
            self.add(f"    given = {self._fan(self._ways(node.children), 'each')}")
        self.add("    if answer is DROP: answer = given")
        self.add("return answer")

    # Streams ---------------------------------------------------------------------------------

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
            self.add(f"body = {wait}gather_{form}({values}, {tail}, {item}, {whole})")
            self.step = gatherer
            after = self.nodes[gatherer]
            if after.answers:
                self._answer(after)
            elif len(after.children) == 1 and after.children[0] not in self.writer.joins:
                self.follow(after.children[0])
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
        if not self.is_async:
            return block
        return f"Way({block}, {self.writer.coloured.get(head, False)})"

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
