"""URLs and paths in place of which settings name folders: `v3io_root`, `url_map`, sample data."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, InvalidArgumentError

__all__ = ["SAMPLES", "mapped_url"]

SAMPLES = "https://s3.wasabisys.com/iguazio/"
"""Where MLRun's tutorials have their data."""
_V3IO = ("v3io://", "v3ios://")


def mapped_url(url: str) -> str:
    """What is opened for a URL: the same, or its place below a folder that a setting names.

    Args:
        url: Any URL or path.

    Raises:
        ConfigError: if the setting `url_map` cannot be read.
        InvalidArgumentError: if the URL leads out of the folder.

    >>> with config.override(url_map="https://data.example/=/mnt/data", v3io_root="/v3io"):
    ...     mapped_url("https://data.example/a/b.csv"), mapped_url("v3io:///projects/x.csv")
    ('/mnt/data/a/b.csv', '/v3io/projects/x.csv')
    """
    if "://" not in url:
        return _real(url) if config.item_to_real_path else url
    best = max((row for row in _rows() if _begins(url, row[0])), key=_length, default=None)
    if best is not None:
        return _below(best[1], url[len(best[0]) :], url)
    root = config.v3io_root
    if root and url.lower().startswith(_V3IO):
        parts = urlsplit(url)
        host = parts.netloc
        # a container's name has no dots; an address of the platform's does
        inside = parts.path if "." in host or ":" in host else f"{host}{parts.path}"
        return _below(root, inside, url)
    return url


def _real(path: str) -> str:
    """A path below the folder that the setting `item_to_real_path` names."""
    begin, mark, place = config.item_to_real_path.partition("::")
    begin = begin.strip().rstrip("/\\")
    if not mark or not begin or not place.strip():
        raise ConfigError(
            f"setting 'item_to_real_path' cannot hold {config.item_to_real_path!r:.80}",
            fix="for example '/data::/mnt/data'",
        )
    rest = path[len(begin) :]
    if not path.startswith(begin) or rest[:1] not in ("", "/", "\\"):
        return path
    return _below(place.strip(), rest.lstrip("\\"), path)


def _rows() -> list[tuple[str, str]]:
    rows = []
    samples = config.sample_data_prefix
    if samples and samples != SAMPLES:
        rows.append((SAMPLES, samples))
    for part in filter(None, (text.strip() for text in config.url_map.split(";"))):
        prefix, mark, place = part.partition("=")
        if not mark or "://" not in prefix or not place.strip():
            raise ConfigError(
                f"setting 'url_map' cannot hold {part!r:.80}",
                fix="for example MLRUN_LIKE_URL_MAP='hub://=./hub;https://host/data/=./data'",
            )
        rows.append((prefix.strip(), place.strip()))
    return rows


def _begins(url: str, prefix: str) -> bool:
    return url.startswith(prefix) and (prefix.endswith("/") or url[len(prefix) :][:1] in ("", "/"))


def _length(row: tuple[str, str]) -> int:
    return len(row[0])


def _below(root: str, inside: str, url: str) -> str:
    path = PurePosixPath(inside.lstrip("/"))
    if ".." in (*path.parts, *PurePosixPath(unquote(inside)).parts):  # stores may decode it
        raise InvalidArgumentError(
            f"{url!r:.200} leads out of {root!r}", fix="write the path without '..'"
        )
    end = "/" if inside.endswith("/") and path.parts else ""
    return "/".join(filter(None, (root.rstrip("/"), str(path) if path.parts else ""))) + end
