"""Background tasks: progress, errors, cancelling, processes that are gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mlrun_like.api.tasks import kinds
from mlrun_like.api.tasks.progress import Progress
from mlrun_like.api.tasks.runner import LOST, TaskRunner
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.task_abilities import BackgroundTask
from mlrun_like.types import Document
from tests.api.client import TestClient


@pytest.fixture
def tracked(home: object) -> SqlStore:
    found = open_store()
    assert isinstance(found, SqlStore)
    return found


@pytest.fixture
def runner(tracked: SqlStore) -> Iterator[TaskRunner]:
    made = TaskRunner(tracked, lease=5.0)
    yield made
    made.close()


def _task(uid: str = "t1", kind: str = "count") -> BackgroundTask:
    return BackgroundTask(uid, kind, "p", asked_by="anna", arguments={"n": 3})


def test_work_is_told_and_its_result_kept(tracked: SqlStore, runner: TaskRunner) -> None:
    def work(progress: Progress) -> Document:
        for done in range(3):
            progress.tell(done + 1, 3, f"step {done}")
        return {"counted": 3}

    runner.begin(_task(), work)
    assert runner.wait(5)
    found = tracked.read_task("t1")
    assert (found.state, found.result) == ("succeeded", {"counted": 3})
    assert (found.done, found.total, found.message) == (3, 3, "step 2")
    assert found.created > 0 and found.asked_by == "anna"


def test_errors_are_told_without_inner_words(tracked: SqlStore, runner: TaskRunner) -> None:
    def refuses(progress: Progress) -> None:
        raise InvalidArgumentError("no such thing", fix="make it")

    def breaks(progress: Progress) -> None:
        raise RuntimeError("password 1234")

    runner.begin(_task("a"), refuses)
    runner.begin(_task("b"), breaks)
    assert runner.wait(5)
    assert tracked.read_task("a").error == "no such thing\n  fix: make it"
    broken = tracked.read_task("b")
    assert broken.state == "failed" and "1234" not in broken.error


def test_one_that_nobody_wants_stops(tracked: SqlStore, runner: TaskRunner) -> None:
    begun = threading.Event()

    def work(progress: Progress) -> None:
        begun.set()
        while True:
            progress.tell(1, 0, "on and on")
            threading.Event().wait(0.01)

    runner.begin(_task(), work)
    assert begun.wait(5)
    tracked.cancel_task("t1")
    assert runner.wait(5)
    assert tracked.read_task("t1").state == "cancelled"
    waiting = tracked.store_task(_task("t2", "gc"))
    assert tracked.cancel_task(waiting.uid).state == "cancelled"
    assert tracked.claim_task(("gc",), "me", 5) is None


def test_the_work_of_a_process_that_is_gone_is_done_by_another(
    tracked: SqlStore, runner: TaskRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "KINDS", {"again": "tests.api.tasks.test_tasks:again"})
    monkeypatch.setattr("mlrun_like.api.tasks.runner.KINDS", kinds.KINDS)
    tracked.store_task(replace(_task("a", "again"), state="running"), "gone", -1.0)
    tracked.store_task(replace(_task("b", "only here"), state="running"), "gone", -1.0)
    tracked.store_task(replace(_task("c", "alive"), state="running"), "other", 60.0)
    assert runner.tell_lost() == 2
    assert runner.wait(5)
    assert tracked.read_task("a").result == {"n": 3}
    assert (tracked.read_task("b").state, tracked.read_task("b").error) == ("failed", LOST)
    assert tracked.read_task("c").state == "running"
    tracked.store_task(replace(_task("d", "again"), state="running", attempts=9), "gone", -1.0)
    runner.tell_lost()
    assert tracked.read_task("d").state == "failed"


def again(store: SqlStore, task: BackgroundTask, progress: Progress) -> Document:
    return dict(task.arguments)


def test_who_lost_its_task_cannot_change_it(tracked: SqlStore) -> None:
    task = tracked.store_task(replace(_task(kind="gc"), state="running"), "slow", -1.0)
    taken = tracked.claim_task(("gc",), "quick", 60)
    assert taken is not None and taken.attempts == 1
    assert not tracked.move_task(replace(task, state="succeeded"), "slow", 0)
    assert tracked.move_task(replace(taken, state="succeeded"), "quick", 0)
    assert tracked.claim_task(("gc",), "other", 60) is None


def test_two_never_get_the_same(tracked: SqlStore) -> None:
    for number in range(20):
        tracked.store_task(_task(f"t{number}", "gc"))
    seen: list[str] = []

    def claim(owner: str) -> None:
        while (task := tracked.claim_task(("gc",), owner, 60)) is not None:
            seen.append(task.uid)

    threads = [threading.Thread(target=claim, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == len(set(seen)) == 20
    assert tracked.count_tasks() == {"running": 20}
    assert tracked.delete_tasks(9e12) == 0


def test_routes(service: TestClient, store: SqlStore) -> None:
    store.store_task(_task("a"))
    store.store_task(replace(_task("b"), project="q"))
    found = service.get("/api/v1/projects/p/background-tasks").json()["background_tasks"]
    assert [one["metadata"]["name"] for one in found] == ["a"]
    assert (
        len(service.get("/api/v1/background-tasks?state=pending").json()["background_tasks"]) == 2
    )
    assert service.get("/api/v1/background-tasks?state=odd").status_code == 400
    assert service.get("/api/v1/projects/q/background-tasks/a").status_code == 404
    assert service.get("/api/v1/background-tasks/nothing").status_code == 404
    stopped = service.post("/api/v1/background-tasks/a/cancel")
    assert stopped.json()["status"]["state"] == "cancelled"
    begun = service.post("/api/v1/background-tasks/gc?dry-run=true")
    assert begun.status_code == 202
    assert service.get(begun.headers["location"]).json()["status"]["state"] == "pending"
