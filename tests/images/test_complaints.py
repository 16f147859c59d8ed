"""Resolvers' complaints as one sentence."""

from __future__ import annotations

import pytest

from mlrun_like.images.complaints import explain, without_passwords
from mlrun_like.images.target import Target

TARGET = Target("3.11")
UV = """  \u00d7 No solution found when resolving dependencies:
  ╰─▶ Because pandas>=2 depends on numpy>=1.21.0 and you require numpy<1.20,
      we can conclude that your requirements are unsatisfiable.

      hint: something long
"""


def test_uv() -> None:
    error = explain(UV, ["flask", "numpy<1.20", "pandas>=2"], TARGET, "uv")
    assert error.what.startswith(
        "requirement 'numpy<1.20' cannot be met for Python 3.11 on linux/amd64: "
    )
    assert "hint" not in error.what and "\n" not in error.what and "╰" not in error.what


def test_uv_names_all_that_contradict() -> None:
    text = "No solution found:\n Because a>=2 needs b and you require a>=2 and b<1, we conclude."
    assert "requirements 'a>=2' and 'b<1'" in explain(
        text, ["b<1", "c", "a>=2"], TARGET, "uv"
    ).what.replace("'b<1' and 'a>=2'", "'a>=2' and 'b<1'")


def test_pip() -> None:
    text = (
        "ERROR: Could not find a version that satisfies the requirement humanize==99 "
        "(from versions: 0.1, 0.2)\nERROR: No matching distribution found for humanize==99\n"
    )
    error = explain(text, ["pandas", "humanize==99"], TARGET, "pip")
    assert "requirement 'humanize==99'" in error.what
    assert error.what.endswith("No matching distribution found for humanize==99")


def test_an_index_that_does_not_answer() -> None:
    text = "error: Failed to fetch: `https://me:hunter2@host/simple/x/`\n  Caused by: dns error"
    error = explain(text, ["x"], TARGET, "uv")
    assert "cannot be reached" in error.what
    assert "hunter2" not in str(error)


def test_a_build_that_failed() -> None:
    text = (
        "  \u00d7 Failed to build `mod==1.0`\n"
        "  ├─▶ The build backend returned an error\n  ╰─▶ gcc: not found"
    )
    error = explain(text, ["mod"], TARGET, "uv")
    assert "requirement 'mod' has no wheel" in error.what and "gcc: not found" in error.what
    assert "with_commands" in error.fix


@pytest.mark.parametrize(
    "text", ["", "\n\n", "\x1b[31m\x1b[0m", "│├╰─▶", "x" * 100_000, "\0\ud800"]
)
def test_any_text_gives_a_sentence(text: str) -> None:
    error = explain(text, ["a", "", "--index-url x", "é @ http://h"], TARGET, "uv")
    assert "\n" not in error.what and len(error.what) < 700


def test_passwords() -> None:
    assert (
        without_passwords("git+https://u:p@h/x token@h https://t@h")
        == "git+https://***@h/x token@h https://***@h"
    )
