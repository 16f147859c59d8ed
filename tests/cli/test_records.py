"""`get`, `show`, `logs`, `abort` on an empty store, on real runs and on hostile names."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import NotFoundError


@pytest.mark.parametrize("kind", ["runs", "artifacts", "functions"])
def test_an_empty_store(call: Any, kind: str) -> None:
    assert call("get", kind).out == f"No {kind} found.\n"
    assert call("list", kind, "--json").json == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["show", "run", "abc"], "mlrun-like get runs"),
        (["show", "run", "nobody"], "mlrun-like get runs"),
        (["show", "artifact", "abc"], "mlrun-like get artifacts"),
        (["show", "artifact", "store://models/p/abc"], "abc"),
        (["show", "artifact", "store://"], "store://"),
        (["show", "function", "abc"], "mlrun-like get functions"),
        (["show", "function", "p/abc"], "abc"),
        (["show", "run", "a@b@c"], "run URI"),
        (["logs", "abc"], "mlrun-like get runs"),
        (["abort", "abc"], "mlrun-like get runs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there(call: Any, words: list[str], hint: str) -> None:
    answer = call(*words, code=1)
    assert answer.err.startswith("error: ") and hint in answer.err
    assert "Traceback" not in answer.err and not answer.out


def fit(context: Any, depth: int = 3) -> float:
    sys.stdout.write(f"fitting {depth}\n")
    for step in range(5):
        context.log_metric("loss", 1 / (step + 1), step=step)
    context.log_artifact("note", body="hello", local_path="note.txt")
    return 1 - 1 / depth


@pytest.fixture
def run(home: Path) -> ml.RunObject:
    """One recorded run with a result, an artifact, metrics and a log."""
    function = ml.new_function("fit", project="p1", kind="local", handler=fit)
    finished = function.run(params={"depth": 4}, returns=["accuracy"], labels={"team": "a"})
    ml.get_run_db().flush()
    return finished


def test_get_runs_with_filters(call: Any, run: ml.RunObject) -> None:
    assert "accuracy=0.75" in call("get", "runs").out
    for words, count in [
        (["--project", "p1"], 1),
        (["--project", "p2"], 0),
        (["--label", "team=a"], 1),
        (["--label", "team"], 1),
        (["--label", "team=b"], 0),
        (["--state", "completed", "--state", "error"], 1),
        (["--state", "error"], 0),
        (["--name", "fit"], 1),
        (["~FI"], 1),
        (["other"], 0),
        (["--uid", run.uid()], 1),
    ]:
        assert len(call("get", "run", *words, "--json").json) == count, words


def test_a_full_page_says_that_there_is_more(call: Any, run: ml.RunObject) -> None:
    assert "--limit 0 shows all" in call("get", "runs", "--limit", "1").err


def test_show_run(call: Any, run: ml.RunObject) -> None:
    out = call("show", "run", run.uid()[:14]).out
    assert "accuracy = 0.75" in out and "depth = 4" in out
    assert "loss" in out and "█" in out
    document = call("show", "run", f"p1@{run.uid()}", "--json").json
    assert document["metadata"]["uid"] == run.uid()
    assert len(document["metrics"]["loss"]) == 5
    assert call("show", "run", "fit", "--json").json["metadata"]["uid"] == run.uid()


def test_a_beginning_that_fits_two(call: Any, run: ml.RunObject) -> None:
    other = ml.new_function("fit", kind="local", handler=fit).run(project="p2")
    ml.get_run_db().flush()
    common = run.uid()[:4]
    assert other.uid().startswith(common)
    answer = call("show", "run", common, code=1)
    assert f"2 runs begin with '{common}'" in answer.err and other.uid() in answer.err


def test_show_artifact(call: Any, run: ml.RunObject) -> None:
    (artifact,) = call("get", "artifacts", "--uid", run.uid(), "--json").json
    assert artifact["metadata"]["key"] == "note"
    out = call("show", "artifact", "note").out
    assert "note" in out and run.uid() in out
    uri = run.status.artifact_uris["note"]
    assert call("show", "artifact", uri, "--json").json == artifact


def test_show_function(call: Any, run: ml.RunObject) -> None:
    (function,) = call("get", "functions", "--project", "p1", "--json").json
    out = call("show", "function", "fit").out
    assert function["metadata"]["hash"] in out
    assert call("show", "function", "p1/fit", "--json").json["metadata"]["name"] == "fit"


def test_logs(call: Any, run: ml.RunObject) -> None:
    whole = call("logs", run.uid()).out
    assert whole == "fitting 4\n"
    assert call("logs", run.uid(), "--offset", "8").out == "4\n"
    assert call("logs", run.uid(), "-f").out == whole
    assert call("logs", run.uid(), "--json").json["log"] == whole


def test_abort_refuses_a_run_that_is_over(call: Any, run: ml.RunObject) -> None:
    assert "'completed'" in call("abort", run.uid(), code=1).err


@pytest.mark.slow
def test_abort_and_follow(
    call: Any, train: str, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "mlrun_like"]
    options: dict[str, Any] = {"cwd": tmp_path, "env": environment, "text": True}
    words = ["run", train, "--handler", "slow", "--kind", "process"]
    with subprocess.Popen([*command, *words], stderr=subprocess.PIPE, **options) as running:
        uid = _wait_for_run(call)
        with subprocess.Popen(
            [*command, "logs", uid, "-f"], stdout=subprocess.PIPE, **options
        ) as follower:
            answer = call("abort", uid, "--json")
            assert answer.json == {"uid": uid, "state": "aborted"}
            out, _ = follower.communicate(timeout=20)
        assert "begun" in out
        _, err = running.communicate(timeout=20)
    assert running.returncode == 1 and "aborted" in err


def _wait_for_run(call: Any) -> str:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = call("get", "runs", "--state", "running", "--json").json
        if found and call("logs", found[0]["metadata"]["uid"]).out:
            return str(found[0]["metadata"]["uid"])
    raise NotFoundError("the run did not start")


def test_hostile_text_is_shown_as_escapes(call: Any) -> None:
    def shout(text: str) -> str:
        return text

    ml.new_function("shout", kind="local", handler=shout).run(
        params={"text": "\x1b[2J\x07\n[red]x"}, returns=["text"]
    )
    ml.get_run_db().flush()
    for words in (["get", "runs"], ["show", "run", "shout"]):
        out = call(*words).out
        assert "\x1b" not in out and "\x07" not in out and "[red]x" in out
