"""Straight-line Python for the blocks of a graph.

A block is a row of steps that one event takes without a fork: it becomes one function with one
line per step, so that nothing is looked up per event and a call costs a call. Two forms exist. In
the *body* form, blocks take and give bodies, and no Event is ever made; it serves graphs of plain
steps. Every other graph has the *event* form. The line number of an exception tells the step, so
that attributing errors costs nothing either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.serving.binding import BoundStep
from mlrun_like.serving.event import DROP
from mlrun_like.serving.passing import (
    Way,
    chooser,
    fan_async,
    fan_sync,
    gather_async,
    gather_sync,
    in_time,
    stream_async,
    stream_sync,
)

__all__ = ["Node", "Program", "generate"]


@dataclass(frozen=True)
class Node:
    """A step among its neighbours.

    Args:
        bound: Its callables.
        children: The steps that follow.
        on_error: The step that receives failing events.
        answers: Whether its result is the answer.
    """

    bound: BoundStep
    children: tuple[str, ...]
    on_error: str = ""
    answers: bool = False


@dataclass(frozen=True)
class Form:
    """Which code is wanted.

    Args:
        is_async: For an event loop.
        whole: Blocks take events instead of bodies.
        timed: The event's deadline is looked at before each step.
        observe: Wraps the call of a step for observers.
        fail: Marks an event with the error of a step.
        spawn: Runs the steps after the answer in the background.
    """

    is_async: bool
    whole: bool
    timed: bool = False
    observe: Callable[[BoundStep, Any, bool], Any] | None = None
    fail: Callable[..., Any] | None = None
    spawn: Callable[..., Any] | None = None


@dataclass
class Program:
    """Generated code.

    Args:
        source: The text.
        steps: The step of each line, from line 1.
        blocks: The function of each block, by its first step.
        is_async: Whether each of them is a coroutine function.
        filename: The name that tracebacks show.
        is_async: Whether the way in is a coroutine function.
    """

    source: str
    steps: list[str]
    blocks: dict[str, Way] = field(default_factory=dict)
    filename: str = ""
    is_async: bool = False


def generate(nodes: Mapping[str, Node], heads: Sequence[str], form: Form, filename: str) -> Program:
    """Write and compile the blocks that start at `heads` and everything they lead to."""
    writer = _Writer(nodes, form)
    for head in heads:
        writer.want(head)
    writer.finish()
    program = Program("\n".join(writer.lines) + "\n", writer.steps, filename=filename)
    names: dict[str, Any] = dict(writer.names)
    exec(compile(program.source, filename, "exec"), names)  # our own text: no user data but names
    for key, is_async in writer.colours.items():
        if isinstance(key, str):
            program.blocks[key] = Way(names[writer.function_of[key]], is_async)
    for late in writer.late:
        late(program.blocks)
    return program


class _Writer:
    def __init__(self, nodes: Mapping[str, Node], form: Form) -> None:
        self.nodes = nodes
        self.form = form
        self.value = "event" if form.whole else "body"
        self.lines: list[str] = []
        self.steps: list[str] = []
        self.names: dict[str, Any] = {"DROP": DROP, "in_time": in_time, "fail": form.fail}
        self.names |= {"spawn": form.spawn, "stream_sync": stream_sync, "fan_sync": fan_sync}
        self.names |= {"stream_async": stream_async, "fan_async": fan_async}
        self.names |= {"gather_sync": gather_sync, "gather_async": gather_async, "Way": Way}
        self.function_of: dict[Any, str] = {}
        self.colours: dict[Any, bool] = {}
        self.late: list[Callable[[Mapping[str, Way]], None]] = []
        self._wanted: list[tuple[Any, str, str]] = []
        self.coloured = self._colour() if form.is_async else {}
        parents: dict[str, int] = {}
        for node in nodes.values():
            for child in node.children:
                parents[child] = parents.get(child, 0) + 1
        self.joins = {name for name, count in parents.items() if count > 1}

    # Which blocks must be coroutines ---------------------------------------------------------

    def _colour(self) -> dict[str, bool]:
        """Whether anything from a step on is `async`."""
        found: dict[str, bool] = {}
        for start in self.nodes:
            stack = [start]
            while stack:
                name = stack[-1]
                node = self.nodes[name]
                below = [*node.children, *([node.on_error] if node.on_error else [])]
                missing = [item for item in below if item not in found]
                if missing and name not in found:
                    found.setdefault(name, False)
                    stack += missing
                    continue
                own = node.bound.acall is not None or node.bound.streams
                later = bool(node.answers and node.children)
                found[name] = own or later or any(found[item] for item in below)
                stack.pop()
        return found

    # Blocks ----------------------------------------------------------------------------------

    def want(self, head: str, until: str = "") -> str:
        """The name of the function that starts at a step (and stops before `until`)."""
        key: Any = (head, until) if until else head
        if key not in self.function_of:
            self.function_of[key] = f"block{len(self.function_of)}"
            self._wanted.append((key, head, until))
        return self.function_of[key]

    def finish(self) -> None:
        """Write the blocks that are wanted, and those that they want."""
        while self._wanted:  # a row, not a recursion: graphs may be deep
            self._write(*self._wanted.pop())

    def _write(self, key: Any, head: str, until: str) -> None:
        is_async = self.coloured.get(head, False)
        self.colours[key] = is_async
        body = _Block(self, is_async, until)
        body.follow(head)
        start = f"{'async ' if is_async else ''}def {self.function_of[key]}({self.value}):"
        self._emit(start, head)
        for line, step in body.lines:
            self._emit("    " + line, step)

    def _emit(self, line: str, step: str) -> None:
        self.lines.append(line)
        self.steps.append(step)

    def bind(self, prefix: str, value: Any) -> str:
        """A name in the generated module for a value."""
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name


class _Block:
    """Writes the lines of one block."""

    def __init__(self, writer: _Writer, is_async: bool, until: str) -> None:
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
