"""Random graphs answer, and do, what a naive interpreter of their definition says.

Each graph is run in every form that the compiler writes: plain and `async`, with bodies or events,
watched, and with a deadline. Steps change their bodies in place, so a body that two branches share
would show in what other steps have seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mlrun_like.errors import GraphError, StepError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.observer import Observer
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.server import GraphServer

Body = list[int]

KINDS = (
    "map", "maybe", "filter", "choice", "many", "merge", "stop", "flow", "select", "scatter",
)  # fmt: skip


@dataclass
class Spec:
    """One step of a random graph."""

    number: int
    kind: str
    param: int
    parents: tuple[int, ...] = ()
    is_async: bool = False
    whole: bool = False
    fragile: bool = False
    handler: int | None = None
    yields: bool = False

    def __repr__(self) -> str:
        flags = ("is_async", "whole", "fragile", "yields")
        named = [flag for flag in flags if getattr(self, flag)]
        catch = [] if self.handler is None else [f"h{self.handler}"]
        inside = ", ".join([self.kind, f"after={self.parents}", str(self.param), *named, *catch])
        return f"{self.name}({inside})"

    @property
    def name(self) -> str:
        return f"s{self.number}"


@dataclass
class Handler:
    """An error handler of a random graph; without `before`, it answers."""

    param: int
    before: int | None
    is_async: bool
    whole: bool
    fragile: bool


@dataclass
class Case:
    """A random graph and the body sent to it."""

    steps: list[Spec]
    handlers: list[Handler]
    graph_handler: int | None
    responder: int | None
    engine: str
    body: Body
    log: list[Any] = field(default_factory=list)

    def children(self, number: int) -> list[Spec]:
        return [step for step in self.steps if number in step.parents]

    def handler_name(self, number: int | None) -> str:
        return "" if number is None else f"h{number}"


# What steps do, for both sides -----------------------------------------------------------------


def worked(case: Case, name: str, param: int, fragile: bool, body: Body) -> Body:
    """Change the body, often in place, and fail for some bodies."""
    case.log.append((name, tuple(body)))
    if param % 2:
        body = [*body, param]
    else:
        body.append(param)
    if fragile and sum(body) % 2 == 0:
        raise ValueError(f"{name} does not like {body}")
    return body


def kept(body: Body, param: int) -> bool:
    return (sum(body) + param) % 3 != 0


def chosen(names: list[str], body: Body, param: int) -> list[str]:
    """None, one or two of the following steps."""
    if not names or (sum(body) + param) % 7 == 0:
        return []
    first = sum(body) % len(names)
    return [names[first]] if param % 3 else list(dict.fromkeys([names[first], names[-1]]))


def several(body: Body, param: int) -> list[Body]:
    return [[*body, number] for number in range((sum(body) + param) % 4)]


# The naive interpreter -------------------------------------------------------------------------


class Failed(Exception):
    def __init__(self, step: str, body: Body) -> None:
        self.step, self.body = step, body


class Interpreter:
    """Walks the definition, one event at a time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.held: dict[int, list[Body]] = {}
        self.late: list[tuple[list[Spec], Body]] = []
        self.answering = case.responder
        if case.responder is None and case.engine == "sync":
            ends = [step.number for step in case.steps if not case.children(step.number)]
            self.answering = ends[0] if len(ends) == 1 else None

    def outcome(self) -> tuple[str, Any]:
        body = list(self.case.body)
        starts = [step for step in self.case.steps if not step.parents]
        try:
            found = self.protected(starts, body)
            told = ("nothing", None) if found is DROP else ("answer", found)
        except Failed as exc:
            told = ("error", exc.step)
        while self.late:
            with contextlib.suppress(Failed):  # reported to nobody who waits
                self.protected(*self.late.pop(0))
        return told

    def protected(self, steps: list[Spec], body: Body) -> Any:
        """What the graph's own handler makes of a failure."""
        try:
            return self.onward(steps, body)
        except Failed as exc:
            if self.case.graph_handler is None or exc.step.startswith("h"):
                raise
            return self.handled(self.case.graph_handler, exc.step, exc.body)

    def onward(self, steps: list[Spec], body: Body) -> Any:
        """Each way has a copy; all are gone before a failure counts; the first answer is it."""
        answers, failures = [], []
        for step in steps:
            try:
                answers.append(self.run(step, copy.deepcopy(body)))
            except Failed as exc:
                failures.append(exc)
        if failures:
            raise failures[0]
        return next((answer for answer in answers if answer is not DROP), DROP)

    def run(self, step: Spec, body: Body) -> Any:
        case, param = self.case, step.param
        try:
            done = worked(case, step.name, param, step.fragile, body)
            seen, body = body, done
            if step.kind == "flow":
                body = worked(case, f"{step.name}/second", param, False, body)
        except ValueError:
            if step.handler is None:
                raise Failed(step.name, body) from None
            return self.handled(step.handler, step.name, body)
        below = case.children(step.number)
        if step.kind == "stop" and not kept(body, param):
            return body
        if step.kind in ("maybe", "filter") and not kept(body, param):
            return DROP
        if step.kind in ("choice", "select"):
            below = self.chosen(step, body)
        bodies = [body]
        if step.kind in ("many", "scatter"):
            bodies = several(body, param)
        elif step.kind == "merge":
            held = self.held.setdefault(step.number, [])
            held.append(body)
            bodies = (
                [sorted(itertools.chain.from_iterable(held))]
                if len(held) == len(step.parents)
                else []
            )
        elif step.kind in ("filter", "choice"):
            bodies = [seen]  # they decide where it goes, not what it is
        scatters = step.kind == "scatter"
        if step.number == self.answering:
            for each in bodies:
                ways = self.chosen(step, each) if scatters else below
                self.late.append((ways, copy.deepcopy(each)))
            return bodies[0] if bodies else DROP
        answers, failures = [], []
        for each in bodies:
            try:
                ways = self.chosen(step, each) if scatters else below
                answers.append(self.onward(ways, each))
            except Failed as exc:
                failures.append(exc)
        if failures:
            raise failures[0]
        return next((answer for answer in answers if answer is not DROP), DROP)

    def chosen(self, step: Spec, body: Body) -> list[Spec]:
        below = self.case.children(step.number)
        names = chosen([child.name for child in below], body, step.param)
        if step.kind != "choice" and not names:
            return below
        return [child for name in names for child in below if child.name == name]

    def handled(self, number: int, failed: str, body: Body) -> Any:
        handler = self.case.handlers[number]
        try:
            body = worked(self.case, f"h{number}", handler.param, handler.fragile, body)
        except ValueError:
            raise Failed(f"h{number}", body) from None
        if handler.whole:
            self.case.log.append(("from", failed))
        if handler.before is None:
            return body
        return self.onward([self.case.steps[handler.before]], body)


# The same as a graph ---------------------------------------------------------------------------


class Picks(Step):
    """A step of a kind, with a method made for the test."""

    def __init__(self, call: Callable[[Any], Any]) -> None:
        self.call = call


def step_class(kind: str, is_async: bool, yields: bool) -> Any:
    class Plain(Picks):
        def do(self, value: Any) -> Any:
            return self.call(value)

        process = do

    class Later(Picks):
        async def do(self, value: Any) -> Any:
            await asyncio.sleep(0)
            return self.call(value)

        process = do

    class Yields(Picks):
        def process(self, value: Any) -> Iterator[Any]:
            yield from self.call(value)

    class YieldsLater(Picks):
        async def process(self, value: Any) -> AsyncIterator[Any]:
            await asyncio.sleep(0)
            for each in self.call(value):
                yield each

    made: Any = (YieldsLater if is_async else Yields) if yields else Later if is_async else Plain
    made.kind = kind
    if kind == "choice":
        made.select_outlets = made.do
    return made


def selecting(made: Any, case: Case, step: Spec) -> Any:
    """The class, which also says where its bodies go."""
    names = [child.name for child in case.children(step.number)]
    made.select_outlets = staticmethod(lambda body: chosen(names, body, step.param))
    return made


def calls(case: Case, step: Spec) -> Callable[[Any], Any]:
    """The step's work, on a body or an event."""
    names = [child.name for child in case.children(step.number)]
    held: dict[Any, list[Body]] = {}

    def call(value: Any) -> Any:
        body = value.body if isinstance(value, Event) else value
        body = worked(case, step.name, step.param, step.fragile, body)
        if step.kind == "filter":
            return kept(body, step.param)
        if step.kind == "choice":
            return chosen(names, body, step.param)
        if step.kind in ("many", "scatter"):
            return [value.with_body(each) for each in several(body, step.param)]
        if step.kind == "merge":
            parts = held.setdefault(value.id, [])
            parts.append(body)
            done = len(parts) == len(step.parents)
            return (
                [value.with_body(sorted(itertools.chain.from_iterable(held.pop(value.id))))]
                if done
                else []
            )
        if step.kind == "maybe" and not kept(body, step.param):
            return DROP
        if not isinstance(value, Event):
            return body
        value.body = body
        value.terminated = step.kind == "stop" and not kept(body, step.param)
        return value

    return call


def later(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def awaited(value: Any) -> Any:
        await asyncio.sleep(0)
        return call(value)

    return awaited


def build(case: Case) -> Graph:
    graph = flow(engine=case.engine)
    last: dict[int, str] = {}
    for step in case.steps:
        after = [last[parent] for parent in step.parents]
        call = calls(case, step)
        function = later(call) if step.is_async else call
        whole = step.whole or step.kind == "stop"
        last[step.number] = step.name
        if step.kind == "flow":
            second = f"{step.name}/second"
            inner = flow()
            first = inner.to(function, "first")

            def more(body: Body, name: str = second, param: int = step.param) -> Body:
                return worked(case, name, param, False, body)

            first.to(more, "second")
            made = graph.add_step(inner, step.name, after=after)
            last[step.number] = made.name
            made = graph[f"{step.name}/first"]
        elif step.kind in ("map", "stop"):
            made = graph.add_step(function, step.name, after=after, full_event=whole)
        else:
            kinds = {"merge": "many", "scatter": "many", "select": "map"}
            kind = kinds.get(step.kind, step.kind)
            found = step_class(kind, step.is_async, step.yields and kind == "many")
            found.merges = step.kind == "merge"
            if step.kind in ("select", "scatter"):
                found = selecting(found, case, step)
            full = whole and kind in ("map", "maybe")
            made = graph.add_step(found, step.name, after=after, full_event=full, call=call)
        made.on_error = case.handler_name(step.handler)
        if step.number == case.responder:
            graph[last[step.number]].respond()
    for number, handler in enumerate(case.handlers):
        add_handler(graph, case, number, handler)
    graph.on_error = case.handler_name(case.graph_handler)
    return graph


def add_handler(graph: Graph, case: Case, number: int, handler: Handler) -> None:
    name = f"h{number}"

    def call(value: Any) -> Any:
        if not handler.whole:
            return worked(case, name, handler.param, handler.fragile, value)
        value.body = worked(case, name, handler.param, handler.fragile, value.body)
        case.log.append(("from", value.origin_state.partition("/")[0]))
        return value

    function = later(call) if handler.is_async else call
    made = graph.add_step(function, name, full_event=handler.whole)
    made.kind = "error_step"
    if handler.before is not None:
        before = case.steps[handler.before]
        target = f"{before.name}/first" if before.kind == "flow" else before.name
        made.before = [target]
        graph[target].after_step(name)


# Random graphs ---------------------------------------------------------------------------------


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 8))
    kinds = draw(st.sampled_from([KINDS, ("map", "maybe", "filter", "choice"), ("map",), KINDS]))
    events, mixed = draw(st.integers(0, 3)) > 0, draw(st.sampled_from([0, 1, 2]))
    small = st.integers(0, 5)

    def is_async() -> bool:
        return bool(mixed) and (mixed == 2 or draw(st.booleans()))

    handlers = [
        Handler(draw(small), draw(st.none() | st.integers(0, count - 1)), is_async(),
                draw(st.booleans()), draw(st.booleans()))
        for _ in range(draw(st.integers(0, 2)) if events else 0)
    ]  # fmt: skip
    steps: list[Spec] = []
    most: list[int] = []  # how often an event may reach a step
    merged: list[bool] = []
    for number in range(count):
        parents = (
            draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else []
        )
        if number and not parents and draw(st.integers(0, 3)):
            parents = [number - 1]
        kind = draw(st.sampled_from(kinds))
        reach = sum(most[parent] for parent in parents) if parents else 1
        reach += 9 * any(handler.before == number for handler in handlers)
        if kind == "merge" and (len(parents) < 2 or any(most[p] > 1 for p in parents) or reach > 8):
            kind = "map"
        step = Spec(number, kind, draw(small), tuple(parents), is_async())
        step.whole = events and draw(st.booleans())
        step.yields = draw(st.booleans())
        after_merge = kind == "merge" or any(merged[parent] for parent in parents)
        # after a merge, the branch that came last goes on: which one fails first is open
        step.fragile = not after_merge and draw(st.integers(0, 2)) == 0
        usable = [i for i, h in enumerate(handlers) if h.before is None or h.before > number]
        if usable and kind != "merge" and draw(st.booleans()):
            step.handler = draw(st.sampled_from(usable))
        if kind in ("many", "merge", "stop", "scatter") and not events:
            step.kind = "map"
        steps.append(step)
        most.append(reach * (3 if kind in ("many", "scatter") else 1) if kind != "merge" else 1)
        merged.append(after_merge)
    for handler in handlers:
        if handler.before is not None and not steps[handler.before].parents:
            handler.before = None  # nothing else leads to a first step
    named = {step.handler for step in steps}
    graph_handler = draw(st.sampled_from([None, *range(len(handlers))])) if handlers else None
    reached = [handler for i, handler in enumerate(handlers) if i in named | {graph_handler}]
    assume(len(reached) == len(handlers))
    return Case(
        steps, handlers, graph_handler, draw(st.none() | st.integers(0, count - 1)),
        draw(st.sampled_from(["async", "sync"])), draw(st.lists(small, max_size=3)),
    )  # fmt: skip


# The comparison --------------------------------------------------------------------------------


def told(response: Response) -> tuple[str, Any]:
    if response.status_code == 204:
        return ("nothing", None)
    if response.status_code >= 400:
        return ("error", response.body["step"].partition("/")[0])
    if isinstance(response.body, dict) and set(response.body) == {"id"}:
        return ("nothing", None)
    return ("answer", response.body)


def ask_test(server: GraphServer, case: Case) -> tuple[str, Any]:
    try:
        return told(server.test(body=list(case.body), get_body=False))
    except StepError as exc:
        return ("error", exc.step.partition("/")[0])


def streamed(server: GraphServer, case: Case) -> tuple[str, Any]:
    (answer,) = server.stream([list(case.body)], errors="return")
    if isinstance(answer, StepError):
        return ("error", answer.step.partition("/")[0])
    return told(Response(answer, 204 if answer is None else 200))


def sent(server: GraphServer, case: Case, seconds: float | None, in_loop: bool) -> tuple[str, Any]:
    event = Event(list(case.body))
    if seconds is not None:
        event.deadline = time.monotonic() + seconds
    if not in_loop:
        return told(server.run(event))

    async def ask() -> Response:
        response = await server.run_async(event)
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest)
        return response

    return told(asyncio.run(ask()))


FORMS: dict[str, Callable[[GraphServer, Case], tuple[str, Any]]] = {
    "test": ask_test,
    "stream": streamed,
    "run": lambda server, case: sent(server, case, None, False),
    "run_async": lambda server, case: sent(server, case, None, True),
    "timed": lambda server, case: sent(server, case, 60, False),
    "timed async": lambda server, case: sent(server, case, 60, True),
}


@pytest.fixture(autouse=True, scope="module")
def silent() -> Iterator[None]:
    logger = logging.getLogger("mlrun_like.serving")
    logger.disabled = True
    yield
    logger.disabled = False


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(cases())
def test_every_form_of_a_plan_does_what_the_definition_says(case: Case) -> None:
    try:
        server = build(case).to_mock_server()
    except GraphError as exc:
        assume("several ways" not in str(exc))
        raise
    expected = Interpreter(case).outcome()
    seen, case.log = Counter(case.log), []
    with server:
        for watched in (False, True):
            for name, form in FORMS.items():
                found = form(server, case)
                server.background.wait_for_tasks()
                done, case.log[:] = Counter(case.log), []
                assert (name, watched, found) == (name, watched, expected)
                assert (name, watched, done) == (name, watched, seen)
            server.observe(Observer())
