"""Where an event goes whose step names the steps that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.engine.failures import raise_failed
from mlrun_like.serving.engine.passing import Way, fan_async, fan_sync
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.rounds import keep_rounds

if TYPE_CHECKING:
    from mlrun_like.serving.engine.codegen import Node

__all__ = ["chooser", "emitted", "outlets"]


def outlets(step: str, children: Sequence[str]) -> dict[str, list[str]]:
    """The names by which a choice may call the steps after it.

    Steps of a nested flow are named `flow/step`: the flow's name stands for its first steps, and
    inside the flow, `step` is enough.

    >>> names = outlets("in/choice", ["in/a", "in/deep/b"])
    >>> names["a"], names["deep"]
    (['in/a'], ['in/deep/b'])
    """
    found: dict[str, list[str]] = {}
    own = step.rpartition("/")[0]
    inside = {
        child: child[len(own) + 1 :] if own and child.startswith(f"{own}/") else child
        for child in children
    }
    found |= {child.rpartition("/")[2]: [child] for child in children}
    flows: dict[str, list[str]] = {}
    for child, name in inside.items():
        *parts, _ = name.split("/")
        for depth in range(1, len(parts) + 1):
            flows.setdefault("/".join(parts[:depth]), []).append(child)
    found |= flows
    found |= {name: [child] for child, name in inside.items()}
    found |= {child: [child] for child in children}
    return found


def chooser(
    step: str, ways: Mapping[str, list[Way]], by_default: list[Way]
) -> Callable[[Any], list[Way]]:
    """Turns what a choice answers (a name or several; None: the default) into the ways to go."""

    def choose(names: Any) -> list[Way]:
        try:
            if names is None:
                return by_default
            if isinstance(names, str):
                return ways[names]
            return [way for name in names or () for way in ways[name]]
        except (KeyError, TypeError) as exc:
            wrong = exc.args[0] if isinstance(exc, KeyError) else names
            raise GraphError(
                f"the choice {step!r} named {names!r:.120}.{nearest(str(wrong), ways)}",
                fix=f"answer one or several of the steps after it: {', '.join(ways)}",
            ) from exc

    return choose


def emitted(
    nodes: Mapping[str, Node], name: str, blocks: Mapping[str, Way], is_async: bool
) -> list[Way]:
    """The ways of the events that a step emits of itself: by the clock, or at the end.

    Args:
        nodes: The steps among their neighbours.
        name: The step.
        blocks: The ways to the steps of one program.
        is_async: Whether that is for an event loop.
    """
    node = nodes[name]
    everywhere = [blocks[child] for child in node.children]
    if not everywhere or (node.bound.selects is None and not node.most):
        return everywhere
    ways = {nodes[child].said or child: blocks[child] for child in node.children}
    table = {key: [ways[each] for each in found] for key, found in outlets(name, [*ways]).items()}
    choose = chooser(name, table, everywhere)

    def chosen(event: Event) -> list[Way]:
        if node.most:
            keep_rounds(event, {})
        try:
            return choose(node.bound.selects and node.bound.selects(event.body))
        except Exception as exc:  # noqa: BLE001  no line of generated code tells the step here
            raise_failed(name, event, exc)

    def go(event: Event) -> Any:
        found = chosen(event)
        return fan_sync(found, event, True) if found else DROP

    async def go_async(event: Event) -> Any:
        found = chosen(event)
        return await fan_async(found, event, True) if found else DROP

    return [Way(go_async if is_async else go, is_async)]
