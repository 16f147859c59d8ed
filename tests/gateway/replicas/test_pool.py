"""Pools: where requests go, what is refused, retried, timed out and cancelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mlrun_like.errors import EngineError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.replicas.workers import Worker
from tests.gateway.pool_parts import Asked, ask, got, kill, pool_of, until

_Test = Callable[[], Coroutine[Any, Any, None]]


def run(test: _Test) -> None:
    asyncio.run(test())


def reason(asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked.body)
    return found


def test_a_request_wakes_a_function_at_zero() -> None:
    async def test() -> None:
        async with pool_of() as (pool, starter):
            assert not starter.workers
            asked = await got(ask(pool))
            assert (asked.status, int(asked.body)) == (200, starter.processes[0].pid)
            numbers = pool.numbers()
            assert (numbers.ready, numbers.served, numbers.started) == (1, 1, 1)
            assert numbers.cold_starts[0]["fork"] == 0.001
            assert numbers.cold_starts[0]["total"] > 0
            assert pool.finished_calls[0].status == 200  # type: ignore[attr-defined]

    run(test)


def test_a_burst_is_held_and_all_is_answered_in_order() -> None:
    async def test() -> None:
        async with pool_of(queue=600) as (pool, _):
            answered: list[int] = []
            all_ = []
            for number in range(500):
                asked = ask(pool, "/echo", "POST", str(number).encode())
                all_.append(asked)
            await until(lambda: all(one.over for one in all_))
            assert [one.status for one in all_] == [200] * 500
            assert [int(one.body) for one in all_] == list(range(500))
            assert not answered and pool.numbers().refused == 0

    run(test)


def test_a_full_queue_refuses_with_429() -> None:
    async def test() -> None:
        async with pool_of("slow", queue=3) as (pool, _):
            all_ = [ask(pool, "/pid") for _ in range(10)]
            refused = [one for one in all_ if one.over]
            assert refused and {one.status for one in refused} == {429}
            assert reason(refused[0])["code"] == "queue_full"
            assert b"retry-after: " in refused[0].head
            await until(lambda: all(one.over for one in all_))
            assert {one.status for one in all_} == {200, 429}

    run(test)


def test_large_bodies_fill_the_queue_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlrun_like.gateway.replicas.pool._QUEUED_BYTES", 1000)

    async def test() -> None:
        async with pool_of("slow") as (pool, _):
            body = b"x" * 600
            all_ = [ask(pool, "/echo", "POST", body) for _ in range(4)]
            await until(lambda: all(one.over for one in all_))
            assert sorted(one.status for one in all_).count(429) >= 2

    run(test)


def test_who_waits_too_long_is_refused_with_503() -> None:
    async def test() -> None:
        async with pool_of(queue_timeout=0.2, max_replicas=1) as (pool, _):
            slow = ask(pool, "/sleep?1.5")
            await until(lambda: slow.call.sent)  # type: ignore[attr-defined]
            late = await got(ask(pool))
            assert late.status == 503 and reason(late)["code"] == "queue_timeout"
            assert b"retry-after: " in late.head
            assert (await got(slow)).status == 200

    run(test)


def test_a_request_that_takes_too_long_costs_its_worker_only() -> None:
    async def test() -> None:
        async with pool_of(request_timeout=0.5, min_replicas=2, max_replicas=2) as (pool, _):
            await pool.scale(2, "test")
            await until(lambda: pool.numbers().ready == 2)
            pids = {worker.pid for worker in pool.workers}
            hung = ask(pool, "/hang", "POST")
            others = [ask(pool) for _ in range(6)]
            await until(lambda: hung.over and all(one.over for one in others))
            assert hung.status == 504 and reason(hung)["code"] == "request_timeout"
            assert {one.status for one in others} == {200}
            await until(lambda: pool.numbers().ready == 2)
            assert len(pids & {worker.pid for worker in pool.workers}) == 1
            assert pool.numbers().timeouts == 1
            assert "request_timeout" in pool.last_error
            assert pool.backoff.failures == 0

    run(test)


def test_requests_behind_a_hung_one_go_to_another_worker() -> None:
    async def test() -> None:
        async with pool_of(request_timeout=0.5, max_replicas=1) as (pool, _):
            for _ in range(40):  # quick ones, so that requests are sent ahead
                await got(ask(pool))
            hung = ask(pool, "/hang", "POST")
            behind = [ask(pool, "/pid", "POST") for _ in range(3)]
            await until(lambda: hung.over and all(one.over for one in behind))
            assert hung.status == 504
            assert [one.status for one in behind] == [200, 200, 200]
            assert [one.answers for one in behind] == [1, 1, 1]

    run(test)


def test_only_what_may_be_repeated_is_repeated() -> None:
    async def test() -> None:
        async with pool_of() as (pool, _):
            asked = await got(ask(pool, "/die", "POST"))
            assert asked.status == 502
            found = reason(asked)
            assert found["code"] == "worker_lost" and "return code 3" in found["error"]
            again = await got(ask(pool, "/die", "GET"))
            assert again.status == 502  # after three workers
            assert again.call.attempts == 3  # type: ignore[attr-defined]
            assert (await got(ask(pool))).status == 200
            assert pool.numbers().restarts >= 4

    run(test)


def test_an_idempotency_key_makes_a_post_repeatable() -> None:
    async def test() -> None:
        async with pool_of() as (pool, _):
            asked = Asked()
            call = Call(b"POST", b"/sleep?0.3", [(b"idempotency-key", b"7")], b"", asked)
            pool.submit(call)
            await until(lambda: call.sent and pool.workers and pool.workers[0].ready_at)
            first = pool.workers[0].pid
            kill(first)
            await got(asked)
            assert asked.status == 200 and int(asked.body) != first

    run(test)


@pytest.mark.slow
def test_killed_workers_under_load_lose_nothing_that_may_be_repeated() -> None:
    async def test() -> None:
        async with pool_of(max_replicas=2, min_replicas=2) as (pool, _):
            await pool.scale(2, "test")
            all_: list[Asked] = []
            for round_ in range(6):
                all_ += [ask(pool, "/sleep?0.002") for _ in range(60)]
                await asyncio.sleep(0.1)
                if pool.workers and round_ % 2:
                    kill(pool.workers[0].pid)
            await until(lambda: all(one.over for one in all_))
            assert {one.status for one in all_} == {200}
            assert {one.answers for one in all_} == {1}

    run(test)


def test_a_function_at_fault_is_refused_at_once_with_its_reason() -> None:
    async def test() -> None:
        async with pool_of("fails") as (pool, starter):
            all_ = [ask(pool) for _ in range(3)]
            await until(lambda: all(one.over for one in all_))
            assert {one.status for one in all_} == {503}
            assert reason(all_[0]) == {
                "error": "the function cannot start: ValueError: no model",
                "code": "cannot_start",
            }
            at_once = ask(pool)
            assert at_once.over and at_once.status == 503 and len(starter.workers) == 1
            assert pool.wanted == 0  # it is not tried again until somebody asks
            await until(lambda: pool.backoff.left(0) == 0 or not pool.numbers().backoff)
            starter.mode = "plain"
            assert (await got(ask(pool))).status == 200
            assert pool.backoff.failures == 0

    run(test)


def test_requests_wait_while_the_gateway_is_at_fault() -> None:
    async def test() -> None:
        async with pool_of() as (pool, starter):
            starter.error = "no memory"
            asked = ask(pool)
            await until(lambda: pool.backoff.failures >= 2)
            assert not asked.over and pool.numbers().last_error == "no memory"
            starter.error = ""
            assert (await got(asked)).status == 200

    run(test)


def test_start_one_says_why_there_is_none() -> None:
    async def test() -> None:
        async with pool_of("fails") as (pool, starter):
            with pytest.raises(EngineError, match="ValueError: no model"):
                await pool.start_one()
        async with pool_of("crashes") as (pool, _):
            with pytest.raises(EngineError, match="return code 7"):
                await pool.start_one()
        async with pool_of() as (pool, starter):
            starter.error = "no such Python"
            with pytest.raises(EngineError, match="no such Python"):
                await pool.start_one()
            starter.error = ""
            await pool.start_one()
            assert pool.numbers().ready == 1

    run(test)


def test_a_start_that_takes_too_long_is_given_up() -> None:
    async def test() -> None:
        async with pool_of("slow", start_timeout=0.1) as (pool, _):
            with pytest.raises(EngineError, match="start_timeout"):
                await pool.start_one()

    run(test)


def test_streams_go_through_and_break_off_with_their_worker() -> None:
    async def test() -> None:
        async with pool_of() as (pool, _):
            asked = await got(ask(pool, "/stream?5"))
            assert (asked.status, asked.body, asked.complete) == (200, b"01234", True)
            broken = await got(ask(pool, "/stream?0"))
            assert broken.complete is False
            left = await got(ask(pool, "/left"))
            assert left.status == 502 and reason(left)["code"] == "no_answer"

    run(test)


def test_a_worker_that_speaks_another_language_is_ended() -> None:
    async def test() -> None:
        async with pool_of() as (pool, _):
            asked = await got(ask(pool, "/odd", "POST"))
            assert asked.status == 502 and "no frame" in reason(asked)["error"]

    run(test)


def test_a_client_that_goes_away_is_not_answered() -> None:
    async def test() -> None:
        async with pool_of(max_replicas=1) as (pool, _):
            slow = ask(pool, "/sleep?0.3")
            waits = ask(pool)
            await until(lambda: pool.workers and pool.workers[0].ready_at)
            pool.cancel(waits.call)  # type: ignore[attr-defined]
            pool.cancel(slow.call)  # type: ignore[attr-defined]
            assert (await got(ask(pool))).status == 200
            assert not slow.over and not waits.over
            statuses = [call.status for call in pool.finished_calls]  # type: ignore[attr-defined]
            assert statuses == [499, 499, 200]

    run(test)


def test_many_at_a_time_and_neighbours_of_a_late_one() -> None:
    async def test() -> None:
        async with pool_of("many", max_replicas=1, request_timeout=0.6) as (pool, _):
            await pool.start_one()
            assert pool.numbers().slots == 8
            hung = ask(pool, "/hang", "POST")
            await asyncio.sleep(0.3)
            near = [ask(pool, "/sleep?0.4", "POST") for _ in range(3)]
            await until(lambda: hung.over and all(one.over for one in near))
            assert hung.status == 504
            assert [one.status for one in near] == [200, 200, 200]
            assert (await got(ask(pool))).status == 200

    run(test)


def test_replicas_are_replaced_after_max_requests() -> None:
    async def test() -> None:
        async with pool_of(max_requests=5, max_replicas=1) as (pool, _):
            pids = [int((await got(ask(pool))).body) for _ in range(12)]
            assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [5, 5, 2]
            burst = [ask(pool, "/pid", "POST") for _ in range(20)]
            await until(lambda: all(one.over for one in burst))
            assert {one.status for one in burst} == {200}
            assert pool.numbers().restarts == 0

    run(test)


def test_fewer_replicas_finish_what_they_have() -> None:
    async def test() -> None:
        async with pool_of(max_replicas=3) as (pool, _):
            await pool.scale(3, "test")
            await until(lambda: pool.numbers().ready == 3)
            all_ = [ask(pool, "/sleep?0.3", "POST") for _ in range(3)]
            await pool.scale(0, "test")
            assert pool.numbers().draining == 3
            await until(lambda: all(one.over for one in all_))
            assert {one.status for one in all_} == {200}
            await until(lambda: pool.numbers().draining == 0)
            assert pool.numbers().restarts == 0

    run(test)


def test_drain_finishes_and_then_refuses() -> None:
    async def test() -> None:
        async with pool_of(max_replicas=1) as (pool, starter):
            all_ = [ask(pool, "/sleep?0.05", "POST") for _ in range(5)]
            await pool.drain(20)
            assert {one.status for one in all_} == {200}
            assert all(process.poll() is not None for process in starter.processes)
            after = ask(pool)
            assert after.status == 503 and reason(after)["code"] == "stopped"

    run(test)


def test_drain_ends_what_does_not_end() -> None:
    async def test() -> None:
        async with pool_of() as (pool, starter):
            hung = ask(pool, "/hang", "POST")
            await until(lambda: pool.workers and pool.workers[0].ready_at)
            await pool.drain(0.1)
            assert hung.status == 502
            assert all(process.wait(10) == -9 for process in starter.processes)

    run(test)


def test_bounds_hold_at_once() -> None:
    async def test() -> None:
        async with pool_of(max_replicas=4) as (pool, _):
            pool.bounds(minimum=2)
            await until(lambda: pool.numbers().ready == 2)
            assert pool.limits().min_replicas == 2
            first = pool.workers[0]
            kill(first.pid)
            await until(lambda: pool.numbers().ready == 2 and first not in pool.workers)
            pool.bounds(minimum=0, maximum=1)
            await until(lambda: len(pool.workers) == 1 and not pool.leaving)

    run(test)


def test_frames_that_belong_to_no_answer_are_handed_on() -> None:
    async def test() -> None:
        async with pool_of() as (pool, _):
            await pool.start_one()
            notes: list[bytes] = []

            def note(worker: Worker, kind: int, content: bytes) -> None:
                notes.append(content)

            pool.workers[0].on_note = note
            pool.workers[0].tell(14, b"")
            await until(lambda: notes)
            assert notes == [b"{}"]

    run(test)


def test_a_post_is_tried_again_if_its_worker_was_never_ready() -> None:
    async def test() -> None:
        async with pool_of("slow") as (pool, starter):
            asked = ask(pool, "/pid", "POST")
            await until(lambda: starter.workers and asked.call.worker)  # type: ignore[attr-defined]
            starter.mode = "plain"
            kill(starter.workers[0].pid)
            assert (await got(asked)).status == 200 and len(starter.workers) == 2
        async with pool_of("crashes") as (pool, starter):
            refused = await got(ask(pool, "/pid", "POST"))  # but not for ever
            assert refused.status == 502 and len(starter.workers) == 3

    run(test)


def test_a_worker_that_blocks_has_one_slot_whatever_was_asked_for() -> None:
    async def test() -> None:
        async with pool_of("blocks", concurrency=8) as (pool, starter):
            await pool.start_one()
            assert starter.workers[0].slots == 1 and pool.numbers().slots == 1

    run(test)


def test_a_sweep_that_fails_is_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with pool_of(request_timeout=0.2) as (pool, _):
            sweep = pool.sweep
            failed: list[float] = []

            def fails_once(now: float) -> bool:
                if not failed:
                    failed.append(now)
                    raise ValueError("odd")
                return sweep(now)

            monkeypatch.setattr(pool, "sweep", fails_once)
            assert (await got(ask(pool, "/hang"))).status == 504 and failed

    run(test)


def test_a_start_that_fails_oddly_is_told_and_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with pool_of() as (pool, starter):

            async def fails(*_: object) -> Worker:
                raise OSError(24, "Too many open files")

            with monkeypatch.context() as patched:
                patched.setattr(starter, "spawn", fails)
                asked = ask(pool)
                await until(lambda: pool.backoff.failures >= 2)
                assert "Too many open files" in pool.numbers().last_error
            assert (await got(asked)).status == 200

    run(test)
