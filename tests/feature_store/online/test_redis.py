"""The Redis store when the server goes, comes back, or is no online store."""

from __future__ import annotations

import os
import threading
import time

import pytest
import redis

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.feature_store.online import open_online
from mlrun_like.feature_store.online.codec import decode_row, encode_row
from tests.servers import Redis, free_port, redis_server


def test_a_server_that_restarts_in_the_middle() -> None:
    with redis_server(durable=True) as server:
        store = open_online(server.url, timeout=30)
        store.write([(b"v1:a", encode_row(5, {"v": 1}), 5)])
        problems: list[object] = []
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                (blob,) = store.read([b"v1:a"])
                if blob is None or decode_row(blob)["v"] < 1:
                    problems.append(blob)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        server.kill()
        time.sleep(0.1)
        server.start()
        store.write([(b"v1:a", encode_row(6, {"v": 2}), 6)], position=("f", "2"))  # scripts anew
        stop.set()
        for thread in threads:
            thread.join(60)
        assert problems == []
        assert store.position("f") == "2"
        store.close()


def test_a_server_that_is_not_there() -> None:
    store = open_online(f"redis://user:secret@127.0.0.1:{free_port()}", timeout=0.2)
    with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
        store.read([b"a"])
    assert "secret" not in str(caught.value)


def test_keys_that_are_something_else(redis_of_online: Redis) -> None:
    client = redis.Redis.from_url(f"{redis_of_online.url}/15")
    client.hset("v1:hash", "a", "b")
    with open_online(f"{redis_of_online.url}/15") as store:
        with pytest.raises(InvalidArgumentError, match="Redis refused"):
            store.write([(b"v1:hash", encode_row(0, {}), 0)])
        assert store.read([b"v1:hash"]) == [None]
    client.flushdb()
    client.close()


def test_bad_options() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        open_online("redis://host:port")


def test_a_forked_process_has_connections_of_its_own(redis_of_online: Redis) -> None:
    store = open_online(f"{redis_of_online.url}/14")
    store.write([(b"v1:f", encode_row(0, {}), 0)])
    child = os.fork()
    if child == 0:
        os._exit(0 if store.read([b"v1:f"]) != [None] else 1)
    assert store.read([b"v1:f"]) != [None]
    assert os.waitpid(child, 0)[1] == 0
    store.close()
