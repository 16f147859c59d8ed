"""Output while it comes, and runs that are stopped: by an abort, a limit, or their parent's end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlrun_like.configuration import config
from mlrun_like.runtimes.process import ProcessRuntime
from mlrun_like.tracking.process import process_alive

if TYPE_CHECKING:
    from tests.runtimes.conftest import Bench


def test_output_is_seen_before_the_end(bench: Bench, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = bench.job(
        bench.doc(f"""
        import sys, time
        from pathlib import Path
        def handler():
            print("half a line", end="")
            sys.stderr.write("; and an error")
            while not Path({str(go)!r}).exists():
                time.sleep(0.01)
            print("; the end")
        """)
    )
    thread, done = bench.launch(job)
    assert bench.wait_log(job, b"error") == b"half a line; and an error"
    assert not done
    go.touch()
    thread.join(20)
    assert bench.log(done[0]) == b"half a line; and an error; the end\n"


def test_watch_shows_it_here(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    job = bench.job(bench.doc("def handler():\n    print('für dich')\n"))
    job.watch = True
    assert ProcessRuntime().launch(job).status.state == "completed"
    assert "für dich\n" in capsys.readouterr().out


def test_bytes_that_are_no_text(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    job = bench.job(
        bench.doc(r"""
        import os, sys
        def handler():
            os.write(1, b"\xff\xfe\x00 raw \xc3")
            print("\udcff surrogate")
        """)
    )
    job.watch = True
    run = ProcessRuntime().launch(job)
    assert run.status.state == "completed", run.status.error
    assert bench.log(run) == b"\xff\xfe\x00 raw \xc3\\udcff surrogate\n"
    assert "\ufffd" in capsys.readouterr().out


def test_fifty_megabytes_are_neither_kept_nor_stuck(bench: Bench) -> None:
    run = bench.run(
        """
        def handler():
            line = "x" * 1023 + "\\n"
            for _ in range(50):
                print(line * 1024, end="")
        """
    )
    assert run.status.state == "completed", run.status.error
    bench.store.flush()
    assert bench.store.log_size("default", run.metadata.uid) == 50 << 20


@pytest.mark.parametrize("line", ["os.close(1); os.close(2)", "sys.stdout.close()"])
def test_closed_output(bench: Bench, line: str) -> None:
    run = bench.run(f"import os, sys\ndef handler():\n    {line}\n    return 1\n")
    assert run.status.state == "completed", run.status.error


@pytest.mark.parametrize("warm", [True, False])
def test_a_grandchild_that_holds_the_output_does_not_hold_the_run(bench: Bench, warm: bool) -> None:
    config.warm = warm
    start = time.monotonic()
    run = bench.run(
        """
        import subprocess
        def handler():
            print("before")
            return subprocess.Popen(["sleep", "30"]).pid
        """
    )
    assert run.status.state == "completed", run.status.error
    assert time.monotonic() - start < 20
    assert b"before" in bench.log(run)
    pid = run.status.results["return"]
    assert process_alive(pid)  # a finished run does not end what it left on purpose
    os.kill(pid, signal.SIGKILL)


SLEEPER = """
    import os, signal, subprocess, time
    def handler(stubborn: bool = False):
        if stubborn:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        helper = subprocess.Popen(["sleep", "60"])
        print(f"pids {os.getpid()} {helper.pid} .")
        try:
            time.sleep(60)
        finally:
            print("tidied up")
    """


@pytest.mark.parametrize("warm", [True, False])
def test_abort(bench: Bench, warm: bool) -> None:
    config.warm = warm
    job = bench.job(bench.doc(SLEEPER), retry={"count": 2})
    thread, done = bench.launch(job)
    pids = bench.wait_log(job, b" .\n").split()[1:3]
    start = time.monotonic()
    bench.store.set_run_state("default", job.run.metadata.uid, 0, "aborting", "")
    thread.join(20)
    assert time.monotonic() - start < 4
    assert done[0].status.state == "aborted"
    assert b"tidied up" in bench.log(done[0])
    bench.wait_for(lambda: not any(process_alive(int(pid)) for pid in pids))
    stored = bench.store.read_run("default", job.run.metadata.uid)
    assert stored["status"]["state"] == "aborted"


@pytest.mark.slow
def test_abort_of_a_run_that_refuses_to_end(bench: Bench) -> None:
    job = bench.job(bench.doc(SLEEPER), parameters={"stubborn": True})
    thread, done = bench.launch(job)
    pid = int(bench.wait_log(job, b" .\n").split()[1])
    bench.store.set_run_state("default", job.run.metadata.uid, 0, "aborting", "")
    thread.join(20)
    assert done[0].status.state == "aborted"
    assert not process_alive(pid)


def test_timeout(bench: Bench) -> None:
    start = time.monotonic()
    run = bench.run(SLEEPER, timeout=0.5)
    assert time.monotonic() - start < 20
    assert run.status.state == "error"
    assert "the run exceeded its timeout of 0.5 s" in (run.status.error or "")


def test_timeout_of_a_call_that_never_returns_to_python(bench: Bench) -> None:
    run = bench.run(SLEEPER, parameters={"stubborn": True}, timeout=0.5)
    assert run.status.state == "error"
    assert run.status.error == "the run exceeded its timeout of 0.5 s and was killed"
    assert run.status.attempts[0]["error"] == run.status.error


def test_multiprocessing_inside_a_run(bench: Bench) -> None:
    run = bench.run(
        """
        import multiprocessing
        def double(x):
            return 2 * x
        def handler():
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return pool.map(double, [1, 2, 3])
        """
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results["return"] == [2, 4, 6]
    assert b"Traceback" not in bench.log(run)


OWNER = """
    import sys
    sys.path.insert(0, {here!r})
    from conftest import Bench
    from mlrun_like.configuration import config
    from mlrun_like.tracking.connect import open_store
    config.warm = {warm!r}
    bench = Bench(open_store())
    job = bench.job(bench.doc({code!r}))
    job.watch = True
    from mlrun_like.runtimes.process import ProcessRuntime
    try:
        ProcessRuntime().launch(job)
    except KeyboardInterrupt:
        print("interrupted", job.run.status.state)
    """


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_run_ends_with_its_parent(home: Path, warm: bool, number: int) -> None:
    text = OWNER.format(here=str(Path(__file__).parent), warm=warm, code=SLEEPER)
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)],
        stdout=subprocess.PIPE,
        env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
    )
    with owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()[1:3]]
        assert all(map(process_alive, pids))
        owner.send_signal(number)
        rest = owner.stdout.read() if number == signal.SIGINT else b"interrupted aborted"
    assert b"interrupted aborted" in rest
    end = time.monotonic() + 10
    # Without a warm server nobody is left who knows the helper that a killed run had started.
    watched = pids if warm or number == signal.SIGINT else pids[:1]
    while any(map(process_alive, watched)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(map(process_alive, watched))
    if process_alive(pids[1]):
        os.kill(pids[1], signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("warm", [True, False])
def test_secrets_are_neither_arguments_nor_variables(bench: Bench, warm: bool) -> None:
    config.warm = warm
    job = bench.job(
        bench.doc("""
        import json, os
        def handler(context):
            seen = []
            for pid in (os.getpid(), os.getppid()):
                for name in ("cmdline", "environ"):
                    with open(f"/proc/{pid}/{name}", "rb") as stream:
                        seen.append(stream.read().decode("utf-8", "replace"))
            return {"seen": json.dumps(seen), "secret": context.get_secret("KEY") == "top" "secret"}
        """)
    )
    job.secrets = {"KEY": "top" + "secret"}
    run = ProcessRuntime().launch(job)
    assert run.status.state == "completed", run.status.error
    values = run.status.results.get("return", run.status.results)
    assert values["secret"] is True
    assert "topsecret" not in json.dumps(values)
    assert b"topsecret" not in bench.log(run)
