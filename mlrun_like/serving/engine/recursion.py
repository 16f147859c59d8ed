"""Room on the stack for graphs with many forks one after the other."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from mlrun_like.serving.engine.codegen import Node

__all__ = ["make_room"]

_MOST_ROOM = 10_000
_FRAMES = 4  # at a fork: the block, the fan, the branch, the block where branches meet


def make_room(nodes: Mapping[str, Node]) -> None:
    """Allow for the calls inside of calls of a graph with many forks, one after the other."""
    depths: dict[str, int] = {}
    for name in reversed(list(nodes)):  # followers come first
        node = nodes[name]
        below = max((depths.get(child, 0) for child in node.children), default=0)
        plain = len(node.children) < 2 and node.bound.kind not in ("many", "choice")
        depths[name] = below + (0 if plain else _FRAMES)
    needed = 500 + max(depths.values(), default=0)
    rounds = max((node.most for node in nodes.values()), default=0)
    forks = sum(1 for node in nodes.values() if node.most and depths[node.bound.name])
    # where several branches lead back, all but one are followed within the fork
    needed += min(rounds * forks * 2 * _FRAMES, _MOST_ROOM)
    if needed > sys.getrecursionlimit():
        sys.setrecursionlimit(needed)
