"""`nuclio.archive`: where code is stored: files, folders and archives, here or at a URL."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import yaml

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.runtimes.nuclio.entries import code_entry

__all__ = [
    "ExternalRepo",
    "FileRepo",
    "GitRepo",
    "HttpRepo",
    "S3Repo",
    "V3ioRepo",
    "build_zip",
    "get_archive_config",
    "get_from_zip",
    "is_archive",
    "load_zip_config",
    "put_data",
    "upload_file",
    "url2repo",
]


class ExternalRepo:
    """A place for a text or a file.

    Args:
        url: Its path or URL.
    """

    kind: ClassVar[str] = ""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.path = urlsplit(url).path

    def get(self) -> str:
        """The text in it."""
        return str(get_dataitem(self.url).get(encoding="utf-8"))

    def put(self, data: str) -> None:
        """Write a text."""
        get_dataitem(self.url).put(data)

    def download(self, target_path: str) -> None:
        """Copy it into a file."""
        get_dataitem(self.url).download(target_path)

    def upload(self, src_path: str) -> None:
        """Copy a file to it."""
        get_dataitem(self.url).upload(src_path)


class FileRepo(ExternalRepo):
    """A file here."""

    kind = "file"


class S3Repo(ExternalRepo):
    """An object of S3."""

    kind = "s3"


class HttpRepo(ExternalRepo):
    """What a URL answers."""

    kind = "http"


class V3ioRepo(ExternalRepo):
    """A file of v3io."""

    kind = "v3io"


class GitRepo(ExternalRepo):
    """A repository, which Nuclio fetches itself: `git://github.com/org/repo#branch`."""

    kind = "git"

    def get(self) -> str:
        """Not possible.

        Raises:
            InvalidArgumentError: always.
        """
        raise InvalidArgumentError("a repository is no file", where=self.url, fix="use git")

    def put(self, data: str) -> None:
        """Not possible, as `get`."""
        self.get()

    def download(self, target_path: str) -> None:
        """Not possible, as `get`."""
        self.get()

    def upload(self, src_path: str) -> None:
        """Not possible, as `get`."""
        self.get()


_REPOS: Mapping[str, type[ExternalRepo]] = {
    "": FileRepo,
    "s3": S3Repo,
    "git": GitRepo,
    "http": HttpRepo,
    "https": HttpRepo,
    "v3io": V3ioRepo,
    "v3ios": V3ioRepo,
}


def url2repo(url: str = "") -> ExternalRepo:
    """The place at a path or URL.

    Raises:
        InvalidArgumentError: if nothing is known of its scheme.

    >>> url2repo("s3://bucket/function.zip").kind
    's3'
    """
    scheme = urlsplit(url).scheme.lower() if "://" in url else ""
    if scheme not in _REPOS:
        raise InvalidArgumentError(
            f"unsupported repo scheme ({scheme})",
            where=url,
            fix=f"a path, or a URL of {', '.join(filter(None, _REPOS))}",
        )
    return _REPOS[scheme](url)


def put_data(url: str, data: str) -> None:
    """Write a text to a path or URL."""
    url2repo(url).put(data)


def upload_file(file_path: str, url: str, del_file: bool = False) -> None:
    """Copy a file to a path or URL; with `del_file` it is then gone here."""
    url2repo(url).upload(file_path)
    if del_file:
        Path(file_path).unlink()


def is_archive(url: str) -> bool:
    """Whether a URL is of an archive or a repository.

    Raises:
        InvalidArgumentError: if it is a file here, where Nuclio cannot fetch it.
    """
    found = urlsplit(url).path.endswith(".zip") or url.lower().startswith("git://")
    if found and "://" not in url:
        raise InvalidArgumentError(
            "load from archive require a remote path",
            where=url,
            fix="upload it, and name its URL: s3://, http(s):// or v3io://",
        )
    return found


def build_zip(
    zip_path: str,
    config: dict[str, Any],
    code: str,
    files: Iterable[str] | None = None,
    ext: str = ".py",
    handler: str = "handler",
) -> None:
    """Write an archive: the code, its configuration and further files.

    Args:
        zip_path: The archive.
        config: The configuration; without its name and its code from now on.
        code: The code.
        files: Further files.
        ext: What the file of code ends with.
        handler: Its name.

    Raises:
        MissingFileError: if a file is not there; nothing is written then.
    """
    named = list(files or ())
    for file in named:
        if not Path(file).is_file():
            raise MissingFileError(f"file name {file} not found", fix="check the path")
    config["spec"]["build"].pop("functionSourceCode", None)
    config["metadata"].pop("name", None)
    with zipfile.ZipFile(zip_path, "w") as archive:
        archive.writestr(handler + ext, code)
        archive.writestr("function.yaml", yaml.safe_dump(config, default_flow_style=False))
        for file in named:
            archive.write(file)


def get_from_zip(zip_path: str, files: Iterable[str] | None = None) -> dict[str, str]:
    """The texts of files in an archive.

    Raises:
        MissingFileError: if it has no such file.
        InvalidArgumentError: if it is no archive.
    """
    try:
        with zipfile.ZipFile(zip_path) as archive:
            return {file: archive.read(file).decode() for file in files or ()}
    except KeyError as exc:
        raise MissingFileError(str(exc.args[0]), where=str(zip_path)) from exc
    except (zipfile.BadZipFile, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"this cannot be read: {exc}", where=str(zip_path)) from exc


def load_zip_config(zip_path: str) -> tuple[str, str]:
    """Code and configuration of an archive, as texts."""
    found = get_from_zip(zip_path, ["function.yaml", "handler.py"])
    return found["handler.py"], found["function.yaml"]


def get_archive_config(name: str, zip_url: str) -> dict[str, Any]:
    """The configuration of a function whose code Nuclio fetches.

    Args:
        name: The function's name.
        zip_url: An archive or repository; after `#` the folder in it (for git
            `#branch[:folder]`).

    Raises:
        InvalidArgumentError: if Nuclio cannot fetch it.
    """
    address, _, inside = zip_url.partition("#")
    branch, _, folder = inside.partition(":") if address.startswith("git://") else ("", "", inside)
    login = {"V3IO_ACCESS_KEY": environment("V3IO_ACCESS_KEY")} if "v3io" in address[:5] else {}
    source = f"{address}#{branch}" if branch else address
    return {
        "apiVersion": "nuclio.io/v1",
        "kind": "Function",
        "metadata": {"name": name, "labels": {}, "annotations": {}},
        "spec": {"env": [], "volumes": [], "build": code_entry(source, folder, login)},
    }
