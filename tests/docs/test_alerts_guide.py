"""The guide to alerts is true: its files and commands run, what they print is as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlrun_like.monitoring.alerts.kinds import EventEntityKind, EventKind
from tests.docs.test_pipelines_guide import _BLOCK
from tests.docs.test_promotion_guide import _run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "alerts.md"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00)?|[\d.e-]+ (s|min)\b")


@pytest.mark.slow
def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown, compared = "", 0
    for language, block in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name is not None
            (tmp_path / name[1]).write_text(block, encoding="utf-8")
        elif language == "bash":
            for line in block.splitlines():
                shown = _run(line, capsys)
        else:
            assert _TIME.sub("TIME", shown) == block
            compared += 1
    assert compared == 2


def test_the_page_names_every_entity_and_kind() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for entity in EventEntityKind:
        assert f"| `{entity}` |" in text
    for kind in EventKind:
        stem = re.sub(r"(detected|suspected)$", "", str(kind))
        assert f"`{stem}`" in text
