"""Real processes behind an application: starting, answering, failing, ending."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.gateway.applications.keeper import descendants

pytestmark = pytest.mark.slow


def test_it_wakes_answers_and_ends(run: Any) -> None:
    async def work(it: Any) -> None:
        app = it.open("{port}", env={"TOKEN": "hidden"})
        assert not app.workers
        told = (await it.ask("/x?a=1", x_forwarded_prefix="/shop/ui", host="h:1")).data
        assert told["path"] == "/x?a=1"
        assert told["headers"]["x-forwarded-prefix"] == "/shop/ui"
        assert told["headers"]["host"] == "h:1"
        assert told["env"]["MLRUN_LIKE_ROOT_PATH"] == "/shop/ui"
        assert told["env"]["TOKEN"] == "hidden"
        assert told["argv"] == [told["env"]["PORT"]]
        assert "app.py" in told["files"]
        if os.getuid() == 0:
            assert told["uid"] > 1000
        listed = Path(f"/proc/{told['pid']}/cmdline").read_bytes()
        assert b"hidden" not in listed
        answer = await it.ask("/go", x_forwarded_prefix="/shop/ui")
        assert b"location: /shop/ui/login" in answer.headers
        assert b"Path=/shop/ui; HttpOnly" in answer.headers
        head = await it.ask("/info", "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert (await it.ask("/old")).body == b"until the end"
        assert (await it.ask("/stream")).body.count(b"data:") == 3
        large = await it.ask("/", "POST", b"x" * 3_000_000)
        assert large.data["size"] == 3_000_000
        numbers = app.numbers()
        assert (numbers.ready, numbers.in_flight, numbers.started) == (1, 0, 1)
        assert len(it.finished) == 6
        pid = told["pid"]
        await app.drain(5)
        assert not Path(f"/proc/{pid}").exists()
        assert (await it.ask("/")).status == 503

    run(work)


def test_odd_answers_break_only_themselves(run: Any) -> None:
    async def work(it: Any) -> None:
        it.open()
        assert (await it.ask("/half")).status == 502
        garbage = await it.ask("/garbage")
        assert garbage.status == 502 and b"not HTTP" in garbage.body
        assert (await it.ask("/info")).status == 200
        assert it.app.numbers().restarts == 0

    run(work)


def test_a_crash_is_told_and_repaired(run: Any) -> None:
    async def work(it: Any) -> None:
        app = it.open()
        assert (await it.ask("/info")).status == 200
        lost = await it.ask("/die", "POST", b"x")
        assert lost.status == 502 and b"exit code 3" in lost.body
        assert (await it.ask("/die_once")).data == {"again": True}
        numbers = app.numbers()
        assert numbers.restarts == 2 and numbers.retried >= 1
        assert "exit code 3" in numbers.last_error

    run(work)


def test_what_cannot_start_says_why(run: Any) -> None:
    async def work(it: Any) -> None:
        it.open("--fail")
        with pytest.raises(Exception, match="exit code 1") as info:
            await it.app.start_one()
        assert "broken on purpose" in str(info.value)
        refused = await it.ask("/info")
        assert refused.status == 503 and b"retry-after" in refused.headers
        assert b"broken on purpose" in refused.body

    run(work)


def test_a_missing_program_is_named(run: Any) -> None:
    async def work(it: Any) -> None:
        it.open(command=("no-such-program-here", "--serve"))
        with pytest.raises(Exception, match="'no-such-program-here' is not installed"):
            await it.app.start_one()

    run(work)


def test_who_never_listens_is_ended(run: Any) -> None:
    async def work(it: Any) -> None:
        it.open(command=("sleep", "300"), start_timeout=0.5)
        with pytest.raises(Exception, match="does not listen"):
            await it.app.start_one()
        assert not it.app.workers

    run(work)


def test_a_port_of_its_own_choice_is_found(run: Any) -> None:
    async def work(it: Any) -> None:
        it.open("--own")
        told = (await it.ask("/info")).data
        assert it.app.workers[0].listener.port != int(told["env"]["PORT"])

    run(work)


def test_replicas_have_ports_of_their_own(run: Any) -> None:
    async def work(it: Any) -> None:
        app = it.open(max_replicas=2, internal_port=38971, concurrency=1)
        await app.scale(2, "a test")
        await it.until(lambda: app.numbers().ready == 2)
        slow = [it.submit("/slow?0.5") for _ in range(2)]
        await asyncio.gather(*(one.over.wait() for one in slow))
        assert len({one.listener.port for one in app.workers}) == 2
        assert [one.served for one in app.workers] == [1, 1]
        await app.scale(1, "a test")
        await it.until(lambda: app.numbers().alive == 1 and not app.leaving)
        assert (await it.ask("/info")).status == 200

    run(work)


def test_it_sleeps_when_idle_and_wakes(run: Any) -> None:
    async def work(it: Any) -> None:
        app = it.open(idle_timeout=0.3)
        assert (await it.ask("/info")).status == 200
        await it.until(lambda: not app.workers and not app.leaving)
        assert "idle_timeout" in app.decisions[-1]["why"]
        asked = [it.submit("/info") for _ in range(50)]
        await asyncio.gather(*(one.over.wait() for one in asked))
        assert {one.status for one in asked} == {200}
        assert app.numbers().started == 2

    run(work)


def test_time_and_queue_have_limits(run: Any) -> None:
    async def work(it: Any) -> None:
        app = it.open(concurrency=1, queue=1, request_timeout=0.6, max_replicas=1)
        await app.start_one()
        late, waiting, refused = (it.submit("/slow?3") for _ in range(3))
        await refused.over.wait()
        assert refused.status == 429
        await late.over.wait()
        assert late.status == 504 and b"request_timeout" in late.body
        app.cancel(waiting.call)
        assert waiting.call.status == 499
        assert (await it.ask("/info")).status == 200
        assert app.numbers().timeouts == 1

    run(work)


def test_a_client_that_leaves_closes_the_connection(run: Any) -> None:
    async def work(it: Any) -> None:
        app = it.open()
        endless = it.submit("/endless")
        await it.until(lambda: len(endless.parts) > 3)
        files = Path((await it.ask("/info")).data["cwd"])
        await asyncio.sleep(0.3)
        taken = sum(map(len, endless.parts))
        assert taken < 4 << 20  # nobody took it: it may not fill the memory
        app.cancel(endless.call)
        await it.until(lambda: (files / "gone").exists())
        assert app.numbers().in_flight == 0

    run(work)


def test_hogs_and_fork_bombs_end_whole(run: Any) -> None:
    async def work(it: Any) -> None:
        app = it.open(memory=100 << 20, processes=10, request_timeout=20.0)
        pid = (await it.ask("/info")).data["pid"]
        await it.ask("/fork")
        await it.until(lambda: not Path(f"/proc/{pid}").exists())
        await it.until(lambda: "processes; its limit is 10" in app.last_error)
        hog = it.submit("/hog")
        await it.until(lambda: "MiB of memory; its limit is 100 MiB" in app.last_error)
        app.cancel(hog.call)

    run(work)


def test_nothing_stays_when_the_keeper_is_killed(run: Any) -> None:
    async def work(it: Any) -> None:
        app = it.open("--sleep")
        await app.start_one()
        replica = app.workers[0]
        below = [replica.pid]
        if os.getuid() == 0:  # else what left the session can not be found any more
            below += descendants(replica.pid)
            assert len(below) == 2
        os.kill(replica._keeper.pid, signal.SIGKILL)
        await it.until(lambda: replica.closed.done())
        await it.until(lambda: not any(_runs(pid) for pid in below))

    run(work)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
