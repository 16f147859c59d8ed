"""Nurseries: real zygotes and workers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator

import pytest

from mlrun_like.errors import ConfigError, EngineError
from mlrun_like.gateway.replicas.autoscale import Autoscaler
from mlrun_like.gateway.replicas.lineage import Lineage, Place, place_of
from mlrun_like.gateway.replicas.users import Users
from tests.gateway.nursery_parts import Real, real_nursery, version_of
from tests.gateway.pool_parts import ask, got, kill, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux"),
]

CODE = """
import os, sys, time
def handler(context, event):
    if event.path == "/sleep":
        time.sleep(0.01)
    if event.path == "/env":
        return os.environ.get("MARK", "")
    if event.path == "/uid":
        return str(os.getuid())
    if event.path == "/worker":
        return str(context.worker_id)
    return f"{os.getpid()} {os.getppid()} {'statistics' in sys.modules}"
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with real_nursery(tmp_path_factory.mktemp("gateway")) as found:
        yield found


@pytest.fixture
def real(shared: Real) -> Iterator[Real]:
    yield shared
    shared.clear()


def test_workers_are_forked_from_one_zygote(real: Real) -> None:
    one, other = real.pool(CODE, "one"), real.pool(CODE, "other", env={"MARK": "there"})

    async def test() -> None:
        first = (await got(ask(one))).body.split()
        second = (await got(ask(other))).body.split()
        assert first[0] != second[0] and first[1] == second[1]
        rows = real.nursery.zygotes()
        assert [row["pid"] for row in rows] == [int(first[1])]
        assert rows[0]["workers"] == 2 and rows[0]["rss"] > 0
        assert (await got(ask(other, "/env"))).body == b"there"
        assert (await got(ask(one, "/env"))).body == b""
        assert (await got(ask(one, "/worker"))).body == b"0"
        phases = one.numbers().cold_starts[0]
        assert {"fork", "import", "init", "total"} <= set(phases)

    real.run(test())
    assert "p/one" in str(real.home / "logs/p/one.log") and (real.home / "logs/p/one.log").exists()


def test_a_burst_to_a_sleeping_function_is_held(real: Real) -> None:
    pool = real.pool(CODE, max_replicas=4)

    async def test() -> None:
        scaler = Autoscaler([pool])
        scaler.start()
        try:
            all_ = [ask(pool, "/pid", "POST") for _ in range(500)]
            await until(lambda: all(one.over for one in all_))
            assert {one.status for one in all_} == {200}
            assert pool.numbers().refused == 0
        finally:
            await scaler.close()

    real.run(test())


def test_killed_workers_lose_nothing_that_may_be_repeated(real: Real) -> None:
    pool = real.pool(CODE, min_replicas=2, max_replicas=2)

    async def test() -> None:
        pool.bounds(minimum=2)
        await until(lambda: pool.numbers().ready == 2)
        all_ = []
        for round_ in range(8):
            all_ += [ask(pool, "/sleep") for _ in range(25)]
            await asyncio.sleep(0.05)
            if round_ % 2 and pool.workers and pool.workers[0].pid:
                kill(pool.workers[0].pid)
        await until(lambda: all(one.over for one in all_))
        assert {one.status for one in all_} == {200}
        assert {one.answers for one in all_} == {1}
        assert "signal 9" in pool.last_error

    real.run(test())


def test_a_function_at_fault_says_why(real: Real) -> None:
    pool = real.pool("import nowhere_at_all\n\ndef handler(context, event):\n    return 1\n")

    async def test() -> None:
        asked = await got(ask(pool))
        assert asked.status == 503
        assert "nowhere_at_all" in json.loads(asked.body)["error"]
        with pytest.raises(EngineError, match="nowhere_at_all"):
            await pool.start_one()

    real.run(test())


def test_a_zygote_that_dies_is_started_again(real: Real) -> None:
    pool = real.pool(CODE)

    async def test() -> None:
        first = (await got(ask(pool))).body.split()
        kill(int(first[1]))
        await until(lambda: not pool.workers)
        second = (await got(ask(pool))).body.split()
        assert second[1] != first[1] and second[0] != first[0]

    real.run(test())


def test_new_imports_come_with_a_new_zygote_while_the_old_one_serves(real: Real) -> None:
    plain = real.pool(CODE, "plain")
    code = "import yaml\nimport sys\n\ndef handler(context, event):\n    return 'x'\n"
    other = real.pool(code, "other")

    async def test() -> None:
        first = (await got(ask(plain))).body.split()
        await real.nursery.prepare(other.version, other.key)
        rows = {row["pid"]: row for row in real.nursery.zygotes()}
        newest = next(row for row in rows.values() if row["state"] == "ready")
        assert "yaml" in newest["modules"] and newest["pid"] != int(first[1])
        assert rows[int(first[1])]["state"] == "retiring"
        assert (await got(ask(plain))).body.split() == first  # its worker is still there
        assert (await got(ask(other))).status == 200
        await plain.scale(0, "test")
        await until(lambda: len(real.nursery.zygotes()) == 1)

    real.run(test())


def test_what_cannot_be_imported_ahead_is_named(real: Real) -> None:
    code = "import xml.nowhere_at_all as x\n\ndef handler(context, event):\n    return 'x'\n"
    pool = real.pool(code)

    async def test() -> None:
        assert (await got(ask(pool))).status == 503

    real.run(test())


def test_an_interpreter_that_is_none_is_an_error(real: Real) -> None:
    pool = real.pool(CODE, python="/bin/false")

    async def test() -> None:
        with pytest.raises(EngineError, match="/bin/false"):
            await pool.start_one()
        asked = ask(pool)
        assert not asked.over  # it waits: the function's code is not at fault

    real.run(test())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give users")
def test_each_worker_has_a_user_of_its_own(real: Real) -> None:
    pool = real.pool(CODE, max_replicas=2)

    async def test() -> None:
        pool.bounds(minimum=2)
        await until(lambda: pool.numbers().ready == 2)
        uids = {worker.uid for worker in pool.workers}
        assert len(uids) == 2 and 0 not in uids and None not in uids
        asked = await got(ask(pool, "/uid"))
        assert int(asked.body) in uids

    real.run(test())


def test_packages_that_do_not_survive_a_fork_are_not_imported_ahead() -> None:
    version = version_of("import grpc\nimport yaml\n")
    place, modules, notes = place_of(version, sys.executable)
    assert place.alone and modules == () and "grpc" in notes[0]
    place, modules, notes = place_of(version_of("import yaml\n"), sys.executable)
    assert not place.alone and modules == ("yaml",) and notes == ()


def test_variables_that_packages_read_make_an_environment() -> None:
    one = place_of(version_of("", env={"OMP_NUM_THREADS": "1", "A": "b"}), sys.executable)[0]
    assert one.env == (("OMP_NUM_THREADS", "1"),)
    assert one != place_of(version_of("", env={"A": "b"}), sys.executable)[0]


def test_users() -> None:
    assert Users("auto", root=False).take() == (None, None, False)
    assert Users("root", root=True).take() == (None, None, False)
    users = Users("auto", root=True)
    first, second = users.take(), users.take()
    if first[0] is not None:
        assert first != second and first[2]
        for uid in (first[0], second[0]):
            assert uid is not None
            users.give_back(uid)
    named = Users("0", root=False)
    assert named.take()[2] is False
    with pytest.raises(ConfigError, match="no user 'nobody-like-this'"):
        Users("nobody-like-this", root=True)


def test_a_table_of_files_that_is_full_is_told(real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(24, "Too many open files")

    pool = real.pool(CODE, "full")

    async def test() -> None:
        with monkeypatch.context() as patched:
            patched.setattr("mlrun_like.gateway.replicas.lineage.Zygote", fails)
            lineage = Lineage(Place("/no/python"), real.home, lambda worker: None)
            with pytest.raises(EngineError, match="Too many open files"):
                await lineage.ready()
        await pool.start_one()
        with monkeypatch.context() as patched:
            patched.setattr(real.nursery, "_open_log", fails)
            await pool.scale(2, "test")
            await until(lambda: "Too many open files" in pool.last_error)
        await pool.scale(2, "test again")
        await until(lambda: pool.numbers().ready == 2)

    real.run(test())
