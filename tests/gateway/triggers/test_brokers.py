"""Kafka, RabbitMQ, NATS and MQTT as triggers, over real brokers."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.running import Running
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Consumer, Record, Stream
from mlrun_like.streams.opening import open_stream

pytestmark = pytest.mark.slow

Wait = Callable[..., Any]
Run = Callable[..., Running]
QUICK = {"attempts": 2, "delay": "10ms", "maxDelay": "20ms"}


def push(url: str, *bodies: str, **options: Any) -> None:
    with open_stream(url, **options) as stream:
        stream.push_records([Record(body.encode(), "", {"n": body}) for body in bodies])


def read(consumer: Consumer, count: int) -> list[Record]:
    found: list[Record] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.read(100, 0.3)
    return found


def fails_on(bad: bytes) -> Callable[[Any], tuple[int, bytes, dict[str, str]]]:
    return lambda request: (500, b"boom", {}) if request.body == bad else (200, b"", {})


def numbers(count: int, first: int = 0) -> list[str]:
    return [str(n) for n in range(first, first + count)]


# RabbitMQ


def rabbit_spec(rabbit: Any, queue: str, **more: Any) -> dict[str, Any]:
    attributes = {"exchangeName": "", "queueName": queue, "retry": QUICK, **more}
    return {"kind": "rabbit-mq", "url": rabbit.url, "attributes": attributes, "numWorkers": 3}


def test_rabbitmq_delivers_retries_and_buries(
    plane: Any, run: Run, wait: Wait, rabbit: Any
) -> None:
    queue = new_uid()
    url = f"{rabbit.url}/{queue}"
    plane.respond = fails_on(b"3")
    push(url, *numbers(10))
    running = run(rabbit_spec(rabbit, queue))
    wait(lambda: running.status()["events"] == 9 and running.status()["dead_letters"] == 1)
    assert all(request.headers["n"] == request.text for request in plane.requests)
    assert plane.requests[0].headers["x-mlrun-like-event-topic"] == queue
    with open_stream(f"{url}.dead-letter") as stream, stream.consumer("") as consumer:
        (letter,) = read(consumer, 1)
        assert (letter.body, letter.headers["dead-letter-error"]) == (b"3", "500: boom")
    running.close()
    with open_stream(url) as stream:
        assert stream.depth("") == 0


def test_rabbitmq_binds_topics_of_an_exchange(
    plane: Any, run: Run, wait: Wait, rabbit: Any
) -> None:
    exchange = new_uid()
    attributes = {"exchangeName": exchange, "topics": ["orders.*"]}
    running = run({"kind": "rabbit-mq", "url": rabbit.url, "attributes": attributes})
    wait(lambda: running.status()["state"] == "connected" and not running.status()["last_error"])
    time.sleep(0.5)  # the queue is bound
    with open_stream(f"{rabbit.url}/{new_uid()}", exchange=exchange) as stream:
        stream.push_records([Record(b"yes", "orders.new"), Record(b"no", "other")])
    wait(lambda: plane.bodies == ["yes"])


def test_rabbitmq_hands_out_again_what_a_reader_left(rabbit: Any) -> None:
    url = f"{rabbit.url}/{new_uid()}"
    with open_stream(url, prefetch=5) as stream:
        stream.push_records([Record(b"%d" % n) for n in range(8)])
        first = stream.consumer("")
        found = read(first, 5)
        assert [record.deliveries for record in found] == [1] * 5
        assert first.read(10, 0.3) == [], "no more than it may hold"
        first.ack(found[:2])
        first.close()
        with pytest.raises(ConflictError):
            first.read()
        with stream.consumer("") as second:
            again = read(second, 5)
            assert [record.body for record in again] == [b"2", b"3", b"4", b"5", b"6"]
            assert [record.deliveries for record in again[:3]] == [2, 2, 2]
        stream.delete()


def test_rabbitmq_says_when_it_is_not_there() -> None:
    with pytest.raises(InvalidArgumentError, match="does not name"):
        open_stream("amqp://me:secret@localhost:1/")
    stream = open_stream("amqp://me:hidden@127.0.0.1:1/q", timeout=0.2)
    with pytest.raises(StoreUnavailableError) as caught:
        stream.push("x")
    assert "hidden" not in str(caught.value)
    with stream.consumer("") as consumer, pytest.raises(StoreUnavailableError):
        read(consumer, 1)


def test_rabbitmq_killed_in_between_loses_nothing(
    plane: Any, run: Run, wait: Wait, rabbit: Any
) -> None:
    queue = new_uid()
    url = f"{rabbit.url}/{queue}"
    plane.slow(0.01)
    push(url, *numbers(100))
    running = run(rabbit_spec(rabbit, queue))
    wait(lambda: len(plane.requests) > 20)
    rabbit.kill()
    wait(lambda: running.status()["state"] == "disconnected")
    rabbit.start()
    wait(lambda: set(plane.bodies) == set(numbers(100)), 60)
    assert "guest:guest" not in str(running.status())


# NATS


def nats_spec(nats: Any, subject: str, **more: Any) -> dict[str, Any]:
    attributes = {"topic": subject, "ackWait": "1s", "retry": QUICK, **more}
    return {"kind": "nats", "url": nats.url, "attributes": attributes, "numWorkers": 3}


def test_jetstream_delivers_retries_buries_and_survives_a_kill(
    plane: Any, run: Run, wait: Wait, nats: Any, gateway_folder: Path
) -> None:
    url = f"{nats.url}/orders"
    plane.respond = fails_on(b"3")
    push(url, *numbers(10), jetstream="yes")
    running = run(nats_spec(nats, "orders", deadLetter="graves"))
    wait(lambda: running.status()["events"] == 9 and running.status()["dead_letters"] == 1)
    assert running.status()["notes"] == ["JetStream: at least once"]
    with open_stream(f"{nats.url}/graves") as stream, stream.consumer("g") as consumer:
        assert [record.body for record in read(consumer, 1)] == [b"3"]
    nats.kill()
    wait(lambda: running.status()["state"] == "disconnected")
    nats.start()
    push(url, *numbers(10, 10))
    wait(lambda: set(plane.bodies) == set(numbers(20)))
    with open_stream(url) as stream:
        wait(lambda: stream.depth("p-f-t") == 0)


def test_jetstream_hands_out_again_what_a_dead_reader_had(
    plane: Any, run: Run, wait: Wait, nats: Any
) -> None:
    url = f"{nats.url}/x.y"
    push(url, "a", "b", jetstream="yes")
    with open_stream(url, ack_wait=1.0) as stream:
        consumer: Any = stream.consumer("p-f-t")
        assert len(read(consumer, 2)) == 2
        consumer._closed.set()  # as a killed one, it says nothing any more
        consumer._client.close()
        running = run(nats_spec(nats, "x.y"))
        wait(lambda: sorted(plane.bodies) == ["a", "b"])
        wait(lambda: stream.depth("p-f-t") == 0)
        assert running.status()["dead_letters"] == 0


def test_a_long_handler_keeps_its_message_of_jetstream(
    plane: Any, run: Run, wait: Wait, nats: Any, tmp_path: Path
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def respond(request: Any) -> tuple[int, bytes, dict[str, str]]:
        entered.set()
        leave.wait(20)
        return 200, b"", {}

    plane.respond = respond
    push(f"{nats.url}/long", "a", jetstream="yes")
    spec = nats_spec(nats, "long")
    run(spec), run(spec, home=tmp_path)
    assert entered.wait(20)
    time.sleep(2.5)  # more than twice what a silent reader is given
    assert plane.bodies == ["a"]
    leave.set()


def test_core_nats_says_that_it_may_lose_messages_and_shares_them(
    plane: Any, run: Run, wait: Wait, nats: Any, tmp_path: Path
) -> None:
    spec = nats_spec(nats, "plain.*", queueName="q")
    one, two = run(spec), run(spec, home=tmp_path)
    wait(lambda: one.status()["notes"] and two.status()["notes"])
    assert "at most once" in one.status()["notes"][0]
    push(f"{nats.url}/plain.a", *numbers(40))
    wait(lambda: sorted(plane.bodies) == sorted(numbers(40)))
    assert one.status()["events"] and two.status()["events"]


# MQTT


def mqtt_spec(mosquitto: Any, *topics: str, **more: Any) -> dict[str, Any]:
    rows = [{"topic": topic, "qos": 1} for topic in topics]
    url = mosquitto.url.replace("mqtt:", "tcp:")
    attributes = {"subscriptions": rows, "retry": QUICK, **more}
    return {"kind": "mqtt", "url": url, "attributes": attributes}


def test_mqtt_delivers_and_keeps_what_comes_while_the_gateway_is_away(
    plane: Any, run: Run, wait: Wait, mosquitto: Any, gateway_folder: Path
) -> None:
    plane.respond = fails_on(b"3")
    spec = mqtt_spec(mosquitto, "house/+/t", "extra")
    running = run(spec)
    wait(lambda: running.status()["state"] == "connected")
    push(f"{mosquitto.url}/house/kitchen/t", *numbers(5))
    wait(lambda: running.status()["events"] == 4 and running.status()["dead_letters"] == 1)
    assert plane.requests[0].headers["x-mlrun-like-event-topic"] == "house/kitchen/t"
    assert plane.requests[0].headers["n"] == "0"
    lines = (gateway_folder / "dead-letters/p/f/t.jsonl").read_text().splitlines()
    assert len(lines) == 1
    running.close()
    push(f"{mosquitto.url}/extra", *numbers(5, 10))
    run(spec)
    wait(lambda: set(numbers(5, 10)) <= set(plane.bodies))


def test_mqtt_reconnects_to_a_broker_that_was_restarted(
    plane: Any, run: Run, wait: Wait, mosquitto: Any
) -> None:
    running = run(mqtt_spec(mosquitto, "a"))
    wait(lambda: running.status()["state"] == "connected")
    mosquitto.kill()
    wait(lambda: running.status()["state"] == "disconnected")
    mosquitto.start()
    wait(lambda: running.status()["state"] == "connected")
    push(f"{mosquitto.url}/a", "x")
    wait(lambda: plane.bodies == ["x"])


def test_mqtt_shared_subscriptions_balance_gateways(
    plane: Any, run: Run, wait: Wait, mosquitto: Any, tmp_path: Path
) -> None:
    spec = mqtt_spec(mosquitto, "jobs", sharedGroup="g")
    one, two = run(spec), run(spec, home=tmp_path)
    wait(lambda: one.status()["state"] == two.status()["state"] == "connected")
    push(f"{mosquitto.url}/jobs", *numbers(40))
    wait(lambda: sorted(plane.bodies) == sorted(numbers(40)))
    assert one.status()["events"] and two.status()["events"]


@pytest.mark.parametrize("protocol", [4, 5])
def test_mqtt_acknowledges_in_order_and_gets_the_rest_again(mosquitto: Any, protocol: int) -> None:
    url = f"{mosquitto.url}/a/b"
    with open_stream(url, protocol=protocol) as stream:
        first = stream.consumer("", "me")
        assert first.read(10, 0.5) == []
        stream.push(numbers(4))
        found = read(first, 4)
        first.ack([found[1], found[3]])
        first.ack([found[0]])  # now the second counts, too; the fourth waits for the third
        time.sleep(0.3)
        first.close()
        with stream.consumer("", "me") as again:
            assert [record.body for record in read(again, 2)] == [b"2", b"3"]


# Kafka


def committed(kafka: Any, group: str, topic: str) -> int:
    """How many records a group has acknowledged."""
    module: Any = importlib.import_module("confluent_kafka")
    brokers = kafka.url.removeprefix("kafka://")
    consumer = module.Consumer({"bootstrap.servers": brokers, "group.id": group})
    try:
        places = [module.TopicPartition(topic, number) for number in (0, 1)]
        return sum(max(0, place.offset) for place in consumer.committed(places, timeout=10))
    finally:
        consumer.close()


def test_kafka_delivers_in_the_order_of_partitions_and_buries(
    plane: Any, run: Run, wait: Wait, kafka: Any
) -> None:
    topic = f"t{new_uid()[-8:]}"
    url = f"{kafka.url}/{topic}"
    plane.respond = fails_on(b"3")
    stream: Stream = open_stream(url, shards=2)
    push(f"{url}-more", "of another topic")
    with stream:
        stream.push_records([Record(b"%d" % n, f"k{n % 4}") for n in range(30)])
        attributes = {
            "brokers": [kafka.url.removeprefix("kafka://")],
            "topics": [topic, f"{topic}-more"],
            "consumerGroup": f"g-{topic}",
            "initialOffset": "earliest",
            "retry": QUICK,
        }
        spec = {"kind": "kafka", "numWorkers": 2, "attributes": attributes}
        running = run(spec)
        wait(lambda: running.status()["events"] == 30, 90, running.status)
        assert running.status()["dead_letters"] == 1
        by_shard: dict[str, list[int]] = {}
        for request in plane.requests:
            told = request.headers
            shard = told["x-mlrun-like-event-topic"] + told["x-mlrun-like-event-shard"]
            by_shard.setdefault(shard, []).append(int(request.headers["x-mlrun-like-event-offset"]))
        assert all(offsets == sorted(offsets) for offsets in by_shard.values())
        assert {told.headers["x-mlrun-like-event-shards"] for told in plane.requests} == {"1", "2"}
    running.close()
    assert committed(kafka, f"g-{topic}", topic) == 30
    with open_stream(f"{url}.dead-letter") as graves:
        with graves.consumer("g", shards=[0]) as consumer:
            (letter,) = read(consumer, 1)
        assert letter.headers["dead-letter-topic"] == topic


def test_kafka_may_begin_with_what_comes_from_now_on(
    plane: Any, run: Run, wait: Wait, kafka: Any
) -> None:
    topic = f"t{new_uid()[-8:]}"
    url = f"{kafka.url}/{topic}"
    push(url, "old")
    attributes = {"initialOffset": "latest", "partitions": [0], "consumerGroup": f"g{topic}"}
    running = run({"kind": "kafka-cluster", "url": url, "attributes": attributes})
    wait(lambda: running.status()["state"] == "connected")
    push(url, "new")
    wait(lambda: plane.bodies == ["new"])


# All of them


def test_a_killed_host_loses_nothing_of_any_broker(
    plane: Any, host: Any, wait: Wait, rabbit: Any, nats: Any, mosquitto: Any, kafka: Any
) -> None:
    plane.slow(0.01)
    topic = new_uid()
    specs = {
        "r": rabbit_spec(rabbit, topic),
        "n": nats_spec(nats, "jobs"),
        "m": mqtt_spec(mosquitto, "jobs"),
        "k": {"kind": "kafka", "url": f"{kafka.url}/{topic}", "attributes": {"partitions": [0]}},
    }
    urls = {
        "r": f"{rabbit.url}/{topic}",
        "n": f"{nats.url}/jobs",
        "m": f"{mosquitto.url}/jobs",
        "k": f"{kafka.url}/{topic}",
    }
    with open_stream(urls["n"], jetstream="yes") as stream:
        stream.create()
    triggers = [TriggerConfig.read("p/f", name, spec) for name, spec in specs.items()]
    host.start(*triggers)  # from now on the MQTT broker keeps what comes
    wait(lambda: [row["state"] for row in host.status()] == ["connected"] * 4, 60)
    wanted = set()
    for name, url in urls.items():
        bodies = [f"{name}{n}" for n in range(80)]
        push(url, *bodies)
        wanted.update(bodies)
    for seen in (40, 120):
        wait(lambda seen=seen: len(plane.requests) >= seen)
        host.kill()
        host.start(*triggers)
    wait(lambda: set(plane.bodies) >= wanted, 60, lambda: wanted - set(plane.bodies))
    assert sum(row["dead_letters"] for row in host.status()) == 0
    assert host.leave() == 0
