from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.errors import (
    NotFoundError,
    RunAbortedError,
    RunError,
    RunLostError,
    RunTimeoutError,
    SpecError,
)
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.ends import error_of
from mlrun_like.runs.object import RunObject
from mlrun_like.runs.shown import summary
from mlrun_like.specs.run import RunDoc, RunMetadata, RunStatus
from mlrun_like.tracking.reaper import LOST

if TYPE_CHECKING:
    from tests.runs.conftest import Bench


def handler(context: MLClientCtx, a: int = 1) -> int:
    context.log_artifact("notes", body="text")
    context.log_metric("loss", 0.5)
    context.logger.info("hello")
    return a


def test_a_completed_run(bench: Bench) -> None:
    run = bench.run(handler, params={"a": 0}, name="mine")
    assert (run.metadata.name, run.state(), run.error) == ("mine", "completed", "")
    assert run.uri == f"default@{run.uid()}#0"
    assert run.output("return") == 0
    assert run.output("absent") is None
    assert run.artifact("absent") is None
    assert run.artifact("return") is None
    assert set(run.outputs) == {"return", "loss", "notes"}
    assert run.artifact("notes").get() == b"text"
    assert run.metrics() == {"loss": [(0, 0.5)]}
    assert run.spec.parameters == {"a": 0}
    assert run.wait_for_completion() == "completed"
    assert run.abort() == "completed"
    assert repr(run) == f"<run 'mine' completed {run.uri}>"
    assert RunObject.from_dict(run.to_dict(), bench.store).to_dict() == run.to_dict()
    assert run.refresh() is run


def test_logs(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    run = bench.run(handler)
    text = run.logs()
    assert text.endswith("[info] hello\n")
    capsys.readouterr()
    assert run.logs(watch=True) == text
    assert capsys.readouterr().out == text
    assert run.logs(offset=len(text) - 6) == "hello\n"
    assert run.logs(offset=10_000) == ""


def test_watched_logs_keep_characters_whole(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    context = bench.context()
    run = bench.recorded(context)
    data = "größer €".encode()

    def write() -> None:
        for n in range(len(data)):
            bench.store.append_log("default", context.uid, data[n : n + 1])
            time.sleep(0.03)
        context.commit(completed=True)

    thread = threading.Thread(target=write)
    thread.start()
    text = run.logs(watch=True)
    thread.join()
    assert text == "größer €" == capsys.readouterr().out
    assert run.state() == "completed"


def test_waiting(bench: Bench) -> None:
    context = bench.context()
    run = bench.recorded(context)
    with pytest.raises(RunTimeoutError, match="still 'running'"):
        run.wait_for_completion(sleep=0.01, timeout=0.05)
    threading.Timer(0.1, context.set_state, kwargs={"error": "broken"}).start()
    assert run.wait_for_completion(sleep=0.01, raise_on_failure=False) == "error"
    with pytest.raises(RunError, match="broken"):
        run.wait_for_completion()
    assert run.outputs == {}


def test_aborting_from_outside(bench: Bench) -> None:
    context = bench.context()
    run = bench.recorded(context)
    assert run.abort(timeout=0.1) == "aborting"
    context.commit("goes on")
    assert bench.recorded(context).state() == "aborting"
    context.set_state("aborted")
    assert run.abort() == "aborted"
    assert run.error == "Run was aborted"


def test_a_run_that_ends_while_it_is_aborted(bench: Bench) -> None:
    context = bench.context()
    run = bench.recorded(context)

    class Late(RunObject):
        def state(self) -> str:
            context.commit(completed=True)
            return "running"

    assert Late(run._run, bench.store).abort() == "completed"


def test_a_run_that_is_not_there(bench: Bench) -> None:
    run = RunObject(RunDoc(metadata=RunMetadata(uid="x", project="default")), bench.store)
    with pytest.raises(NotFoundError):
        run.state()


@pytest.mark.parametrize(
    "document", [{"metadata": 5}, {"status": {"state": []}}, {"surprise": 1}, {"spec": None}]
)
def test_broken_documents(bench: Bench, document: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        RunObject.from_dict(document, bench.store)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (RunStatus(state="error", error="the run exceeded its timeout of 1 s"), RunTimeoutError),
        (RunStatus(state="aborted", error="the run was aborted"), RunAbortedError),
        (RunStatus(state="error", error=LOST), RunLostError),
        (RunStatus(state="error", error="the process was ended by signal 9"), RunLostError),
        (RunStatus(state="error", error="ValueError: timeout", traceback="..."), RunError),
        (RunStatus(state="error", error="ValueError: a signal was killed"), RunError),
        (RunStatus(state="error"), RunError),
    ],
)
def test_the_error_that_stands_for_a_run(status: RunStatus, kind: type[RunError]) -> None:
    error = error_of(RunDoc(metadata=RunMetadata(name="n", uid="u", project="p"), status=status))
    assert type(error) is kind
    assert "'n'" in str(error)
    assert "p@u#0" in str(error)


def test_showing(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    def evil(text: str) -> str:
        return text

    run = bench.run(evil, params={"text": "<script>[bold]x" + "y" * 300})
    run.show()
    out = capsys.readouterr().out
    assert "completed" in out and "[bold]x" in out
    page = run._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page

    def fails() -> None:
        raise ValueError("[/]")

    with pytest.raises(RunError):
        bench.run(fails)
    bench.last().show()
    assert "[/]" in capsys.readouterr().out
    labels = [label for label, _ in summary(bench.last())]
    assert labels == ["run", "state", "function", "started", "error"]


def test_a_run_is_read_as_its_document(bench: Bench) -> None:
    run = bench.run(handler, params={"a": 3})
    assert run["status"]["state"] == "completed" and run.get("spec")["parameters"] == {"a": 3}
    assert "metadata" in run and "nothing" not in run and run.get("nothing", 1) == 1
    with pytest.raises(KeyError):
        run["nothing"]
    with pytest.raises(TypeError):
        list(run)
