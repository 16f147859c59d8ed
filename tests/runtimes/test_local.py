from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlrun_like.functions.creators import code_to_function
from mlrun_like.functions.decorators import function
from mlrun_like.runs.job import Job
from mlrun_like.runs.object import RunObject
from mlrun_like.runtimes.local import LocalRuntime
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.base import RunQuery

if TYPE_CHECKING:
    from tests.runtimes.conftest import Bench


def test_a_live_callable_runs_here(bench: Bench) -> None:
    pids: list[int] = []

    def handler(a: int) -> int:
        pids.append(os.getpid())
        return a

    run = RunDoc(
        metadata=RunMetadata(name="r", uid="u", project="default"),
        spec=RunSpec(handler="handler", parameters={"a": 5}),
    )
    done = LocalRuntime().launch(Job(FunctionDoc(), run, bench.store, handler=handler))
    assert done is run
    assert (done.status.state, done.status.results) == ("completed", {"return": 5})
    assert pids == [os.getpid()] == [done.status.pid]


def test_code_that_is_not_loaded_yet_runs_here(bench: Bench) -> None:
    doc = bench.doc("import os\ndef handler():\n    return os.getpid()\n")
    run = LocalRuntime().launch(bench.job(doc))
    assert run.status.results == {"return": os.getpid()}


def test_a_handler_that_is_not_there_is_a_failed_run(bench: Bench) -> None:
    run = LocalRuntime().launch(bench.job(bench.doc("def other(): ..."), "handler"))
    assert run.status.state == "error"
    assert "handler" in str(run.status.error)


def test_a_program_gets_a_process_of_its_own(bench: Bench, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "import mlrun_like as ml\n"
        "ml.get_or_create_ctx('x').log_result('pid', os.getpid())\n"
        "print('arguments', sys.argv[1:])\n"
    )
    doc = FunctionDoc(kind="local", metadata=FunctionMetadata(name="f", project="default"))
    doc.spec.command, doc.spec.args = str(program), ["--n", "{n}"]
    run = LocalRuntime().launch(bench.job(doc, "", parameters={"n": 3}))
    assert run.status.state == "completed", run.status.error
    assert run.status.results["pid"] != os.getpid()
    assert b"arguments ['--n', '3']" in bench.log(run)


def test_any_kind_runs_here_when_asked(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("import os\n\ndef handler():\n    return os.getpid()\n")
    fn = code_to_function("f", filename=str(file), kind="process", handler="handler")
    assert fn.run(local=True).output("return") == os.getpid()
    assert fn.run().output("return") != os.getpid()
    assert fn.kind == "process"


def test_handlers_by_name_and_of_classes(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text(
        "class Trainer:\n"
        "    def fit(self, x: int):\n"
        "        return x + 1\n"
        "def double(x: int):\n"
        "    return x * 2\n"
    )
    fn = code_to_function("f", filename=str(file), kind="local")
    assert fn.run(handler="double", params={"x": 4}).output("return") == 8
    run = fn.run(handler="Trainer::fit", params={"x": 4})
    assert run.output("return") == 5
    assert run.metadata.name == "f-fit"


@function()
def plain() -> int:
    return 1


def test_the_runs_name_is_the_functions(bench: Bench) -> None:
    @function()
    def two_words() -> None: ...

    assert plain.run().metadata.name == "plain"
    assert two_words.run().metadata.name == "two-words"


def test_a_process_that_is_killed_in_a_run_is_found(
    home: Path, tmp_path: Path, bench: Bench
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal\n"
        "import mlrun_like as ml\n"
        "@ml.function()\n"
        "def dies(context):\n"
        "    context.log_result('half', 1, commit=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "dies.run()\n"
    )
    subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
        check=False,
        timeout=60,
    )

    def found() -> RunObject | None:
        (document,) = bench.store.list_runs(RunQuery(project="*"))
        run = RunObject.from_dict(document, bench.store)
        return run if run.status.state != "running" else None

    run: RunObject = bench.wait_for(found)
    assert run.status.state == "error"
    assert "killed" in run.error
    assert run.status.results == {"half": 1}


def test_a_trivial_run_is_quick(bench: Bench) -> None:
    plain.run()
    times = []
    for _ in range(10):
        begin = time.perf_counter()
        plain.run()
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.25  # some milliseconds on a quiet machine


@pytest.mark.parametrize("watch", [True, False])
def test_output_is_logged_whether_watched_or_not(bench: Bench, watch: bool) -> None:
    @function()
    def speaks() -> None:
        print("hello")  # noqa: T201 - what handlers do

    assert speaks.run(watch=watch).logs() == "hello\n"
