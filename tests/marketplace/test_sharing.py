"""The check of items: all mistakes at once, nothing run; what `init` makes passes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.errors import (
    BuildError,
    ConflictError,
    InvalidArgumentError,
    MissingDependencyError,
    MissingFileError,
    SpecError,
)
from mlrun_like.marketplace.sharing import testing
from mlrun_like.marketplace.sharing.checking import item_of, validate_item
from mlrun_like.marketplace.sharing.requirements import resolve_requirements
from mlrun_like.marketplace.sharing.scaffold import init_item
from mlrun_like.marketplace.sharing.testing import test_item as run_test

KINDS = ("functions", "modules", "steps")


def told(folder: Path) -> str:
    """The mistakes of an item as one text."""
    return "\n".join(validate_item(folder, resolve=False).lines())


def change(folder: Path, **keys: Any) -> None:
    """Set keys of an item's metadata; None: remove."""
    path = folder / "item.yaml"
    document = yaml.safe_load(path.read_text())
    spec = keys.pop("spec", {})
    for target, given in ((document, keys), (document["spec"], spec)):
        for key, value in given.items():
            target[key] = value
            if value is None:
                del target[key]
    path.write_text(yaml.safe_dump(document))


def named(folder: Path, key: str, file: str, text: str) -> None:
    """A file, and a key that names it."""
    change(folder, **{key: file})
    (folder / file).write_text(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_item_passes(tmp_path: Path, kind: str) -> None:
    report = validate_item(init_item("clean_text", tmp_path, kind=kind), resolve=False)
    assert report.ok and list(report.lines()) == [] and report.notes == []
    assert report.to_dict() == {"name": "clean_text", "ok": True, "problems": [], "notes": []}
    report.check()


def test_an_environment_without_pytest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(MissingDependencyError, match="needs the package 'pytest'"):
        run_test(init_item("clean_text", tmp_path), here=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_test_and_example_of_a_new_item_pass(tmp_path: Path, kind: str) -> None:
    folder = init_item("clean_text", tmp_path / "hub", kind=kind)
    done = run_test(folder, here=True)
    assert done.passed and done.environment == "here" and "passed" in done.summary, done.output
    assert not list(folder.rglob("*.pyc"))
    environment = {"MLRUN_LIKE_HUB_URL": str(folder.parent), "MLRUN_LIKE_HOME": str(tmp_path / "h")}
    example = [sys.executable, str(folder / "example.py")]
    subprocess.run(example, check=True, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", **environment})


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    folder = init_item("clean_text", tmp_path)
    change(folder, apiVersion="v2", name="other", version="1", license="Apache2",
           marketplaceType="function", categories=[], catagories=["x"], description=None,
           minProductVersion="99.0", example="../x.py", hidden="no",
           spec={"handler": "clean_txt", "kind": "jobb", "requirements": ["a b", 5], "file": "x"},
    )  # fmt: skip
    (folder / "README.md").write_text("short")
    (folder / "test_clean_text.py").write_text("def check(): pass\n")
    text = told(folder)
    for word in (
        "apiVersion: it is not v1", "name: 'other' is not the folder's name",
        "version: '1' is no version", "Did you mean 'Apache-2.0'", "marketplaceType: 'function'",
        "categories: there is none", "'catagories' is no key of it. Did you mean 'categories'",
        "description: it is missing", "99.0 is newer than this", "'../x.py' is no path",
        "hidden: it is a str, not a bool", "Did you mean 'clean_text'", "runtime (jobb)",
        "'a b' is no requirement", "a line is no text", "'file' is no key of it",
        "it says next to nothing", "it has no test",
    ):  # fmt: skip
        assert word in text, (word, text)
    with pytest.raises(SpecError, match=r"clean_text has \d\d mistakes"):
        validate_item(folder, resolve=False).check()


def _no_docstring(folder: Path) -> None:
    (folder / "clean_text.py").write_text("def clean_text(context):\n    pass\n")


def _neighbour(folder: Path) -> None:
    (folder / "helper.py").write_text("X = 1\n")
    code = folder / "clean_text.py"
    code.write_text(code.read_text() + "\nimport helper\n")


def _link(folder: Path) -> None:
    (folder / "data.csv").symlink_to("/etc/hostname")


def _huge(folder: Path) -> None:
    with (folder / "data.bin").open("wb") as file:
        file.truncate(5 << 20)


def _no_code(folder: Path) -> None:
    (folder / "clean_text.py").unlink()


def _no_block(folder: Path) -> None:
    (folder / "README.md").write_text("# clean_text\n" + "It cleans text. " * 20)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_docstring, "'clean_text' has no docstring"),
        (_neighbour, "it imports 'helper', and only this one file travels"),
        (_link, "data.csv: it is a link"),
        (_huge, "data.bin: it has more than 4 MiB"),
        (_no_code, "clean_text.py: there is no such file"),
        (_no_block, "it has no block to copy"),
        (lambda f: (f / "example.py").write_text("def ("), "example.py:1: it is not valid Python"),
        (lambda f: (f / "example.py").write_bytes(b"\xff\xfe"), "example.py: it is not UTF-8"),
        (lambda f: (f / "example.py").write_text(""), "example.py: it is empty"),
        (lambda f: (f / "clean_text.py").write_text("(" * 5000), "it is not valid Python"),
        (lambda f: named(f, "example", "x.txt", "x"),
         "it is neither a script nor a notebook"),
        (lambda f: named(f, "example", "x.ipynb", "[" * 9999),
         "it is no notebook"),
        (lambda f: named(f, "test", "check.py", "def test(): pass"),
         "pytest does not see a file of this name"),
        (lambda f: change(f, spec={"requirements": ["x @ https://host/x.whl"]}), "is an address"),
        (lambda f: change(f, spec={"requirements": ["mlrun_like[all]"]}), "names this product"),
        (lambda f: change(f, spec={"handler": ""}), "spec.handler: it is missing"),
        (lambda f: change(f, spec={"filename": "../clean_text/clean_text.py"}),
         "spec.filename: '../clean_text/clean_text.py' is no path inside"),
        (lambda f: change(f, spec={"kind": "serving"}), "className: it is missing"),
        (lambda f: change(f, spec={"kind": "monitoring_application"}), "could be the application"),
        (lambda f: change(f, marketplaceType="steps", spec={"handler": ""}), "className: it is"),
        (lambda f: change(f, marketplaceType="steps", className="Nope"), "has no 'Nope'"),
    ],
)  # fmt: skip
def test_each_mistake(tmp_path: Path, spoil: Callable[[Path], Any], said: str) -> None:
    folder = init_item("clean_text", tmp_path)
    spoil(folder)
    assert said in told(folder), told(folder)


@pytest.mark.parametrize(
    "text",
    ["", "- a", "5", "{", "\x00", "a: &a [x]\nb: [*a]\n" * 2, "!!python/object/apply:os.system [x]",
     "x: " + "[" * 5000, "spec: 5\nname: [1]\nlabels: 7\ncategories: {a: 1}\nversion: 1.0\n",
     "a: " + "x" * 300_000],
)  # fmt: skip
def test_hostile_metadata_is_told_and_runs_nothing(tmp_path: Path, text: str) -> None:
    folder = init_item("clean_text", tmp_path)
    (folder / "item.yaml").write_text(text)
    assert not validate_item(folder, resolve=False).ok
    if not text.startswith("spec"):
        with pytest.raises(SpecError):
            item_of(folder)


def test_a_notebook_is_an_example(tmp_path: Path) -> None:
    folder = init_item("clean_text", tmp_path)
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": "print(1)"}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "example.ipynb").write_text(json.dumps(notebook))
    change(folder, example="example.ipynb")
    assert told(folder) == ""


@pytest.mark.parametrize("name", ["", "../x", "Clean Text", "1st", "a" * 99, None, 5, "x\n"])
def test_names_that_items_cannot_have(tmp_path: Path, name: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="no name of an item"):
        init_item(name, tmp_path)
    with pytest.raises(InvalidArgumentError, match="kind 'things'"):
        init_item("fine", tmp_path, kind="things")


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    folder = init_item("clean-text", tmp_path, author="ann: [x]")
    assert folder.name == "clean_text" and "author: ann x" in (folder / "item.yaml").read_text()
    with pytest.raises(ConflictError, match="is there and not empty"):
        init_item("clean_text", tmp_path)
    for call in (validate_item, run_test):
        with pytest.raises(MissingFileError):
            call(tmp_path / "none")
    with pytest.raises(InvalidArgumentError):
        run_test(folder, timeout=0)
    change(folder, test="test_other.py")
    with pytest.raises(MissingFileError, match=r"no test 'test_other\.py'"):
        run_test(folder)


def _answer(monkeypatch: pytest.MonkeyPatch, code: int, text: str) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, code, "", text)

    monkeypatch.setattr(subprocess, "run", run)


def test_what_a_package_index_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = init_item("clean_text", tmp_path)
    change(folder, spec={"requirements": ["pandas<1"]})
    _answer(monkeypatch, 1, "No solution found: pandas<1 and pandas>=2")
    assert "cannot be installed together" in "".join(validate_item(folder).lines())
    _answer(monkeypatch, 1, "error sending request for url: dns error")
    report = validate_item(folder)
    assert report.ok and "requirements were not resolved" in report.notes[0]
    _answer(monkeypatch, 0, "")
    assert validate_item(folder).notes == []

    def slow(command: list[str], **_: Any) -> Any:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", slow)
    assert resolve_requirements(["x"]) == ("", "the package index gave no answer in 120 s")


@pytest.mark.slow
def test_without_an_index_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    problem, note = resolve_requirements(["scikit-learn>=1.4"])
    assert problem == "" and "requirements were not resolved" in note


def test_a_test_gets_no_settings_and_tokens_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN_OURS", "secret")
    monkeypatch.setenv("MLRUN_LIKE_ARTIFACT_PATH", "s3://ours")
    monkeypatch.setenv("MLRUN_DBPATH", "http://ours")
    command = [sys.executable, "-c", "import os; print(sorted(os.environ))"]
    told = testing._run(command, tmp_path, {"MLRUN_LIKE_HOME": "x"}, 30, None).stdout
    assert "MLRUN_LIKE_HOME" in told and "PATH" in told
    assert not [name for name in ("HUB_TOKEN", "ARTIFACT_PATH", "DBPATH") if name in told]


def test_what_a_test_says_comes_at_once_and_its_end_is_kept(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "print('first', flush=True)\n"
        "sys.stdin.read()\n"
        "sys.stdout.buffer.write(b'\\xff\\xc3')\n"
        "print('x' * 300_000, file=sys.stderr)\n"
        "subprocess.Popen(['sleep', '60'])\n"  # it holds the output open
        "print('last')\n"
    )
    told: list[str] = []
    done = testing._run([sys.executable, "-u", "-c", code], tmp_path, {}, 30, told.append)
    assert done.returncode == 0 and done.stdout.endswith("last\n")
    assert told[0].startswith("first") and len("".join(told)) > 300_000
    assert len(done.stdout) == testing._LONGEST


def test_what_is_said_last_is_not_lost() -> None:
    reading, writing = os.pipe()

    class Ending:
        stdout = os.fdopen(reading, "rb")
        said = False

        def poll(self) -> int:
            if not self.said:  # after it was looked whether there is something to read
                os.write(writing, b"last")
            self.said = True
            return 0

    process: Any = Ending()
    with process.stdout, os.fdopen(writing, "wb"):  # a child of it holds the output open
        assert testing._followed(process, 30, None) == ("last", False)


@pytest.mark.parametrize(
    ("output", "summary"),
    [("", "nothing was printed"), ("bang\n", "bang"),
     ("a\n== 1 passed, 2 skipped in 0.51s ==\nwarning: x\n", "1 passed, 2 skipped in 0.51s"),
     ("no tests ran in 0.00s\n", "no tests ran in 0.00s")],
)  # fmt: skip
def test_the_line_that_sums_up(output: str, summary: str) -> None:
    assert testing._summary(output) == summary


@pytest.mark.slow
def test_an_item_that_hangs_or_wants_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = init_item("clean_text", tmp_path)
    (folder / "test_clean_text.py").write_text("def test_it():\n    while True: pass\n")
    done = run_test(folder, here=True, timeout=2)
    assert not done.passed and "did not end within 2 s" in done.summary
    held = "import subprocess\n\ndef test_it():\n    subprocess.run(['sleep', '60'])\n"
    (folder / "test_clean_text.py").write_text(held)  # its child holds the output open
    assert "did not end within 2 s" in run_test(folder, here=True, timeout=2).summary
    (folder / "test_clean_text.py").write_text("X = 1\n")
    assert not run_test(folder, here=True).passed  # pytest finds nothing: that is no pass

    def broken(command: list[str], *_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "no such package: rocket", "")

    monkeypatch.setattr(testing, "_run", broken)
    with pytest.raises(BuildError, match="no such package: rocket"):
        run_test(folder)


@pytest.mark.slow
def test_an_environment_is_made_for_the_test(tmp_path: Path) -> None:
    folder = init_item("clean_text", tmp_path)
    note = resolve_requirements(["pytest"])[1]
    if note:
        pytest.skip(f"an environment needs a package index: {note}")
    (folder / "test_clean_text.py").write_text(
        "import importlib.util\n\nimport mlrun_like\n\n\n"
        "def test_only_the_product_is_there():\n"
        "    assert importlib.util.find_spec('mypy') is None\n"
        "    assert mlrun_like.import_function('hub://clean_text').kind == 'job'\n"
    )
    done = run_test(folder)
    assert done.passed and done.environment == "clean", done.output
