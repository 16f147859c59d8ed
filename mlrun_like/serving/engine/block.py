"""The lines of one block: a row of steps that an event takes without a fork."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.serving.engine.block_streams import StreamLines
from mlrun_like.serving.engine.choosing import chooser, outlets
from mlrun_like.serving.engine.passing import Way

if TYPE_CHECKING:
    from mlrun_like.serving.engine.codegen import Node, Writer

__all__ = ["Block"]


class Block(StreamLines):
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
        if node.back_to:
            self.add("event.body = body")
            head = self.writer.bind("head", self.writer.head(node.back_to, self.until))
            self.add(f"return Back({head}, event)")
            return False
        if node.is_end:
            return True
        if node.most:
            self._try(node, f"rounds = count_round(event, {bound.name!r}, {node.most:d})")
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
            if node.most:
                self.add("keep_rounds(event, rounds)")
            self.add("if event.terminated: return event")
            self.add("body = event.body")
        if node.bound.selects is None or not node.children:
            return True
        self._try(node, f"ways = {self._selected(node, 'body')}")
        self._choose(node)
        return False

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
        keys = {self.nodes[child].said or child: self._key(child) for child in node.children}
        table: dict[str, list[Way]] = {}
        everywhere: list[Way] = []

        def fill(blocks: Mapping[Any, Way]) -> None:
            everywhere.extend(blocks[key] for key in keys.values())
            for name, children in outlets(node.bound.name, [*keys]).items():
                table[name] = [blocks[keys[child]] for child in children]

        self.writer.late.append(fill)
        by_default = everywhere if node.bound.selects is not None else []
        return self.writer.bind("choose", chooser(node.bound.name, table, by_default))

    def _choose(self, node: Node) -> None:
        value = self.value
        if self.form.whole:
            self.add("event.body = body")
        if node.answers:
            if node.children:
                self.add("if ways: spawn(ways, event.branch())")
            self.add(f"return {value}")
            return
        self._go(value)

    def _go(self, value: str, indent: str = "") -> None:
        """Write where an event goes by `ways`."""
        self.add(f"{indent}if len(ways) == 1:")
        self.add(f"{indent}    way = ways[0]")
        if self.is_async:
            self.add(f"{indent}    found = way.block({value})")
            self.add(f"{indent}    return await found if way.is_async else found")
        else:
            self.add(f"{indent}    return way.block({value})")
        self.add(f"{indent}return {self._fan('ways', value)} if ways else DROP")

    def _selected(self, node: Node, body: str) -> str:
        """What gives the ways of an event after a step that selects them."""
        selects = self.writer.bind("selects", node.bound.selects)
        return f"{self._chooser(node)}({selects}({body}))"

    def _many(self, node: Node) -> None:
        """Each event goes on, all before an error is raised; the first answer is the answer."""
        streamed = node.bound.name in self.writer.streamed  # there every answer counts
        if node.most:
            self.add("for each in found: keep_rounds(each, rounds)")
        if not node.children:
            first = "answer_of([*found])" if streamed else "found[0] if found else DROP"
            self.add(f"return {first}" if node.answers else "return DROP")
            return
        if node.answers:
            self.add("answers = [each.branch() for each in found]")
            self.add("for each in found:")
            if node.bound.selects is not None:
                self.add(f"    ways = {self._selected(node, 'each.body')}")
                self.add("    if ways: spawn(ways, each)")
            else:
                self.add(f"    spawn({self._ways(node.children)}, each)")
            first = "answer_of(answers)" if streamed else "answers[0] if answers else DROP"
            self.add(f"return {first}")
            return
        children = node.children
        onward = (
            self._onward(children[0], "each")
            if len(children) == 1
            else self._fan(self._ways(children), "each")
        )
        if node.bound.selects is not None:
            self.add("if len(found) == 1 and not found[0].terminated:")
            self.add("    event = found[0]")
            self.add(f"    ways = {self._selected(node, 'event.body')}")
            self._go("event", "    ")
            onward = f"({self._fan('ways', 'each')} if ways else DROP)"
        elif self.writer.loops:
            self.add("if len(found) == 1 and not found[0].terminated:")
            self.add("    each = found[0]")
            self.add(f"    return {onward}")
        if self.writer.loops:
            onward = f"{'await again_async' if self.is_async else 'again_sync'}({onward})"
        self.add("answers, errors = [], []")
        self.add("for each in found:")
        self.add("    try:")
        if node.bound.selects is not None:
            self.add(f"        ways = {self._selected(node, 'each.body')}")
        self.add(f"        given = each if each.terminated else {onward}")
        self.add("    except Exception as error:")
        self.add("        errors.append(error)")
        self.add("    else:")
        self.add("        if given is not DROP: answers.append(given)")
        self.add("if errors: raise first_of(errors)")
        self.add(
            f"return {'answer_of(answers)' if streamed else 'answers[0] if answers else DROP'}"
        )
