from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, StepError, StepTimeoutError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.remote import BatchHttpRequests
from tests.serving.remote.conftest import Form
from tests.serving.remote.upstream import Upstream


def test_in_a_graph(upstream: Upstream) -> None:
    graph = flow()
    graph.to(
        "BatchHttpRequests",
        url_expression="event['url']",
        body_expression="event['data']",
        method="POST",
        input_path="req",
        result_path="resp",
    ).respond()
    request = [{"url": f"{upstream.url}/echo/{n}", "data": n} for n in range(3)]
    with graph.to_mock_server() as server:
        assert server.test(body={"req": request}) == {"req": request, "resp": [0, 1, 2]}


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_answers_are_in_order(upstream: Upstream, form: Form, count: int) -> None:
    step = BatchHttpRequests(f"{upstream.url}/", subpath="/echo", method="POST")
    items = [{"n": n} for n in range(count)]
    assert form(step, items) == items
    assert len(upstream.got) == count and {got.path for got in upstream.got} <= {"/echo"}


def test_items_are_asked_at_the_same_time_up_to_a_limit(upstream: Upstream, form: Form) -> None:
    start = time.monotonic()
    form(BatchHttpRequests(f"{upstream.url}/counted/0.1", method="GET"), list(range(20)))
    assert time.monotonic() - start < 1.5 and upstream.most_running > 5
    upstream.clear()
    step = BatchHttpRequests(f"{upstream.url}/counted/0.02", method="GET", max_in_flight=2)
    form(step, list(range(8)))
    assert upstream.most_running == 2


def test_expressions_may_use_the_endpoint_of_a_context(upstream: Upstream) -> None:
    step = BatchHttpRequests(
        url_expression="context['base'] + event", method="GET", context={"base": upstream.url}
    )
    assert step.do_event(Event(["/json", "/json"])).body == [{"ok": True}] * 2
    step.close()


def test_items_are_repeated_alone(upstream: Upstream, form: Form) -> None:
    step = BatchHttpRequests(
        url_expression="event", body_expression="[1]", method="POST", retries=1, backoff_factor=0.01
    )
    urls = [f"{upstream.url}/flaky/1/{n}" for n in range(2)]
    assert form(step, urls) == [[1], [1]]
    assert upstream.counts == {"/flaky/1/0": 2, "/flaky/1/1": 2}


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_one_failing_item_fails_the_event_and_is_named(
    upstream: Upstream, form: Form, status: int
) -> None:
    step = BatchHttpRequests(url_expression="event", method="POST")
    urls = [f"{upstream.url}/json", f"{upstream.url}/status/{status}", f"{upstream.url}/json"]
    with pytest.raises(StepError, match=f"item 1: .* answered {status}") as caught:
        form(step, urls)
    assert caught.value.status == (502 if status == 500 else status)
    with pytest.raises(StepError, match="item 0: url_expression gave 5") as caught:
        form(BatchHttpRequests(url_expression="event", method="POST"), [5, 6])
    assert caught.value.status == 400


def test_time(upstream: Upstream, form: Form) -> None:
    event = Event([1, 2], method="GET")
    event.deadline = time.monotonic() + 0.2
    start = time.monotonic()
    with pytest.raises(StepTimeoutError):
        form(BatchHttpRequests(f"{upstream.url}/slow/1"), event)
    assert time.monotonic() - start < 0.8


def test_a_failure_gives_the_others_up(upstream: Upstream) -> None:
    step = BatchHttpRequests(url_expression="event", method="GET", max_in_flight=1)
    urls = [f"{upstream.url}/status/404", *[f"{upstream.url}/slow/0.2"] * 20]

    async def main() -> None:
        with pytest.raises(StepError):
            await step.do_event_async(Event(urls))
        await asyncio.sleep(0.05)

    start = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - start < 1 and len(upstream.got) < 5
    step.close()


@pytest.mark.parametrize("body", [None, 5, "ab", {"a": 1}])
def test_what_is_no_list(form: Form, body: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="not a list"):
        form(BatchHttpRequests("http://h/"), body)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"url": "http://h/", "url_expression": "event"}, "cannot set both"),
        ({}, "neither"),
        ({"url": "http://h/", "max_in_flight": 0}, "max_in_flight"),
        ({"url": "h"}, "addresses of functions"),
    ],
)
def test_mistakes(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidArgumentError, match=word):
        BatchHttpRequests(**arguments)
