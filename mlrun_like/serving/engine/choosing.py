"""Where an event goes whose step names the steps that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.engine.passing import Way

__all__ = ["chooser", "outlets"]


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
