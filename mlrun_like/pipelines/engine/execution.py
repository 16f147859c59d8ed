"""One run of a plan: decides what runs next, and what the end of a step means for the others."""

from __future__ import annotations

import math
import queue
import time
from contextlib import suppress
from typing import Protocol

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.engine.instances import (
    Index,
    Instance,
    Needs,
    Waiting,
    body_of,
    gate_of,
    shown_path,
)
from mlrun_like.pipelines.engine.rounds import Rounds
from mlrun_like.pipelines.engine.threads import Threads
from mlrun_like.pipelines.engine.values import Values
from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Node, Part, Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.run import StepRun

__all__ = ["Execution", "Worker"]

_LOOK = 0.5
_PATIENCE = 20.0
"""Seconds that steps have to end when the pipeline is stopped."""
_AT_KEYBOARD = 5.0
"""The same when somebody waits for it, who pressed Ctrl-C."""


class Worker(Protocol):
    """What makes the run of a step, and is told what happens."""

    def execute(self, step: Step, index: Index, values: Values) -> StepRun:
        """Run a step; called in a thread. What it raises is the step's error."""

    def started(self, path: str, step: Step) -> None:
        """A step begins."""

    def ended(self, path: str, index: Index, run: StepRun) -> None:
        """A step is over, or will not run."""

    def rounds(self, loop: str, count: int) -> None:
        """A loop begins, with so many items."""

    def stop(self) -> None:
        """Ask the steps that run now to end."""


class Execution:
    """See the module.

    Args:
        plan: What to run.
        values: What references stand for.
        worker: Makes the runs of steps.
        workers: Steps at a time.
    """

    def __init__(self, plan: Plan, values: Values, worker: Worker, workers: int) -> None:
        self._plan = plan
        self._values = values
        self._worker = worker
        self._workers = workers
        self._waiting = Waiting(Needs(plan))
        self._left: dict[Instance, int] = {}
        self._rounds = Rounds(max(2 * workers, 8))
        self._running: set[Instance] = set()
        self._guards = _guards(plan)
        self._entered: set[Instance] = set()
        self._results: queue.SimpleQueue[tuple[Instance, StepRun]] = queue.SimpleQueue()
        self.stopping = ""

    def run(self) -> None:
        """Run all steps whose gates are open; a failed step skips only what needs it."""
        pool = Threads(self._workers)
        try:
            self._open(self._plan.body, ())
            self._go_on(pool)
        except BaseException as exc:
            self._stop(pool, _AT_KEYBOARD if isinstance(exc, KeyboardInterrupt) else _PATIENCE)
            raise
        pool.shutdown()

    def _go_on(self, pool: Threads, deadline: float = math.inf) -> None:
        while time.monotonic() < deadline:
            while self._waiting.ready and len(self._running) < self._workers:
                self._begin(self._waiting.ready.popleft(), pool)
            if not self._running:
                return
            with suppress(queue.Empty):  # an abort takes effect between two looks
                instance, result = self._results.get(timeout=_LOOK)
                self._running.discard(instance)
                self._finish(instance, result)

    def _stop(self, pool: Threads, patience: float) -> None:
        """Somebody stops the pipeline: end what runs, begin nothing more but exit handlers."""
        self.stopping = "the pipeline was stopped"
        self._worker.stop()
        self._go_on(pool, time.monotonic() + patience)
        pool.shutdown(wait=False)
        reason = f"it did not end within {patience:g} s when the pipeline was stopped"
        for instance in list(self._running):
            self._entered.clear()
            self._running.discard(instance)
            self._finish(instance, StepRun("aborted", reason=reason))
        while self._waiting.ready:
            self._begin(self._waiting.ready.popleft(), pool)

    # -- the tree: instances are opened from the outside in, and close from the inside out ---------

    def _open(self, body: tuple[Node, ...], index: Index) -> None:
        for node in body:
            self._add(node, index)

    def _add(self, node: Node, index: Index) -> None:
        own = Instance(node.name, index)
        if isinstance(node, (Step, Loop)):
            self._waiting.add(own)
        elif isinstance(node, Branch):
            inside = [child for arm in node.arms for child in arm.body]
            self._left[own] = len(inside) + 1
            self._waiting.add(Instance(gate_of(node), index))
            self._open(tuple(inside), index)
        elif isinstance(node, Guard):
            body = Instance(body_of(node), index)
            self._left[own], self._left[body] = 2, len(node.body)
            self._waiting.add(Instance(node.handler.name, index), extra=[body])
            self._open(node.body, index)
            self._close_if_empty(body)
        else:
            self._left[own] = len(node.body)
            self._open(node.body, index)
            self._close_if_empty(own)

    def _close_if_empty(self, group: Instance) -> None:
        if self._left.get(group) == 0:
            self._close(group)

    def _close(self, instance: Instance) -> None:
        """An instance is over; so may be the groups around it."""
        self._left.pop(instance, None)
        self._entered.discard(instance)
        self._waiting.ended(instance)
        parent = self._parent(instance)
        if parent is None:
            return
        if parent.name in self._plan.places and isinstance(
            self._plan.places[parent.name].node, Loop
        ):
            if self._rounds.child_ended(parent):
                self._round_ended(parent)
            return
        self._left[parent] -= 1
        if not self._left[parent]:
            self._close(parent)

    def _parent(self, instance: Instance) -> Instance | None:
        """The group around an instance; a loop stands for the round that its index names."""
        name, _, what = instance.name.partition("/")
        if what:  # a gate, or the body of a guard
            return Instance(name, instance.round)
        place = self._plan.places[name]
        if not place.above:
            return None
        above = place.above[-1]
        if isinstance(above.node, Guard) and above.arm == 0:
            return Instance(body_of(above.node), instance.round)
        return Instance(above.node.name, instance.round)

    # -- beginnings ------------------------------------------------------------------------------

    def _begin(self, instance: Instance, pool: Threads) -> None:
        name, _, is_gate = instance.name.partition("/")
        node = self._plan.places[name].node
        if is_gate and isinstance(node, Branch):
            self._values.decide(node, instance.round)
            self._close(instance)
        elif isinstance(node, Loop):
            self._begin_loop(node, instance)
        elif isinstance(node, Step):
            verdict = self._verdict(node, instance.round)
            if verdict is not None:
                self._finish(instance, verdict)
                return
            self._worker.started(shown_path(name, instance.round), node)
            self._running.add(instance)
            self._entered.update(
                Instance(guard, instance.round[:depth])
                for guard, depth in self._guards.get(name, ())
            )
            pool.submit(self._execute, node, instance)

    def _verdict(self, step: Step, index: Index) -> StepRun | None:
        if self.stopping and not self._is_owed(step, index):
            return StepRun("skipped", reason=self.stopping, blocked=True)
        return self._values.verdict(step, index)

    def _is_owed(self, step: Step, index: Index) -> bool:
        """Whether it is the exit handler of something that has begun."""
        place = self._plan.places[step.name]
        above = place.above[-1] if place.above else None
        if above is None or not (isinstance(above.node, Guard) and above.arm):
            return False
        return Instance(above.node.name, index) in self._entered

    def _execute(self, step: Step, instance: Instance) -> None:
        try:
            result = self._worker.execute(step, instance.round, self._values)
        except BaseException as exc:  # noqa: BLE001  the boundary of a step: its failure is recorded
            reason = exc.what if isinstance(exc, PipelineError) else f"{type(exc).__name__}: {exc}"
            result = StepRun(
                "error", reason=reason, error=exc if isinstance(exc, Exception) else None
            )
        self._results.put((instance, result))

    def _finish(self, instance: Instance, result: StepRun) -> None:
        self._values.ended(instance, result)
        self._worker.ended(shown_path(*instance), instance.round, result)
        self._close(instance)

    # -- loops -----------------------------------------------------------------------------------

    def _begin_loop(self, loop: Loop, instance: Instance) -> None:
        verdict, items = self._values.items(loop, instance.round)
        if self.stopping and verdict is None:
            verdict = StepRun("skipped", reason=self.stopping, blocked=True)
        if verdict is not None:
            self._values.loop_skipped(instance, verdict)
            for name in self._plan.inside(loop.name):
                self._worker.ended(shown_path(name, instance.round), instance.round, verdict)
            self._close(instance)
            return
        self._rounds.begin(instance, len(items), len(loop.body), loop.parallelism)
        self._worker.rounds(loop.name, len(items))
        self._next_rounds(instance)

    def _next_rounds(self, instance: Instance) -> None:
        """Open as many rounds as may be open; close the loop when there are no more."""
        node = self._plan.places[instance.name].node
        body = node.body if isinstance(node, (Loop, Part)) else ()
        for number in self._rounds.opened(instance):
            self._open(body, (*instance.round, number))
        if self._rounds.over(instance):
            self._close(instance)

    def _round_ended(self, parent: Instance) -> None:
        for name in self._plan.places:
            place = self._plan.places[name]
            if place.loops and place.loops[-1] == parent.name:
                self._waiting.forget(Instance(name, parent.round))
        self._values.round_ended(parent)
        self._next_rounds(Instance(parent.name, parent.round[:-1]))


def _guards(plan: Plan) -> dict[str, list[tuple[str, int]]]:
    """The exit handlers' groups around each step, with the number of loops around them."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, place in plan.places.items():
        if isinstance(place.node, Step):
            for above in place.above:
                if isinstance(above.node, Guard) and not above.arm:
                    depth = len(plan.places[above.node.name].loops)
                    found.setdefault(name, []).append((above.node.name, depth))
    return found
