"""The guides to promotion and notifications are true: their files run, what they print is real."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import app
from mlrun_like.promotion.fairness import MEASURES
from mlrun_like.promotion.parsing import KINDS
from mlrun_like.promotion.scores import SCORES
from mlrun_like.specs.notification import SEVERITIES, WHEN
from tests.docs.test_pipelines_guide import _BLOCK

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _run(line: str, said: pytest.CaptureFixture[str]) -> str:
    """What a command line prints; in this process, since starting others is what takes long."""
    words = shlex.split(line)
    said.readouterr()
    if words[0] == "python":
        runpy.run_path(words[1], run_name="__main__")
        return said.readouterr().out
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == 0, f"{line}: {result.output} {result.exception!r}"
    return result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", ["promotion.md", "notifications.md"])
def test_the_page_runs(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shown, ran = "", 0
    for language, block in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
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
    assert ran >= 1
    if page == "notifications.md":
        said = [line for line in shown.splitlines() if line.startswith("[")]
        assert said == [
            "[info] flow: running", "[info] flow: completed", "[warning] auc is only 0.87",
            "[info] train: error: ValueError: no data", "[info] oh no",
        ]  # fmt: skip
        by_name = _run("python secrets_by_name.py", capsys)
        assert by_name.startswith("{'webhook': {'secret': 'TEAM_HOOK'}} Notification(")


def test_the_pages_name_everything() -> None:
    text = (DOCS / "promotion.md").read_text(encoding="utf-8")
    for name in (*KINDS, *(name for name in SCORES if name != "roc_auc")):
        assert name in text, name
    for measure in MEASURES:
        assert measure.rpartition("_")[0] in text, measure
    text = (DOCS / "notifications.md").read_text(encoding="utf-8")
    for name in (*WHEN, *SEVERITIES):
        assert f"`{name}`" in text, name
    assert all(len((DOCS / page).read_text().splitlines()) <= 200 for page in ("promotion.md",))
