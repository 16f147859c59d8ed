"""`mlrun-like version`."""

from __future__ import annotations

import platform

import typer

from mlrun_like import __version__
from mlrun_like.cli.output import Json, print_json

__all__ = ["version"]


def version(as_json: Json = False) -> None:
    """Print the version.

    mlrun-like version
    """
    if as_json:
        print_json({"version": __version__, "python": platform.python_version()})
    else:
        typer.echo(f"mlrun-like {__version__} (Python {platform.python_version()})")
