"""Paths inside a catalogue; none of them leaves it.

MLRun's layout is `functions/<channel>/<name>/<tag>/src/function.yaml` (also `modules`, `steps`),
beside `functions/<channel>/catalog.json`. A plain folder has `<name>/[<tag>/][src/]function.yaml`;
a repository from which catalogues are made has `functions/src/<name>/function.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlrun_like.errors import InvalidArgumentError

__all__ = ["KINDS", "check_name", "check_path", "item_folders", "spellings"]

KINDS = ("functions", "modules", "steps")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,127}\Z", re.ASCII)
_PART = re.compile(r"[\w.+@=, ()-]{1,200}\Z")


def check_name(text: object, what: str = "name") -> str:
    """A name, tag or channel as it may stand in a path.

    >>> check_name("auto_trainer")
    'auto_trainer'

    Raises:
        InvalidArgumentError: if it may not.
    """
    if not isinstance(text, str) or not _NAME.match(text) or ".." in text:
        raise InvalidArgumentError(
            f"{text!r:.80} is no {what} in a catalogue",
            fix="use letters, digits, '_', '-' and '.'; a letter or digit first",
        )
    return text


def check_path(path: object) -> str:
    """A relative path below an item or catalogue, with plain slashes.

    >>> check_path("src/function.yaml")
    'src/function.yaml'

    Raises:
        InvalidArgumentError: if it could lead anywhere else.
    """
    text = path if isinstance(path, str) else ""
    parts = text.split("/")
    if not text or len(parts) > 20 or any(not _PART.match(p) or p in (".", "..") for p in parts):
        raise InvalidArgumentError(
            f"{path!r:.80} is no path inside a catalogue", fix="for example src/function.yaml"
        )
    return text


def spellings(name: str) -> tuple[str, ...]:
    """A name as it is, then as MLRun's hub writes it, and back.

    >>> spellings("auto-trainer")
    ('auto-trainer', 'auto_trainer')
    """
    return tuple(dict.fromkeys((name, name.replace("-", "_"), name.replace("_", "-"))))


def item_folders(name: str, tag: str, channel: str, kind: str) -> Iterator[str]:
    """Where an item's files may be, the likeliest first; each with a slash at its end.

    Args:
        name: Its name.
        tag: Its version; empty: the newest.
        channel: The catalogue's channel.
        kind: `functions`, `modules` or `steps`.
    """
    for each in spellings(name):
        if kind == "functions":
            for version in [tag] if tag else ["", "latest"]:
                folder = f"{each}/{version}/" if version else f"{each}/"
                yield folder
                yield f"{folder}src/"
        yield f"{kind}/{channel}/{each}/{tag or 'latest'}/src/"
        if not tag:
            yield f"{kind}/src/{each}/"
