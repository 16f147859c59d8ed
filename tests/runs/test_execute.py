from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import RunError, RunLostError, RunTimeoutError
from mlrun_like.functions.decorators import function
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.execute import execute
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.specs.values import Retry

if TYPE_CHECKING:
    from tests.runs.conftest import Bench


# what a handler returns


@pytest.mark.parametrize("value", [0, False, "", [], {}, 0.0])
def test_a_falsy_return_is_a_result(bench: Bench, value: object) -> None:
    def handler() -> object:
        return value

    assert bench.run(handler).outputs == {"return": value}
    assert bench.run(handler, returns=["named"]).output("named") == value


def test_none_is_no_result(bench: Bench) -> None:
    def handler() -> None:
        return None

    assert bench.run(handler).outputs == {}


def test_frames_and_arrays_are_values_like_any_other(bench: Bench) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})

    def give_frame() -> pd.DataFrame:
        return frame

    def give_empty() -> pd.DataFrame:
        return pd.DataFrame({"a": []})

    def give_array() -> np.ndarray[Any, Any]:
        return np.zeros((2, 3))

    run = bench.run(give_frame)
    pd.testing.assert_frame_equal(run.artifact("return").as_df(), frame)
    assert run.state() == "completed"
    assert bench.run(give_empty).artifact("return") is not None
    assert bench.run(give_array).output("return") == [[0, 0, 0], [0, 0, 0]]


# failures


def helper() -> None:
    raise KeyError("missing column")


def test_a_failed_run_raises_with_the_users_frames_and_stays(bench: Bench) -> None:
    def handler() -> None:
        helper()

    with pytest.raises(RunError) as caught:
        bench.run(handler)
    text = str(caught.value)
    assert "KeyError: 'missing column'" in text
    assert text.count('File "') == 2
    assert "in handler" in text and "in helper" in text
    assert os.sep + "mlrun_like" + os.sep not in text
    run = bench.last()
    assert (run.state(), run.error) == ("error", "KeyError: 'missing column'")
    assert "in helper" in run.status.traceback
    assert "in helper" in bench.log(run)
    assert len(run.status.attempts) == 1
    assert str(run.status.end_time) >= str(run.status.start_time)


@pytest.mark.parametrize(
    "text", ["timeout while reading", "killed by a signal", "the run exceeded its timeout of 3 s"]
)
def test_an_error_of_the_handler_is_not_mistaken_for_a_timeout_or_a_loss(
    bench: Bench, text: str
) -> None:
    def handler() -> None:
        raise ValueError(text)

    with pytest.raises(RunError, match="ValueError") as caught:
        bench.run(handler)
    assert not isinstance(caught.value, (RunTimeoutError, RunLostError))


def test_system_exit(bench: Bench) -> None:
    def leave(code: object) -> None:
        sys.exit(code)  # type: ignore[arg-type]

    assert bench.run(leave, params={"code": 0}).state() == "completed"
    assert bench.run(leave, params={"code": None}).state() == "completed"
    for code in (3, "give up"):
        with pytest.raises(RunError, match=f"SystemExit: {code}"):
            bench.run(leave, params={"code": code})


def test_keyboard_interrupt_is_recorded_and_passed_on(bench: Bench) -> None:
    def handler() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(handler)
    run = bench.last()
    assert run.state() == "aborted"
    assert "keyboard" in run.error
    assert run.status.end_time

    def real() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    with pytest.raises(KeyboardInterrupt):
        bench.run(real)
    assert bench.last().state() == "aborted"


def test_a_handler_cannot_end_its_run_before_it_ends(bench: Bench) -> None:
    def handler(context: MLClientCtx) -> None:
        context.set_state("completed")
        context.commit("half-way", completed=True)
        with get_or_create_ctx("inner"):
            pass
        raise ValueError("after all")

    with pytest.raises(RunError, match="after all"):
        bench.run(handler)
    run = bench.last()
    assert run.state() == "error"
    assert run.metadata.annotations["message"] == "half-way"


def test_a_handler_may_declare_its_run_failed(bench: Bench) -> None:
    def handler(context: MLClientCtx) -> int:
        context.set_state(error="bad data")
        context.set_state("running")
        return 1

    with pytest.raises(RunError, match="bad data"):
        bench.run(handler, retry=Retry(count=2, backoff=0))
    run = bench.last()
    assert (run.state(), run.status.results) == ("error", {"return": 1})

    def raises(context: MLClientCtx) -> None:
        context.set_state(error="bad data")
        raise ValueError("and more")

    with pytest.raises(RunError, match="bad data"):
        bench.run(raises, retry=Retry(count=2, backoff=0))
    assert bench.last().state() == "error"
    assert len(bench.last().status.attempts) == 1


# retries


def test_retries(bench: Bench) -> None:
    calls: list[float] = []

    def handler(context: MLClientCtx) -> str:
        calls.append(time.monotonic())
        if len(calls) < 3:
            context.log_result("half", len(calls))
            raise ValueError(f"try {len(calls)}")
        return "done"

    run = bench.run(handler, retry=Retry(count=5, backoff=0.05, factor=2))
    assert run.status.results == {"return": "done"}
    assert [item["error"] for item in run.status.attempts] == [
        "ValueError: try 1",
        "ValueError: try 2",
    ]
    assert (run.state(), run.error, run.status.traceback) == ("completed", "", "")
    assert calls[1] - calls[0] >= 0.05
    assert calls[2] - calls[1] >= 0.1
    assert bench.recorded(run).to_dict() == run.to_dict()
    assert "try 1" in bench.log(run)


def test_retries_used_up(bench: Bench) -> None:
    def handler() -> None:
        raise ValueError("always")

    with pytest.raises(RunError, match="always"):
        bench.run(handler, retry=Retry(count=2, backoff=0))
    run = bench.last()
    assert (run.state(), len(run.status.attempts)) == ("error", 3)


def test_a_failed_attempt_leaves_the_run_pending(bench: Bench) -> None:
    def handler() -> None:
        raise ValueError("once")

    job = bench.job(handler)
    job.last_attempt = False
    run = execute(job)
    assert run.status.state == bench.recorded(run).status.state == "pending"
    assert run.status.end_time is None


def test_a_timeout_may_be_retried(bench: Bench) -> None:
    calls: list[int] = []

    def handler() -> int:
        calls.append(1)
        if len(calls) == 1:
            time.sleep(30)
        return len(calls)

    run = bench.run(handler, timeout=0.3, retry=Retry(count=1, backoff=0))
    assert run.output("return") == 2
    assert "timeout" in run.status.attempts[0]["error"]


# what a run leaves alone


def test_a_run_changes_nothing_of_its_callers(bench: Bench) -> None:
    def handler(plain: dict[str, Any], mixed: dict[str, Any], frame: Any) -> int:
        plain["list"].append(3)
        mixed["tuple"] = ()
        mixed["list"].append(3)
        return int(frame.shape[0])

    params = {
        "plain": {"list": [1, 2]},
        "mixed": {"tuple": (1, 2), "list": [1]},
        "frame": pd.DataFrame({"a": [1]}),
    }
    labels: dict[str, str] = {}
    declared = function()(handler)
    before = declared.to_dict()
    run = declared.run(params=params, labels=labels, returns=["n"])
    assert run.outputs == {"n": 1}
    assert params["plain"] == {"list": [1, 2]}
    assert params["mixed"] == {"tuple": (1, 2), "list": [1]}
    assert labels == {}
    after = declared.to_dict()
    assert after == before


def test_folders_extracted_for_inputs_go_with_the_run(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    seen: list[Path] = []

    def give() -> Path:
        return folder

    def take(folder: Path) -> str:
        seen.append(folder)
        return (folder / "a.txt").read_text()

    given = bench.run(give, returns=["folder:path"])
    run = bench.run(take, inputs={"folder": given.output("folder")})
    assert run.output("return") == "hello"
    assert not seen[0].exists()


def test_only_the_logging_worker_records(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def handler() -> int:
        return 1

    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    assert bench.run(handler).outputs == {}
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "0")
    assert bench.run(handler).outputs == {"return": 1}
