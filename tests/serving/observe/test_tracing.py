from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace

from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.observe.propagation import trace_headers
from mlrun_like.serving.observe.tracing import Tracing

sdk = pytest.importorskip("opentelemetry.sdk.trace")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
export = pytest.importorskip("opentelemetry.sdk.trace.export")

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> Any:
    return memory.InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: Any) -> Tracing:
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    return Tracing(tracer_provider=provider)


def test_spans_of_graph_and_steps(tracing: Tracing, exporter: Any) -> None:
    seen: list[Any] = []

    def look(event: Event) -> Event:
        seen.append((trace.get_current_span().get_span_context(), trace_headers(event)))
        return event

    graph = flow()
    graph.to(lambda body: body, "first").to(look, "look", full_event=True)
    server = graph.to_mock_server()
    server.observe(tracing)
    headers = {"traceparent": PARENT, "tracestate": "a=b", "cookie": "x"}
    server.test("/p", {"x": 1}, headers=headers, event_id="e1")
    first, look_span, root = exporter.get_finished_spans()
    assert [span.name for span in (first, look_span, root)] == ["first", "look", "POST graph"]
    assert f"{root.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{root.parent.span_id:016x}" == PARENT.split("-")[2]
    assert first.parent.span_id == look_span.parent.span_id == root.context.span_id
    assert dict(root.attributes) == {
        "http.request.method": "POST",
        "url.path": "/p",
        "mlrun_like.event_id": "e1",
        "http.response.status_code": 200,
    }
    assert first.attributes["mlrun_like.step"] == "first"
    current, sent = seen[0]
    assert current.span_id == look_span.context.span_id
    ids = f"{look_span.context.trace_id:032x}-{look_span.context.span_id:016x}"
    assert sent == {"traceparent": f"00-{ids}-01", "tracestate": "a=b"}
    assert not trace.get_current_span().get_span_context().is_valid, "nothing is left behind"


def test_errors(tracing: Tracing, exporter: Any) -> None:
    graph = flow()
    graph.to(lambda body: 1 / body, "divide")
    server = graph.to_mock_server()
    server.observe(tracing)
    server.test(body=0, silent=True)
    step, root = exporter.get_finished_spans()
    for span in (step, root):
        assert span.status.status_code is trace.StatusCode.ERROR
    assert step.attributes["error.type"] == "ZeroDivisionError"
    assert step.events[0].name == "exception"


def test_concurrent_async_steps_do_not_mix(tracing: Tracing, exporter: Any) -> None:
    async def wait(body: Any) -> Any:
        before = trace.get_current_span().get_span_context().span_id
        await asyncio.sleep(0.001 * (body % 3))
        assert trace.get_current_span().get_span_context().span_id == before
        return body

    async def main() -> None:
        graph = flow()
        start = graph.to(wait, "start")
        start.to(wait, "left").respond()
        start.to(wait, "right")
        server = graph.to_mock_server()
        server.observe(tracing)
        answers = await asyncio.gather(*[server.run_async(Event(n)) for n in range(20)])
        assert [answer.body for answer in answers] == list(range(20))
        await asyncio.sleep(0.05)
        server.background.close()

    asyncio.run(main())
    spans = exporter.get_finished_spans()
    roots = {span.context.span_id: span for span in spans if span.parent is None}
    assert len(roots) == 20 and len(spans) == 80
    for span in spans:
        if span.parent is not None:
            assert span.context.trace_id == roots[span.parent.span_id].context.trace_id


def test_without_an_sdk_the_callers_trace_is_passed_on() -> None:
    seen = []

    def look(event: Event) -> Event:
        seen.append(trace_headers(event))
        return event

    graph = flow()
    graph.to(look, full_event=True)
    server = graph.to_mock_server()
    server.observe(Tracing())
    server.test(body=1, headers={"traceparent": PARENT})
    assert seen[0]["traceparent"].split("-")[1] == PARENT.split("-")[1]


def test_without_the_package_nothing_happens() -> None:
    code = f"""
import sys
sys.modules["opentelemetry"] = sys.modules["opentelemetry.trace"] = None
from mlrun_like.serving.event import Event
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.observe.propagation import trace_headers
from mlrun_like.serving.observe.tracing import Tracing
tracing = Tracing()
assert not tracing.enabled and not tracing.steps
graph = flow()
graph.to(lambda event: [trace_headers(event), event][1], "look", full_event=True)
server = graph.to_mock_server()
server.observe(tracing)
assert server.test(body=3) == 3
assert trace_headers(Event(headers={{"traceparent": "{PARENT}"}})) == {{"traceparent": "{PARENT}"}}
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
