from __future__ import annotations

import io
import json
import sys

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.logger import Logger


def lines(out: io.StringIO) -> list[str]:
    """What was written, without the times."""
    return [line.partition("[")[2] for line in out.getvalue().splitlines()]


def test_levels() -> None:
    out = io.StringIO()
    logger = Logger("warn", stream=out)
    assert logger.level == "warning"
    logger.debug("no")
    logger.info("no")
    logger.warn("w")
    logger.warning("w")
    logger.error("e")
    logger.set_logger_level("DEBUG")
    logger.debug("d")
    assert lines(out) == ["warning] w", "warning] w", "error] e", "debug] d"]


def test_fields_and_arguments() -> None:
    out = io.StringIO()
    logger = Logger(stream=out)
    logger.info("loaded", rows=3, path="x")
    logger.info("%s of %d", "one", 2)
    logger.info("100% sure")
    logger.info("sure: 100%", 5)
    logger.info("brace {x}", x=1)
    assert lines(out) == [
        "info] loaded {'rows': 3, 'path': 'x'}",
        "info] one of 2",
        "info] 100% sure",
        "info] sure: 100% 5",
        "info] brace {x} {'x': 1}",
    ]


def test_json() -> None:
    out = io.StringIO()
    logger = Logger(stream=out, form="json")
    logger.error("two\nlines", value=object, n=1)
    row = json.loads(out.getvalue())
    assert (row["level"], row["message"], row["n"]) == ("error", "two\nlines", 1)


def test_exceptions() -> None:
    out = io.StringIO()
    try:
        raise ValueError("deep")
    except ValueError:
        Logger(stream=out).exception("failed", step=1)
    assert "[error] failed {'step': 1}" in out.getvalue()
    assert "ValueError: deep" in out.getvalue()


def test_standard_output_of_the_moment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = Logger()
    logger.info("here")
    assert "here" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdout", None)
    logger.info("nowhere")


def test_unknown_levels_and_forms() -> None:
    with pytest.raises(InvalidArgumentError, match="Did you mean 'warning'"):
        Logger("warnin")
    with pytest.raises(InvalidArgumentError, match="form 'xml'"):
        Logger(form="xml")
