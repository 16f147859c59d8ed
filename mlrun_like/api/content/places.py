"""Which files the service opens for somebody.

The place of an artifact is what a client wrote into its record, so it is no reason to trust it.
Opened are: the project's own files, the folders and URLs that the setting `service_data_urls`
names, and text in the record itself. Web addresses, where they are named at all, are resolved once,
must be public, and redirects are not followed.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlencode

from mlrun_like.api.content.public_web import PublicWebStore
from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.service_root import (
    RootStore,
    check_path,
    root_url,
    split_service_url,
)
from mlrun_like.artifacts.stores import join_url, redact, scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
)
from mlrun_like.names import check_project
from mlrun_like.types import Document

__all__ = [
    "Target",
    "artifact_target",
    "forget_files",
    "has_files",
    "open_target",
    "project_file",
]


@dataclass(frozen=True)
class Target:
    """Something to look at.

    Args:
        project: The project for whose members it is opened.
        name: The name that people see.
        url: Where it is; empty: nowhere.
        inline: The text, if the record holds it.
        document: The artifact it belongs to, if any.
        view: Where the service shows it in place.
    """

    project: str
    name: str
    url: str = ""
    inline: str | None = None
    document: Document = field(default_factory=dict)
    view: str = ""

    def child(self, path: str) -> Target:
        """A file below this folder.

        Raises:
            InvalidArgumentError: if the path would lead out of it.
        """
        clean = check_path(path)
        name = clean.rpartition("/")[2]
        mark = "&" if "?" in self.view else "?"
        view = f"{self.view}{mark}path={quote(clean, safe='/')}"
        return Target(self.project, name, join_url(self.url, clean), None, self.document, view)

    def open(self) -> DataItem:
        """The file or folder. Raises AccessDeniedError if the service may not open it."""
        return open_target(self.url, self.project)


def artifact_target(document: Document, *, project: str, path: str = "") -> Target:
    """What an artifact's record points at.

    Args:
        document: The record.
        project: The project for whose members it is opened.
        path: A file in it, if it is a folder.

    Raises:
        NotFoundError: if it names no place.
    """
    spec = document.get("spec") or {}
    url = str(spec.get("target_path") or "")
    key = str((document.get("metadata") or {}).get("key") or "artifact")
    view = _view(document, project)
    inline = spec.get("inline")
    if isinstance(inline, str) and not path:
        form = str(spec.get("format") or "")
        name = key if not form or key.endswith(f".{form}") else f"{key}.{form}"
        return Target(project, name, url, inline, document, view)
    if not url or scheme_of(url) in ("store", "memory"):
        raise NotFoundError(f"artifact {key!r} has no file", fix="its record names no place")
    name = redact(url).rstrip("/").rpartition("/")[2] or key
    found = Target(project, name, url, None, document, view)
    return found.child(path) if path else found


def project_file(project: str, path: str) -> Target:
    """A file of a project's own."""
    clean = check_path(path, empty=True)
    url = join_url(f"service://{project}", clean)
    view = f"/api/v1/projects/{quote(project)}/file-view/{quote(clean)}"
    return Target(project, clean.rpartition("/")[2], url, None, {}, view)


def has_files(project: str) -> bool:
    """Whether a project has files of its own at the service."""
    try:
        return bool(RootStore().list(check_project(project)))
    except MissingFileError:
        return False


def forget_files(project: str) -> None:
    """Remove a project's own files: who makes one of the same name later shall not find them."""
    with contextlib.suppress(MissingFileError):
        RootStore().delete(check_project(project), recursive=True)


def _view(document: Document, project: str) -> str:
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    key = str(spec.get("db_key") or metadata.get("key") or "")
    query = {"uid": metadata.get("uid")} if metadata.get("uid") else {"tree": metadata.get("tree")}
    named = urlencode({name: str(value) for name, value in query.items() if value})
    place = f"/api/v1/projects/{quote(project, safe='')}/artifacts/{quote(key, safe='')}/view"
    return f"{place}?{named}" if named else place


def open_target(url: str, project: str) -> DataItem:
    """The file or folder at a URL, if the service opens it for members of a project.

    Raises:
        AccessDeniedError: if it does not; the message names the setting.
        InvalidArgumentError: if it is no URL.
    """
    if not url or len(url) > 4096 or any(ord(c) < 32 for c in url):
        raise InvalidArgumentError("this is not a URL or path", fix="write service://…")
    own = _own_path(url, project)
    if own is not None:
        store = RootStore()
        return DataItem("", store, own, f"service://{own}")
    for prefix in _allowed(project):
        if _below(url, prefix):
            return _open(url, prefix)
    raise AccessDeniedError(
        f"the service does not open {redact(url)[:200]!r}",
        where=f"project {project!r}",
        fix="put it below artifacts of this project (service://…), or ask whoever runs the service "
        "to name it in service_data_urls",
    )


def _own_path(url: str, project: str) -> str | None:
    """The path in the service's own files; None: it is not one of this project's."""
    if scheme_of(url) == "service":
        named, path = split_service_url(url)
        return join_url(named, path) if named == project else None
    root = root_url()
    for prefix in (join_url(root, project), f"file://{join_url(root, project)}"):
        if url == prefix or url.startswith(f"{prefix.rstrip('/')}/"):
            rest = url[len(prefix) :].strip("/")
            return join_url(project, check_path(unquote(rest) if "://" in prefix else rest))
    return None


def _allowed(project: str) -> list[str]:
    texts = (one.strip() for one in config.service_data_urls.split(","))
    return [one.replace("{project}", project) for one in texts if one]


def _below(url: str, prefix: str) -> bool:
    scheme = scheme_of(prefix)
    if scheme in ("", "file"):
        return scheme_of(url) in ("", "file") and _plain(url).startswith(_folder(prefix))
    if not url.startswith(prefix.rstrip("/") + "/") or scheme_of(url) != scheme:
        return False
    # what is below must be plain: no dots, no other host by a trick, no query
    rest = url[len(prefix.rstrip("/")) + 1 :]
    try:
        check_path(rest, empty=True)
    except InvalidArgumentError:
        return False
    return not set(rest) & set("?#@")


def _plain(url: str) -> str:
    path = unquote(url[len("file://") :]) if scheme_of(url) else url
    return os.path.realpath(path) if path.startswith("/") and "\0" not in path else ""


def _folder(prefix: str) -> str:
    return _plain(prefix).rstrip("/") + "/"


def _open(url: str, prefix: str) -> DataItem:
    scheme = scheme_of(url)
    if scheme in ("http", "https"):
        return DataItem("", PublicWebStore(scheme), url)
    if scheme in ("", "file"):
        return open_url(Path(_plain(url)))
    del prefix
    return open_url(url)
