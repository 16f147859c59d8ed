"""The lines of one block: a row of steps that an event takes without a fork."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.serving.engine.passing import Way, chooser, outlets

if TYPE_CHECKING:
    from mlrun_like.serving.engine.codegen import Node, Writer

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
        while name != self.until:
            self.step = name
            node = self.nodes[name]
            if not self._call(node):
                return
            if node.answers:
                self._answer(node)
                return
            if len(node.children) != 1 or (
                node.children[0] in self.writer.joins and node.children[0] != self.until
            ):
                self._fork(node.children)
                return
            name = node.children[0]
        self._end(self.value)

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
        if bound.streams:  # the call only makes the generator
            return self._stream(node, f"{name}({argument})")
        expression = f"{wait}{name}({argument})"
        if bound.kind == "choice":
            expression = f"{self._chooser(node)}({expression})"
        targets = {"map": "body", "maybe": "body", "filter": "kept", "choice": "ways"}
        target = "event" if bound.whole and bound.kind in ("map", "maybe") else ""
        target = target or targets.get(bound.kind, "found")
        self._try(node, f"{target} = {expression}")
        return self._after_call(node, target)

    def _try(self, node: Node, line: str) -> None:
        """Write a line that may fail, and where the event goes then."""
        if not node.on_error:
            self.add(line)
            return
        self.add("try:")
        self.add(f"    {line}")
        self.add("except Exception as error:")
        handler = self.writer.want(node.on_error, self.until)
        marked = f"fail(event, body, {node.bound.name!r}, error)"
        back = "await " if self.writer.coloured.get(node.on_error) else ""
        self.add(f"    return {back}{handler}({marked})")

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
            self.add(f"return {self._onward(children[0], value)}")
            return
        self.add(f"return {self._fan(self._ways(children), value)}")

    def _fan(self, ways: str, value: str) -> str:
        form = "await fan_async" if self.is_async else "fan_sync"
        return f"{form}({ways}, {value}, {self.form.whole})"

    def _onward(self, child: str, value: str) -> str:
        block = self.writer.want(child, self.until)
        return f"{'await ' if self.writer.coloured.get(child) else ''}{block}({value})"

    def _key(self, child: str) -> Any:
        """What the block of a following step is known by."""
        self.writer.want(child, self.until)
        return (child, self.until) if self.until else child

    def _ways(self, children: Sequence[str]) -> str:
        """A name for the list of ways to these steps, filled once all blocks exist."""
        keys = [self._key(child) for child in children]
        ways: list[Way] = []
        name = self.writer.bind("ways", ways)
        self.writer.late.append(lambda blocks: ways.extend(blocks[key] for key in keys))
        return name

    def _chooser(self, node: Node) -> str:
        """A name for what turns the answer of a choice into ways."""
        keys = {child: self._key(child) for child in node.children}
        table: dict[str, list[Way]] = {}

        def fill(blocks: Mapping[Any, Way]) -> None:
            for name, children in outlets(node.bound.name, node.children).items():
                table[name] = [blocks[keys[child]] for child in children]

        self.writer.late.append(fill)
        return self.writer.bind("choose", chooser(node.bound.name, table))

    def _choose(self, node: Node) -> None:
        value = self.value
        if self.form.whole:
            self.add("event.body = body")
        if node.answers:
            if node.children:
                self.add("if ways: spawn(ways, event.branch())")
            self.add(f"return {value}")
            return
        self.add("if len(ways) == 1:")
        self.add("    way = ways[0]")
        if self.is_async:
            self.add(f"    found = way.block({value})")
            self.add("    return await found if way.is_async else found")
        else:
            self.add(f"    return way.block({value})")
        self.add(f"return {self._fan('ways', value)} if ways else DROP")

    def _many(self, node: Node) -> None:
        """Each event goes on, all before an error is raised; the first answer is the answer."""
        streamed = node.bound.name in self.writer.streamed  # there every answer counts
        if not node.children:
            first = "answer_of([*found])" if streamed else "found[0] if found else DROP"
            self.add(f"return {first}" if node.answers else "return DROP")
            return
        if node.answers:
            self.add("answers = [each.branch() for each in found]")
            self.add("for each in found:")
            self.add(f"    spawn({self._ways(node.children)}, each)")
            first = "answer_of(answers)" if streamed else "answers[0] if answers else DROP"
            self.add(f"return {first}")
            return
        ways = node.children
        onward = (
            self._onward(ways[0], "each") if len(ways) == 1 else self._fan(self._ways(ways), "each")
        )
        self.add("answers, errors = [], []")
        self.add("for each in found:")
        self.add("    try:")
        self.add(f"        given = each if each.terminated else {onward}")
        self.add("    except Exception as error:")
        self.add("        errors.append(error)")
        self.add("    else:")
        self.add("        if given is not DROP: answers.append(given)")
        self.add("if errors: raise first_of(errors)")
        self.add(
            f"return {'answer_of(answers)' if streamed else 'answers[0] if answers else DROP'}"
        )

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
