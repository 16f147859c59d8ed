from __future__ import annotations

import asyncio
import json

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Deployment, Share
from mlrun_like.gateway.releases.shadow import MARK, json_difference
from tests.gateway.pools import Rig, until, version

PLAN = {"strategy": "shadow", "share": 100}


def test_copies_are_compared_and_nobody_gets_their_answers() -> None:
    async def main() -> None:
        rig = Rig()
        seen: list[Call] = []

        def old(call: Call) -> tuple[int, bytes]:
            return 200, json.dumps({"id": 1, "y": 1.0}).encode()

        def new(call: Call) -> tuple[int, bytes]:
            seen.append(call)
            body = {"id": 2, "y": 1.0 if call.target == b"/" else 7}
            return (200 if call.target != b"/fails" else 500), json.dumps(body).encode()

        rig.handlers = {1: old, 2: new}
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"), PLAN)
        for target in (b"/", b"/", b"/other?x=1", b"/fails", b"/stream"):
            reply = rig.send("", target)
            await until(lambda reply=reply: bool(reply.answered))  # type: ignore[misc]
            assert b'"id": 1' in reply.body and reply.answered == 1
        await until(lambda: rig.service.status()["shadow"]["compared"] == 5)
        told = rig.service.status()["shadow"]
        assert (told["same"], told["body"], told["status"]) == (2, 2, 1)
        assert told["examples"][0] == "GET /other: $.y: other number"
        assert MARK in seen[0].headers and told["latency"]["shadow"]["errors"] == 1
        rows = rig.service.status()["versions"]
        assert [row["requests"] for row in rows] == [5, 0]
        assert rig.last.traffic == [Share(1, 100.0)] and rig.last.shadow == Share(2, 100.0)
        again = Rig(Deployment.from_dict(rig.last.to_dict()))  # a restart
        assert again.service.status()["shadow"]["version"] == 2
        await again.service.close()
        await rig.service.promote()
        assert rig.service.status()["shadow"] is None and b'"id": 2' in (await rig.ask())[0]
        await rig.service.close()

    asyncio.run(main())


def test_a_shadow_that_hangs_or_fails_harms_nobody() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"), PLAN)
        rig.pools[2].hold = True
        assert await rig.ask(500) == [b"v1"] * 500
        told = rig.service.status()["shadow"]
        assert told["under_way"] == 64 and told["dropped"] == 436 and told["compared"] == 0
        await rig.service.set_shadow(0)
        assert len(rig.pools[2].cancelled) == 64
        assert await rig.ask(5) == [b"v1"] * 5
        await rig.service.close()

    asyncio.run(main())


def test_a_share_is_copied() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"), {"strategy": "shadow", "share": 10})
        for _ in range(20):
            await rig.ask(50)
        await until(lambda: rig.service.status()["shadow"]["under_way"] == 0)
        assert abs(rig.service.status()["shadow"]["sent"] - 100) <= 2
        for number, share in ((1, 10), (9, 10), (2, 0), (2, 101)):
            with pytest.raises(InvalidArgumentError):
                await rig.service.set_shadow(number, share)
        await rig.service.close()

    asyncio.run(main())


def test_a_client_that_leaves_before_its_copy_is_answered() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"), PLAN)
        rig.pools[1].hold = True
        rig.send()
        call = rig.pools[1].queue[0]
        rig.service.cancel(call)
        await until(lambda: rig.service.status()["shadow"]["under_way"] == 0)
        assert rig.service.status()["shadow"]["compared"] == 0
        await rig.service.close()

    asyncio.run(main())


def test_what_waits_moves_but_copies_do_not() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"), PLAN)
        rig.pools[2].hold = True
        await rig.ask(10)
        await rig.service.deploy(version("c"))
        await until(lambda: rig.pools[2].closed)
        assert rig.service.status()["versions"][2]["requests"] == 0
        assert await rig.ask() == [b"v3"]
        await rig.service.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("real", "copied", "found"),
    [
        ({"a": 1}, {"a": 1.0000000001}, ""),
        ({"a": True}, {"a": 1}, "$.a: other value"),
        ({"a": None}, {"a": 0}, "$.a: null, here number"),
        ({"a": 1}, {}, "$.a: missing"),
        ({}, {"a": 1}, "$.a: new"),
        ([1, 2], [1], "$: 2 items, here 1"),
        (["x"], ["y"], "$[0]: other text"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "z"}]}, "$.a[0].b: other text"),
        (float("nan"), float("nan"), ""),
        pytest.param(10**400, 10**400 + 1, "$: other number", id="huge"),
    ],
)
def test_differences(real: object, copied: object, found: str) -> None:
    assert json_difference(real, copied) == found
