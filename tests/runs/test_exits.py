"""A program that is a run and is left by `sys.exit`."""

from __future__ import annotations

import copy
import functools
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs import exits
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import end_sessions, get_or_create_ctx
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

_BEGIN = (
    "import sys\nfrom mlrun_like import get_or_create_ctx\nc = get_or_create_ctx(sys.argv[1])\n"
)
_PROGRAMS = {
    "plain": ("sys.exit(3)", 3, "error", "SystemExit: 3"),
    "deep": ("def f(): sys.exit('no data')\nf()", 1, "error", "SystemExit: no data"),
    "builtin": ("try:\n    exit(2)\nfinally:\n    x = 1", 2, "error", "SystemExit: 2"),
    "good": ("sys.exit(0)", 0, "completed", None),
    "empty": ("sys.exit()", 0, "completed", None),
    "caught": ("try: sys.exit(4)\nexcept SystemExit: pass\nx = 1", 0, "completed", None),
    "end": ("x = 1", 0, "completed", None),
    "raised": ("{}['a']", 1, "error", "KeyError: 'a'"),
}


@pytest.mark.slow
def test_the_exit_code_says_how_the_run_ended(tmp_path: Path, home: Path) -> None:
    running = {}
    for name, (code, *_) in _PROGRAMS.items():
        file = tmp_path / f"{name}.py"
        file.write_text(_BEGIN + code)
        running[name] = subprocess.Popen(
            [sys.executable, str(file), name],
            env={**os.environ, "MLRUN_LIKE_HOME": str(home)}, stderr=subprocess.PIPE,
        )  # fmt: skip
    for name, process in running.items():
        process.communicate(timeout=60)
        _, exit_code, state, error = _PROGRAMS[name]
        assert process.returncode == exit_code, name
        (run,) = open_store().list_runs(RunQuery(name=name))
        assert (run["status"]["state"], run["status"].get("error")) == (state, error), name


def test_exits_of_this_process_stay_what_they_are() -> None:
    with get_or_create_ctx("x"):
        pass
    with pytest.raises(SystemExit) as caught:
        sys.exit(5)
    assert caught.value.code == 5
    with pytest.raises(SystemExit) as caught:
        sys.exit()
    assert caught.value.code is None
    assert "exit" in repr(sys.exit)


def test_an_exit_that_is_noted_can_be_copied_and_pickled() -> None:
    end_sessions()
    original = sys.exit
    with get_or_create_ctx("x"):
        noted = sys.exit
        assert noted is not original
        call = functools.partial(noted, 3)
        for other in (copy.copy(noted), copy.deepcopy(noted), pickle.loads(pickle.dumps(noted))):
            assert other is noted
        sent = pickle.dumps(call)
        assert noted.__name__ == "exit" and not hasattr(noted, "_no_such")
        assert not hasattr(object.__new__(type(noted)), "_before")
    assert sys.exit is original
    with pytest.raises(SystemExit) as caught:
        pickle.loads(sent)()
    assert caught.value.code == 3
    assert pickle.loads(pickle.dumps(call)).func is original  # it was kept from then


def test_exits_are_noted_while_any_session_is_open() -> None:
    end_sessions()
    original = sys.exit
    for _ in range(2):
        first = get_or_create_ctx("first")
        second = get_or_create_ctx("second")
        first.commit(completed=True)
        with pytest.raises(SystemExit):
            sys.exit(5)
        assert exits._asked[0][0].code == 5
        second.set_state(error="no data")
        assert sys.exit is original and exits._asked == []
    get_or_create_ctx("left")
    assert sys.exit is not original
    end_sessions()
    assert sys.exit is original


def test_another_exit_that_was_put_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    end_sessions()
    monkeypatch.setattr(sys, "exit", sys.exit)
    with get_or_create_ctx("x"):
        other = functools.partial(sys.exit)
        sys.exit = other
    assert sys.exit is other


def test_a_run_in_another_store(tmp_path: Path) -> None:
    other = open_store(str(tmp_path / "other"))
    holder = type("Client", (), {"store": other})()
    for given in (other, holder, str(tmp_path / "other"), tmp_path / "other"):
        with get_or_create_ctx("there", rundb=given) as context:
            context.log_result("a", 1)
    assert len(other.list_runs(RunQuery(name="there"))) == 4
    assert open_store().list_runs(RunQuery(name="there")) == []
    MLClientCtx.from_dict({"metadata": {"name": "made"}}, rundb=other)
    assert len(other.list_runs(RunQuery(name="made"))) == 1
    with pytest.raises(InvalidArgumentError, match="int is neither a store nor the address"):
        get_or_create_ctx("x", rundb=5)
