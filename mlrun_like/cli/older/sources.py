"""`mlrun load-source` and `watch-stream`: what containers and people call besides."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.compat.adapted.runtimes.streams import watch_stream as watch
from mlrun_like.configuration import config
from mlrun_like.errors import PackagingError
from mlrun_like.packaging.fetching import fetch_source

__all__ = ["load_source", "watch_stream"]


def load_source(
    source_uri: Annotated[str, typer.Argument(help="store://, git://, .zip or .tar.gz.")],
    project: Annotated[str, typer.Option("--project", "-p", help="Of a store:// URI.")] = "",
    target: Annotated[
        str, typer.Option("--target", "-t", help="The folder to write to.")
    ] = "/home/mlrun_code",
) -> None:
    """Load source code into a folder.

    mlrun load-source git://github.com/org/repo.git#main -t /tmp/code
    """
    folder = Path(target)
    if source_uri.startswith("store://"):
        with config.override(default_project=project or config.default_project):
            item = get_dataitem(source_uri)
            folder.mkdir(parents=True, exist_ok=True)
            item.download(str(folder / Path(item.url).name))
    else:
        # the folder may be a volume's, which can be neither moved nor replaced, and hold files
        with tempfile.TemporaryDirectory() as place:
            found = fetch_source(source_uri, Path(place, "code"))
            try:
                _make_room(Path(found), folder)
                shutil.copytree(found, folder, symlinks=True, dirs_exist_ok=True)
            except OSError as exc:
                raise PackagingError(
                    f"the source cannot be copied: {exc}"[:400], where=str(folder),
                    fix="load it into another folder: --target",
                ) from exc  # fmt: skip
    typer.echo(f"Successfully loaded source to: {folder}")


def _make_room(source: Path, target: Path) -> None:
    """Remove links where something comes, else it went where they lead to; and files where a link
    comes."""
    for item in source.iterdir():
        place = target / item.name
        folder = item.is_dir() and not item.is_symlink()
        if place.is_symlink() or (place.is_file() and item.is_symlink()):
            place.unlink()
        elif folder and place.is_dir():
            _make_room(item, place)
        elif place.is_dir():
            raise IsADirectoryError(f"{place} is a folder")  # the copy would go into it


def watch_stream(
    url: Annotated[str, typer.Argument(help="The stream.")],
    shard_ids: Annotated[
        list[int] | None, typer.Option("--shard-ids", "-s", help="Shards to listen on.")
    ] = None,
    seek: Annotated[str, typer.Option("--seek", help="EARLIEST or LATEST.")] = "",
    interval: Annotated[int, typer.Option("--interval", "-i", help="Seconds.")] = 3,
    is_json: Annotated[bool, typer.Option("--is-json", "-j", help="Events are JSON.")] = False,
) -> None:
    """Print what comes into a stream, until the keyboard interrupts.

    mlrun watch-stream v3io:///projects/demo/events --is-json
    """
    watch(url, shard_ids, seek or None, interval=interval, is_json=is_json)
