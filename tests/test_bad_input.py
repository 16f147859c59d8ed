"""What users get wrong: each mistake is answered by one error of our tree before anything runs.

The error says what is wrong and where it is or how to fix it; no run is recorded and no handler was
called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like import HyperParamOptions, Resources, Retry
from mlrun_like.errors import MLRunLikeError
from mlrun_like.names import parse_artifact_uri, parse_function_uri, parse_run_uri
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

CALLS: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_called() -> Iterator[None]:
    CALLS.clear()
    yield


@ml.function()
def train(depth: int, rate: float = 0.1) -> int:
    CALLS.append(depth)
    return depth


@ml.function(kind="process")
def remote(depth: int) -> int:
    CALLS.append(depth)
    return depth


@ml.function()
def only_by_position(depth: int, /) -> int:
    CALLS.append(depth)
    return depth


def _plain() -> None:
    CALLS.append(None)


def source(folder: Path, text: str | bytes, name: str = "code.py") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def notebook(folder: Path, *cells: str) -> str:
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "metadata": {}, "source": text, "outputs": []} for text in cells
        ],
    }
    return source(folder, json.dumps(document), "book.ipynb")


def from_file(path: str, **options: Any) -> Any:
    return ml.code_to_function("f", filename=path, **{"kind": "local", **options})


def imported(folder: Path, text: str | bytes) -> Any:
    return ml.import_function(source(folder, text, "function.yaml"))


FUNCTIONS: dict[str, Callable[[Path], object]] = {
    "no parentheses": lambda _: ml.function(train.__wrapped__),  # type: ignore[attr-defined]
    "a class": lambda _: ml.function()(Path),
    "a lambda": lambda _: ml.function()(lambda: 1),
    "a builtin": lambda _: ml.function()(len),
    "decorated twice": lambda _: ml.function()(train),
    "unknown kind": lambda _: ml.function(kind="kubernets"),
    "image of a local function": lambda _: ml.function(image="x:1"),
    "requirements as one text": lambda _: ml.function(requirements="pandas"),
    "requirement that is none": lambda _: ml.function(requirements=["pandas >"]),
    "log hint with two colons": lambda _: ml.function(returns=["a:b:c"]),
    "memory without a unit that exists": lambda _: Resources(memory="1XB"),
    "negative cores": lambda _: Resources(cpu=-1),
    "half a retry": lambda _: Retry(count=0.5),  # type: ignore[arg-type]
    "timeout in words": lambda _: ml.function(timeout="1h"),  # type: ignore[arg-type]
    "file is not there": lambda tmp: from_file(str(tmp / "no.py")),
    "file is a folder": lambda tmp: from_file(str(tmp)),
    "file of another kind": lambda tmp: from_file(source(tmp, "x", "x.txt")),
    "syntax error": lambda tmp: from_file(source(tmp, "def f(:\n")),
    "not text": lambda tmp: from_file(source(tmp, b"\xff\xfe\x00x")),
    "null byte": lambda tmp: from_file(source(tmp, "x = 1\0")),
    "empty file": lambda tmp: from_file(source(tmp, "\n\n")),
    "no such handler": lambda tmp: from_file(source(tmp, "def f(): 1\n"), handler="g"),
    "no kind": lambda tmp: from_file(source(tmp, "x = 1\n"), kind=""),
    "command that is not there": lambda _: ml.new_function(command="no.py").run(),
    "nothing to run": lambda _: ml.new_function("nothing").run(),
    "name that is nothing": lambda _: ml.function(name="///")(_plain),
    "tag with a space": lambda _: ml.function(tag="a b"),
    "runtime that is no document": lambda _: ml.new_function(runtime=5),  # type: ignore[arg-type]
    "arguments that are no list": lambda _: ml.new_function(
        command="x.py",
        args=5,  # type: ignore[arg-type]
    ),
    "written nowhere": lambda _: train.export(""),
    "written where nothing can be": lambda tmp: train.export(
        source(tmp, "x", "file") + "/function.yaml"
    ),
    "code of blanks": lambda _: ml.new_function("x").with_code(body="  \n"),
    "edited to nonsense": lambda _: ml.new_function("x").with_code(body="1 +"),
}

NOTEBOOKS: dict[str, Callable[[Path], object]] = {
    "not JSON": lambda tmp: from_file(source(tmp, "{", "b.ipynb")),
    "JSON but no notebook": lambda tmp: from_file(source(tmp, "[1]", "b.ipynb")),
    "empty": lambda tmp: from_file(source(tmp, "", "b.ipynb")),
    "cells is no list": lambda tmp: from_file(source(tmp, '{"cells": 5}', "b.ipynb")),
    "syntax error in a cell": lambda tmp: from_file(notebook(tmp, "def f(:")),
    "only outputs": lambda tmp: from_file(notebook(tmp)),
    "config that is no YAML": lambda tmp: from_file(notebook(tmp, "%nuclio config spec.x = {")),
    "not to be embedded": lambda tmp: from_file(notebook(tmp, "x = 1"), embed_code=False),
    "handler of another notebook": lambda tmp: from_file(
        notebook(tmp, "def f(): return 1"), handler="g"
    ),
}

DOCUMENTS: dict[str, Callable[[Path], object]] = {
    "file is not there": lambda tmp: ml.import_function(str(tmp / "no.yaml")),
    "empty": lambda tmp: imported(tmp, ""),
    "a list": lambda tmp: imported(tmp, "- 1\n"),
    "not YAML": lambda tmp: imported(tmp, "kind: [job\n"),
    "not text": lambda tmp: imported(tmp, b"\x80\x81"),
    "tabs": lambda tmp: imported(tmp, "kind:\n\t- x\n"),
    "key twice": lambda tmp: imported(tmp, "kind: job\nkind: local\n"),
    "code execution tag": lambda tmp: imported(tmp, "!!python/object/apply:os.getcwd []"),
    "billion laughs": lambda tmp: imported(
        tmp,
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
    ),
    "wrong type": lambda tmp: imported(tmp, "metadata: {name: f}\nspec: {args: 5}\n"),
    "no name": lambda tmp: imported(tmp, "kind: job\nspec: {image: x}\n"),
    "bad name": lambda tmp: imported(tmp, "kind: job\nmetadata: {name: a/b}\n"),
    "code that is not base64": lambda tmp: imported(
        tmp,
        "kind: local\nmetadata: {name: f}\n"
        "spec: {default_handler: f, build: {functionSourceCode: '%%%'}}\n",
    )(),
    "bad retry": lambda tmp: imported(
        tmp, "kind: job\nmetadata: {name: f}\nspec: {command: x.py, retry: {times: 3}}\n"
    ).run(local=True),
    "bad timeout": lambda tmp: imported(
        tmp, "kind: job\nmetadata: {name: f}\nspec: {command: x.py, timeout: -3}\n"
    ).run(local=True),
    "bad log hint": lambda tmp: imported(
        tmp, "kind: job\nmetadata: {name: f}\nspec: {command: x.py, returns: ['a:b:c']}\n"
    ).run(local=True),
    "bad tag": lambda tmp: imported(tmp, "kind: job\nmetadata: {name: f, tag: 'a/..'}\n"),
    "code that is not text": lambda tmp: imported(
        tmp,
        "kind: local\nmetadata: {name: f}\n"
        "spec: {default_handler: f, build: {functionSourceCode: /////w==}}\n",
    ).run(),
    "module that climbs": lambda tmp: imported(
        tmp,
        "kind: process\nmetadata: {name: f}\nspec: {default_handler: f, build: "
        "{functionSourceCode: eD0x, modules: {../../x.py: x}}}\n",
    ).run(),
    "label that is a number": lambda tmp: imported(
        tmp, "kind: job\nmetadata: {name: f, labels: {a: 1}}\n"
    ),
    "a kind that is not here": lambda tmp: imported(
        tmp, "kind: dask\nmetadata: {name: f}\nspec: {default_handler: f, command: x.py}\n"
    ).run(),
}

ADDRESSES: dict[str, Callable[[Path], object]] = {
    "artifact without a key": lambda _: parse_artifact_uri("store://models/p/"),
    "artifact of no kind": lambda _: parse_artifact_uri("store://x/y/z"),
    "artifact iteration": lambda _: parse_artifact_uri("store://models/p/k#one"),
    "artifact that climbs": lambda _: parse_artifact_uri("store://models/../../etc/passwd"),
    "function with slashes": lambda _: parse_function_uri("a/b/c"),
    "function with two tags": lambda _: parse_function_uri("p/n:a:b"),
    "run without an id": lambda _: parse_run_uri("p@"),
    "function that is not there": lambda _: ml.import_function("db://p/nothing"),
    "no catalogue": lambda _: ml.import_function("hub://no-such-item"),
    "store of no kind": lambda _: open_store("mongodb://x"),
    "store far away": lambda _: open_store("ftp://example.invalid:8080"),
    "service without a name": lambda _: open_store("http://:8080"),
    "store without a file": lambda _: open_store("sqlite://"),
    "store that is a number": lambda _: open_store(5),  # type: ignore[arg-type]
    "data that is a number": lambda _: ml.get_dataitem(5),  # type: ignore[arg-type]
    "unknown scheme": lambda _: ml.get_dataitem("nope://bucket/x").get(),
    "data that is not there": lambda tmp: ml.get_dataitem(str(tmp / "no.csv")).get(),
    "artifact that is not there": lambda _: ml.get_dataitem("store://models/p/none").get(),
    "model that is not there": lambda _: ml.get_model("store://models/p/none"),
}

PARAMETERS: dict[str, Callable[[Path], object]] = {
    "no mapping": lambda _: train.run(params=[1]),  # type: ignore[arg-type]
    "missing": lambda _: train.run(),
    "misspelt": lambda _: train.run(params={"depht": 3}),
    "too many": lambda _: train.run(params={"depth": 3, "width": 2}),
    "missing in a process": lambda _: remote.run(),
    "missing by position": lambda _: only_by_position.run(),
    "object for a process": lambda _: remote.run(params={"depth": object()}),
    "callable for a process": lambda _: remote.run(handler=len, params={"depth": 1}),
    "more than 64 bits": lambda _: train.run(params={"depth": 2**64}),
    "holds itself": lambda _: train.run(params={"depth": _endless()}),
    "name is a number": lambda _: train.run(params={1: 1}),  # type: ignore[dict-item]
    "input is an object": lambda _: train.run(inputs={"depth": object()}),
    "input without a type": lambda _: train.run(inputs={"depth:": "x.csv"}),
    "run name": lambda _: train.run(params={"depth": 1}, name="a b"),
    "project": lambda _: train.run(params={"depth": 1}, project="Fraud Demo"),
    "label": lambda _: train.run(params={"depth": 1}, labels={"a": "b c"}),
    "log hint twice": lambda _: train.run(params={"depth": 1}, returns=["a", "a"]),
    "timeout": lambda _: train.run(params={"depth": 1}, timeout=-1),
    "retry": lambda _: train.run(params={"depth": 1}, retry="x"),  # type: ignore[arg-type]
    "handler": lambda _: train.run(handler="tarin", params={"depth": 1}),
    "task": lambda _: train.run("depth=1"),
    "secret of no kind": lambda _: train.run(
        {"spec": {"secret_sources": [{"kind": "x"}]}}, params={"depth": 1}
    ),
    "secrets that are no list": lambda _: train.run(
        {"spec": {"secret_sources": 5}}, params={"depth": 1}
    ),
    "task with a misspelt field": lambda _: train.run({"spec": {"paramters": {"depth": 1}}}),
    "parameter and input of one name": lambda _: train.run(
        params={"depth": 1}, inputs={"depth": "x.csv"}
    ),
    "sweep over a number": lambda _: train.run(hyperparams={"depth": 3}),
    "sweep over nothing": lambda _: train.run(hyperparams={"depth": []}),
    "sweep of a misspelt name": lambda _: train.run(hyperparams={"depht": [1]}),
    "sweep over huge numbers": lambda _: train.run(hyperparams={"depth": [10**5000]}),
    "lists of two lengths": lambda _: train.run(
        hyperparams={"depth": [1], "rate": [1, 2]},
        hyper_param_options=HyperParamOptions(strategy="list"),
    ),
    "two sources of values": lambda _: train.run(
        hyperparams={"depth": [1]}, hyper_param_options={"param_file": "x.csv"}
    ),
    "selector": lambda _: HyperParamOptions(selector="best.accuracy"),
    "stop condition": lambda _: train.run(
        hyperparams={"depth": [1]},
        hyper_param_options={"stop_condition": "__import__('os').getcwd()"},
    ),
    "strategy": lambda _: HyperParamOptions(strategy="bayes"),
    "setting": lambda _: setattr(ml.config, "flush_intervall", 1),
    "setting's value": lambda _: setattr(ml.config, "flush_interval", "often"),
}


def _endless() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


CASES = [
    pytest.param(case, id=f"{area}: {name}")
    for area, table in (
        ("function", FUNCTIONS),
        ("notebook", NOTEBOOKS),
        ("document", DOCUMENTS),
        ("address", ADDRESSES),
        ("parameter", PARAMETERS),
    )
    for name, case in table.items()
]


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_answered_by_one_error_before_anything_runs(
    case: Callable[[Path], object], tmp_path: Path
) -> None:
    with pytest.raises(MLRunLikeError) as caught:
        case(tmp_path)
    error = caught.value
    assert error.what.strip() and (error.fix.strip() or error.where.strip())
    assert len(str(error)) < 1500
    assert CALLS == []
    assert ml.get_run_db().list_runs(RunQuery(project="*", iterations=True)) == []


def test_the_table_is_long() -> None:
    assert len(CASES) >= 110
