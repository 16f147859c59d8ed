"""What the examples of Nuclio's Python runtime do, on the gateway of this machine.

Behaviours are those of the examples and of the Python pages of Nuclio's documentation; the code is
ours. Differences: none in the handlers; see "What differs from Nuclio" in docs/gateway.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError
from mlrun_like.gateway.control import starting
from mlrun_like.streams.opening import open_stream
from tests.gateway.gateways import settle
from tests.servers import Redis, redis_server

pytestmark = pytest.mark.slow
Deploy = Callable[..., Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a gateway that all tests of this file share; it is started when one deploys."""
    folder = tmp_path_factory.mktemp("nuclio")
    yield folder
    settle(folder)
    starting.down()


@pytest.fixture
def deploy(place: Path) -> Deploy:
    """Deploys a handler from its text."""
    settle(place)

    def made(name: str, code: str, **triggers: Any) -> Any:
        fn: Any = ml.new_function(name, project="n", kind="nuclio").with_code(body=code)
        for trigger, spec in triggers.items():
            fn.add_trigger(trigger, spec)
        fn.deploy()
        return fn

    return made


def _lines(fn: Any, count: int, text: str) -> list[str]:
    """Lines of its log with a text, when there are so many."""
    end = time.monotonic() + 60
    while True:
        found = [line for line in str(fn.logs()).splitlines() if text in line]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.1)


def test_hello(deploy: Deploy) -> None:
    fn = deploy("hello", """
def handler(context, event):
    context.logger.info('an unstructured log')
    context.logger.info_with('a structured log', kind='hello')
    return context.Response(body='hello from nuclio', headers={'x-a': 'b'},
                            content_type='text/plain', status_code=200)
""")  # fmt: skip
    assert fn.invoke("/") in ("hello from nuclio", b"hello from nuclio")
    assert _lines(fn, 1, "a structured log")


def test_init_context_and_user_data(deploy: Deploy) -> None:
    fn = deploy("counts", """
def init_context(context):
    setattr(context.user_data, 'database', {'calls': 0})

def handler(context, event):
    context.user_data.database['calls'] += 1
    return json_of(context.user_data.database, context.worker_id)

def json_of(data, worker):
    return {**data, 'worker': worker}
""")  # fmt: skip
    assert [fn.invoke("/")["calls"] for _ in range(3)] == [1, 2, 3]


def test_async(deploy: Deploy) -> None:
    fn = deploy("later", """
import asyncio

async def handler(context, event):
    await asyncio.sleep(0.05)
    return f'{event.method} {event.path} {event.get_header("X-Name")}'
""")  # fmt: skip
    found = fn.invoke("/a/b", "x", headers={"x-name": "me"})
    assert found in (b"POST /a/b me", "POST /a/b me")


def test_json_in_and_out_and_a_failure(deploy: Deploy) -> None:
    fn = deploy("words", """
def handler(context, event):
    if event.content_type == 'application/json':
        return sorted(event.body['words'])
    raise ValueError('JSON is wanted')
""")  # fmt: skip
    assert fn.invoke("/", {"words": ["b", "a"]}) == ["a", "b"]
    with pytest.raises(RunError, match="JSON is wanted"):
        fn.invoke("/", "text")
    assert fn.invoke("/", {"words": ["d", "c"]}) == ["c", "d"], "the worker lives"


def test_a_status_and_a_body(deploy: Deploy) -> None:
    fn = deploy("tuple", "def handler(context, event):\n    return 418, 'a teapot'\n")
    with pytest.raises(RunError, match="418"):
        fn.invoke("/")


def test_cron(deploy: Deploy) -> None:
    code = """
def handler(context, event):
    print('called by', event.trigger.kind, event.body)
"""
    trigger = {"kind": "cron", "attributes": {"interval": "1s", "event": {"body": "tick"}}}
    fn = deploy("clock", code, tick=trigger)
    assert all("cron" in line and "tick" in line for line in _lines(fn, 2, "called by"))
    fn.delete()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """A server for streams."""
    with redis_server() as server:
        yield server


def test_batches_and_explicit_acknowledgement(deploy: Deploy, redis: Redis) -> None:
    code = """
import nuclio_sdk

async def handler(context, event):
    print('got', event.body, event.trigger.kind)
    response = context.Response(body='')
    response.ensure_no_ack()
    if b'keep' not in event.body:
        place = nuclio_sdk.QualifiedOffset.from_event(event)
        await context.platform.explicit_ack(place)
    return response
"""
    url = f"{redis.url}/explicit"
    fn: Any = ml.new_function("acks", project="n", kind="nuclio").with_code(body=code)
    trigger = {"kind": "redis", "url": url, "explicitAckMode": "explicitOnly",
               "attributes": {"consumerGroup": "g"}}  # fmt: skip
    fn.with_gateway(triggers={"s": trigger})
    fn.deploy()
    with open_stream(url) as stream:
        for body in ("one", "two"):
            stream.push([body.encode()])
    assert len(_lines(fn, 2, "got")) >= 2
    fn.delete()


def test_a_batch(deploy: Deploy, redis: Redis) -> None:
    code = """
def handler(context, batch):
    print('batch of', len(batch), sorted(event.body for event in batch))
    return [context.Response(body=event.body, event_id=event.id) for event in batch]
"""
    url = f"{redis.url}/batched"
    fn: Any = ml.new_function("batches", project="n", kind="nuclio").with_code(body=code)
    batch = {"mode": "enable", "batchSize": 3, "timeout": "500ms"}
    fn.with_gateway(triggers={"s": {"kind": "redis", "url": url, "batch": batch}})
    fn.deploy()
    with open_stream(url) as stream:
        for number in range(3):
            stream.push([json.dumps(number).encode()])
    assert _lines(fn, 1, "batch of")
    fn.delete()


def test_a_function_calls_another_one(deploy: Deploy) -> None:
    deploy("called", "def handler(context, event):\n    return {'got': event.body}\n")
    caller = """
import nuclio_sdk

def handler(context, event):
    asked = nuclio_sdk.Event(body={'n': 1}, method='POST')
    found = context.platform.call_function('called', asked, timeout=30)
    return [found.status_code, found.body]
"""
    fn = deploy("caller", caller)
    assert fn.invoke("/") == [200, {"got": {"n": 1}}]
