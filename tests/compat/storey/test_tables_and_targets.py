"""Tables and targets as flows written for storey make them."""

# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.compat.adapted.storey.drivers import Driver


def test_a_driver_of_coroutines_keeps_a_table(compat: ModuleType) -> None:
    import storey

    kept: dict[tuple[str, str, str], dict[str, Any]] = {}

    class Memory(storey.Driver):
        async def _save_key(
            self, container: str, path: str, key: str, aggregates: Any, by_key: bool, values: Any
        ) -> None:
            kept[container, path, key] = {**kept.get((container, path, key), {}), **values}

        async def _load_by_key(self, container: str, path: str, key: str, attributes: Any) -> Any:
            return kept.get((container, path, key))

    table = storey.Table("box/users", Memory(), flush_interval_secs=None)
    controller = storey.build_flow([storey.SyncEmitSource(), storey.NoSqlTarget(table)]).run()
    controller.emit({"age": 31}, "ann")
    controller.terminate()
    controller.await_termination()
    assert kept == {("box", "users", "ann"): {"age": 31}}
    assert storey.Table("box/users", Memory())["ann"] == {"age": 31}


def test_what_a_driver_raises_ends_the_flow(compat: ModuleType) -> None:
    import storey

    class Broken(storey.Driver):
        async def _save_key(self, *given: Any) -> None:
            raise OSError("disk is full")

    table = storey.Table("users", Broken(), flush_interval_secs=None)
    controller = storey.build_flow([storey.SyncEmitSource(), storey.NoSqlTarget(table)]).run()
    with pytest.raises(OSError, match="disk is full"):
        controller.emit({"age": 31}, "ann")
        controller.terminate()
        controller.await_termination()


def test_a_table_that_keeps_nothing_takes_any_body(compat: ModuleType) -> None:
    import storey

    target = storey.NoSqlTarget(storey.Table("t", storey.NoopDriver()))
    steps = [storey.SyncEmitSource(), target, storey.Reduce([], lambda kept, x: [*kept, x])]
    controller = storey.build_flow(steps).run()
    for number in range(3):
        controller.emit(number, "key")
    assert controller.terminate(wait=True) == [0, 1, 2]


def test_a_client_of_redis_is_a_place_for_tables(compat: ModuleType) -> None:
    import storey

    class Client:
        """As far as a table without reads or writes needs one."""

        def hgetall(self, name: str) -> dict[str, str]:
            return {}

    assert isinstance(storey.Table("t", Client()).storage, storey.RedisDriver)
    with pytest.raises(TypeError, match="is no driver"):
        storey.Table("t", object())


def test_a_parquet_target_notes_the_newest_event(compat: ModuleType, tmp_path: Path) -> None:
    import storey

    target = storey.ParquetTarget(
        str(tmp_path / "out"), columns=["n", "at"], time_field="at", partition_cols=[]
    )
    controller = storey.build_flow([storey.SyncEmitSource(), target]).run()
    times = [datetime(2024, 5, day, tzinfo=timezone.utc) for day in (3, 9, 6)]
    for number, time in enumerate(times):
        controller.emit({"n": number, "at": time})
    controller.terminate()
    controller.await_termination()
    assert target._last_written_event == times[1]


def test_a_target_of_times_without_columns_refuses_events(compat: ModuleType) -> None:
    import storey

    target = storey.TSDBTarget(
        path="box/cpu", time_col="time", index_cols="node", frames_client=object()
    )
    controller = storey.build_flow([storey.SyncEmitSource(), target]).run()
    with pytest.raises(ValueError, match="columns are not defined"):
        controller.emit({"time": datetime.now(timezone.utc), "node": 1, "cpu": 2})
        controller.terminate()
        controller.await_termination()


def test_the_coroutines_of_a_driver_have_one_loop_until_it_is_closed(compat: ModuleType) -> None:
    import storey

    before = set(threading.enumerate())
    loops: list[Any] = []

    class Base(storey.Driver):
        async def _load_by_key(self, *given: Any) -> Any:
            loops.append(asyncio.get_running_loop())
            return {"age": 31}

        async def close(self) -> None:
            loops.append("base")
            await super().close()

    class Connected(Base):
        async def close(self) -> None:
            loops.append(asyncio.get_running_loop())
            await super().close()

    driver: Any = Connected()
    for _ in range(2):
        assert driver.load("box/users", "ann").attributes == {"age": 31}
    driver.close()
    driver.close()  # it opens again, to close
    first, second, closing, base, *_ = loops
    assert first is second is closing and base == "base" and first.is_closed()
    assert driver.load("box/users", "ann").attributes == {"age": 31}
    assert loops[-1] is not first
    asyncio.run(_awaited(driver))
    assert set(threading.enumerate()) <= before


async def _awaited(driver: Any) -> None:
    await driver.close()


def test_a_driver_that_is_let_go_ends_its_loop(compat: ModuleType) -> None:
    import storey

    before = set(threading.enumerate())

    class Leaving(storey.Driver):
        async def _load_by_key(self, *given: Any) -> Any:
            raise SystemExit(3)

    driver = Leaving()
    for _ in range(2):
        with pytest.raises(SystemExit):
            driver.load("t", "k")
    del driver
    gc.collect()
    assert set(threading.enumerate()) <= before


def test_threads_that_begin_together_share_a_drivers_loop(compat: ModuleType) -> None:
    import storey

    before = set(threading.enumerate())
    together, loops = threading.Barrier(8, timeout=30), set()

    class Slow(storey.Driver):
        async def _load_by_key(self, *given: Any) -> Any:
            loops.add(asyncio.get_running_loop())
            return {"age": 31}

    for _ in range(20):
        driver = Slow()
        loops.clear()

        def load(driver: Any = driver) -> None:
            together.wait()
            driver.load("t", "k")

        with ThreadPoolExecutor(8) as pool:
            for each in [pool.submit(load) for _ in range(8)]:
                each.result(30)
        driver.close()
        assert len(loops) == 1
    assert set(threading.enumerate()) <= before


def test_coroutines_of_drivers_may_call_drivers(compat: ModuleType) -> None:
    import storey

    before = set(threading.enumerate())
    others: dict[str, Any] = {}

    class Linked(storey.Driver):
        async def _load_by_key(self, container: str, path: str, key: str, attributes: Any) -> Any:
            depth = int(path)
            if depth == 3:
                await asyncio.to_thread(self.load, "box/0", key)
            if not depth:
                return {"end": True}
            return others[key].load(f"box/{depth - 1}", key).attributes

        async def close(self) -> None:
            self.load("box/1", "own")

    one: Any = Linked()
    two: Any = Linked()
    others |= {"own": one, "other": two}
    found: list[Any] = []

    def work() -> None:
        found.append(one.load("box/3", "own").attributes)
        found.append(one.load("box/1", "other").attributes)
        others["other"] = one
        found.append(two.load("box/3", "other").attributes)
        two.close()
        one.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    assert found == [{"end": True}] * 3
    assert set(threading.enumerate()) <= before


class Keeping(Driver):
    """Has an attribute of a name that we could have used, too."""

    def __init__(self) -> None:
        self.age = 31

    async def _load_by_key(self, *given: Any) -> Any:
        self._loop = asyncio.get_running_loop()
        return {"age": self.age}


def test_a_drivers_attributes_are_its_authors(compat: ModuleType) -> None:
    driver: Any = Keeping()
    for _ in range(2):
        assert driver.load("t", "k").attributes == {"age": 31}
    assert driver._loop.is_running() and set(vars(driver)) == {"_loop", "age"}
    del driver._loop
    for again in (copy.copy(driver), copy.deepcopy(driver), pickle.loads(pickle.dumps(driver))):
        assert again.load("t", "k").attributes == {"age": 31}
        again.close()
    assert driver.load("t", "k").attributes == {"age": 31}
    driver.close()
