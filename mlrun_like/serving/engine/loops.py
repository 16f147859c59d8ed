"""Ways back: an event that goes to an earlier step of its graph once more.

The code of a later step does not call that of the earlier one, which would deepen the stack with
each round: it gives a `Back` up to the block of the earlier step, which begins anew with the event.
Where that block is not around (after an error handler of the graph, or the answer), and where
several branches of a fork lead back, the `Back` is followed on the spot.

To everything that reads nodes, a graph stays without cycles: a way back is a node of its own, which
nothing follows.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlrun_like.serving.engine.binding import BoundStep
from mlrun_like.serving.engine.passing import Way, fan_async, fan_sync
from mlrun_like.serving.event import DROP
from mlrun_like.serving.rounds import keep_rounds

if TYPE_CHECKING:
    from mlrun_like.serving.engine.codegen import Node

__all__ = [
    "Back",
    "Head",
    "again_async",
    "again_sync",
    "fan_round_async",
    "fan_round_sync",
    "followers",
    "inside_loops",
    "looping",
    "rescued_again",
    "rounds",
    "settling",
    "with_ways_back",
]

_COMPLETE = "Complete"
"""What MLRun calls the answer among the steps that a responder in a loop chooses of."""


class Head:
    """The step that a way leads back to, as a block of one program."""

    way: Way


class Back(NamedTuple):
    """What a block gives instead of an answer: the event goes on at an earlier step."""

    head: Head
    event: Any


# Nodes -----------------------------------------------------------------------------------------


def with_ways_back(
    nodes: Mapping[str, Node],
    back: Collection[tuple[str, str]],
    limits: Mapping[str, int],
    on_error: str = "",
    everywhere: bool = True,
) -> dict[str, Node]:
    """The nodes with each way back as a node of its own.

    Args:
        nodes: The steps; those that ways lead back to are among their children.
        back: The ways back: from and to.
        limits: How often an event may come to each step.
        on_error: The step that receives events failing anywhere, or an empty string.
        everywhere: Whether the graph itself allows ways back, not only flows that were put in.
    """
    found: dict[str, Node] = {}
    ways = followers(nodes)
    handlers = {node.on_error for node in nodes.values()} | {on_error}
    if on_error in nodes:  # its own errors and those of other handlers are not handled
        ways = {k: below if k in handlers else [*below, on_error] for k, below in ways.items()}
    inside = inside_loops(ways, back)
    heads = {head for _, head in back}
    flows = {head.rpartition("/")[0] for head in heads}
    for name, node in nodes.items():
        children = list(node.children)
        answers = node.answers
        for at, child in enumerate(children):
            if (name, child) in back:
                children[at] = leaf = f"{child}\0back from {name}"
                found[leaf] = _leaf(node, name, back_to=child, said=child)
        chooses = answers and node.children and _chooses(node.bound) and _COMPLETE not in children
        if chooses and (everywhere or name in inside or name.rpartition("/")[0] in flows):
            # MLRun's: where ways back are allowed, such a step answers when it chooses to
            leaf = f"{_COMPLETE}\0of {name}"
            found[leaf] = _leaf(node, name, answers=True, is_end=True, said=_COMPLETE)
            children.append(leaf)
            answers = False
        found[name] = dataclasses.replace(
            node,
            children=tuple(children),
            answers=answers,
            most=limits[name] if name in inside else 0,
            is_head=name in heads,
        )
    return found


def followers(nodes: Mapping[str, Node]) -> dict[str, list[str]]:
    """Where events may go from each step, by failing, too."""
    return {
        name: [*node.children, *([node.on_error] if node.on_error else [])]
        for name, node in nodes.items()
    }


def rescued_again(nodes: Mapping[str, Node], starts: Iterable[str], on_error: str) -> set[str]:
    """The steps that the graph's error handler leads back to, or before: all but its own branch.

    They may fail again after it, and it receives them again, as often as events may come to it.
    """
    if on_error not in nodes or not nodes[on_error].most:
        return set()
    ways = followers(nodes)
    return {name for start in starts for name in _reached(ways, start)}


def inside_loops(
    children: Mapping[str, Sequence[str]], back: Collection[tuple[str, str]]
) -> set[str]:
    """The steps that an event can come to again.

    >>> inside_loops({"a": ["b"], "b": ["c", "a"], "c": []}, [("b", "a")]) == {"a", "b"}
    True
    """
    upward: dict[str, list[str]] = {name: [] for name in children}
    for name, below in children.items():
        for child in below:
            upward[child].append(name)
    found: set[str] = set()
    for last, head in back:
        found |= _reached(children, head) & _reached(upward, last)
    return found


def _reached(ways: Mapping[str, Iterable[str]], start: str) -> set[str]:
    found: set[str] = set()
    stack = [start]
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack += ways.get(name, ())
    return found


def _chooses(bound: BoundStep) -> bool:
    return bound.kind == "choice" or bound.selects is not None


def _leaf(node: Node, name: str, **values: Any) -> Node:
    """A node that calls nothing; errors there are those of the step before it."""
    bound = BoundStep(name, "map", _same, None, False, False, False, None)
    return dataclasses.replace(
        node, **{"bound": bound, "children": (), "on_error": "", "answers": False, **values}
    )


def _same(body: Any) -> Any:
    return body


# What programs call ----------------------------------------------------------------------------


def looping(program_names: Mapping[str, Any]) -> dict[str, Any]:
    """The names of a program whose graph has ways back: what forks call follows them."""
    found = dict(program_names)
    found |= {"fan_sync": fan_round_sync, "fan_async": fan_round_async, "Back": Back}
    spawn = found["spawn"]
    if spawn is not None:
        found["spawn"] = lambda ways, event: spawn([settling(way) for way in ways], event)
    found |= {"settling": settling, "keep_rounds": keep_rounds}
    return found | {"again_sync": again_sync, "again_async": again_async}


def rounds(head: Head, block: Callable[[Any], Any], is_async: bool) -> Callable[[Any], Any]:
    """The block of a step that ways lead back to: one round after the other."""

    def run(event: Any) -> Any:
        while True:
            found = block(event)
            if found.__class__ is not Back or found.head is not head:
                return found
            event = found.event

    async def run_async(event: Any) -> Any:
        while True:
            found = await block(event)
            if found.__class__ is not Back or found.head is not head:
                return found
            event = found.event

    return run_async if is_async else run


def again_sync(found: Any) -> Any:
    """An answer; a way back is followed until there is one."""
    while found.__class__ is Back:
        found = found.head.way.block(found.event)
    return found


async def again_async(found: Any) -> Any:
    """The same for an event loop."""
    while found.__class__ is Back:
        way, event = found.head.way, found.event
        found = way.block(event)
        if way.is_async:
            found = await found
    return found


def settling(way: Way) -> Way:
    """The same way for a caller that knows nothing of ways back."""
    block = way.block

    def settled(event: Any) -> Any:
        return again_sync(block(event))

    async def settled_async(event: Any) -> Any:
        return await again_async(await block(event))

    return Way(settled_async, True) if way.is_async else Way(settled, False)


def fan_round_sync(ways: Sequence[Way], event: Any, whole: bool) -> Any:
    """`fan_sync`, of whose branches some may lead back; the only one goes on in the caller."""
    found: dict[int, Any] = {}
    fan = [_noting(number, way, found) for number, way in enumerate(ways)]
    try:
        fan_sync(fan, event, whole)
    except Exception:
        for each in found.values():  # all branches are gone before an error is raised
            with contextlib.suppress(Exception):
                again_sync(each)
        raise
    for number in sorted(found):
        if _is_all(found, number):
            return found[number]
        found[number] = again_sync(found[number])
    return _first(found)


async def fan_round_async(ways: Sequence[Way], event: Any, whole: bool) -> Any:
    """The same for an event loop."""
    found: dict[int, Any] = {}
    fan = [_noting(number, way, found) for number, way in enumerate(ways)]
    try:
        await fan_async(fan, event, whole)
    except Exception:
        for each in found.values():
            with contextlib.suppress(Exception):
                await again_async(each)
        raise
    for number in sorted(found):
        if _is_all(found, number):
            return found[number]
        found[number] = await again_async(found[number])
    return _first(found)


def _is_all(found: Mapping[int, Any], number: int) -> bool:
    """Whether nothing but one way back is left of a fork."""
    others = (each for at, each in found.items() if at != number)
    return found[number].__class__ is Back and all(each is DROP for each in others)


def _first(found: Mapping[int, Any]) -> Any:
    return next((found[at] for at in sorted(found) if found[at] is not DROP), DROP)


def _noting(number: int, way: Way, found: dict[int, Any]) -> Way:
    """The same way; what it gives is noted."""
    block = way.block

    def noted(event: Any) -> Any:
        found[number] = answer = block(event)
        return answer

    async def noted_async(event: Any) -> Any:
        found[number] = answer = await block(event)
        return answer

    return Way(noted_async, True) if way.is_async else Way(noted, False)
