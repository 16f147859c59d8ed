from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from mlrun_like.errors import (
    EngineError,
    InvalidArgumentError,
    NotFoundError,
    StateError,
    StoreUnavailableError,
)
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Deployment, Options, Share
from tests.gateway.pools import Rig, until, version


def test_deploy_answer_and_deploy_again() -> None:
    async def main() -> None:
        rig = Rig()
        refused = rig.send()
        assert refused.status == 503 and json.loads(refused.body)["code"] == "no_version"
        first = await rig.service.deploy(version("a"))
        assert first.number == 1 and first.created and await rig.ask() == [b"v1"]
        pool = rig.pools[1]
        assert await rig.service.deploy(version("a")) == first
        assert rig.pools == {1: pool} and rig.saved == ["starting", "deployed"]
        second = await rig.service.deploy(version("b"))
        assert second.number == 2 and await rig.ask(3) == [b"v2"] * 3
        assert rig.service.version.number == 2
        assert rig.last.previous == [Share(1, 100.0)] and not pool.closed
        third = await rig.service.deploy(version("c"))
        await until(lambda: pool.closed)  # only the last one is kept for the way back
        assert third.number == 3 and not rig.pools[2].closed
        status = rig.service.status()
        assert status["state"] == "ready" and status["version"] == 3
        assert [row["live"] for row in status["versions"]] == [False, True, True]
        assert status["versions"][2]["weight"] == 100.0
        json.dumps(status)
        await rig.service.close()
        assert all(pool.closed for pool in rig.pools.values())

    asyncio.run(main())


def test_a_version_that_does_not_start_gets_no_traffic() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        with pytest.raises(EngineError, match="no such module"):
            await rig.service.deploy(version("b", fails="no such module"))
        assert await rig.ask(2) == [b"v1"] * 2
        status = rig.service.status()
        assert status["rollout"] is None and status["history"][-1]["why"] == "no such module"
        assert (await rig.service.deploy(version("c"))).number == 3
        await rig.service.close()

    asyncio.run(main())


def test_a_first_version_that_does_not_start_is_named() -> None:
    async def main() -> None:
        rig = Rig()
        with pytest.raises(EngineError):
            await rig.service.deploy(version("a", fails="boom at import"))
        status = rig.service.status()
        assert (status["state"], status["reason"]) == ("error", "boom at import")
        assert b"boom at import" in rig.send().body
        assert (await rig.service.deploy(version("a"))).number == 1  # the same again: tried again
        await rig.service.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"path": "/x", "status": 404}, "with 200, not 404"),
        ({"path": "/x", "contains": "hello"}, "without 'hello'"),
        ({"path": "/bad"}, "with 500: oh no"),
        ({"path": "/ x"}, "is no request"),
    ],
)
def test_smoke_requests_come_before_traffic(request_: dict[str, object], told: str) -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        rig.handlers[2] = lambda call: (500, b"oh no") if call.target == b"/bad" else (200, b"v2")
        smoke = Options(smoke=({"path": "/good", "contains": "v2", "status": 200}, request_))
        with pytest.raises((EngineError, InvalidArgumentError), match=told):
            await rig.service.deploy(version("b", smoke))
        assert await rig.ask() == [b"v1"]
        await until(lambda: rig.pools[2].closed)
        numbers = rig.service.status()["versions"][0]
        assert numbers["requests"] == 1  # smoke requests are nobody's
        await rig.service.close()

    asyncio.run(main())


def test_rollback_is_at_once_and_its_own_opposite() -> None:
    async def main() -> None:
        rig = Rig()
        with pytest.raises(StateError):
            await rig.service.rollback()
        await rig.service.deploy(version("a"))
        with pytest.raises(StateError, match="before"):
            await rig.service.rollback()
        await rig.service.deploy(version("b"))
        await rig.service.rollback(by="bob", why="too slow")
        assert await rig.ask() == [b"v1"]
        assert rig.last.history[-1]["why"] == "too slow" and rig.last.history[-1]["by"] == "bob"
        await rig.service.rollback()
        assert await rig.ask() == [b"v2"]
        await rig.service.deploy(version("c"))
        await rig.service.rollback(1)
        assert await rig.ask() == [b"v1"] and rig.last.previous == [Share(3, 100.0)]
        with pytest.raises(NotFoundError, match="versions: 1, 2, 3"):
            await rig.service.rollback(9)
        await rig.service.close()

    asyncio.run(main())


def test_the_same_code_again_is_the_old_version() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"))
        assert (await rig.service.deploy(version("a"))).number == 1
        assert await rig.ask() == [b"v1"] and list(rig.last.versions) == [1, 2]
        await rig.service.close()

    asyncio.run(main())


def test_traffic_is_shifted_by_hand() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"))
        await rig.service.shift({"1": 90, 2: 10}, by="ann")
        assert Counter(await rig.ask(1000)) == {b"v1": 900, b"v2": 100}
        rows = rig.service.status()["versions"]
        assert [row["requests"] for row in rows] == [900, 100]
        for bad in ({"1": 90}, {"x": 100}, {7: 100}):
            with pytest.raises(InvalidArgumentError):
                await rig.service.shift(bad)
        await rig.service.shift([Share(1, 100.0), Share(2, 0.0, "x-new")], sticky="caller")
        assert await rig.ask(1, "", (b"x-new", b"1")) == [b"v2"] and await rig.ask() == [b"v1"]
        assert rig.last.sticky == "caller"
        await rig.service.close()

    asyncio.run(main())


def test_what_waits_for_a_version_that_ends_is_answered_by_another() -> None:
    async def main() -> None:
        rig = Rig()
        for name in "ab":
            await rig.service.deploy(version(name))
        await rig.service.shift({1: 50, 2: 50})
        rig.pools[2].hold = True
        waiting = [rig.send() for _ in range(100)]
        await rig.service.deploy(version("c"))
        await until(lambda: all(one.answered for one in waiting) or bool(rig.pools[2].queue))
        held = [one for one in waiting if not one.answered]
        assert len(held) == 50  # kept for the way back, and finishes what it has
        await rig.service.deploy(version("d"))  # now nobody needs it
        await until(lambda: all(one.answered for one in waiting))
        assert {one.status for one in waiting} == {200} and {one.body for one in held} == {b"v4"}
        await rig.service.close()

    asyncio.run(main())


def test_stop_and_start() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a", Options(min_replicas=2)))
        under_way = rig.send()
        await rig.service.stop()
        await until(lambda: rig.pools[1].closed)
        assert under_way.status in (200, 503)
        refused = rig.send()
        assert refused.status == 503 and b"retry-after: 60" in refused.content
        assert rig.service.status()["state"] == "stopped"
        again = Rig(rig.last)
        assert again.send().status == 503 and not again.pools
        await again.service.start()
        assert await again.ask() == [b"v1"] and again.pools[1].wanted == 2
        await again.service.close()
        await rig.service.close()

    asyncio.run(main())


def test_replicas_by_hand_win_and_survive() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a", Options(min_replicas=1, max_replicas=2)))
        await rig.service.scale(3, 5, by="ann")
        assert (rig.pools[1].least, rig.pools[1].most) == (3, 5)
        await rig.service.deploy(version("b", Options(min_replicas=1, max_replicas=2)))
        assert (rig.pools[2].least, rig.pools[2].most) == (3, 5)
        assert (rig.pools[1].least, rig.pools[1].most) == (0, 5)  # may end when idle
        assert Rig(rig.last).pools[2].least == 3
        for bad in ((-1, None), (None, 0), (9, 3), (True, None), ("2", None)):
            with pytest.raises(InvalidArgumentError):
                await rig.service.scale(*bad)
        await rig.service.close()

    asyncio.run(main())


def test_only_the_last_ten_versions_and_those_in_use_are_kept() -> None:
    async def main() -> None:
        rig = Rig()
        for number in range(15):
            await rig.service.deploy(version(f"d{number}"))
        assert list(rig.last.versions) == list(range(6, 16))
        await rig.service.shift({6: 50, 15: 50})
        for number in range(15, 28):
            await rig.service.deploy(version(f"d{number}"), {"weight": 1})
        assert 6 in rig.last.versions and len(rig.last.versions) <= 12
        await rig.service.close()

    asyncio.run(main())


def test_what_cannot_be_saved_does_not_happen() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))

        def full(deployment: Deployment) -> None:
            raise StoreUnavailableError("the disk is full")

        rig.service.traffic._save = full
        for change in (
            rig.service.deploy(version("b")),
            rig.service.scale(2),
            rig.service.stop(),
            rig.service.shift({1: 100}),
        ):
            with pytest.raises(StoreUnavailableError):
                await change
        assert await rig.ask() == [b"v1"] and rig.service.deployment.watch is None
        await rig.service.close()

    asyncio.run(main())


def test_a_client_that_leaves_is_forgotten() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        rig.pools[1].hold = True
        reply = rig.send()
        call = rig.pools[1].queue[0]
        assert call.reply is reply
        rig.service.cancel(call)
        assert rig.pools[1].cancelled == [call]
        assert rig.service.status()["versions"][0]["requests"] == 0
        await rig.service.close()

    asyncio.run(main())


def test_a_version_without_replicas_is_started_before_it_gets_traffic_back() -> None:
    async def main() -> None:
        before = Rig()
        smoke = Options(smoke=({"path": "/s", "contains": "v1"},))
        await before.service.deploy(version("a", smoke))
        await before.service.deploy(version("b"))
        await before.service.close()
        rig = Rig(before.last)  # the next gateway: version 1 has no replicas
        asked: list[bytes] = []

        def first(call: Call) -> tuple[int, bytes]:
            asked.append(call.target)
            return 200, b"nothing"

        rig.handlers[1] = first
        with pytest.raises(EngineError, match="without 'v1'"):
            await rig.service.rollback()
        assert await rig.ask() == [b"v2"] and asked == [b"/s"]
        await until(lambda: rig.pools[1].closed)  # nobody needs it yet
        rig.handlers.pop(1)
        await rig.service.rollback()
        assert await rig.ask() == [b"v1"]
        await rig.service.close()

    asyncio.run(main())


def test_who_has_most_of_the_traffic_is_told() -> None:
    async def main() -> None:
        rig = Rig()
        empty = rig.service.version
        assert (empty.number, empty.options) == (0, Options())  # before the first one is written
        told: list[int] = []
        rig.service.traffic.on_main = lambda: told.append(rig.service.version.number)
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"), {"steps": [50, 100], "requests": 1, "seconds": 0})
        while rig.service.status()["rollout"] is not None:  # moves by itself
            await rig.ask(5)
        await rig.service.scale(0, 2)
        await rig.service.rollback()
        assert told[0] == 1 and 2 in told and told[-1] == rig.service.version.number
        await rig.service.close()

    asyncio.run(main())
