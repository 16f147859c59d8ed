"""`mlrun-like docs`: the whole documentation in the browser, without a network."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

import mlrun_like
from mlrun_like.configuration import config, environment_copy
from mlrun_like.errors import BuildError, NotFoundError, nearest
from mlrun_like.registry import require

__all__ = ["docs", "site_folder"]

_PACKAGE = Path(mlrun_like.__file__).parent
_CONFIG = "mkdocs.yml"
_WANTED = ("mkdocs", "material", "mkdocstrings", "nbformat")


def docs(
    page: Annotated[
        str, typer.Argument(help="A page, such as serving, or the code of an error.")
    ] = "",
    show: Annotated[
        bool, typer.Option("--open/--print", help="Open the browser, or only print the address.")
    ] = True,
) -> None:
    """Open the documentation of this version; search works, nothing is fetched from elsewhere.

    mlrun-like docs

    mlrun-like docs serving

    mlrun-like docs not_found

    mlrun-like docs --print
    """
    file = _page(site_folder(), page)
    address = file.resolve().as_uri()
    typer.echo(address)
    if show:
        webbrowser.open(address)


def site_folder() -> Path:
    """The folder of the built site: what came with the package, else built once from its pages.

    Raises:
        NotFoundError: if the package came without its pages.
        MissingDependencyError: if the site must be built and what builds it is not installed.
        BuildError: if it cannot be built.
    """
    ready = _PACKAGE / "manual" / "site"
    if (ready / "index.html").is_file():
        return ready
    sources = next(
        (each for each in (_PACKAGE / "manual", _PACKAGE.parent) if (each / _CONFIG).is_file()),
        None,
    )
    if sources is None:
        raise NotFoundError(
            "this installation has no pages",
            where=str(_PACKAGE),
            fix="install the package from its wheel, or run this in a checkout",
        )
    folder = config.path("docs", _state(sources))
    if not (folder / "index.html").is_file():
        _build(sources, folder)
    return folder


def _state(sources: Path) -> str:
    """A name for what the pages are now: another one as soon as one of them changes."""
    found = hashlib.sha256(mlrun_like.__version__.encode())
    for top in (sources / _CONFIG, sources / "docs", sources / "notebooks"):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                found.update(str(path.relative_to(sources)).encode() + path.read_bytes())
    return found.hexdigest()[:12]


def _build(sources: Path, folder: Path) -> None:
    for package in _WANTED:
        require(package, feature="building the documentation", extra="docs")
    require("fastapi", feature="building the documentation", extra="service")
    typer.echo("building the documentation, once for this version ...", err=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        command = [sys.executable, "-m", "mkdocs", "build", "--quiet"]
        done = subprocess.run(
            [*command, "--config-file", str(sources / _CONFIG), "--site-dir", str(made)],
            cwd=sources,
            env={**environment_copy(), "NO_MKDOCS_2_WARNING": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BuildError(
                "the documentation cannot be built",
                where=str(sources),
                fix=(done.stderr or done.stdout)[-2000:],
            )
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _page(site: Path, page: str) -> Path:
    name = page.strip("/").removesuffix(".md").removesuffix(".html") or "index"
    for place in (name, f"errors/{name}", f"reference/{name}", f"tutorials/{name}"):
        file = site / f"{place}.html"
        if file.is_file() and file.resolve().is_relative_to(site.resolve()):
            return file
    known = [str(p.relative_to(site).with_suffix("")) for p in site.rglob("*.html")]
    raise NotFoundError(
        f"the documentation has no page {page!r:.80}.{nearest(name, known)}",
        where=str(site),
        fix="mlrun-like docs opens the first page, which has a search",
    )
