"""Live updates: what is told to whom, what a slow reader loses, where one goes on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from mlrun_like.api.http.streams import Event
from mlrun_like.api.live.changes import OVERLAP, Change, Watch
from mlrun_like.api.live.hub import Listener, LiveHub
from mlrun_like.tracking.abilities import StepRow
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.documents import run_row
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

AsUser = Callable[..., TestClient]


@pytest.fixture
def alone(home: Any) -> Iterator[SqlStore]:
    """A store without a service."""
    store = open_store(f"sqlite:///{home}/live.db")
    assert isinstance(store, SqlStore)
    yield store
    close_stores()


def run(uid: str, state: str = "running", project: str = "fraud") -> dict[str, Any]:
    """A run's document."""
    return {"metadata": {"project": project, "uid": uid, "name": "train"},
            "status": {"state": state}}  # fmt: skip


def told(watch: Watch, kind: str = "run") -> list[tuple[str, str]]:
    """Uids and states of what a look finds."""
    changes = watch.look(time.time())
    assert changes is not None
    return [(str(c.data["uid"]), str(c.data["state"])) for c in changes if c.kind == kind]


def test_each_change_is_told_once(alone: SqlStore) -> None:
    alone.store_run(run("old", "completed"))
    watch = Watch(alone, time.time() + OVERLAP + 5)
    assert told(watch) == []
    watch = Watch(alone, time.time())
    assert told(watch) == [("old", "completed")] and told(watch) == []
    alone.store_run(run("u1"))
    assert told(watch) == [("u1", "running")] and told(watch) == []
    alone.set_run_state("fraud", "u1", 0, "aborting", "")
    alone.store_run(run("u2", project="other"))
    assert sorted(told(watch)) == [("u1", "aborting"), ("u2", "running")]
    alone.store_step("fraud", "w1", StepRow("train", "running", "s1", time.time()))
    assert told(watch, "step") == [("s1", "running")]


def test_what_was_spooled_is_told_although_its_time_is_old(alone: SqlStore) -> None:
    watch = Watch(alone, time.time())
    told(watch)
    late = run_row(run("late")) | {"updated": time.time() - 3600}
    alone.writer.write(("run", late))
    assert told(watch) == [("late", "running")]
    end = run_row(run("late", "completed")) | {"updated": time.time() - 3000}
    alone.writer.write(("run", end))
    found = [item for _ in range(6) for item in told(watch)]
    assert found == [("late", "completed")]


def test_deleted_runs_are_told(alone: SqlStore) -> None:
    alone.store_run(run("u1", "completed"))
    watch = Watch(alone, time.time())
    told(watch)
    alone.delete_runs(RunQuery(project="fraud", uid="u1"))
    assert told(watch) == [("u1", "deleted")]


def test_a_reader_that_is_slow_is_told_to_load_anew() -> None:
    async def main() -> list[Event]:
        listener = Listener(lambda change: change.project == "p", frozenset({"run"}))
        for number in range(1200):
            listener.tell(Change("run", "p", {"n": number}), str(number))
            listener.tell(Change("run", "q", {"n": number}), str(number))
            listener.tell(Change("step", "p", {"n": number}), str(number))
        return [await listener.next() for _ in range(200)]

    events = asyncio.run(main())
    assert events[0].kind == "resync" and events[0].id == "1000"
    assert [event.data["n"] for event in events[1:]] == list(range(1001, 1200))


async def _take(events: AsyncIterator[Event], count: int) -> list[Event]:
    found = []
    async for event in events:
        if event.kind != "hello":
            found.append(event)
        if len(found) == count:
            return found
    return found


def test_a_hub_tells_all_and_stops_when_nobody_listens(alone: SqlStore) -> None:
    async def main() -> None:
        hub = LiveHub(alone)
        everything = Listener(lambda change: True, frozenset())
        own = Listener(lambda change: change.project == "fraud", frozenset())
        streams = [hub.listen(everything), hub.listen(own)]
        for stream in streams:
            assert (await anext(stream)).kind == "hello"
        await asyncio.to_thread(alone.store_run, run("u1", project="other"))
        await asyncio.to_thread(alone.store_run, run("u2"))
        first = await asyncio.wait_for(_take(streams[0], 2), 20)
        second = await asyncio.wait_for(_take(streams[1], 1), 20)
        assert {event.data["uid"] for event in first} == {"u1", "u2"}
        assert [event.data["uid"] for event in second] == ["u2"]
        assert len(hub) == 2
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert len(hub) == 0 and hub._reader is None

    asyncio.run(main())


@pytest.mark.parametrize("last", ["0", "x", "9" * 40, "-5", "1.5", "99999999999999"])
def test_marks_that_say_nothing_mean_load_anew(alone: SqlStore, last: str) -> None:
    async def main() -> str:
        stream = LiveHub(alone).listen(Listener(lambda change: True, frozenset()), last)
        try:
            return (await anext(stream)).kind
        finally:
            await stream.aclose()  # type: ignore[attr-defined]

    assert asyncio.run(main()) == "resync"


def test_who_comes_back_goes_on(alone: SqlStore) -> None:
    mark = str(int((time.time() - 100) * 1000))
    alone.store_run(run("u1"))
    alone.store_run(run("u2", project="other"))

    async def main() -> list[Event]:
        own = Listener(lambda change: change.project == "fraud", frozenset())
        stream = LiveHub(alone).listen(own, mark)
        try:
            return await asyncio.wait_for(_take(stream, 1), 20)
        finally:
            await stream.aclose()  # type: ignore[attr-defined]

    assert [event.data["uid"] for event in asyncio.run(main())] == ["u1"]


def test_who_may_listen_to_what(service: TestClient, as_user: AsUser) -> None:
    anna = as_user("viewer", "fraud")
    assert anna.get("/api/v1/projects/secret/events").status_code == 404
    assert service.get("/api/v1/events?kind=nothing").status_code == 400
    assert service.get("/api/v1/projects/fraud/events?kind=%00").status_code == 400


def test_what_changes_while_the_first_look_goes_on_is_told(alone: SqlStore) -> None:
    async def main() -> Event:
        hub, loop, go = LiveHub(alone), asyncio.get_running_loop(), threading.Event()
        begun = asyncio.Event()

        class Slow(Watch):
            def __init__(self, store: SqlStore, since: float) -> None:
                super().__init__(store, since)
                self.waits = asyncio.current_task() is hub._reader

            def look(self, now: float) -> list[Change] | None:
                if self.waits:
                    loop.call_soon_threadsafe(begun.set)
                    go.wait(10)
                return super().look(now)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mlrun_like.api.live.hub.Watch", Slow)
            stream = hub.listen(Listener(lambda change: True, frozenset()))
            hello = asyncio.ensure_future(anext(stream))
            await begun.wait()
            await asyncio.wait({hello}, timeout=0.3)  # whoever looks without the reader has looked
            await asyncio.to_thread(alone.store_run, run("meanwhile"))
            go.set()
            try:
                assert (await asyncio.wait_for(hello, 20)).kind == "hello"
                return await asyncio.wait_for(anext(stream), 20)
            finally:
                await stream.aclose()  # type: ignore[attr-defined]

    assert asyncio.run(main()).data["uid"] == "meanwhile"
