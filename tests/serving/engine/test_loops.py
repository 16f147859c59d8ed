"""Ways back: an event goes to an earlier step again, until a step lets it go on."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import RunError, StepError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.observe.journal import read_journal
from mlrun_like.serving.observe.recording import Recorder
from mlrun_like.serving.observe.replay import replay
from mlrun_like.serving.observer import Observer
from mlrun_like.serving.protocol import Step

Body = dict[str, Any]


class Ask:
    """Goes round until it was asked `stop` times."""

    def __init__(self, stop: int = 3, more: str = "use", end: str = "tell") -> None:
        self.stop, self.more, self.end = stop, more, end

    def do(self, body: Body) -> Body:
        return {**body, "asked": body.get("asked", 0) + 1}

    def select_outlets(self, body: Body) -> list[str]:
        return [self.more if body["asked"] < self.stop else self.end]


class AskLater(Ask):
    async def do(self, body: Body) -> Body:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().do(body)


class Always:
    def __init__(self, way: Any) -> None:
        self.way = way

    def do(self, body: Body) -> Body:
        return body

    def select_outlets(self, body: Body) -> Any:
        return self.way


class Chosen(Step):
    kind = "choice"

    def __init__(self, stop: int = 3) -> None:
        self.stop = stop

    def select_outlets(self, body: Body) -> str:
        return "use" if len(body.get("used", ())) < self.stop else "tell"


class Twice(Step):
    """Each event becomes two, of which the second is gone after the first round."""

    kind = "many"

    def process(self, event: Event) -> list[Event]:
        return [event, event.branch()] if not event.body.get("used") else [event]


def use(body: Body) -> Body:
    return {**body, "used": [*body.get("used", ()), body.get("asked", 0)]}


async def use_later(body: Body) -> Body:
    await asyncio.sleep(0)
    return use(body)


def tell(body: Body) -> Body:
    return {**body, "told": True}


def fail_at_two(body: Body) -> Body:
    if body["asked"] == 2:
        raise ValueError("not twice")
    return body


def fail_always(body: Body) -> Body:
    raise ValueError("never")


def mend(body: Body) -> Body:
    return {**body, "mended": True}


def loop(asking: Any = Ask, using: Any = use, most: int = 10, **arguments: Any) -> Graph:
    graph = Graph(allow_cyclic=True, max_iterations=most)
    graph.to(asking, "ask", **arguments).to(using, "use", cycle_to=["ask"])
    graph.add_step(tell, name="tell", after="ask").respond()
    return graph


def answer(graph: Graph, body: Body, *, later: bool = False) -> Any:
    server = graph.to_mock_server()
    try:
        if later:
            return asyncio.run(server.run_async(Event(body, id="e1"))).body
        return server.run(Event(body, id="e1")).body
    finally:
        server.wait_for_completion()


both = pytest.mark.parametrize("later", [False, True], ids=["plain", "async"])


@both
@pytest.mark.parametrize(
    ("asking", "using"), [(Ask, use), (AskLater, use), (Ask, use_later), (AskLater, use_later)]
)
def test_an_event_goes_round_until_it_is_let_go(asking: Any, using: Any, later: bool) -> None:
    found = answer(loop(asking, using, stop=4), {}, later=later)
    assert found == {"asked": 4, "used": [1, 2, 3], "told": True}


@both
def test_a_choice_sends_events_back(later: bool) -> None:
    graph = Graph(allow_cyclic=True)
    graph.to(Chosen, "choose").to(use, "use").cycle_to("choose")
    graph.add_step(tell, name="tell", after="choose").respond()
    assert answer(graph, {}, later=later) == {"used": [0, 0, 0], "told": True}


@both
@pytest.mark.parametrize("using", [use, use_later])
def test_thousands_of_rounds_need_no_deep_stack(using: Any, later: bool) -> None:
    found = answer(loop(using=using, most=100_000, stop=5000), {}, later=later)
    assert found["asked"] == 5000


@both
def test_an_event_that_would_go_round_for_ever_is_told(later: bool) -> None:
    found = answer(loop(most=5, stop=100), {}, later=later)
    assert "Max iterations exceeded in step 'ask' for event e1" in str(found)


def test_a_step_has_a_limit_of_its_own() -> None:
    graph = loop(stop=100)
    graph["use"].max_iterations = 2
    with pytest.raises(StepError, match="Max iterations exceeded in step 'use'") as caught:
        graph.to_mock_server().test(body={})
    assert caught.value.step == "use" and isinstance(caught.value.__cause__, RunError)
    assert "max_iterations= of the topology" in caught.value.__cause__.fix


def test_rounds_are_counted_per_event() -> None:
    server = loop(most=4, stop=4).to_mock_server()
    for _ in range(3):
        assert server.test(body={})["asked"] == 4
    server.wait_for_completion()


@both
@pytest.mark.parametrize("using", [use, use_later])
def test_a_step_may_lead_back_to_itself(using: Any, later: bool) -> None:
    graph = Graph(allow_cyclic=True)
    graph.to(using, "use").to(Ask, "ask", more="ask").cycle_to("ask")
    graph.add_step(tell, name="tell", after="ask").respond()
    assert answer(graph, {}, later=later) == {"used": [0], "asked": 3, "told": True}


@both
@pytest.mark.parametrize("using", [use, use_later])
def test_loops_inside_of_loops(using: Any, later: bool) -> None:
    class Inner(Ask):
        def select_outlets(self, body: Body) -> list[str]:
            return ["use"] if body["asked"] % 3 else ["outer"]

    class Outer:
        def do(self, body: Body) -> Body:
            return {**body, "rounds": body.get("rounds", 0) + 1}

        def select_outlets(self, body: Body) -> str:
            return "begin" if body["rounds"] < 3 else "tell"

    graph = Graph(allow_cyclic=True, max_iterations=20)
    graph.to(mend, "begin").to(Inner, "inner").to(using, "use").cycle_to("inner")
    graph.add_step(Outer, name="outer", after="inner").cycle_to("begin")
    graph.add_step(tell, name="tell", after="outer").respond()
    found = answer(graph, {}, later=later)
    assert (found["asked"], found["rounds"], found["used"]) == (9, 3, [1, 2, 4, 5, 7, 8])


@both
@pytest.mark.parametrize("using", [use, use_later])
def test_a_branch_may_lead_back(using: Any, later: bool) -> None:
    seen: list[Any] = []

    class Note:
        def do(self, body: Body) -> Body:
            seen.append(body["asked"])
            return body

    graph = Graph(allow_cyclic=True)
    graph.to(Ask, "ask", more="fork", stop=4)
    graph.add_step(using, name="fork", after="ask")
    graph.add_step(Note, name="note", after="fork")
    graph.add_step(use, name="again", after="fork").cycle_to("ask")
    graph.add_step(tell, name="tell", after="ask").respond()
    assert answer(graph, {}, later=later)["asked"] == 4
    assert sorted(seen) == [1, 2, 3]


@both
def test_events_that_become_several_lead_back(later: bool) -> None:
    graph = Graph(allow_cyclic=True)
    graph.to(Ask, "ask", stop=3).to(Twice, "use").to(use, "note").cycle_to("ask")
    graph.add_step(tell, name="tell", after="ask").respond()
    assert answer(graph, {}, later=later)["used"] == [1, 2]


@both
def test_errors_in_a_loop_reach_their_handler(later: bool) -> None:
    graph = loop(stop=4)
    graph.add_step(fail_at_two, name="check", after="ask", before="use")
    graph["ask"].class_args["more"] = "check"
    graph["check"].error_handler("mend", handler=mend, before="use")
    found = answer(graph, {}, later=later)
    assert found == {"asked": 4, "used": [1, 2, 3], "mended": True, "told": True}


@both
def test_the_handler_of_the_graph_answers(later: bool) -> None:
    graph = loop(using=fail_at_two)
    graph.error_handler("mend", handler=mend)
    assert answer(graph, {}, later=later) == {"asked": 2, "mended": True}


@both
def test_who_answers_in_a_loop_does_so_when_it_chooses_to(later: bool) -> None:
    graph = Graph(allow_cyclic=True)
    graph.to(Ask, "ask", end="Complete").respond().to(use, "use").cycle_to("ask")
    assert answer(graph, {}, later=later) == {"asked": 3, "used": [1, 2]}


def test_what_follows_an_answer_may_lead_back() -> None:
    done = threading.Event()

    class End:
        def do(self, body: Body) -> Body:
            done.set()
            return body

    graph = Graph(allow_cyclic=True)
    graph.to(use, "first").respond().to(Ask, "ask").to(use, "use").cycle_to("ask")
    graph.add_step(End, name="tell", after="ask")
    assert answer(graph, {}) == {"used": [0]}
    assert done.wait(5), "the steps after the answer did not run to their end"


def test_a_class_says_where_its_events_go_without_a_loop() -> None:
    graph = Graph()
    graph.to(Ask, "ask", stop=2)
    graph.add_step(use, name="use", after="ask").respond()
    graph.add_step(tell, name="tell", after="ask")
    assert answer(graph, {"asked": 0}) == {"asked": 1, "used": [1]}
    server = graph.to_mock_server()
    assert server.test(body={"asked": 5}) is None, "the way that does not answer was taken"
    server.wait_for_completion()


def test_a_name_that_does_not_follow_is_told() -> None:
    with pytest.raises(StepError, match=r"the choice .ask. named \['usee'\]\. Did you mean .use."):
        loop(more="usee").to_mock_server().test(body={})


def chosen(name: str, body: list[str], ways: list[str]) -> list[str]:
    """One or two ways; of a body that has gone far, one way ahead."""
    chance = random.Random(f"{name}{body}")
    if len(body) > 9:
        return ways[:1]
    return chance.sample(ways, k=min(len(ways), chance.choice([1, 1, 2])))


def parts(name: str, body: list[str]) -> list[list[str]]:
    """What a step that makes several events makes of a body."""
    count = random.Random(f"parts {name}{body}").choice([0, 1, 2]) if len(body) < 6 else 1
    return [[*body, f"{name}.{number}"] for number in range(count)]


class Jump:
    def __init__(self, name: str, ways: list[str]) -> None:
        self.name, self.ways = name, ways

    def do(self, body: list[str]) -> Any:
        return [*body, self.name]

    def select_outlets(self, body: list[str]) -> list[str]:
        return chosen(self.name, body, self.ways)


class JumpLater(Jump):
    async def do(self, body: list[str]) -> Any:
        await asyncio.sleep(0)
        return [*body, self.name]


class JumpTwice(Step):
    kind = "many"

    def __init__(self, name: str, ways: list[str]) -> None:
        self.name, self.ways = name, ways

    def process(self, event: Event) -> list[Event]:
        return [event.with_body(each) for each in parts(self.name, event.body)]

    def select_outlets(self, body: list[str]) -> list[str]:
        return chosen(self.name, body, self.ways)


@both
@pytest.mark.parametrize("seed", range(60))
def test_loops_do_what_a_naive_reading_says(seed: int, later: bool) -> None:
    """A row of steps with random ways back, ahead past others, and to several at once."""
    chance = random.Random(seed)
    count = chance.randint(2, 6)
    kinds = {f"s{number}": chance.choice([Jump, JumpLater, JumpTwice]) for number in range(count)}
    ways: dict[str, list[str]] = {}
    back: list[tuple[str, str]] = []
    for number in range(count):
        ahead = [number + 1, *chance.sample(range(number + 2, count + 1), k=number + 2 <= count)]
        behind = chance.sample(range(number + 1), k=chance.randint(0, min(2, number + 1)))
        ways[f"s{number}"] = [f"s{at}" for at in (*ahead, *behind)]
        back += [(f"s{number}", f"s{at}") for at in behind]
    reached: list[list[str]] = []
    end = f"s{count}"
    graph = Graph(allow_cyclic=True, max_iterations=10_000)
    for name, kind in kinds.items():
        above = [other for other in kinds if name in ways[other] and (other, name) not in back]
        graph.add_step(kind(name, ways[name]), name=name, after=above)
    above = [other for other in kinds if end in ways[other]]
    graph.add_step(lambda body: reached.append(body) or body, name=end, after=above).respond()  # type: ignore[func-returns-value]
    for last, head in back:
        graph[last].cycle_to(head)

    expected: list[list[str]] = []

    def walk(name: str, body: list[str]) -> None:
        if name == end:
            expected.append(body)
            return
        made = parts(name, body) if kinds[name] is JumpTwice else [[*body, name]]
        for each in made:
            for way in chosen(name, each, ways[name]):
                walk(way, each)

    walk("s0", [])
    server = graph.to_mock_server()
    event = Event([], id="e1")
    found = asyncio.run(server.run_async(event)) if later else server.run(event)
    assert sorted(reached) == sorted(expected), ways
    assert (found.body in expected) if expected else found.body is None
    server.wait_for_completion()


@both
def test_an_answer_after_a_loop_may_be_a_stream(later: bool) -> None:
    def words(body: Body) -> Any:
        yield from ("asked", str(body["asked"]))

    graph = loop()
    graph["tell"].handler = words
    server = graph.to_mock_server()
    if later:

        async def ask() -> list[str]:
            response = await server.run_async(Event({}))
            return [each async for each in response.body]

        assert asyncio.run(ask()) == ["asked", "3"]
    else:
        assert list(server.test(body={})) == ["asked", "3"]
    server.wait_for_completion()


@both
def test_a_deadline_ends_a_loop(later: bool) -> None:
    server = loop(most=10**9, stop=10**9).to_mock_server()
    event = Event({}, id="e1")
    event.deadline = time.monotonic() + 0.1
    response = asyncio.run(server.run_async(event)) if later else server.run(event)
    assert "the time for this event was over before step" in str(response.body)
    server.wait_for_completion()


def test_what_watches_sees_each_round() -> None:
    seen: list[str] = []

    class Watch(Observer):
        def before_step(self, event: Event, step: str, body: Any) -> None:
            seen.append(step)

    graph = Graph(allow_cyclic=True)
    graph.to(Ask, "ask", end="Complete").respond().to(use, "use").cycle_to("ask")
    server = graph.to_mock_server()
    server.observe(Watch())
    assert server.test(body={})["asked"] == 3
    assert seen == ["ask", "use", "ask", "use", "ask"]
    server.wait_for_completion()


def test_one_step_of_a_loop_is_replayed_alone(tmp_path: Path) -> None:
    with loop(stop=3).to_mock_server() as server:
        server.observe(Recorder(tmp_path, steps=True))
        assert server.test(body={})["asked"] == 3
    found = list(replay(iter(read_journal(tmp_path)), loop(stop=3), step="ask"))
    assert [(each.answer["asked"], each.same) for each in found] == [
        (1, True),
        (2, True),
        (3, True),
    ]


@both
@pytest.mark.parametrize(("forks", "rounds"), [(5, 99), (1, 3000)])
def test_forks_in_a_loop_need_no_deep_stack(forks: int, rounds: int, later: bool) -> None:
    graph = Graph(allow_cyclic=True, max_iterations=rounds + 1)
    step = graph.to(Ask, "ask", stop=rounds, more="fork0")
    for number in range(forks):
        step = step.to(mend, f"fork{number}")
        step.to(mend, f"aside{number}")
    step.to(mend, "last").cycle_to(graph["ask"])
    graph.add_step(tell, name="tell", after="ask").respond()
    assert answer(graph, {}, later=later)["asked"] == rounds


@both
@pytest.mark.parametrize("made", ["a new event", "a batch"])
def test_new_events_count_on(made: str, later: bool) -> None:
    def fresh(event: Event) -> Event:
        return Event(dict(event.body))

    graph = Graph(allow_cyclic=True, max_iterations=7)
    if made == "a batch":
        graph.to("storey.Batch", "begin", max_events=1)
    else:
        graph.to(fresh, "begin", full_event=True)
    graph["begin"].to(Always, "go", way="begin").cycle_to("begin")
    server = graph.to_mock_server()
    with pytest.raises(StepError, match="Max iterations exceeded in step 'begin'"):
        server.test(body={})


@both
def test_values_of_a_stream_whose_handler_leads_into_a_loop(later: bool) -> None:
    def values(body: Body) -> Any:
        yield from ({"number": 1}, {"number": 2})

    def odd(body: Body) -> Body:
        if body["number"] == 2:
            raise ValueError("even")
        return body

    graph = Graph(allow_cyclic=True)
    graph.to(Always, "begin", way="values")
    graph.add_step(values, name="values", after="begin").to(odd, "odd").respond()
    graph.add_step(Ask, name="ask", after="begin", stop=3).to(use, "use").cycle_to("ask")
    graph.add_step(use, name="tell", after="ask")
    graph["odd"].error_handler("rescue", handler=mend, before="use")
    server = graph.to_mock_server()
    if later:

        async def ask() -> list[Any]:
            response = await server.run_async(Event({}))
            return [each async for each in response.body]

        found = asyncio.run(ask())
    else:
        found = list(server.test(body={}))
    assert found == [{"number": 1}]
    server.wait_for_completion()


def test_what_a_class_of_the_user_calls_outlets_is_its_own() -> None:
    class Own(Ask):
        def __init__(self, stop: int = 3) -> None:
            super().__init__(stop)
            self.outlets = self.outlets_selector = ["use", "tell"]

    assert answer(loop(Own), {})["asked"] == 3


@both
@pytest.mark.parametrize("named", [[], "", None])
def test_nothing_named_is_all_that_follow(named: Any, later: bool) -> None:
    seen: list[str] = []
    graph = Graph()
    graph.to(Always, "begin", way=named)
    graph.add_step(lambda body: seen.append(str(body)), name="one", after="begin")
    graph.add_step(tell, name="two", after="begin").respond()
    assert answer(graph, {}, later=later) == {"told": True} and seen == ["{}"]


@both
def test_an_error_handler_leads_back(later: bool) -> None:
    """What went wrong is told to the model, which tries again."""
    graph = Graph(allow_cyclic=True, max_iterations=6)
    graph.to(Ask, "ask", stop=4).to(fail_at_two, "use").cycle_to("ask")
    graph["use"].error_handler("mend", handler=mend).cycle_to("ask")
    graph.add_step(tell, name="tell", after="ask").respond()
    assert answer(graph, {}, later=later) == {"asked": 4, "mended": True, "told": True}


@both
def test_an_error_handler_that_always_leads_back_has_an_end(later: bool) -> None:
    graph = Graph(allow_cyclic=True, max_iterations=6)
    graph.to(fail_always, "fail").respond().error_handler("mend", handler=mend).cycle_to("fail")
    assert "Max iterations exceeded" in str(answer(graph, {}, later=later))


@both
def test_the_handler_of_the_graph_leads_back_as_often_as_need_be(later: bool) -> None:
    def ready(body: Body) -> Body:
        if body["asked"] < 4:
            raise ValueError("not yet")
        return body

    graph = Graph(allow_cyclic=True, max_iterations=6)
    graph.to(mend, "begin").to(ready, "try").to(tell, "tell").respond()
    graph.error_handler("again", handler=Ask().do).cycle_to("try")
    assert answer(graph, {"asked": 0}, later=later) == {"asked": 4, "mended": True, "told": True}
    assert "Max iterations exceeded in step 'try'" in str(answer(graph, {"asked": -9}, later=later))


@both
def test_a_failure_after_the_handler_of_the_graph_is_told(later: bool) -> None:
    graph = Graph(allow_cyclic=True)
    graph.to(fail_always, "fail").respond()
    graph.error_handler("again", Always, way="note").cycle_to("fail")
    graph.add_step(fail_at_two, name="note", after="again")
    assert "KeyError: 'asked'" in str(answer(graph, {}, later=later))


@both
def test_a_handler_sees_that_a_step_was_reached_too_often(later: bool) -> None:
    graph = loop(most=4, stop=100)
    graph["ask"].error_handler("mend", handler=mend, before="tell")
    assert answer(graph, {}, later=later) == {
        "asked": 4, "used": [1, 2, 3, 4], "mended": True, "told": True
    }  # fmt: skip


@both
def test_an_event_may_be_sent_again(later: bool) -> None:
    server, event = loop(most=4, stop=4).to_mock_server(), Event({}, id="e1")
    for _ in range(3):
        event.body = {}
        response = asyncio.run(server.run_async(event)) if later else server.run(event)
        assert response.body["asked"] == 4
    server.wait_for_completion()


@both
def test_a_loop_that_asks_at_its_end(later: bool) -> None:
    graph = flow(allow_cyclic=True)
    graph.to(use, "use").to(Ask, "ask", end="Complete").cycle_to("use")
    assert answer(graph, {}, later=later)["used"] == [0, 1, 2]
    outer = Graph()
    inner = flow(allow_cyclic=True)
    inner.to(use, "use").to(Ask, "ask", end="tell").cycle_to("use")
    outer.to(inner, "inner").to(tell, "tell").respond()
    assert answer(outer, {}, later=later)["told"] is True
