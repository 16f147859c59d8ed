"""Pages say what the code says: every setting, error, command and option."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from mlrun_like.cli.main import COMMANDS, app, load_command
from mlrun_like.configuration import ENV_PREFIX
from mlrun_like.errors import MLRunLikeError
from mlrun_like.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_pages_are_renewed(generate: ModuleType) -> None:
    assert generate.main(["--check"]) == 0, "python docs/generate.py"


def test_a_stale_page_is_noticed(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in DOCS.glob("*.md"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    settings = tmp_path / "settings.md"
    settings.write_text("old", encoding="utf-8")
    assert generate.main(["--check"]) == 1
    assert settings.read_text(encoding="utf-8") == "old"
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: str(row.name))
def test_every_setting_is_documented(row: Any) -> None:
    line = next(
        line for line in _page("settings.md").splitlines() if line.startswith(f"| `{row.name}` |")
    )
    for text in (ENV_PREFIX + row.name.upper(), *row.aliases, row.help.replace("[", "\\[")):
        assert text in line
    assert row.help.endswith(".")


def _classes(base: type[MLRunLikeError]) -> Iterator[type[MLRunLikeError]]:
    yield base
    for cls in base.__subclasses__():
        yield from _classes(cls)


def test_every_error_has_a_cause_and_a_fix() -> None:
    rows = {}
    for line in _page("errors.md").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| [`"):
            code = cells[0].partition("`")[2].partition("`")[0]
            assert cells[0] == f"[`{code}`](errors/{code}.md)"
            rows[code] = cells
    known = {
        cls.code: cls
        for cls in _classes(MLRunLikeError)
        if cls.__module__.startswith("mlrun_like.errors.")
    }
    assert set(rows) == set(known)
    assert {path.stem for path in (DOCS / "errors").glob("*.md")} == set(known)
    for code, cls in known.items():
        head = f"# {code}\n\n`{cls.__name__}`, HTTP status {cls.status}."
        assert _page(f"errors/{code}.md").startswith(head)
        _, name, status, cause, fix = rows[code]
        assert (name.strip("`"), int(status)) == (cls.__name__, cls.status)
        assert len(cause) > 20 and fix


def _leaves(title: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if not inner:
        yield title, command
    for name, sub in (inner or {}).items():
        yield from _leaves(f"{title} {name}", sub)


ALL = [leaf for name in COMMANDS for leaf in _leaves(f"mlrun-like {name}", load_command(name))]


@pytest.mark.parametrize(("title", "command"), ALL, ids=[title for title, _ in ALL])
def test_every_command_and_option_is_documented(title: str, command: Any) -> None:
    page = _page("cli.md")
    assert f"## {title}\n" in page
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"{title} {parameter.opts} has no help"
            for name in parameter.opts:
                assert f"`{name}`" in page


@pytest.mark.parametrize(("title", "command"), ALL, ids=[title for title, _ in ALL])
def test_every_command_gives_an_example(title: str, command: Any) -> None:
    for alias, real in (
        ("mlrun-like list", "mlrun-like get"),
        ("pipeline status", "pipeline show"),
    ):
        title = title.replace(alias, real)
    example = title
    lines = [line.strip() for line in (command.help or "").splitlines()]
    assert any(line.startswith(example) for line in lines[1:]), title


def test_the_root_explains_itself() -> None:
    text = get_command(app).get_help(
        get_command(app).make_context("mlrun-like", [], resilient_parsing=True)
    )
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", text, re.MULTILINE), name


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*DOCS.glob("*.md"), *ROOT.glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            # these are made with the site, whose test checks them
            made = target.startswith(("tutorials/", "reference/"))
            assert made or (page.parent / target).exists(), f"{page.name} -> {target}"


def test_pages_name_no_package_index() -> None:
    for path in (*DOCS.glob("*.md"), *ROOT.glob("*.md"), ROOT / "requirements.lock"):
        text = path.read_text(encoding="utf-8")
        assert "://pypi" not in text and "index-url" not in text, path.name


def test_the_interpreter_is_supported() -> None:
    assert (3, 10) <= sys.version_info[:2] < (3, 14)
