"""What waits for what: static needs of the nodes of a plan, and the count of what is not there yet.

A node inside loops has many instances; an instance is named by the node and the round of each loop
around it, outermost first: `("train", (3, 0))`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Node, Step
from mlrun_like.pipelines.plan import Place, Plan
from mlrun_like.pipelines.refs import CollectRef, OneOfRef, OutputRef
from mlrun_like.pipelines.values import Ref, refs_in

__all__ = ["Index", "Instance", "Needs", "Waiting", "body_of", "gate_of", "shown_path"]

Index = tuple[int, ...]


class Instance(NamedTuple):
    """One time that a node is run or decided."""

    name: str
    round: Index


def shown_path(name: str, index: Index) -> str:
    """How an instance is called: `train`, `train[3]`, `train[3,0]`."""
    return f"{name}[{','.join(map(str, index))}]" if index else name


class Needs:
    """The nodes that each node of a plan waits for, with how many of its loops they share."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[str, tuple[tuple[str, int], ...]] = {}

    def of(self, instance: Instance) -> Iterator[Instance]:
        """The instances that must have ended before this one."""
        known = self._known.get(instance.name)
        if known is None:
            node = instance.name.partition("/")[0]
            known = self._known[instance.name] = tuple(self._find(node))
        for name, depth in known:
            yield Instance(name, instance.round[:depth])

    def _find(self, name: str) -> Iterator[tuple[str, int]]:
        place = self._plan.places[name]
        node = place.node
        found: dict[str, int] = {}
        for ref in _uses(node):
            for other in self._behind(ref, place):
                found[other] = len(self._plan.places[other].loops)
        for other in node.after if isinstance(node, Step) else ():
            outer = self._outermost(other, place)
            found[outer] = len(self._plan.places[outer].loops)
        for above in reversed(place.above):
            if isinstance(above.node, Branch):
                found[gate_of(above.node)] = len(self._plan.places[above.node.name].loops)
                break
            if isinstance(above.node, Loop):
                break  # it has decided before there is an instance
        yield from found.items()

    def _behind(self, ref: Ref, place: Place) -> Iterator[str]:
        if isinstance(ref, OutputRef):
            yield ref.step
        elif isinstance(ref, CollectRef):
            for inner in ref.each.inner():
                for name in self._behind(inner, place):
                    yield self._outermost(name, place)
        elif isinstance(ref, OneOfRef):
            for choice in ref.choices:
                yield from self._behind(choice, place)

    def _outermost(self, name: str, place: Place) -> str:
        """The outermost loop around a node that is not around this place; else the node itself."""
        other = self._plan.places[name]
        return next((loop for loop in other.loops if loop not in place.loops), name)


def _uses(node: Node) -> Iterable[Ref]:
    if isinstance(node, Step):
        return node.references()
    if isinstance(node, Branch):
        return refs_in([arm.condition for arm in node.arms])
    return refs_in(node.items) if isinstance(node, Loop) else ()


class Waiting:
    """Instances that are not ready, and which others make them so.

    `ready` holds those that nothing is missing for, in the order they became so.
    """

    def __init__(self, needs: Needs) -> None:
        self.ready: deque[Instance] = deque()
        self._needs = needs
        self._missing: dict[Instance, int] = {}
        self._after: dict[Instance, list[Instance]] = {}
        self._over: set[Instance] = set()

    def add(self, instance: Instance, extra: Iterable[Instance] = ()) -> None:
        """Let an instance wait for what its node needs, and for these."""
        missing = 0
        for before in {*self._needs.of(instance), *extra}:
            if before not in self._over:
                self._after.setdefault(before, []).append(instance)
                missing += 1
        if missing:
            self._missing[instance] = missing
        else:
            self.ready.append(instance)

    def ended(self, instance: Instance) -> None:
        """Take note that an instance is over, and free those that waited for nothing else."""
        self._over.add(instance)
        for later in self._after.pop(instance, ()):
            left = self._missing[later] - 1
            if left:
                self._missing[later] = left
            else:
                del self._missing[later]
                self.ready.append(later)

    def forget(self, instance: Instance) -> None:
        """Drop what is known of an instance that nobody can ask for any more."""
        self._over.discard(instance)

    def __bool__(self) -> bool:
        return bool(self._missing or self.ready)


def gate_of(branch: Branch) -> str:
    """The name under which a branch is decided; under its own it ends, with all its steps."""
    return f"{branch.name}/gate"


def body_of(guard: Guard) -> str:
    """The name under which the body of a guard ends, before its handler runs."""
    return f"{guard.name}/body"
