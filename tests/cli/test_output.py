"""Tables, fields, JSON and small curves, for any recorded text."""

from __future__ import annotations

import json
import math
import os
import pty
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.cli.output import (
    clean,
    one_line,
    print_fields,
    print_json,
    print_table,
    sparkline,
)


def test_json_has_no_words_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": math.nan, "b": [math.inf, 1.5], "c": {1, 2}, 4: "é"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": None, "b": [None, 1.5], "c": [1, 2], "4": "é"}


def test_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a", "name"], [[1, "x"], [22222, "long text"]])
    assert capsys.readouterr().out.splitlines() == [
        "A      NAME",
        "1      x",
        "22222  long text",
    ]


def test_an_empty_table_has_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a"], [])
    assert capsys.readouterr().out == "A\n"


def test_fields_indent_further_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("a", "1\n2"), ("long", "x"), ("none", None), ("empty", "")])
    assert capsys.readouterr().out == "a     1\n      2\nlong  x\n"


@given(st.text())
def test_no_text_moves_the_cursor(text: str) -> None:
    assert all(char.isprintable() or char in "\n\t" for char in clean(text))
    line = one_line(text, 30)
    assert len(line) <= 30 and line.isprintable()


@given(st.lists(st.floats(), max_size=200))
def test_any_series_is_a_line(values: list[float]) -> None:
    known = [value for value in values if math.isfinite(value)]
    assert len(sparkline(values)) == min(40, len(known))


def test_a_curve_goes_up() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5]) == "▁▁"


def test_a_terminal_gets_colour() -> None:
    code = (
        "from mlrun_like.cli.output import print_table, print_fields\n"
        "print_table(['state'], [['error'], ['[bold]x']])\n"
        "print_fields([('state', 'completed')])"
    )
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=follower, env=environment) as child:
        child.wait(30)
    os.close(follower)
    text = os.read(leader, 65536).decode()
    os.close(leader)
    assert "\x1b[" in text and "[bold]x" in text
