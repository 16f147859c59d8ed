"""Graphs from hostile documents, with hostile names, and of hostile size."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Step


def inc(body: Any) -> Any:
    return body + 1


class Scale:
    def __init__(self, factor: Any = 2, **rest: Any) -> None:
        self.factor = factor

    def do(self, body: Any) -> Any:
        return body * 2


class Pick(Step):
    kind = "choice"

    def __init__(self, outlet: Any = "a") -> None:
        self.outlet = outlet

    def select_outlets(self, body: Any) -> Any:
        return self.outlet


# Documents -------------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=4),
    st.binary(max_size=2),
    st.sampled_from(["a", "b", "inc", "Scale", "Pick", "builtins.abs", "no.such", "a::b", "(event)",
                     "(", "$queue", "*", "flow", "router", "queue", "error_step", "\ud800"]),
)  # fmt: skip
KEYS = st.sampled_from(
    ["class_name", "class_args", "handler", "after", "full_event", "input_path", "result_path",
     "responder", "function", "on_error", "before", "shape", "comment", "kind", "routes", "steps",
     "options", "path", "shards", "engine", "parameters", "error_stream", "from_step", "final_step",
     "timeout", "retries", "name", "max_in_flight", "batching", "_fn"]
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c", "a/b", ""])
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(NAMES, inner, max_size=3),
        st.dictionaries(SCALARS, inner, max_size=2),
    ),
    max_leaves=12,
)
GOOD = st.fixed_dictionaries(
    {"handler": st.sampled_from(["inc", "builtins.abs"])},
    optional={"after": st.sampled_from(["a", "b", ["a"], []]), "on_error": NAMES, "kind": SCALARS},
) | st.fixed_dictionaries(
    {"class_name": st.sampled_from(["Scale", "Pick"])},
    optional={"class_args": VALUES, "after": VALUES, "responder": SCALARS, "options": VALUES},
)
STEPS = st.dictionaries(NAMES, st.one_of(GOOD, st.dictionaries(KEYS, VALUES, max_size=4), VALUES))
DOCUMENTS = st.one_of(
    VALUES,
    st.fixed_dictionaries({"steps": STEPS}, optional={"engine": SCALARS, "on_error": VALUES}),
    st.fixed_dictionaries(
        {"kind": st.just("router"), "routes": STEPS}, optional={"class_args": VALUES}
    ),
    st.fixed_dictionaries({"steps": STEPS, "from_step": SCALARS, "final_step": SCALARS}),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(DOCUMENTS)
def test_any_document_is_a_graph_or_a_graph_error(document: Any) -> None:
    try:
        graph = Graph.from_dict(document)
    except GraphError as exc:
        assert len(str(exc)) > 10
        return
    again = Graph.from_dict(graph.to_dict())
    assert [step.name for step in again.steps] == [step.name for step in graph.steps]
    try:
        server = graph.to_mock_server()
    except GraphError as exc:
        assert len(str(exc)) > 10
        return
    with server:
        server.test(body=1, silent=True)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab{}[]:,-!&*#|>'\"\n ?%@\t0", max_size=30), st.integers(0, 60))
def test_any_text_is_a_graph_or_a_graph_error(text: str, at: int) -> None:
    whole = "steps:\n  a: {handler: inc}\n  b: {handler: inc, after: a}\n"
    for source in (text, whole[:at] + text + whole[at:]):
        try:
            Graph.from_yaml(source)
        except GraphError as exc:
            assert len(str(exc)) > 10


@pytest.mark.parametrize(
    "text",
    ["2001-99-99", "!!int ''", "!!float x", "!!timestamp x", "!!bool x", "!!binary é", "!!set {a}",
     "1" * 5000, "{[1]: 2}", "{{a: b}: c}", "? [a]\n: b", "!!omap [a]", "!!pairs 3", "--- a\n--- b",
     "*a", "a: &a [*a]", "\ud800", "!!python/name:os.system", "<<: 3", "!!null x", "0x", "1:99"],
)  # fmt: skip
def test_odd_values_are_refused(text: str) -> None:
    for source in (text, f"steps: {{a: {{handler: inc, class_args: {{x: {text}}}}}}}"):
        try:
            graph = Graph.from_yaml(source)
        except GraphError:
            continue
        assert source != text and graph.steps[0].name == "a"


def laughs(levels: int, leaf: str = "lol") -> str:
    rows = [f"l0: &l0 [{', '.join([leaf] * 9)}]"]
    rows += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(rows)


@pytest.mark.parametrize(
    "tail",
    ["steps: *l9", "steps: {a: *l9}", "steps: {a: {handler: *l9}}", "on_error: *l9\nsteps: {}",
     "steps: {a: {class_name: Scale, class_args: {factor: *l9}}}", "steps: {a: {after: *l9}}"],
)  # fmt: skip
def test_a_small_text_does_not_become_a_large_graph(tail: str) -> None:
    started = time.monotonic()
    with pytest.raises(GraphError):
        Graph.from_yaml(f"{laughs(10)}\n{tail}")
    assert time.monotonic() - started < 5


def test_nested_aliases_and_circles_are_refused() -> None:
    rows = ["r0: &r0 {kind: router, routes: {x: {handler: inc}}}"]
    for n in range(1, 30):
        rows.append(f"r{n}: &r{n} {{kind: router, routes: {{x: *r{n - 1}, y: *r{n - 1}}}}}")
    started = time.monotonic()
    with pytest.raises(GraphError, match="too large"):
        Graph.from_yaml("\n".join([*rows, "steps: {a: *r29}"]))
    assert time.monotonic() - started < 5
    circle: dict[str, Any] = {"steps": {}}
    circle["steps"]["a"] = {"kind": "flow", **circle}
    circle["steps"]["b"] = {"class_name": "Scale", "class_args": {"factor": circle}}
    with pytest.raises(GraphError, match="too deep"):
        Graph.from_dict(circle)


def test_an_anchor_may_be_used_twice() -> None:
    text = "steps: {a: &s {class_name: Scale, class_args: {factor: [1]}}, b: {<<: *s, after: a}}"
    assert Graph.from_yaml(text).to_mock_server().test(body=1) is not None


def test_large_arguments_are_fine() -> None:
    graph = flow()
    graph.to(Scale, "s", factor=list(range(100_000)), words={str(n): n for n in range(20_000)})
    again = Graph.from_dict({**graph.to_dict(), "engine": "sync"})
    assert again.to_mock_server().test(body=4) == 8


# Names -----------------------------------------------------------------------------------------

ODD = [
    'a"b', "it's", "new\nline", "{x}", "class", "\\", "\u2028", "日本", "a/b", "  ", '"""',
    "\ud800",
    "); raise SystemExit(3) #", "%s", "None", "x" * 3000, "\0", "{0}", "body", "event", "DROP",
]  # fmt: skip


def all_forms(graph: Graph, body: Any) -> Iterator[Any]:
    with graph.to_mock_server() as server:
        yield server.test(body=body)
        yield asyncio.run(server.run_async(Event(body))).body
        event = Event(body)
        event.deadline = time.monotonic() + 60
        yield server.run(event).body


def test_names_are_never_code() -> None:
    graph = flow()
    step: Any = graph
    for name in ODD:
        step = step.to(inc, name)
    step.respond()
    assert list(all_forms(graph, 0)) == [len(ODD)] * 3


@pytest.mark.parametrize("name", ODD)
def test_odd_names_of_handlers_outlets_and_failing_steps(name: str) -> None:
    def fails(body: Any) -> Any:
        raise ValueError(body)

    graph = flow()
    picked = graph.to(Pick, "pick", outlet=name)
    picked.to(fails, name).error_handler(f"{name} handler", handler=inc)
    picked.to(fails, "other").respond()
    assert list(all_forms(graph, 1)) == [2, 2, 2]
    graph = flow()
    graph.to(fails, name).respond()
    response = graph.to_mock_server().test(body=1, silent=True)
    assert response.body["step"] == name


# Size ------------------------------------------------------------------------------------------


async def inc_later(body: Any) -> Any:
    return body + 1


class Meet(Step):
    kind = "many"
    merges = True

    def __init__(self) -> None:
        self.seen: dict[Any, Any] = {}

    def process(self, event: Event) -> list[Event]:
        if event.id in self.seen:
            return [event.with_body(self.seen.pop(event.id) + event.body)]
        self.seen[event.id] = event.body
        return []


@pytest.mark.parametrize("function", [inc, inc_later])
def test_4500_steps_in_a_row(function: Any) -> None:
    graph = flow()
    step: Any = graph
    for number in range(4500):
        step = step.to(function, f"s{number}")
    step.respond()
    with graph.to_mock_server() as server:
        assert server.test(body=0) == 4500
    step.to(function, "one more")
    with pytest.raises(GraphError, match="it has 4501 steps; the most is 4500"):
        graph.to_mock_server()


@pytest.mark.parametrize("function", [inc, inc_later])
@pytest.mark.parametrize("merges", [True, False])
def test_300_diamonds_in_a_row(function: Any, merges: bool) -> None:
    limit = sys.getrecursionlimit()
    graph = flow()
    step: Any = graph.to(function, "start")
    for number in range(300):
        ways = [f"a{number}", f"b{number}"]
        if merges:
            step.to(function, ways[0])
            step.to(handler="(0)", name=ways[1])
            step = graph.add_step(Meet, f"meet{number}", after=ways)
        else:
            picked = step.to(Pick, f"pick{number}", outlet=ways[number % 2])
            for way in ways:
                picked.to(function, way)
            step = graph.add_step(function, f"meet{number}", after=ways)
    step.to(function, "end").respond()
    try:
        with graph.to_mock_server() as server:
            assert server.test(body=0) == (302 if merges else 602)
    finally:
        sys.setrecursionlimit(limit)


def test_arguments_must_be_named_by_text() -> None:
    with pytest.raises((GraphError, InvalidArgumentError), match="class_args"):
        Graph.from_dict({"steps": {"a": {"class_name": "Scale", "class_args": {5: 1}}}})
