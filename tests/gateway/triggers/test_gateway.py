"""Each kind of trigger wakes a sleeping function of the real gateway."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.gateway.control import starting
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.triggers.spool import post_event
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Record
from mlrun_like.streams.opening import open_stream
from tests.gateway.gateways import gateway_at, settle, until

pytestmark = pytest.mark.slow

CODE = """
import os

def handler(context, event):
    body = event.body if isinstance(event.body, bytes) else str(event.body).encode()
    line = b"|".join([event.trigger.kind.encode(), event.trigger.name.encode(), body])
    file = os.open(PATH, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(file, line.replace(b"\\n", b" ") + b"\\n")
    os.close(file)
"""
ACKING = """
import asyncio
from nuclio_sdk import QualifiedOffset

async def handler(context, event):
    await context.platform.explicit_ack(QualifiedOffset.from_event(event))
    return context.Response(body="", headers={"x-nuclio-stream-no-ack": True})
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = dict(config._set)
    folder = tmp_path_factory.mktemp("gateway")
    with gateway_at(folder):
        config._set.clear()
        config._set.update(before)
        yield folder


@pytest.fixture
def log(home: Path, place: Path, tmp_path: Path) -> Path:
    """Where the function writes what it got."""
    settle(place)
    starting.up()
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and str(parent) not in ("/", "/tmp"):
            parent.chmod(0o755)  # functions run as nobody when the gateway is root
    path = tmp_path / "log"
    path.touch()
    path.chmod(0o666)
    return path


def deploy(log: Path, spec: dict[str, Any], code: str = CODE) -> str:
    name = f"f{new_uid()[-6:]}"
    fn: Any = ml.new_function(name, project="p", kind="nuclio")
    fn.with_code(body=code.replace("PATH", repr(str(log))))
    fn.spec.min_replicas, fn.spec.max_replicas = 0, 2
    fn.set_config("spec.idleTimeout", "1s")
    fn.add_trigger("t", spec)
    fn.deploy()
    return f"p/{name}"


def row(key: str) -> dict[str, Any]:
    rows = [row for row in GatewayClient().triggers() if row["function"] == key]
    return rows[0] if rows else {"state": "none"}


def connected(key: str) -> None:
    until(lambda: row(key)["state"] == "connected")


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines()


def test_redis_and_a_gateway_killed_in_between(log: Path, redis: Any) -> None:
    url = f"{redis.url}/{new_uid()}"
    key = deploy(log, {"kind": "redis", "url": url, "numWorkers": 2})
    connected(key)
    with open_stream(url) as stream:
        stream.push_records([Record(b"%d" % n) for n in range(100)])
        until(lambda: len(lines(log)) > 10)
        os.kill(int(GatewayClient().info()["pid"]), signal.SIGKILL)
        stream.push_records([Record(b"%d" % n) for n in range(100, 200)])
        wanted = {f"redis|t|{n}" for n in range(200)}
        until(lambda: set(lines(log)) == wanted)
        until(lambda: stream.depth(f"p-{key[2:]}-t") == 0)
    until(lambda: row(key).get("state") == "connected")


def test_a_killed_host_is_started_again(log: Path, redis: Any) -> None:
    url = f"{redis.url}/{new_uid()}"
    key = deploy(log, {"kind": "redis", "url": url})
    connected(key)
    before = GatewayClient().info()["trigger_host"]
    os.kill(before, signal.SIGKILL)
    with open_stream(url) as stream:
        stream.push("x")
    until(lambda: lines(log) == ["redis|t|x"])
    assert GatewayClient().info()["trigger_host"] not in (0, before)


def test_a_handler_acknowledges_by_itself(log: Path, redis: Any) -> None:
    url = f"{redis.url}/{new_uid()}"
    spec = {"kind": "redis", "url": url, "explicitAckMode": "explicitOnly"}
    key = deploy(log, spec, ACKING)
    with open_stream(url) as stream:
        stream.push(["a", "b", "c"])
        until(lambda: row(key).get("events") == 3)
        until(lambda: stream.depth(f"p-{key[2:]}-t") == 0)


def test_cron_files_and_events(log: Path, tmp_path: Path) -> None:
    attributes = {"schedule": "* * * * * *", "event": {"body": "tick"}}
    key = deploy(log, {"kind": "cron", "attributes": attributes})
    until(lambda: "cron|t|tick" in lines(log))
    GatewayClient().delete(key)
    folder = tmp_path / "in"
    folder.mkdir()
    more = {"interval": "50ms", "settle": "50ms", "content": True}
    key = deploy(log, {"kind": "files", "url": str(folder), "attributes": more})
    connected(key)
    (folder / "a.txt").write_text("hello")
    until(lambda: "files|t|hello" in lines(log))
    key = deploy(log, {"kind": "events", "attributes": {"events": ["drift"]}})
    connected(key)
    post_event("drift", {"feature": "age"}, "p")
    until(lambda: any(line.startswith("events|t|") and "age" in line for line in lines(log)))


def test_nats_mqtt_and_rabbitmq(log: Path, nats: Any, mosquitto: Any, rabbit: Any) -> None:
    attributes: dict[str, Any] = {"topic": "x"}
    with open_stream(f"{nats.url}/x", jetstream="yes") as stream:
        stream.create()
        connected(deploy(log, {"kind": "nats", "url": nats.url, "attributes": attributes}))
        stream.push("n")
        until(lambda: "nats|t|n" in lines(log))
    attributes = {"subscriptions": [{"topic": "x", "qos": 1}]}
    url = mosquitto.url.replace("mqtt:", "tcp:")
    connected(deploy(log, {"kind": "mqtt", "url": url, "attributes": attributes}))
    with open_stream(f"{mosquitto.url}/x") as stream:
        stream.push("m")
    until(lambda: "mqtt|t|m" in lines(log))
    attributes = {"exchangeName": "ex", "queueName": "jobs"}
    connected(deploy(log, {"kind": "rabbit-mq", "url": rabbit.url, "attributes": attributes}))
    with open_stream(f"{rabbit.url}/jobs") as stream:
        stream.push("r")
    until(lambda: "rabbit-mq|t|r" in lines(log))


def test_kafka(log: Path, kafka: Any) -> None:
    topic = new_uid()
    attributes = {
        "brokers": [kafka.url.removeprefix("kafka://")],
        "topics": [topic],
        "consumerGroup": f"g-{topic}",
        "partitions": [0],  # a group takes long to share partitions out
    }
    with open_stream(f"{kafka.url}/{topic}") as stream:
        stream.push("k")
        key = deploy(log, {"kind": "kafka-cluster", "attributes": attributes})
        until(lambda: lines(log) == ["kafka-cluster|t|k"])
    until(lambda: row(key).get("events") == 1)
