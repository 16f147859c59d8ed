"""Bytes of a catalogue, whoever made it: bounded in size and time, and never from beside it.

A web server may only send on to itself: what it says must not make this process ask another host,
such as one that only this machine can reach.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import fsspec

from mlrun_like.artifacts.credentials import credential
from mlrun_like.errors import (
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    StoreUnavailableError,
    TooLargeError,
)
from mlrun_like.marketplace.addresses import check_path
from mlrun_like.marketplace.keeping import folder_of, keep, kept
from mlrun_like.marketplace.source import HubSource
from mlrun_like.packaging.fetching import clone

__all__ = ["FRESH", "Found", "has_file", "names_in", "read_bytes", "root_of"]

FRESH = 600.0
"""Seconds for which a copy is as good as the thing."""
_LATER = 60.0  # seconds until what did not answer, or was not there, is asked for again
_SECONDS = 20.0
_WAIT = 10.0
_BLOCK = 1 << 16
_REDIRECTS = 5
_failed: dict[str, tuple[float, str]] = {}
_cloning = threading.Lock()


class Found(NamedTuple):
    """What was read.

    Args:
        data: The bytes.
        path: A file of this machine that holds them; empty: there is none.
        age: Seconds since they were read from the source.
        error: Why an old copy is given; empty: it is fresh enough.
    """

    data: bytes
    path: str = ""
    age: float = 0.0
    error: str = ""


def read_bytes(source: HubSource, relative: str, most: int, *, refresh: bool = False) -> Found:
    """A file of a catalogue; a kept copy if the catalogue cannot be reached.

    Args:
        source: The catalogue.
        relative: The path below its root.
        most: At most so many bytes.
        refresh: Do not take a copy, however fresh.

    Raises:
        NotFoundError: if it is not there.
        TooLargeError: if it is larger.
        StoreUnavailableError: if the catalogue cannot be reached and there is no copy.
    """
    check_path(relative)
    if not source.remote or source.repository:
        path = _inside(root_of(source, refresh=refresh), relative)
        return Found(_bounded(path, most), str(path))
    address = f"{source.path.rstrip('/')}/{quote(relative)}"
    copy = kept(address)
    fresh = FRESH if copy is None or copy.data is not None else _LATER
    if copy is not None and not refresh and copy.age < fresh:
        return _given(copy.data, str(copy.path), copy.age, "", address)
    since, why = _failed.get(source.path, (0.0, ""))
    try:
        if not refresh and time.monotonic() - since < _LATER and why:
            raise StoreUnavailableError(why)
        data = _fetched(source, address, most)
    except NotFoundError:
        keep(address, None)
        raise
    except StoreUnavailableError as exc:
        if exc.what != why:
            _failed[source.path] = (time.monotonic(), exc.what)
        if copy is None:
            raise
        return _given(copy.data, str(copy.path), copy.age, exc.what, address)
    _failed.pop(source.path, None)
    return Found(data, str(keep(address, data) or ""))


def _given(data: bytes | None, path: str, age: float, error: str, address: str) -> Found:
    if data is None:
        raise NotFoundError("the catalogue has no such file", where=address)
    return Found(data, path, age, error)


def names_in(source: HubSource, relative: str, most: int = 5000) -> list[str]:
    """The folders below a path of a catalogue that can be listed; of a web server: none.

    Args:
        source: The catalogue.
        relative: The path; empty: the root.
        most: At most so many.
    """
    if source.remote and not source.repository:
        return []
    try:
        root = root_of(source)
        place = _inside(root, relative) if relative else root
        with os.scandir(place) as entries:
            # hidden ones, and what Python leaves beside tests
            found = sorted(
                e.name for e in entries if e.is_dir() and not e.name.startswith((".", "__"))
            )
    except (OSError, NotFoundError):
        return []
    return found[:most]


def has_file(source: HubSource, relative: str) -> bool:
    """Whether a catalogue that can be listed has a file."""
    try:
        return _inside(root_of(source), relative).is_file()
    except (InvalidArgumentError, NotFoundError, OSError):
        return False


def root_of(source: HubSource, *, refresh: bool = False) -> Path:
    """The folder of a catalogue that is one, or the copy of a repository.

    Raises:
        StoreUnavailableError: if it is not there, or cannot be cloned and there is no copy.
    """
    if source.repository:
        return _cloned(source, refresh)
    root = Path(source.path.removeprefix("file://")).expanduser()
    if not root.is_dir():
        raise StoreUnavailableError(
            f"the catalogue {source.name!r} is not there", where=str(root), fix="check its path"
        )
    return root


def _inside(root: Path, relative: str) -> Path:
    check_path(relative)
    base, place = os.path.realpath(root), os.path.realpath(root / relative)
    # a link of a catalogue may lead to any file of this machine
    if place != base and not place.startswith(base.rstrip("/") + "/"):
        raise NotFoundError("the catalogue has no such file", where=relative)
    return Path(place)


def _bounded(path: Path, most: int) -> bytes:
    try:
        if not path.is_file():  # also a pipe, which would never end
            raise NotFoundError("the catalogue has no such file", where=str(path))
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as exc:
        raise StoreUnavailableError(
            f"the catalogue cannot be read: {exc}", where=str(path)
        ) from exc
    return _fits(data, most, str(path))


def _fits(data: bytes, most: int, where: str) -> bytes:
    if len(data) > most:
        raise TooLargeError(f"a file of a catalogue has more than {most} bytes", where=where)
    return data


def _fetched(source: HubSource, address: str, most: int) -> bytes:
    try:
        if urlsplit(address).scheme in ("http", "https"):
            return _downloaded(source, address, most)
        with fsspec.open(address, "rb") as file:
            return _fits(file.read(most + 1), most, address)
    except FileNotFoundError as exc:
        raise NotFoundError("the catalogue has no such file", where=address) from exc
    except MLRunLikeError:
        raise
    except Exception as exc:  # any file system of any package may be behind this
        raise StoreUnavailableError(
            f"the catalogue {source.name!r} cannot be read: {str(exc)[:200] or type(exc).__name__}",
            where=address,
        ) from exc


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to the host that was asked, and never out of https."""

    max_redirections = _REDIRECTS

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        before, after = urlsplit(req.full_url), urlsplit(urljoin(req.full_url, newurl))
        same = before.hostname == after.hostname and (
            (before.scheme, before.port) == (after.scheme, after.port)
            or (before.scheme == "http" and after.scheme == "https")
        )
        if not same:
            raise StoreUnavailableError(
                f"the catalogue sends on to another host: {after.hostname or newurl[:80]!r}",
                where=req.full_url,
                fix="give the source the final address as its path",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _downloaded(source: HubSource, address: str, most: int) -> bytes:
    end = time.monotonic() + _SECONDS
    token = credential(f"HUB_TOKEN_{source.token_name}")
    headers = {"User-Agent": "mlrun-like", "Accept-Encoding": "identity"}
    try:
        request = urllib.request.Request(address, headers=headers)
        if token:
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        opener = urllib.request.build_opener(_Staying)
        with opener.open(request, timeout=_WAIT) as answer:
            return _fits(b"".join(_parts(answer, most, end, address)), most, address)
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code in (404, 410):
            raise NotFoundError("the catalogue has no such file", where=address) from exc
        secret = exc.code in (401, 403)
        raise StoreUnavailableError(
            f"the catalogue {source.name!r} answered {exc.code}",
            where=address,
            fix=f"set HUB_TOKEN_{source.token_name}" if secret else "try again later",
        ) from exc
    except (OSError, http.client.HTTPException) as exc:
        raise StoreUnavailableError(
            f"the catalogue {source.name!r} cannot be reached: {str(exc)[:200]}", where=address
        ) from exc
    except ValueError as exc:
        if isinstance(exc, MLRunLikeError):
            raise
        raise InvalidArgumentError(f"{address!r:.80} is not a usable URL") from exc


def _parts(answer: Any, most: int, end: float, address: str) -> Iterator[bytes]:
    size = 0
    while part := answer.read1(_BLOCK):
        size += len(part)
        yield part
        if size > most:
            return
        if time.monotonic() > end:  # a server that sends a byte now and then never times out
            raise StoreUnavailableError("the catalogue sends too slowly", where=address)
    if answer.length:  # `read1` takes the end of the connection for that of the file
        raise StoreUnavailableError("the catalogue broke off", where=address)


def _cloned(source: HubSource, refresh: bool) -> Path:
    place = folder_of(source.path)
    tree, stamp = place / "tree", place / "read"
    with _cloning:
        try:
            age = time.time() - stamp.stat().st_mtime
        except OSError:
            age = float("inf")
        if tree.is_dir() and age < FRESH and not refresh:
            return tree
        fresh = place / f"tree-{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        address, _, ref = source.path.partition("#")
        token = credential(f"HUB_TOKEN_{source.token_name}")
        try:
            clone(address, ref, fresh, {"GIT_TOKEN": token} if token else None)
            shutil.rmtree(tree, ignore_errors=True)
            os.rename(fresh, tree)
            stamp.touch()
        except (OSError, subprocess.SubprocessError) as exc:
            shutil.rmtree(fresh, ignore_errors=True)
            if not tree.is_dir():
                raise StoreUnavailableError(
                    f"the catalogue {source.name!r} cannot be cloned: {str(exc)[:200]}",
                    where=address,
                ) from exc
    return tree
