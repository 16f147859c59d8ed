"""`run`: files, notebooks, packaged functions; good runs, failed ones, wrong ones."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml


def test_a_handler_is_run_and_recorded(spawn: Any, train: str) -> None:
    answer = spawn("run", train, "--handler", "train", "-p", "depth=5", "--returns", "accuracy")
    assert "training 5" in answer.out
    assert "completed" in answer.out and "accuracy = 0.98" in answer.out
    (run,) = spawn("get", "runs", "--json").json
    assert run["status"]["results"] == {"accuracy": 0.98}
    assert run["spec"]["parameters"]["depth"] == 5


def test_json_is_alone_on_stdout(spawn: Any, train: str) -> None:
    answer = spawn(
        "run", train, "--handler", "train", "--label", "team=a", "--name", "mine", "--json"
    )
    document = answer.json
    assert document["status"]["state"] == "completed"
    assert document["metadata"]["name"] == "mine"
    assert document["metadata"]["labels"]["team"] == "a"
    assert "training" in answer.err


def test_a_failed_run_is_exit_code_1_and_stays_recorded(spawn: Any, train: str) -> None:
    answer = spawn("run", train, "--handler", "train", "-p", "depth=500", code=1)
    assert "error: run 'train' failed: ValueError: too deep" in answer.err
    assert "mlrun-like logs" in answer.err
    assert 'raise ValueError("too deep")' in answer.out
    assert "mlrun_like/" not in answer.out + answer.err, "our own frames are not the user's"
    (run,) = spawn("get", "runs", "--state", "error", "--json").json
    assert run["status"]["error"] == "ValueError: too deep"


def test_a_run_without_its_service_ends_with_where_the_record_waits(
    call: Any, train: str, home: Path
) -> None:
    with ml.configuration.config.override(dbpath="http://127.0.0.1:9", remote_deadline=60.0):
        begun = time.monotonic()
        answer = call("run", train, "--handler", "train", "-p", "depth=5", "--returns", "accuracy")
        assert "completed" in answer.out and "accuracy = 0.98" in answer.out
        failed = call("run", train, "--handler", "train", "-p", "depth=500", code=1)
        assert "run 'train' failed: ValueError: too deep" in failed.err
        assert time.monotonic() - begun < 30, "a service that is known to be away is not waited for"
    for said in (answer.err, failed.err):
        assert f"what was recorded meanwhile waits in {home / 'spool'}" in said
        assert "http://127.0.0.1:9" in said


def test_a_failed_run_in_json(call: Any, train: str) -> None:
    words = ("run", train, "--handler", "train", "-p", "depth=500", "--json")
    assert call(*words, code=1).json["status"]["state"] == "error"


def test_a_process(spawn: Any, train: str) -> None:
    words = ("run", train, "--handler", "train", "--kind", "process", "--json")
    assert spawn(*words).json["metadata"]["labels"]["kind"] == "process"


def test_local_overrides_the_kind(call: Any, train: str) -> None:
    call("run", train, "--handler", "train", "--kind", "job", "--local")
    answer = call("run", train, "--handler", "train", "--kind", "job", "--no-local", code=1)
    assert "cannot be used" in answer.err
    assert "local=True" in answer.err


def test_a_file_and_its_handler_in_one_word(call: Any, train: str) -> None:
    call("run", f"{train}:train")
    call("check", f"{train}:train")
    answer = call("run", f"{train}:train", "--handler", "other", code=1)
    assert "given twice" in answer.err


def test_a_misspelt_file(call: Any, train: str) -> None:
    answer = call("run", train.replace("train.py", "trian.py"), code=1)
    assert "Did you mean 'train.py'?" in answer.err


def test_a_whole_file_with_arguments(call: Any, train: str) -> None:
    answer = call("run", train, "--", "one", "--two")
    assert "whole file ['one', '--two']" in answer.out


def test_a_sweep(call: Any, train: str) -> None:
    answer = call(
        *("run", train, "--handler", "train", "--returns", "accuracy"),
        *("-x", "depth=[2, 8, 4]", "--selector", "max.accuracy", "--hyper-param-strategy", "list"),
    )
    assert "best_iteration = 2" in answer.out
    assert "OUTPUT.ACCURACY" in answer.out
    assert len(call("get", "runs", "--json").json) == 1
    assert len(call("get", "runs", "--iterations", "--json").json) == 4


def test_inputs_and_a_param_file(call: Any, tmp_path: Path) -> None:
    (tmp_path / "count.py").write_text(
        "def count(context, text, times: int = 1):\n"
        "    return len(text.get(encoding='utf-8')) * times\n"
    )
    (tmp_path / "data.txt").write_text("four")
    (tmp_path / "values.csv").write_text("times\n1\n3\n")
    words = ("run", "count.py", "--handler", "count", "-i", "text=data.txt", "--returns", "n")
    answer = call(*words, "--param-file", "values.csv", "--selector", "n", "--json")
    assert answer.json["status"]["results"]["n"] == 12


def test_a_notebook(call: Any, tmp_path: Path) -> None:
    cells = ["def add(a: int, b: int = 1):\n    return a + b"]
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"id": str(i), "cell_type": "code", "metadata": {}, "outputs": [], "source": text}
            | {"execution_count": None}
            for i, text in enumerate(cells)
        ],
    }
    (tmp_path / "add.ipynb").write_text(json.dumps(notebook))
    answer = call("run", "add.ipynb", "--handler", "add", "-p", "a=2", "--returns", "sum", "--json")
    assert answer.json["status"]["results"] == {"sum": 3}


def test_a_document_and_the_store(call: Any, train: str, tmp_path: Path) -> None:
    function = ml.code_to_function(
        "fit", filename=str(tmp_path / train), kind="local", handler="train", project="fraud"
    )
    function.export(str(tmp_path / "function.yaml"))
    call("run", "function.yaml", "-p", "depth=2")
    answer = call("run", "db://fraud/fit", "-p", "depth=4", "--json")
    assert answer.json["metadata"]["project"] == "fraud"


def test_an_environment_file(call: Any, tmp_path: Path) -> None:
    (tmp_path / "env.py").write_text(
        "def read():\n    import os\n    return os.environ['COLOUR']\n"
    )
    (tmp_path / "my.env").write_text("COLOUR=red\n")
    words = ("run", "env.py", "--handler", "read", "--returns", "colour", "--env-file", "my.env")
    assert call(*words, "--kind", "process", "--json").json["status"]["results"] == {
        "colour": "red"
    }


def test_a_time_limit(call: Any, train: str) -> None:
    words = ("run", train, "--handler", "slow", "--kind", "process", "--timeout", "1")
    assert "time" in call(*words, code=1).err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "run needs a file"),
        (["gone.py"], "there is no file 'gone.py'"),
        (["gone.yaml"], "gone.yaml"),
        (["readme.txt"], "not something that can be run"),
        (["db://p/none"], "none"),
        (["db://:::"], "not a function URI"),
        (["train.py", "--handler", "trian"], "Did you mean 'train'"),
        (["train.py", "--handler", "train", "-p", "depth"], "name=value"),
        (["train.py", "--handler", "slow", "-p", "secnds=1"], "secnds"),
        (["train.py", "--handler", "train", "-x", "depth=1"], "must be a list"),
        (["train.py", "--handler", "train", "--label", "a b=1"], "label"),
        (["train.py", "--handler", "train", "--name", "-x-"], "run name"),
        (["train.py", "--handler", "train", "--env-file", "gone.env"], "gone.env"),
        (["train.py", "--handler", "train", "--hyper-param-strategy", "x"], "strategy"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_run_says_why(call: Any, train: str, words: list[str], message: str) -> None:
    answer = call("run", *words, code=1)
    assert answer.err.startswith("error: ") and message in answer.err
    assert "Traceback" not in answer.err
    assert call("get", "runs", "--json").json == []


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "JSON"), ("{", "JSON"), ("[]", "payload"), ("{}", "payload"), ("\x00", "JSON")],
    ids=["empty", "cut", "list", "no run", "not text"],
)
def test_a_broken_payload(call: Any, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "payload.json").write_text(text)
    assert message in call("run", "--exec-file", "payload.json", code=1).err


def test_a_missing_payload(call: Any) -> None:
    assert "error: " in call("run", "--exec-file", "gone.json", code=1).err
    assert "JSON" in call("run", "--from-env", code=1).err
