"""Watching: what takes more than it may is ended whole, and its neighbours notice nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.gateway.replicas import cgroups
from mlrun_like.gateway.replicas.cgroups import Groups
from mlrun_like.gateway.replicas.trees import end_tree, members, processes, proportional
from tests.gateway.nursery_parts import Real
from tests.gateway.pool_parts import ask, got, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

HOSTILE = """
import os, time, subprocess, sys
def handler(context, event):
    if event.path == "/hog":
        held = []
        while True:
            try:
                held.append(bytearray(8 << 20))
            except MemoryError:
                pass
            time.sleep(0.005)
    if event.path == "/bomb":
        while True:
            try:
                if os.fork() == 0:
                    os.setsid()
            except OSError:
                time.sleep(0.01)
    if event.path == "/orphans":
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(1000)
                os._exit(0)
            os.wait()
        time.sleep(1)
        os._exit(5)
    if event.path == "/loop":
        while True:
            pass
    return str(os.getpid())
"""


def of_user(uid: int | None) -> list[int]:
    return [one.pid for one in processes(users=True).values() if one.uid == uid and not one.zombie]


@pytest.fixture(scope="module", params=["groups", "polling"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Real]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "polling":
            patch.setattr(cgroups, "_CONTROLLERS", ())
        found = Real(tmp_path_factory.mktemp("gateway"))
    try:
        if request.param == "groups" and not found.nursery.watcher.enforced:
            pytest.skip("control groups cannot be made here")
        assert bool(found.nursery.watcher.enforced) is (request.param == "groups")
        yield found
    finally:
        found.clear()
        found.close()


@pytest.fixture
def real(shared: Real) -> Iterator[Real]:
    yield shared
    shared.clear()


@pytest.mark.slow
def test_a_memory_hog_is_ended_and_named(real: Real) -> None:
    hog, near = real.pool(HOSTILE, "hog", memory=96 << 20), real.pool(HOSTILE, "near")

    async def test() -> None:
        pid = (await got(ask(near))).body
        asked = await got(ask(hog, "/hog", "POST"))
        assert asked.status == 502
        assert "its limit is 96 MiB" in json.loads(asked.body)["error"]
        assert "96 MiB" in hog.numbers().last_error
        assert (await got(ask(near))).body == pid
        assert (await got(ask(hog))).status == 200

    real.run(test())


@pytest.mark.slow
def test_a_fork_bomb_is_ended_whole(real: Real) -> None:
    bomb = real.pool(HOSTILE, "bomb", processes=16, request_timeout=20)
    near = real.pool(HOSTILE, "near")

    async def test() -> None:
        pid = (await got(ask(near))).body
        await bomb.start_one()
        worker = bomb.workers[0]
        asked = await got(ask(bomb, "/bomb", "POST"))
        assert asked.status == 502, asked.body
        assert "processes; its limit is 16" in json.loads(asked.body)["error"]
        if worker.uid is not None:
            await until(lambda: not of_user(worker.uid))
        assert (await got(ask(near))).body == pid

    real.run(test())


@pytest.mark.slow
def test_what_a_worker_left_behind_is_ended(real: Real) -> None:
    pool = real.pool(HOSTILE, "orphans")

    async def test() -> None:
        await pool.start_one()
        worker = pool.workers[0]
        asked = ask(pool, "/orphans", "POST")
        if worker.uid is not None:
            await until(lambda: len(of_user(worker.uid)) >= 4)
        await got(asked)
        assert asked.status == 502
        if worker.uid is not None:
            await until(lambda: not of_user(worker.uid))

    real.run(test())


@pytest.mark.slow
def test_an_endless_loop_costs_its_own_worker(real: Real) -> None:
    pool = real.pool(HOSTILE, "loop", request_timeout=1.0, max_replicas=1)

    async def test() -> None:
        await pool.start_one()
        worker = pool.workers[0]
        loop = ask(pool, "/loop", "POST")
        behind = ask(pool, "/", "POST")
        await until(lambda: worker.cpu > 0.2)
        await until(lambda: worker.memory > 0 and worker.processes == 1)
        await until(lambda: loop.over and behind.over)
        assert (loop.status, behind.status) == (504, 200)

    real.run(test())


TREE = """
import os, sys, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            time.sleep(1000)
        time.sleep(1000)
print("up", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def tree() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-S", "-c", TREE], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"up\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def wait_for(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_tree_with_sessions_of_its_own(tree: subprocess.Popen[bytes]) -> None:
    wait_for(lambda: len(members(processes(), [tree.pid], ())) == 7)
    found = members(processes(), [tree.pid], ())
    end_tree(tree.pid)
    tree.wait(10)
    pids = {one.pid: one.started for one in found}
    left = processes()
    wait_for(
        lambda: (
            not [
                one
                for one in processes().values()
                if pids.get(one.pid) == one.started and not one.zombie
            ]
        )
    )
    assert left


def test_an_orphan_still_belongs_to_its_tree(tree: subprocess.Popen[bytes]) -> None:
    wait_for(lambda: len(members(processes(), [tree.pid], ())) == 7)
    known = [(one.pid, one.started) for one in members(processes(), [tree.pid], ())]
    tree.kill()
    tree.wait()
    left = members(processes(), [tree.pid], known)
    assert len(left) == 6
    assert members(processes(), [], [(pid, started + 1) for pid, started in known]) == []
    end_tree(0, known)
    wait_for(lambda: not [o for o in members(processes(), [], known) if not o.zombie])


def test_numbers_of_a_process() -> None:
    mine = processes(users=True)[os.getpid()]
    assert mine.memory > 1 << 20 and mine.cpu > 0 and mine.uid == os.getuid()
    assert mine.parent == os.getppid()
    assert 0 < proportional(os.getpid()) <= mine.memory * 2
    assert proportional(0) == 0


def test_ending_what_is_gone_does_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "pass"])
    process.wait()
    end_tree(process.pid)
    end_tree(0)


def test_groups_keep_their_limits() -> None:
    groups = Groups()
    try:
        if "pids" not in groups.controllers:
            pytest.skip("control groups cannot be made here")
        group = groups.make("one", 64 << 20, 8, 0.5)
        assert group is not None and group.verdict() == ""
        process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
        try:
            assert group.join(process.pid) and process.pid in group.processes()
            assert group.remove() is False
            group.kill()
            assert process.wait(10) == -signal.SIGKILL
        finally:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        wait_for(group.remove)
        assert group.join(process.pid) in (True, False)
    finally:
        groups.close()


def test_groups_where_there_are_none(tmp_path: Path) -> None:
    for own in ("", "nonsense", "4:memory:/x\n0::/y\n", "0::/\n"):
        groups = Groups(tmp_path, own)
        assert groups.controllers == () and groups.make("a", 1, 1, 1) is None
        groups.close()
    (tmp_path / "cgroup.controllers").write_text("memory pids cpu")
    assert Groups(tmp_path, "0::/away").controllers == ()
