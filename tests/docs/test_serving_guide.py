"""The serving pages are true: their Python runs, their results are real, their tables are whole.

How blocks are run and compared is in `tests/docs/guide.py`.
"""

from __future__ import annotations

import logging
import re
import shlex
import sys
from pathlib import Path

import pytest

from mlrun_like.cli.main import COMMANDS, load_command
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.registered import REGISTERED
from mlrun_like.serving.web.options import WebOptions
from tests.docs.guide import Guide, blocks

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("serving*.md"))
_MOST_LINES = 500


def _text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_short_enough(name: str) -> None:
    assert len(_text(name).splitlines()) <= _MOST_LINES


@pytest.mark.parametrize("name", PAGES)
def test_yaml_is_read_as_a_graph(name: str) -> None:
    for _, block in blocks(_text(name), "yaml"):
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
        for _, block in blocks(_text(name), "bash"):
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
