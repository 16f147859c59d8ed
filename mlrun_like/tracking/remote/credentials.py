"""Tokens for services: which one is sent where.

In this order: the token in the address that was given, the setting `access_key`, the file
`credentials` in the home folder, which `mlrun-like login` writes. The file belongs to its owner
alone; a token in it is for one scheme, host and port.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.meant import meant_address, meant_session, meant_store
from mlrun_like.tracking.remote.address import Address, parse_address

__all__ = [
    "credentials_file",
    "forget_token",
    "forget_tokens",
    "known_services",
    "remember_token",
    "save_token",
    "service_address",
    "token_for",
]

_LARGEST = 1 << 20
_given: dict[str, str] = {}
"""Tokens that were in addresses, by address."""
_lock = threading.Lock()


def credentials_file(folder: str | Path | None = None) -> Path:
    """Where tokens are kept."""
    return Path(folder) / "credentials" if folder else config.path("credentials")


def remember_token(address: Address) -> None:
    """Use the token of an address in this process from now on, if there is one in it."""
    if address.token:
        _given[address.url] = address.token


def forget_tokens() -> None:
    """Forget the tokens that addresses of stores held."""
    _given.clear()


def token_for(url: str) -> str:
    """The token to send to a service; empty: none.

    Args:
        url: Its address.
    """
    address = parse_address(url)
    if address.token:
        return address.token
    session = meant_session()
    ours = session is None or session.sends_to(address.origin)
    found = _given.get(address.url) or (config.access_key if ours else "")
    if found:
        return str(found)
    entry = _read(credentials_file()).get(address.origin)
    token = entry.get("token") if isinstance(entry, dict) else entry
    return token if isinstance(token, str) and token.isprintable() and token.isascii() else ""


def service_address() -> tuple[str, str]:
    """The address of the service that is meant, and its `Authorization` header; else empty."""
    text, store = meant_address(), meant_store()
    if not text.lower().startswith(("http://", "https://")):
        return "", ""
    address = parse_address(text)
    token = token_for(text) if store is None else store.token()
    return address.url, f"Bearer {token}" if token else ""


def save_token(url: str, token: str, user: str = "", folder: str | Path | None = None) -> Path:
    """Keep a token for a service; where it is now.

    Args:
        url: The service's address.
        token: Its token.
        user: Whose; shown, not used.
        folder: The home folder; by default the configured one.

    Raises:
        InvalidArgumentError: if the token holds characters that no header can.
    """
    address = parse_address(url)
    if not token or not token.isascii() or not token.isprintable():
        raise InvalidArgumentError(
            "the token is empty or holds characters that no token has", fix="copy it once more"
        )
    path = credentials_file(folder)
    with _changing(path) as entries:
        entries[address.origin] = {"user": user, "token": token}
    return path


def known_services(folder: str | Path | None = None) -> list[str]:
    """The addresses that tokens are kept for.

    >>> known_services()
    []
    """
    return sorted(_read(credentials_file(folder)))


def forget_token(url: str, folder: str | Path | None = None) -> bool:
    """Remove the token of a service; whether there was one."""
    origin, path = parse_address(url).origin, credentials_file(folder)
    if origin not in _read(path):
        return False
    with _changing(path) as entries:
        return entries.pop(origin, None) is not None


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[dict[str, Any]]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock:
        entries = _read(path)
        yield entries
        # a new file takes its place: nobody ever sees a half one, or one that others may read
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".credentials-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(entries, stream, indent=1)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _read(path: Path) -> dict[str, Any]:
    """The entries; none of a file that is missing or damaged."""
    try:
        if path.stat().st_size > _LARGEST:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
