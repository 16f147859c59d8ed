"""Order and cycles of a directed graph of names (pipelines and serving use the same code)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["find_cycle", "topological_order"]


def topological_order(parents: Mapping[str, Iterable[str]]) -> list[str]:
    """Every name after all its parents; ties keep the order of the mapping.

    >>> topological_order({"b": ["a"], "a": [], "c": ["a", "b"]})
    ['a', 'b', 'c']

    Raises:
        ValueError: if there is a cycle or a parent that is not a key.
    """
    waiting = {name: set(above) for name, above in parents.items()}
    for name, above in waiting.items():
        missing = sorted(parent for parent in above if parent not in waiting)
        if missing:
            raise ValueError(f"{name!r} depends on unknown {missing[0]!r}")
    children: dict[str, list[str]] = {name: [] for name in waiting}
    for name, above in waiting.items():
        for parent in above:
            children[parent].append(name)
    order: list[str] = []
    ready = [name for name, above in waiting.items() if not above]
    for name in ready:
        order.append(name)
        for child in children[name]:  # in the order of the mapping
            waiting[child].discard(name)
            if not waiting[child]:
                ready.append(child)
    if len(order) < len(waiting):
        cycle = find_cycle(parents)
        raise ValueError("cycle: " + " -> ".join(cycle))
    return order


def find_cycle(parents: Mapping[str, Iterable[str]]) -> list[str]:
    """One cycle as `[a, ..., a]` in the direction of flow, or an empty list.

    >>> find_cycle({"a": ["b"], "b": ["a"]})
    ['a', 'b', 'a']
    """
    done: set[str] = set()
    for start in parents:
        path: list[str] = []
        seen: set[str] = set()
        stack: list[tuple[str, bool]] = [(start, True)]
        while stack:
            name, entering = stack.pop()
            if not entering:
                path.pop()
                seen.discard(name)
                done.add(name)
                continue
            if name in seen:
                return [*path[path.index(name) :], name][::-1]
            if name in done:
                continue
            path.append(name)
            seen.add(name)
            stack.append((name, False))
            stack.extend((parent, True) for parent in parents.get(name, ()))
    return []
