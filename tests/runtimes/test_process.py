"""Runs in a process of their own: what they get, what they leave behind."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlrun_like.configuration import config
from mlrun_like.runtimes.process import ProcessRuntime
from mlrun_like.tracking.connect import close_stores, open_store

if TYPE_CHECKING:
    from tests.runtimes.conftest import Bench

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's limits are Linux's")


@pytest.fixture(params=["warm", "fresh"])
def both(request: pytest.FixtureRequest, bench: Bench) -> Bench:
    """Once forked, once in a new interpreter; the `home` fixture undoes the setting."""
    config.warm = request.param == "warm"
    return bench


def test_success(both: Bench) -> None:
    run = both.run(
        """
        import os
        def handler(context, x: int):
            context.log_result("pid", os.getpid())
            return x + 1
        """,
        parameters={"x": 4},
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results["return"] == 5
    assert run.status.results["pid"] != os.getpid()
    stored = both.store.read_run("default", run.metadata.uid)
    assert stored["status"]["state"] == "completed"


def test_failure_has_a_traceback(both: Bench) -> None:
    run = both.run("def handler():\n    raise ValueError('boom')\n")
    assert run.status.state == "error"
    assert run.status.error == "ValueError: boom"
    assert "ValueError: boom" in run.status.traceback
    assert b"ValueError: boom" in both.log(run)


def test_environment_folder_and_path(both: Bench, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "beside_me.py").write_text("VALUE = 7\n")
    run = both.run(
        """
        import os
        def handler(context):
            import beside_me
            context.log_result("env", os.environ["MINE"])
            context.log_result("home", "PATH" in os.environ)
            context.log_result("cwd", os.getcwd())
            context.log_result("value", beside_me.VALUE)
        """,
        function={
            "env": [{"name": "MINE", "value": "a=b é"}],
            "workdir": str(tmp_path),
            "pythonpath": "lib",
        },
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results == {
        "env": "a=b é",
        "home": True,
        "cwd": str(tmp_path),
        "value": 7,
    }
    assert "MINE" not in os.environ


def test_current_environment_reaches_a_server_started_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os\ndef handler():\n    return os.environ.get('LATER', '')\n"
    assert bench.run(code).status.results["return"] == ""
    monkeypatch.setenv("LATER", "yes")
    assert bench.run(code).status.results["return"] == "yes"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ({"workdir": "/not/there"}, "working folder '/not/there' does not exist"),
        ({"env": [{"name": "A=B", "value": "1"}]}, "name 'A=B' cannot be used"),
        ({"env": [{"value": "1"}]}, "name None cannot be used"),
        ({"env": [{"name": "A", "value": "top\0secret"}]}, "holds a zero byte"),
        ({"resources": {"limits": {"memory": "lots"}}}, "memory 'lots' is not a quantity"),
    ],
)
def test_a_place_that_cannot_be_had(
    bench: Bench, function: dict[str, object], message: str
) -> None:
    run = bench.run("def handler():\n    pass\n", function=function)
    assert run.status.state == "error"
    assert message in (run.status.error or "")
    assert "secret" not in (run.status.error or "")


def test_retries(both: Bench, tmp_path: Path) -> None:
    run = both.run(
        f"""
        from pathlib import Path
        def handler():
            marks = Path({str(tmp_path / "marks")!r})
            marks.touch()
            with marks.open("a") as stream:
                stream.write("x")
            if len(marks.read_text()) < 3:
                raise RuntimeError("flaky")
            return "done"
        """,
        retry={"count": 3, "backoff": 0.01},
    )
    assert run.status.state == "completed", run.status.error
    assert [a["attempt"] for a in run.status.attempts] == [1, 2]
    assert run.status.results["return"] == "done"


def test_retry_after_the_process_was_killed(bench: Bench, tmp_path: Path) -> None:
    run = bench.run(
        f"""
        import os
        from pathlib import Path
        def handler():
            mark = Path({str(tmp_path / "mark")!r})
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), 9)
        """,
        retry={"count": 1, "backoff": 0.01},
    )
    assert run.status.state == "completed", run.status.error
    assert "signal 9 (SIGKILL)" in run.status.attempts[0]["error"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("os._exit(3)", "exit code 3 before the run was recorded"),
        ("os._exit(0)", "exit code 0 before the run was recorded"),
        ("os.kill(os.getpid(), 9)", "signal 9 (SIGKILL): the machine ran out of memory, or"),
        ("os.kill(os.getpid(), 11)", "signal 11 (SIGSEGV): native code crashed"),
    ],
)
def test_death_without_a_record(both: Bench, line: str, message: str) -> None:
    run = both.run(
        f"""
        import os
        def handler(context):
            context.log_result("before", 1)
            context.commit()
            for i in range(30):
                print("line", i)
            {line}
        """
    )
    assert run.status.state == "error"
    assert message in (run.status.error or "")
    assert run.status.status_text.splitlines() == [f"line {i}" for i in range(10, 30)]
    assert run.status.results == {"before": 1}
    stored = both.store.read_run("default", run.metadata.uid)
    assert stored["status"]["state"] == "error"
    assert len(stored["status"]["attempts"]) == 1


def test_script_without_a_handler(both: Bench, tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text("import sys\nif __name__ == '__main__':\n    print('args', sys.argv[1:])\n")
    doc = both.doc("")
    doc.spec.build.functionSourceCode = ""
    doc.spec.command, doc.spec.args = str(script), ["--x", "{x}"]
    run = ProcessRuntime().launch(both.job(doc, handler="", parameters={"x": 5}))
    assert run.status.state == "completed", run.status.error
    assert b"args ['--x', '5']" in both.log(run)


@linux
def test_memory_limit(both: Bench) -> None:
    code = "def handler(size: int):\n    return len(bytearray(size))\n"
    limited = {"resources": {"limits": {"memory": "2Gi", "cpu": 1}}}
    run = both.run(code, function=limited, parameters={"size": 4 << 30})
    assert run.status.state == "error"
    assert "MemoryError" in (run.status.error or "")
    run = both.run(code, function=limited, parameters={"size": 1 << 20})
    assert run.status.state == "completed", run.status.error


@linux
def test_memory_limit_below_the_interpreter(bench: Bench) -> None:
    run = bench.run("def handler(): pass", function={"resources": {"limits": {"mem": "1Mi"}}})
    assert run.status.state == "error"
    assert "memory limit of 1 MiB is below the" in run.status.status_text


def test_numpy_random_differs_between_runs(bench: Bench) -> None:
    code = """
        import random
        import numpy
        def handler():
            return [float(numpy.random.rand()), random.random()]
        """
    first, second = (bench.run(code).status.results["return"] for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_many_at_once(bench: Bench) -> None:
    code = """
        import time
        def handler(x: int):
            time.sleep(0.1)
            return x * 2
        """

    def one(x: int) -> object:
        return bench.run(code, parameters={"x": x}).status.results.get("return")

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(one, range(20))) == [x * 2 for x in range(20)]


def test_the_store_was_removed_after_the_warm_server_opened_it(bench: Bench, home: Path) -> None:
    config.warm = True
    assert bench.run("def handler():\n    return 1\n").status.state == "completed"
    close_stores()
    for file in home.glob("store.db*"):
        file.unlink()
    run = bench.run("def handler():\n    return 2\n")
    assert run.status.state == "completed", run.status.error
    stored = open_store().read_run("default", run.metadata.uid)
    assert stored["status"]["results"] == {"return": 2}
    assert not list(home.glob("spool/*.jsonl"))
