"""`mlrun-like serve`: what it accepts, what it says, and that it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.cli.serve import _load
from mlrun_like.errors import InvalidArgumentError, MissingFileError, NotFoundError
from mlrun_like.serving.web.changes import Changes
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.target import find_target, server_of, watched_folder
from tests.cli.conftest import Call

APP = """
from mlrun_like.serving import flow

def double(body: int) -> int:
    return 2 * body

graph = flow()
graph.to(double).respond()

def make():
    return graph

def make_other(size: int = 1, *more: int, **options: int):
    return graph

number = 3
"""
GRAPH = """
kind: root
steps:
  double:
    kind: task
    handler: steps.double
    responder: true
"""

Start = Callable[..., str]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Run `serve` in a process; gives its URL. It must end well when told to."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlrun_like", "serve", *words, "--port", "0"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("serving on http://127.0.0.1:"), line
        return line.split()[-1]

    yield run
    for process in started:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(10) == 0
        finally:
            process.kill()
            process.communicate()


def answer(url: str, body: bytes = b"", **headers: str) -> Any:
    sent = {"content-type": "application/json", **headers}
    asked = urllib.request.Request(url, data=body, headers=sent)
    with urllib.request.urlopen(asked, timeout=10) as found:
        return json.loads(found.read())


@pytest.mark.slow
def test_a_file_and_a_document(start: Start, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "steps.py").write_text(APP)
    (tmp_path / "graph.yaml").write_text(GRAPH)
    assert answer(start("app.py:graph"), b"4") == 8
    assert answer(start("graph.yaml"), b"5") == 10


@pytest.mark.slow
def test_options_reach_the_server(start: Start, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "token").write_text("s3cret\n")
    url = start(
        "app:make", "--token-file", "token", "--max-body", "10", "--access-log", "log",
        "--no-pages", "--timeout", "5", "--cors-origin", "https://a.example", "-w", "1",
    )  # fmt: skip
    with pytest.raises(urllib.error.HTTPError, match="401"):
        answer(url, b"1")
    right = {"authorization": "Bearer s3cret"}
    assert answer(url, b"1", **right) == 2
    with pytest.raises(urllib.error.HTTPError, match="413"):
        answer(url, b" " * 11, **right)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("nowhere.yaml",), "there is no file 'nowhere.yaml'"),
        (("app.py:grap",), "Did you mean 'graph'"),
        (("app.py:number",), "cannot be served"),
        (("app.py:double",), r"is a function of body, and no graph(?s:.*)graph\.to\(double\)"),
        (("no_such_module:graph",), "no module 'no_such_module'"),
        (("a b:graph",), "neither a module nor a file"),
        (("app.py", "--cors-origin", "x"), "not an origin"),
        (("app.py", "--token-file", "nowhere"), "the token cannot be read"),
        (("app.py", "--host", "203.0.113.1"), "cannot listen"),
        (("broken.yaml",), "steps"),
    ],
)
def test_what_cannot_be_served(
    call: Call, tmp_path: Path, words: tuple[str, ...], part: str
) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "broken.yaml").write_text("kind: root\nsteps: [1, 2]\n")
    if words[0] in ("app.py",):  # refused before anything is started
        assert part in call("serve", *words, code=1).err
        return
    with pytest.raises((InvalidArgumentError, MissingFileError, NotFoundError), match=part):
        sys.modules.pop("app", None)
        server_of(*find_target(words[0]))


def test_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "inner"
    folder.mkdir()
    (folder / "served_app.py").write_text(APP)
    file = "inner/served_app.py"
    for text in (file, f"{file}:graph", f"{file}:make", f"{file}:make_other"):
        found, space = find_target(text)
        assert [step.name for step in found.steps] == ["double"] and "double" in space
        assert watched_folder(text) == folder
    assert watched_folder("package.module:graph") == tmp_path
    assert watched_folder("graph.yaml") == tmp_path


def test_a_file_that_imports_what_is_not_here(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import yaml, no_such_package_of_tests\n")
    with pytest.raises(NotFoundError, match="imports 'no_such_package_of_tests'") as caught:
        find_target(f"{tmp_path / 'app.py'}:graph")
    assert "pip install no-such-package-of-tests" in caught.value.fix


def test_the_front_of_a_graph_ends_at_its_first_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "split_app.py").write_text(
        "from mlrun_like.serving import flow\n"
        "graph = flow()\n"
        "graph.to(abs, 'size').to('$queue', 'q', path='memory://front-test')"
        ".to('math.sqrt', 'root', function='rooter')\n"
    )
    plain = WebOptions.of(pages=True, metrics=True)
    steps = _load("split_app.py:graph", plain, True).server.graph.steps
    assert [step.name for step in steps] == ["size", "q"]
    assert len(_load("split_app.py:graph", plain, False).server.graph.steps) == 3


def test_options_beside_an_application_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "whole_app.py").write_text(
        "from mlrun_like.serving import flow\n"
        "from mlrun_like.serving.web.app import GraphApp\n"
        "app = GraphApp(flow().to(abs))\n"
    )
    plain = WebOptions.of(pages=True, metrics=True)
    assert _load("whole_app.py:app", plain, False).server.plan
    with pytest.raises(InvalidArgumentError, match="has options of its own"):
        _load("whole_app.py:app", WebOptions.of(token="s3cret"), False)


def test_changes_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    (tmp_path / ".hidden").mkdir()
    changes = Changes(tmp_path)

    def changed() -> bool:
        changes._next = 0.0  # do not wait for the next look
        return changes()

    assert not changed()
    (tmp_path / "b.yaml").write_text("1")
    assert changed() and not changed()
    (tmp_path / "a.py").unlink()
    assert changed() and not changed()
    (tmp_path / ".hidden" / "c.py").write_text("1")
    (tmp_path / "data.csv").write_text("1")
    assert not changed()
