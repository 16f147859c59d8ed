"""A plan as a flat list of jobs, the form in which other engines want it.

A job runs a step, decides a branch, or lists the rounds of a loop. Steps in loops are one job each,
which the engine repeats for the rounds. Branches inside loops have no job: the steps behind them
decide when they run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from mlrun_like.pipelines.engine.instances import Instance, Needs
from mlrun_like.pipelines.exports.problems import Problems
from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Step, shown
from mlrun_like.pipelines.plan import Place, Plan
from mlrun_like.pipelines.refs import CollectRef, OneOfRef, producers
from mlrun_like.pipelines.values import Ref, refs_in

__all__ = ["Job", "jobs_of", "reachable_ids", "without"]

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_. ]*[A-Za-z0-9])?\Z")


@dataclass(frozen=True)
class Job:
    """See the module.

    Args:
        name: Of the step, branch or loop.
        node: What it is.
        needs: The jobs that must end first.
        gate: The job of the branch around it and the number of its arm; None: there is none, or it
            is in a loop, whose rounds are then none.
        loop: The job that lists its rounds; empty: it runs once.
        patient: Runs however those before it ended: it decides itself whether there is something
            to do. Otherwise a failure before it means that it does not run.
        handler: An exit handler, which also runs when the rest was cancelled.
        most: Rounds at a time; 0: no limit.
        title: What it does, in one line.
    """

    name: str
    node: Step | Branch | Loop
    needs: tuple[str, ...]
    gate: tuple[str, int] | None
    loop: str
    patient: bool
    handler: bool
    most: int
    title: str

    @property
    def kind(self) -> str:
        """`step`, `gate` or `loop`."""
        return {Step: "step", Branch: "gate", Loop: "loop"}[type(self.node)]

    @property
    def is_patient(self) -> bool:
        """Whether it runs however those before it ended."""
        return self.patient or self.handler


def jobs_of(plan: Plan, problems: Problems | None = None) -> list[Job]:
    """The jobs of a plan, in the order they were written; handlers last in their part.

    Args:
        plan: The pipeline.
        problems: Where to note names that no job can have; None: they are raised.

    Raises:
        PipelineError: if a loop or branch has a name that no job can have.
    """
    needs = Needs(plan)
    noted = problems or Problems(plan.name, "jobs")
    found = []
    for place in plan.places.values():
        node = place.node
        if not _NAME.match(place.name):
            noted.add(
                f"{place.name!r:.80} is no name for a job",
                fix="name the loop or branch with letters, digits, dashes and dots",
            )
        is_job = isinstance(node, (Step, Loop)) or (isinstance(node, Branch) and not place.loops)
        if is_job and isinstance(node, (Step, Loop, Branch)):
            found.append(_job(place, node, plan, needs))
    if problems is None:
        noted.check()
    return found


def without(jobs: list[Job], gone: Callable[[Job, Job], bool]) -> list[Job]:
    """The jobs with needs replaced by those jobs' own needs.

    Args:
        jobs: In an order in which each comes after those it needs, or in any other.
        gone: Whether the first job cannot wait for the second.
    """
    by_name = {job.name: job for job in jobs}

    def needs_of(job: Job, own: Job, seen: set[str]) -> Iterator[str]:
        for name in own.needs:
            if name in seen:
                continue
            seen.add(name)
            if gone(job, by_name[name]):
                yield from needs_of(job, by_name[name], seen)
            else:
                yield name

    return [replace(job, needs=tuple(dict.fromkeys(needs_of(job, job, set())))) for job in jobs]


def reachable_ids(
    names: list[str], allowed: str, first: str = "", most: int = 60
) -> dict[str, str]:
    """An id that another engine accepts for each name, no two alike.

    Args:
        names: Of jobs.
        allowed: The characters besides which all become a dash, as in a regular expression's set.
        first: Put before an id that does not begin with a letter.
        most: The longest id.

    >>> reachable_ids(["a.b", "a-b", "1"], "A-Za-z0-9-", first="j-")
    {'a.b': 'a-b', 'a-b': 'a-b-2', '1': 'j-1'}
    """
    found: dict[str, str] = {}
    for name in names:
        text = re.sub(f"[^{allowed}]", "-", name, flags=re.ASCII)[:most].strip("-") or "step"
        text = text if text[0].isalpha() else first + text
        count, free = 2, text
        while free.lower() in {each.lower() for each in found.values()}:
            free, count = f"{text}-{count}", count + 1
        found[name] = free
    return found


def _job(place: Place, node: Step | Branch | Loop, plan: Plan, needs: Needs) -> Job:
    loops = [above.node for above in place.above if isinstance(above.node, Loop)]
    limits = [loop.parallelism for loop in loops if loop.parallelism]
    before = tuple(dict.fromkeys(_before(place, plan, needs)))
    inside = [name for name in before if set(plan.places[name].loops) & set(place.loops)]
    refs: list[Any] = [*place.refs()]
    if isinstance(node, Branch):
        refs = [arm.condition for arm in node.arms]
    elif isinstance(node, Loop):
        refs = [node.items]
    return Job(
        name=place.name,
        node=node,
        needs=before,
        gate=None if place.loops else _gate(place),
        loop=place.loops[-1] if place.loops and not isinstance(node, Loop) else "",
        patient=(isinstance(node, Step) and node.policy.even_after_failure)
        or bool(inside)
        or any(isinstance(ref, OneOfRef) for ref in _deep(refs)),
        handler=isinstance(node, Step) and _is_handler(place),
        most=min(limits) if limits and isinstance(node, Step) else 0,
        title=_title(node),
    )


def _before(place: Place, plan: Plan, needs: Needs) -> Iterator[str]:
    for instance in needs.of(Instance(place.name, (0,) * len(place.loops))):
        yield from _jobs_behind(instance.name, plan, needs)
    if place.loops:
        yield place.loops[-1]  # of a loop inside another: the rounds of that one
    for ref in refs_in(place.node.items) if isinstance(place.node, Loop) else place.refs():
        for name in producers(ref):  # collected steps that a branch inside a loop may skip
            yield from _jobs_behind(name, plan, needs)
    above = place.above[-1].node if place.above else None
    if isinstance(above, Guard) and above.handler is place.node:
        yield from (name for name in plan.inside(above.name) if name != place.name)
        yield from (name for name, item in plan.places.items() if _is_loop_in(item, above))


def _jobs_behind(name: str, plan: Plan, needs: Needs) -> Iterator[str]:
    """The jobs that must end before a node, gate or group has ended."""
    own, _, gate = name.partition("/")
    place = plan.places[own]
    if isinstance(place.node, Branch) and gate and place.loops:  # it has no job of its own
        for instance in needs.of(Instance(own, (0,) * len(place.loops))):
            yield from _jobs_behind(instance.name, plan, needs)
    elif isinstance(place.node, Step) or gate:
        yield own
    else:
        if isinstance(place.node, Loop):
            yield own
        yield from plan.inside(own)


def _gate(place: Place) -> tuple[str, int] | None:
    """The innermost branch around a node."""
    branches = [above for above in place.above if isinstance(above.node, Branch)]
    return (branches[-1].node.name, branches[-1].arm) if branches else None


def _is_handler(place: Place) -> bool:
    above = place.above[-1].node if place.above else None
    return isinstance(above, Guard) and above.handler is place.node


def _is_loop_in(place: Place, guard: Guard) -> bool:
    return isinstance(place.node, Loop) and any(above.node is guard for above in place.above)


def _deep(values: list[Any]) -> Iterator[Ref]:
    for ref in refs_in(values):
        yield ref
        if isinstance(ref, CollectRef):
            yield from _deep([ref.each])


def _title(node: Step | Branch | Loop) -> str:
    if isinstance(node, Step):
        text = str(node)
    elif isinstance(node, Branch):
        conditions = ["else" if arm.condition is None else arm.condition.text for arm in node.arms]
        text = f"{node.name}: {'; '.join(conditions)}"
    else:
        text = f"{node.name}: rounds of {shown(node.items)}"
    return " ".join(re.sub(r"[^\x20-\x7e]", "?", text).split())[:120]
