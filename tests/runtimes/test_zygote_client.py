"""Warm servers as runs meet them: shared, killed, idle, started beforehand, forked along."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlrun_like.configuration import config
from mlrun_like.runtimes.process import ProcessRuntime, prewarm
from mlrun_like.runtimes.zygote_client import close_zygotes, zygote_pids

if TYPE_CHECKING:
    from tests.runtimes.conftest import Bench


@pytest.mark.slow
def test_forked_runs_share_a_server_and_new_environments_get_their_own(bench: Bench) -> None:
    close_zygotes()
    code = "def handler():\n    import os\n    return os.getppid()\n"
    parents = {bench.run(code).status.results["return"] for _ in range(3)}
    assert parents == set(zygote_pids())
    bench.run(code, function={"env": [{"name": "A", "value": "1"}]})
    assert len(zygote_pids()) == 2
    for number in range(4):
        bench.run(code, function={"env": [{"name": "A", "value": str(number)}]})
        assert len(zygote_pids()) <= 4


def test_server_killed_between_runs(bench: Bench) -> None:
    code = "def handler():\n    return 1\n"
    bench.run(code)
    for pid in zygote_pids():
        os.kill(pid, signal.SIGKILL)
    run = bench.run(code)
    assert run.status.state == "completed", run.status.error


def test_server_killed_during_a_run(bench: Bench) -> None:
    code = """
        import time
        def handler():
            print("here")
            time.sleep(60)
        """
    close_zygotes()
    job = bench.job(bench.doc(code))
    thread, done = bench.launch(job)
    bench.wait_log(job, b"here")
    for pid in zygote_pids():
        os.kill(pid, signal.SIGKILL)
    thread.join(10)
    assert done[0].status.state == "error"
    assert "the run was lost: the warm server it was forked from" in (done[0].status.error or "")


def test_a_server_that_cannot_start_is_replaced_by_new_interpreters(
    bench: Bench, tmp_path: Path
) -> None:
    # Found by every interpreter of the function at its start, but ends only the warm server.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'mlrun_like.runtimes.zygote' in sys.orig_argv:\n"
        "    os.write(2, b'no servers here')\n"
        "    os._exit(9)\n"
    )
    function = {"env": [{"name": "PYTHONPATH", "value": str(tmp_path)}]}
    for _ in range(2):
        run = bench.run("def handler():\n    return 1\n", function=function)
        assert run.status.state == "completed", run.status.error
        assert b"no warm start (" in bench.log(run)
        assert b"no servers here); using a new interpreter" in bench.log(run)


def test_prewarm(bench: Bench) -> None:
    close_zygotes()
    doc = bench.doc("import numpy\ndef handler():\n    return 1\n")
    start = time.monotonic()
    prewarm(doc)
    assert time.monotonic() - start < 1
    (server,) = zygote_pids()
    assert ProcessRuntime().launch(bench.job(doc)).status.state == "completed"
    assert zygote_pids() == [server]


def test_idle_server_ends(bench: Bench) -> None:
    close_zygotes()
    with config.override(warm_idle=0.2):
        assert bench.run("def handler(): return 1").status.state == "completed"
        bench.wait_for(lambda: not zygote_pids())
        assert bench.run("def handler(): return 1").status.state == "completed"
    close_zygotes()


def test_fork_of_the_owner_does_not_use_its_servers(bench: Bench) -> None:
    bench.run("def handler(): return 1")
    assert zygote_pids()
    pid = os.fork()
    if pid == 0:
        os._exit(len(zygote_pids()))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert bench.run("def handler(): return 1").status.state == "completed"
