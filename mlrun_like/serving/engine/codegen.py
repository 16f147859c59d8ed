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

from mlrun_like.serving.engine.binding import BoundStep
from mlrun_like.serving.engine.block import Block
from mlrun_like.serving.engine.loops import Head, looping, rounds, settling
from mlrun_like.serving.engine.passing import (
    Way,
    answer_of,
    fan_async,
    fan_sync,
    first_of,
    gather_async,
    gather_sync,
    in_time,
    stream_async,
    stream_sync,
    telling_async,
    telling_sync,
)
from mlrun_like.serving.event import DROP
from mlrun_like.serving.rounds import count_round

__all__ = ["Form", "Node", "Program", "Writer", "generate"]


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
    most: int = 0
    """How often an event may come here, where it can come again; 0: it cannot."""
    is_head: bool = False
    """Whether ways lead back here."""
    back_to: str = ""
    """Of a way back: the step that it leads to."""
    is_end: bool = False
    """Whether nothing is called: the answer, as a step of its own."""
    said: str = ""
    """What choices call it; empty: by its name."""


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
        tells_broken: A stream that breaks is gathered as its error, as with MLRun.
    """

    is_async: bool
    whole: bool
    timed: bool = False
    observe: Callable[[BoundStep, Any, bool], Any] | None = None
    fail: Callable[..., Any] | None = None
    spawn: Callable[..., Any] | None = None
    tells_broken: bool = False


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


class _Source:
    """Shows generated lines in tracebacks: `linecache` asks a module's loader for its source."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        """The text of the module."""
        return self._source


def generate(nodes: Mapping[str, Node], heads: Sequence[str], form: Form, filename: str) -> Program:
    """Write and compile the blocks that start at `heads` and everything they lead to."""
    writer = Writer(nodes, form)
    for head in heads:
        writer.want(head)
    writer.finish()
    program = Program("\n".join(writer.lines) + "\n", writer.steps, filename=filename)
    names: dict[str, Any] = dict(writer.names)
    names |= {"__name__": filename, "__loader__": _Source(program.source)}
    exec(compile(program.source, filename, "exec"), names)  # our own text: no user data but names
    for key, first in writer.heads.items():
        function, is_async = writer.function_of[key], writer.colours[key]
        names[function] = rounds(first, names[function], is_async)
        first.way = Way(names[function], is_async)
    ways = {key: Way(names[writer.function_of[key]], a) for key, a in writer.colours.items()}
    for late in writer.late:
        late(ways)
    seen = {key: settling(way) for key, way in ways.items()} if writer.loops else ways
    program.blocks = {key: way for key, way in seen.items() if isinstance(key, str)}
    return program


class Writer:
    """Collects the blocks of a program, and the names that they use.

    Args:
        nodes: The steps among their neighbours.
        form: Which code is wanted.
    """

    def __init__(self, nodes: Mapping[str, Node], form: Form) -> None:
        self.nodes = nodes
        self.form = form
        self.value = "event" if form.whole else "body"
        self.lines: list[str] = []
        self.steps: list[str] = []
        self.names: dict[str, Any] = {"DROP": DROP, "in_time": in_time, "fail": form.fail}
        self.names |= {"spawn": form.spawn, "stream_sync": stream_sync, "fan_sync": fan_sync}
        self.names |= {"stream_async": stream_async, "fan_async": fan_async}
        ours, older = (gather_sync, gather_async), (telling_sync, telling_async)
        gathers = older if form.tells_broken else ours
        self.names |= {"gather_sync": gathers[0], "gather_async": gathers[1], "Way": Way}
        self.names |= {"first_of": first_of, "answer_of": answer_of}
        self.loops = any(node.back_to for node in nodes.values())
        if self.loops:
            self.names = looping(self.names)
        self.names["count_round"] = count_round
        self.heads: dict[Any, Head] = {}
        self.function_of: dict[Any, str] = {}
        self.colours: dict[Any, bool] = {}
        self.late: list[Callable[[Mapping[Any, Way]], None]] = []
        self._wanted: list[tuple[Any, str, str]] = []
        self.coloured = self._colour() if form.is_async else {}
        parents: dict[str, int] = {}
        for node in nodes.values():
            for child in node.children:
                parents[child] = parents.get(child, 0) + 1
        self.joins = {name for name, count in parents.items() if count > 1}
        self.joins |= {name for name, node in nodes.items() if node.is_head}
        self.streamed = self._streamed()

    # Which blocks must be coroutines ---------------------------------------------------------

    def _colour(self) -> dict[str, bool]:
        """Whether anything from a step on is `async`; a way back is what it leads to."""
        back: set[str] = set()
        while True:
            found = self._colour_with(back)
            more = {name for name, node in self.nodes.items() if found.get(node.back_to)}
            if more == back:
                return found
            back = more

    def _colour_with(self, back: set[str]) -> dict[str, bool]:
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
                own = node.bound.acall is not None or node.bound.streams or name in back
                later = bool(node.answers and node.children)
                found[name] = own or later or any(found[item] for item in below)
                stack.pop()
        return found

    def _streamed(self) -> set[str]:
        """The steps that single values of a stream reach."""
        found: set[str] = set()
        stack = [n for node in self.nodes.values() if node.bound.streams for n in node.children]
        while stack:
            name = stack.pop()
            if name not in found and not self.nodes[name].bound.gathers:
                found.add(name)
                stack += self.nodes[name].children
        return found

    # Blocks ----------------------------------------------------------------------------------

    def want(self, head: str, until: str = "") -> str:
        """The name of the function that starts at a step (and stops before `until`)."""
        key: Any = (head, until) if until else head
        if key not in self.function_of:
            self.function_of[key] = f"block{len(self.function_of)}"
            self._wanted.append((key, head, until))
        return self.function_of[key]

    def head(self, name: str, until: str) -> Head:
        """The step that a way leads back to, as a block of this program."""
        self.want(name, until)
        return self.heads.setdefault((name, until) if until else name, Head())

    def finish(self) -> None:
        """Write the blocks that are wanted, and those that they want."""
        while self._wanted:  # a row, not a recursion: graphs may be deep
            self._write(*self._wanted.pop())

    def _write(self, key: Any, head: str, until: str) -> None:
        is_async = self.coloured.get(head, False)
        self.colours[key] = is_async
        body = Block(self, is_async, until)
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
