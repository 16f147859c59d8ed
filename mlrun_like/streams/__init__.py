"""Streams of records: one small interface over memory, Redis Streams, Kafka and brokers.

base.py           Record, Stream, Consumer, and what a value looks like as bytes
opening.py        open_stream(url): which class a URL means, options in the URL
backoff.py        waiting longer after each failure
memory.py         streams inside this process
dummy.py          DummyStream, which tests look into
file.py           streams in a file; file_consumer.py: their readers
redis.py          Redis Streams: the stream and its pushes
redis_client.py   one connection: raw replies, retries, errors in this package's words
redis_consumer.py consumer groups on Redis: recovery first, then new records
redis_leases.py   which member of a group reads which shard
redis_scripts.py  the Lua scripts, which run atomically on the server
kafka.py          Kafka: topics and pushes
kafka_consumer.py consumer groups on Kafka
kafka_messages.py messages as records
kafka_offsets.py  which offset may be committed when records are done out of order
rabbitmq.py       RabbitMQ queues; rabbitmq_consumer.py: their readers
nats.py           NATS subjects, with and without JetStream; nats_client.py, nats_consumer.py
mqtt.py           MQTT topics; mqtt_consumer.py: readers whose session the broker keeps
"""

from __future__ import annotations

from mlrun_like.streams.base import Consumer, Record, Stream
from mlrun_like.streams.opening import get_stream_pusher, open_stream

__all__ = ["Consumer", "Record", "Stream", "get_stream_pusher", "open_stream"]
