from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, StateError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Deployment, Options, Share
from mlrun_like.gateway.releases.comparing import (
    difference_low,
    level,
    quantile_high,
    ratio_low,
    share_low,
)
from mlrun_like.gateway.releases.rollout import Limits, Rollout, shares_of_step
from mlrun_like.gateway.releases.watchdog import Tally, Watchdog, judge
from tests.gateway.pools import Handler, Rig, until, version


def failing(share: float, seed: int = 1) -> Handler:
    chance = random.Random(seed)

    def handler(call: Call) -> tuple[int, bytes]:
        return (500, b"oh") if chance.random() < share else (200, b"v2")

    return handler


async def canary(rig: Rig, **plan: Any) -> None:
    await rig.service.deploy(version("a"))
    await rig.service.deploy(version("b"), {"strategy": "canary", "seconds": 0, **plan})


def test_a_canary_takes_its_steps_and_is_completed() -> None:
    async def main() -> None:
        rig = Rig()
        await canary(rig, steps=[10, 50, 100], requests=20)
        assert Counter(await rig.ask(100)) == {b"v1": 90, b"v2": 10}
        rollout = rig.service.status()["rollout"]
        assert rollout["step"] == 0 and rollout["requests_left"] == 10
        assert "50 % after 10 more requests" in rollout["waits_for"]
        await rig.ask(100)
        await until(lambda: rig.last.watch is not None and rig.last.watch["step"] == 1)
        assert Counter(await rig.ask(30))[b"v2"] in (14, 15, 16)
        await rig.ask(30)
        await until(lambda: rig.last.traffic == [Share(2, 100.0)])
        await rig.ask(30)
        await until(lambda: rig.last.watch is None)
        assert [row["what"] for row in rig.last.history[2:]] == [
            "starting", "deployed", "step", "step", "completed",
        ]  # fmt: skip
        assert rig.last.previous == [Share(1, 100.0)]
        await rig.service.rollback()
        assert await rig.ask() == [b"v1"]
        await rig.service.close()

    asyncio.run(main())


def test_a_weight_alone_stays_until_somebody_promotes() -> None:
    async def main() -> None:
        rig = Rig()
        await canary(rig, weight=10, requests=1)
        await rig.ask(200)
        await asyncio.sleep(0.1)
        assert rig.last.traffic == [Share(1, 90.0), Share(2, 10.0)]
        assert "until somebody promotes" in rig.service.status()["rollout"]["waits_for"]
        await rig.service.promote(by="ann")
        assert await rig.ask(5) == [b"v2"] * 5 and rig.last.watch is None
        with pytest.raises(StateError, match="nothing can be promoted"):
            await rig.service.promote()
        await rig.service.rollback()
        assert await rig.ask() == [b"v1"]
        await rig.service.close()

    asyncio.run(main())


def test_by_header_only() -> None:
    async def main() -> None:
        rig = Rig()
        await canary(rig, header="X-Canary", value="yes", requests=1)
        assert await rig.ask(5) == [b"v1"] * 5
        assert await rig.ask(1, "", (b"x-canary", b"yes")) == [b"v2"]
        await asyncio.sleep(0.05)
        assert rig.last.watch is not None
        await rig.service.rollback()
        assert await rig.ask(1, "", (b"x-canary", b"yes")) == [b"v1"]
        await rig.service.close()

    asyncio.run(main())


def test_errors_of_the_new_version_bring_the_old_one_back() -> None:
    async def main() -> None:
        rig = Rig()
        rig.handlers[2] = failing(1.0)
        await canary(rig, weight=50, samples=20)
        await rig.ask(100)
        await until(lambda: rig.last.traffic == [Share(1, 100.0)])
        last = rig.last.history[-1]
        assert last["what"] == "rolled back" and last["by"] == "gateway" and last["version"] == 2
        assert "requests failed (100 %)" in last["why"]
        assert set(await rig.ask(20)) == {b"v1"} and rig.service.status()["rollout"] is None
        await rig.service.close()

    asyncio.run(main())


def test_a_limit_can_be_told_without_a_rollback() -> None:
    async def main() -> None:
        rig = Rig()
        rig.handlers[2] = failing(1.0)
        await canary(rig, weight=50, automatic=False)
        await rig.ask(100)
        await until(lambda: "warning" in (rig.last.watch or {}))
        assert rig.last.traffic == [Share(1, 50.0), Share(2, 50.0)]
        assert "somebody must promote" in rig.service.status()["rollout"]["waits_for"]
        await rig.service.close()

    asyncio.run(main())


def test_blue_green_is_watched_after_the_change() -> None:
    async def main() -> None:
        rig = Rig()
        rig.handlers[2] = failing(0.6)
        await rig.service.deploy(version("a"))
        await rig.ask(100)
        await rig.service.deploy(version("b"), {"strategy": "blue-green", "seconds": 60})
        await rig.ask(100)
        await until(lambda: rig.last.traffic == [Share(1, 100.0)])
        assert "the old version fails 0 %" in rig.last.history[-1]["why"]
        rig.handlers[3] = failing(0.0)
        await rig.service.deploy(version("c"), {"strategy": "blue-green", "seconds": 0.05})
        await until(lambda: rig.last.watch is None)
        assert rig.last.traffic == [Share(3, 100.0)]
        await rig.service.close()

    asyncio.run(main())


def test_a_slower_version_goes_back() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        plan = {"weight": 50, "samples": 10, "limits": {"latency_p95": 0.02}}
        await rig.service.deploy(version("b", delay=0.05), plan)
        await rig.ask(200)
        await until(lambda: rig.last.traffic == [Share(1, 100.0)])
        assert "95th percentile" in rig.last.history[-1]["why"]
        await rig.service.close()

    asyncio.run(main())


def test_replicas_that_end_bring_the_old_version_back_without_requests() -> None:
    async def main() -> None:
        rig = Rig()
        await canary(rig, weight=5)
        rig.pools[2].backoff = 3.0
        await until(lambda: rig.last.traffic == [Share(1, 100.0)])
        assert rig.last.history[-1]["why"] == "version 2: its replicas end: boom"
        await rig.service.close()

    asyncio.run(main())


def test_a_killed_gateway_goes_on_where_it_was() -> None:
    async def main() -> None:
        first = Rig()
        await canary(first, steps=[10, 50, 100], requests=10)
        await first.ask(200)
        await until(lambda: (first.last.watch or {}).get("step") == 1)
        killed = Deployment.from_dict(json.loads(json.dumps(first.last.to_dict())))
        await first.service.close()
        second = Rig(killed)
        assert Counter(await second.ask(100)) == {b"v1": 50, b"v2": 50}
        await until(lambda: second.last.traffic == [Share(2, 100.0)])
        await second.ask(10)
        await until(lambda: second.last.watch is None)
        await second.service.close()

    asyncio.run(main())


def test_a_gateway_killed_before_traffic_moved_starts_the_version_again() -> None:
    async def main() -> None:
        rig = Rig()
        states: list[Deployment] = []
        save = rig.service.traffic._save

        def keep(deployment: Deployment) -> None:
            save(deployment)
            states.append(Deployment.from_dict(deployment.to_dict()))

        rig.service.traffic._save = keep
        await rig.service.deploy(version("a"))
        await rig.service.deploy(version("b"), {"strategy": "blue-green", "seconds": 0})
        await until(lambda: rig.last.watch is None)
        await rig.service.close()
        for state in states:  # killed after each thing that was written
            again = Rig(state)
            wanted = b"v1" if max(state.versions) == 1 else b"v2"
            await until(lambda again=again: again.service.deployment.watch is None)  # type: ignore[misc]
            assert await again.ask(3) == [wanted] * 3
            await again.service.close()

    asyncio.run(main())


def test_a_start_that_broke_off_is_tried_again() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a"))
        prepare = rig.service.traffic.lanes.prepare

        async def broken(shares: object) -> None:
            raise RuntimeError("something nobody thought of")

        rig.service.traffic.lanes.prepare = broken  # type: ignore[method-assign]
        with pytest.raises(RuntimeError):
            await rig.service.deploy(version("b"))
        assert await rig.ask() == [b"v1"]
        rig.service.traffic.lanes.prepare = prepare  # type: ignore[method-assign]
        assert (await rig.service.deploy(version("b"))).number == 2
        assert await rig.ask() == [b"v2"] and rig.last.watch is None
        await rig.service.close()

    asyncio.run(main())


def test_held_rollouts_do_not_move() -> None:
    async def main() -> None:
        rig = Rig()
        rig.handlers[2] = failing(1.0)
        await canary(rig, weight=50)
        rig.service.hold(True)
        await rig.ask(100)
        await asyncio.sleep(0.1)
        assert rig.last.watch is not None
        rig.service.hold(False)
        await until(lambda: rig.last.traffic == [Share(1, 100.0)])
        await rig.service.close()

    asyncio.run(main())


def test_a_third_version_replaces_the_canary() -> None:
    async def main() -> None:
        rig = Rig()
        await canary(rig, weight=10)
        await rig.service.deploy(version("c"), {"weight": 20})
        assert rig.last.traffic == [Share(1, 80.0), Share(3, 20.0)]
        await until(lambda: rig.pools[2].closed)
        await rig.service.rollback()
        assert rig.last.traffic == [Share(1, 100.0)]
        await rig.service.close()

    asyncio.run(main())


def test_requests_under_change_are_all_answered() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.service.deploy(version("a", Options(min_replicas=1), delay=0.002))
        sent, go_on = [], True

        async def load() -> None:
            while go_on:
                sent.append(rig.send())
                await asyncio.sleep(0)

        task = asyncio.create_task(load())
        for name in "bcd":
            await rig.service.deploy(version(name, delay=0.002), {"weight": 30})
            await asyncio.sleep(0.02)
            await rig.service.promote()
            await rig.service.rollback()
            await asyncio.sleep(0.02)
        go_on = False
        await task
        await until(lambda: all(one.answered for one in sent))
        assert len(sent) > 50 and {(one.status, one.answered) for one in sent} == {(200, 1)}
        await rig.service.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "plan",
    [
        {"strategy": "canari"},
        {"stepz": [1]},
        {"steps": [50, 5]},
        {"steps": [0, 100]},
        {"steps": "5,25"},
        {"steps": [5, 101]},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"requests": "many"},
        {"limits": {"error": 1}},
        {"limits": [1]},
        {"limits": {"errors": -1}},
        {"automatic": 1},
        {"header": 5},
        {"smoke": [1]},
        {"ignore": [1]},
        {"share": 101},
    ],
)
def test_plans_that_make_no_sense(plan: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        Rollout.from_dict(plan)


def test_shares_of_steps() -> None:
    plan = Rollout.from_dict({"steps": [20, 100], "header": "x", "value": "y"})
    base = [Share(1, 75.0), Share(2, 25.0)]
    assert shares_of_step(plan, 0, 3, base) == [
        Share(1, 60.0), Share(2, 20.0), Share(3, 20.0, "x", "y"),
    ]  # fmt: skip
    assert shares_of_step(plan, 1, 3, base) == [Share(3, 100.0)]
    assert shares_of_step(plan, 0, 1, []) == [Share(1, 100.0)]  # the first version
    assert Rollout.from_dict(plan.to_dict()) == plan


# The statistics --------------------------------------------------------------------------------


def test_a_version_as_good_as_the_old_one_is_seldom_rolled_back() -> None:
    alarms = 0
    for seed in range(200):
        chance = random.Random(seed)
        dog = Watchdog(Rollout(limits=Limits(error_increase=0.0001, latency_factor=1.0001)), 0.0)
        for at in range(1500):
            dog.passed_new(500 if chance.random() < 0.02 else 200, chance.expovariate(100))
            dog.passed_old(500 if chance.random() < 0.02 else 200, chance.expovariate(100))
            if at % 10 == 0 and dog.look(at * 0.01):
                alarms += 1
                break
    assert alarms <= 20  # 5 % for each of two limits that allow nothing


def test_a_bad_version_is_found_soon() -> None:
    chance = random.Random(3)
    dog = Watchdog(Rollout(), 0.0)
    found = 0
    for at in range(1, 2000):
        dog.passed_new(500 if chance.random() < 0.2 else 200, 0.01)
        dog.passed_old(200, 0.01)
        if dog.look(at * 0.01):
            found = at
            break
    assert 20 <= found < 150


def test_a_fault_that_begins_late_is_not_hidden() -> None:
    dog = Watchdog(Rollout(), 0.0)
    for at in range(10_000):
        dog.passed_new(200, 0.01)
        dog.look(at * 0.01)
    found = 0
    for at in range(10_000, 12_000):
        dog.passed_new(500, 0.01)
        if dog.look(at * 0.01):
            found = at
            break
    assert 0 < found - 10_000 < 1500


def test_limits_of_latency() -> None:
    def tally(*times: float) -> Tally:
        found = Tally()
        for took in times:
            found.add(200, took)
        return found

    slow, quick = tally(*[0.3, 0.31] * 100), tally(*[0.1, 0.11] * 100)
    assert "times the old version's; allowed are 2" in judge(
        Limits(latency_factor=2), slow, quick, 2.0
    )
    assert judge(Limits(latency_mean=0.2), slow, quick, 2.0).startswith("mean latency")
    assert judge(Limits(latency_p95_factor=2), slow, quick, 2.0)
    assert not judge(Limits(latency_p95_factor=2), quick, quick, 2.0)
    assert not judge(Limits(latency_factor=2), slow, Tally(), 2.0)  # nothing to compare with
    assert not judge(Limits(latency_p95_factor=2), slow, tally(0.1), 2.0)


def test_bounds_of_nothing_and_of_everything() -> None:
    assert share_low(0, 0, 2.0) == 0.0 and difference_low((0, 0), (0, 0), 2.0) <= 0
    assert ratio_low([], [], 2.0) == 0.0 and quantile_high([], 0.95, 2.0) == float("inf")
    assert ratio_low([1.0, 1.0], [0.0, 0.0], 2.0) == 0.0
    assert level(1) < level(2) < level(1000)
