"""The site: it builds without a warning, its links lead somewhere, it works from a folder."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from mlrun_like.cli import docs
from mlrun_like.errors import BuildError, MissingDependencyError, NotFoundError
from tests.browser import browser

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
_ELSEWHERE = ("mailto:", "data:", "javascript:")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; `--strict` makes every dead link between pages a failure."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _links(text: str) -> Iterator[str]:
    for found in re.finditer(r"""(?:href|src)=(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", text):
        yield unescape(next(part for part in found.groups() if part is not None))


def test_every_link_leads_to_a_file_and_a_place_in_it(site: Path) -> None:
    # the page of a web server for what is missing has absolute links, and nobody opens it as a file
    files = [path for path in site.rglob("*.html") if path.name != "404.html"]
    pages = {path: path.read_text("utf-8") for path in files}
    places = {
        path: set(re.findall(r"""\bid=["']?([^"'\s>]+)""", text)) for path, text in pages.items()
    }
    dead = []
    for path, text in pages.items():
        for link in _links(text):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith(_ELSEWHERE):
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            name = unquote(parts.fragment)
            if not file.exists():
                dead.append(f"{path.relative_to(site)}: {link}")
            elif name and file in places and name not in places[file] and name != "__":
                dead.append(f"{path.relative_to(site)}: {link} (no such place)")
    assert not dead, dead[:20]
    assert len(pages) > 50


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """Links may lead out; scripts, styles and pictures may not come in."""
    wanted = re.compile(
        r"""<(?:script|img|link|iframe)\b[^>]*(?:src|href)=["']?(https?:[^"'\s>]+)"""
    )
    found = {
        address
        for path in site.rglob("*.html")
        for address in wanted.findall(path.read_text("utf-8"))
    }
    assert not found


def test_search_finds_in_a_browser_that_has_only_the_folder(site: Path) -> None:
    with browser() as tab:
        tab.open((site / "index.html").as_uri())
        tab.run(
            """(() => {
              const field = document.querySelector('[data-md-component=search-query]');
              document.querySelector('[data-md-toggle=search]').click();
              field.focus(); field.value = 'point in time';
              field.dispatchEvent(new Event('keyup', {bubbles: true}));
            })()"""
        )
        end = time.monotonic() + 30
        while not tab.run("document.querySelectorAll('.md-search-result__item').length"):
            assert time.monotonic() < end, "the search finds nothing"
            time.sleep(0.1)
    assert not [url for url in tab.asked if url.startswith("http")]
    assert not tab.complaints


def test_the_command_builds_once_and_finds_pages(
    site: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built: list[Path] = []

    def build(sources: Path, folder: Path) -> None:
        assert (sources / "mkdocs.yml").is_file()
        built.append(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(site)

    opened: list[str] = []
    monkeypatch.setattr(docs, "_build", build)
    monkeypatch.setattr(webbrowser, "open", opened.append)
    docs.docs()
    docs.docs("serving.md", show=False)
    docs.docs("cli")
    assert len(built) == 1
    assert [address.rpartition("/")[2] for address in opened] == ["index.html", "cli.html"]
    assert "serving.html" in capsys.readouterr().out
    with pytest.raises(NotFoundError, match=r"Did you mean 'serving'"):
        docs.docs("servin")
    with pytest.raises(NotFoundError):
        docs.docs("../../../../etc/passwd")


def test_what_is_missing_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mkdocs.yml").write_text("nav: [", "utf-8")
    package = tmp_path / "package"
    package.mkdir()
    monkeypatch.setattr(docs, "_PACKAGE", package)
    with pytest.raises(BuildError, match="cannot be built"):
        docs.docs(show=False)
    assert not list(home.glob("docs/*"))
    monkeypatch.setattr(docs, "_WANTED", ("no_such_builder",))
    with pytest.raises(MissingDependencyError, match=r"mlrun-like\[docs\]"):
        docs.docs(show=False)
    (tmp_path / "mkdocs.yml").unlink()
    with pytest.raises(NotFoundError, match="no pages"):
        docs.docs(show=False)
