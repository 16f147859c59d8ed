"""How many replicas: decisions from numbers, and pools that follow them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.replicas.autoscale import Autoscaler, Decision, History, decide
from mlrun_like.gateway.replicas.dispatching import PoolNumbers
from tests.gateway.pool_parts import ask, pool_of, until


def decided(options: Options | None = None, **numbers: Any) -> Decision:
    return decide(PoolNumbers(**numbers), options or Options(), 100.0, History())


def test_nothing_is_started_for_nothing() -> None:
    assert decided() == Decision(0, "0: nothing waits")
    assert decided(ready=2, in_flight=2).wanted == 2


def test_requests_that_wait_too_long_start_replicas() -> None:
    many = Options(max_replicas=10)
    found = decided(many, ready=1, in_flight=1, waiting=20, queued=20, oldest=0.1, service=0.02)
    assert found.wanted == 9  # one busy, and 20 requests of 20 ms within 50 ms
    assert "20 requests wait" in found.why and "target_delay is 50 ms" in found.why
    four = decided(ready=1, in_flight=1, waiting=20, queued=20, oldest=0.1, service=0.02)
    assert four.wanted == 4 and "max_replicas; 9 would do" in four.why
    full = decided(ready=4, in_flight=4, waiting=90, queued=90, oldest=1.0, service=0.1)
    assert full.wanted == 4 and "all that max_replicas allows" in full.why


def test_short_waits_start_nothing() -> None:
    assert decided(ready=1, in_flight=1, waiting=31, queued=28, service=0.0001).wanted == 1
    assert decided(ready=2, in_flight=2, waiting=3, queued=3, service=0.02).wanted == 2


def test_a_replica_that_would_be_ready_too_late_is_not_started() -> None:
    numbers: dict[str, Any] = {
        "ready": 1,
        "in_flight": 1,
        "waiting": 8,
        "queued": 8,
        "service": 0.02,
    }
    assert decided(cold_start=1.0, **numbers).wanted == 1
    assert decided(cold_start=0.01, **numbers).wanted == 4


def test_unknown_requests_get_a_replica_each() -> None:
    assert decided(waiting=3, queued=3, oldest=0.001).wanted == 3
    assert decided(waiting=300, queued=300, oldest=0.001).wanted == 4
    assert decided(waiting=30, queued=30, slots=64).wanted == 1


def test_replicas_with_many_slots_take_more() -> None:
    numbers: dict[str, Any] = {
        "ready": 1,
        "waiting": 200,
        "queued": 200,
        "oldest": 0.2,
        "service": 0.5,
    }
    assert decided(Options(max_replicas=9), in_flight=64, slots=64, **numbers).wanted == 5


def test_bounds_win() -> None:
    assert decided(Options(min_replicas=2)).wanted == 2
    assert decided(Options(max_replicas=2), ready=5).wanted == 2
    assert "min_replicas is 3" in decided(Options(min_replicas=3), ready=1).why


def test_an_idle_function_goes_to_zero_or_its_least() -> None:
    found = decided(ready=3, idle=61.0)
    assert found.wanted == 0 and "nothing came for 61 s" in found.why
    assert decided(Options(min_replicas=1), ready=3, idle=61.0).wanted == 1
    assert decided(ready=3, idle=59.0).wanted == 3
    assert decided(Options(idle_timeout=0), ready=1, idle=1e6).wanted == 1
    assert decided(Options(min_replicas=1), ready=1, idle=61.0).wanted == 1


def test_fewer_after_lower_demand_for_a_while() -> None:
    options, history = Options(scale_down_delay=10.0, max_replicas=8), History()
    wanted = []
    for step in range(120):
        busy = 4 if step < 10 else 1
        numbers = PoolNumbers(ready=6, in_flight=busy, service=0.05)
        wanted.append(decide(numbers, options, 100 + step / 10, history).wanted)
    assert set(wanted[:100]) == {6}
    assert 1 <= wanted[-1] <= 2
    why = decide(PoolNumbers(ready=6, in_flight=1), options, 112.1, history).why
    assert "scale_down_delay" in why and "would have done" in why


def test_a_wave_keeps_its_replicas() -> None:
    options, history = Options(scale_down_delay=10.0, max_replicas=8), History()
    for step in range(200):
        waves = step % 50 < 5
        numbers = PoolNumbers(
            ready=4,
            in_flight=4 if waves else 1,
            waiting=40 if waves else 0,
            oldest=0.2 if waves else 0.0,
            service=0.05,
        )
        assert decide(numbers, options, 100 + step / 10, history).wanted >= 4


@pytest.mark.slow
def test_a_pool_grows_and_shrinks_and_says_why() -> None:
    async def test() -> None:
        options: dict[str, Any] = {"max_replicas": 3, "scale_down_delay": 0.5, "idle_timeout": 1.0}
        async with pool_of(**options) as (pool, _):
            scaler = Autoscaler([pool])
            scaler.start()
            try:
                all_ = [ask(pool, "/sleep?0.05", "POST") for _ in range(60)]
                await until(lambda: pool.numbers().ready == 3)
                await until(lambda: all(one.over for one in all_))
                assert {one.status for one in all_} == {200}
                await until(lambda: not pool.workers and not pool.leaving)
                rows = scaler.decisions(pool)
                assert rows[0]["to"] == 3 and "requests wait" in rows[0]["why"]
                assert rows[-1]["to"] == 0 and "idle_timeout" in rows[-1]["why"]
                assert all(set(row) == {"time", "from", "to", "why"} for row in rows)
                assert pool.numbers().restarts == 0
            finally:
                scaler.remove(pool)
                await scaler.close()
            assert scaler.decisions(pool) == []

    asyncio.run(test())


def test_a_crashing_function_is_not_asked_for_more() -> None:
    async def test() -> None:
        async with pool_of("crashes", min_replicas=2) as (pool, starter):
            scaler = Autoscaler()
            scaler.add(pool)
            scaler.look(1.0)
            await until(lambda: pool.backoff.failures >= 3)
            scaler.look(2.0)
            assert len(starter.workers) <= 2 + pool.backoff.failures
            assert "return code 7" in pool.numbers().last_error

    asyncio.run(test())


def test_one_that_cannot_be_decided_about_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        async with pool_of() as (odd, _), pool_of() as (pool, _):
            await odd.start_one()
            await pool.start_one()
            monkeypatch.setattr(odd, "limits", lambda: None)
            scaler = Autoscaler([odd, pool])
            pool.last_call -= 1000.0  # long ago
            scaler.look(1000.0)
            assert pool.wanted == 0 and odd.wanted == 1

    asyncio.run(test())


def test_a_long_memory_is_not_a_large_one() -> None:
    history = History()
    for moment in range(20_000):
        numbers = PoolNumbers(in_flight=moment == 7)
        history.add(numbers, 3 if moment == 9 else 0, moment / 10, 10_000.0)
    assert len(history.samples) <= 501 and history.enough()[0] == 3
