"""Room on the stack for graphs with many forks one after the other."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from mlrun_like.serving.engine.codegen import Node

__all__ = ["make_room"]

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
    if needed > sys.getrecursionlimit():
        sys.setrecursionlimit(needed)
