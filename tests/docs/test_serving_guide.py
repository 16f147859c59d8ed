"""The serving pages are true: their Python runs, their results are real, their tables are whole.

Blocks marked `python` run in order, in one namespace for each page. An expression with `# -> VALUE`
at its end, or in the next line, is evaluated and compared (`...` stands for anything); one with
`# raises ERROR` must raise that error.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import linecache
import logging
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.cli.main import COMMANDS, load_command
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.registered import REGISTERED
from mlrun_like.serving.web.options import WebOptions

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("serving*.md"))
_MOST_LINES = 500
_CHECKER = doctest.OutputChecker()
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def _blocks(text: str, language: str) -> Iterator[tuple[int, str]]:
    """Blocks with the line they begin at, counted from 0."""
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text[: found.start(1)].count("\n"), found[1]


class Guide:
    """Runs the blocks of a page as if they were one module."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.file = folder / f"{Path(name).stem.replace('-', '_')}_guide.py"
        spec = importlib.util.spec_from_file_location(self.file.stem, self.file)
        assert spec is not None
        self.module = importlib.util.module_from_spec(spec)
        self.wrong: list[str] = []
        self.checked = 0

    def run(self, text: str) -> None:
        # prose becomes empty lines, so that line numbers are those of the page
        lines = [""] * (text.count("\n") + 1)
        for first, block in _blocks(text, "python"):
            for number, line in enumerate(block.splitlines()):
                lines[first + number] = line
        code = "\n".join(lines)
        self.file.write_text(code, encoding="utf-8")
        linecache.clearcache()
        for statement in ast.parse(code, str(self.file)).body:
            self._run_statement(statement, lines)
        assert self.checked == len(re.findall(r"# (?:->|raises) ", code)), "some were not checked"

    def _run_statement(self, statement: ast.stmt, lines: list[str]) -> None:
        end = statement.end_lineno or 0
        own, next_line = lines[end - 1], lines[end]
        value = re.search(r"  # -> (.+)$", own) or re.match(r"# -> (.+)$", next_line)
        error = re.search(r"  # raises (\w+)$", own)
        if not (value or error):
            self._exec(statement)
            return
        assert isinstance(statement, ast.Expr), f"{self.name}:{statement.lineno}: no expression"
        try:
            found = repr(self._eval(statement))
        except Exception as exc:  # which one is compared below
            if error is None:
                raise
            found = type(exc).__name__
        told = value or error
        assert told is not None
        self.checked += 1
        if not _CHECKER.check_output(told[1] + "\n", found + "\n", _FLAGS):
            self.wrong.append(f"{self.name}:{statement.end_lineno}: {told[1]} is really {found}")

    def _exec(self, statement: ast.stmt) -> None:
        exec(  # the pages are ours
            compile(ast.Module([statement], []), str(self.file), "exec"), vars(self.module)
        )

    def _eval(self, statement: ast.Expr) -> Any:
        code = compile(ast.Expression(statement.value), str(self.file), "eval")
        return eval(code, vars(self.module))


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_python_of_a_page_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    logging.getLogger("mlrun_like.serving").setLevel(logging.CRITICAL)  # of errors that are shown
    guide = Guide(name, tmp_path)
    monkeypatch.setitem(sys.modules, guide.module.__name__, guide.module)
    try:
        guide.run(_text(name))
    finally:
        logging.getLogger("mlrun_like.serving").setLevel(logging.NOTSET)
    assert not guide.wrong, "\n".join(guide.wrong)


def test_a_wrong_result_is_noticed(tmp_path: Path) -> None:
    guide = Guide("page.md", tmp_path)
    guide.run(
        "text\n```python\nx = 2\nx + 1  # -> 3\nx + 2  # -> 5\nx / 0  # raises KeyError\n```\n"
    )
    assert guide.wrong == [
        "page.md:5: 5 is really 4",
        "page.md:6: KeyError is really ZeroDivisionError",
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_short_enough(name: str) -> None:
    assert len(_text(name).splitlines()) <= _MOST_LINES


@pytest.mark.parametrize("name", PAGES)
def test_yaml_is_read_as_a_graph(name: str) -> None:
    for _, block in _blocks(_text(name), "yaml"):
        if "steps:" in block:
            assert Graph.from_yaml(block).steps


# Tables ------------------------------------------------------------------------------------------


def _rows(name: str, first: str) -> list[list[str]]:
    """The rows of the tables whose first column has this title."""
    rows: list[list[str]] = []
    inside = False
    for line in _text(name).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first:
            inside = True
        elif inside and not set(line) <= set("|-: "):
            rows.append(cells)
    return rows


def _names(row: list[str]) -> list[str]:
    return re.findall(r"`([^`]+)`", row[0])


def test_the_table_of_steps_is_whole() -> None:
    told = [name for row in _rows("serving-steps.md", "step") for name in _names(row)]
    assert sorted(told) == sorted(set(told))
    missing, gone = sorted(set(REGISTERED) - set(told)), sorted(set(told) - set(REGISTERED))
    assert not missing, f"without a row in docs/serving-steps.md: {missing}"
    assert not gone, f"rows of docs/serving-steps.md without a step: {gone}"


@pytest.mark.parametrize("row", _rows("serving-steps.md", "step"), ids=lambda row: str(row[0]))
def test_a_step_is_explained(row: list[str]) -> None:
    classes = {REGISTERED[name].partition(":")[0] for name in _names(row)}
    assert len(classes) == 1
    assert row[1] in ("storey", "MLRun", "ours")
    assert len(row[2]) > 15


def test_every_option_of_serving_is_told() -> None:
    told = {name for row in _rows("serving-production.md", "option") for name in _names(row)}
    assert told == set(WebOptions.__dataclass_fields__)


# Commands ----------------------------------------------------------------------------------------


def _commands() -> list[tuple[str, str]]:
    found = []
    for name in [*PAGES, "../README.md"]:
        for _, block in _blocks(_text(name), "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip().startswith("mlrun-like "):
                    found.append((name, line.strip()))
    return found


@pytest.mark.parametrize(("name", "line"), _commands(), ids=[line for _, line in _commands()])
def test_commands_and_their_options_exist(name: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    assert words[1] in COMMANDS, name
    command = load_command(words[1])
    for word in words[2:4]:  # a group may have groups
        command = getattr(command, "commands", {}).get(word, command)
    known = {option for parameter in command.params for option in parameter.opts}
    known |= {option for parameter in command.params for option in parameter.secondary_opts}
    for word in words[2:]:
        if word.startswith("-"):
            assert word.partition("=")[0] in known, f"{name}: {line}"
