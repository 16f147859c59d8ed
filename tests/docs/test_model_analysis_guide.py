"""The guide to model analysis is true: its files run and print what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlrun_like.promotion.fairness import MEASURES
from tests.docs.test_pipelines_guide import _BLOCK
from tests.docs.test_promotion_guide import _run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model-analysis.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown, ran = "", 0
    for language, block in _BLOCK.findall(TEXT):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name is not None, f"a block without a file name:\n{block}"
            (tmp_path / name[1]).write_text(block, encoding="utf-8")
        elif language == "bash":
            for line in block.splitlines():
                shown = _run(line, capsys)
                ran += 1
        else:
            assert shown == block
    assert ran == 6 and (tmp_path / "slices.html").stat().st_size < 300_000
    assert shown.splitlines()[-1] == "True"


def test_the_page_names_everything() -> None:
    for measure in MEASURES:
        assert measure.rpartition("_")[0] in TEXT or measure in TEXT, measure
    assert len(TEXT.splitlines()) <= 200
