"""The keys that seal secrets: of the setting, else of a file that only its owner can read."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, ConflictError

__all__ = ["Keyring", "add_key", "drop_old_keys", "key_file", "keyring"]

_FILE = "service.keys"
_HEAD = (
    "# keys that seal the secrets of projects, the newest first; without them nobody reads them\n"
)


class Keyring:
    """Keys, the newest first: it seals, all open.

    Args:
        keys: Fernet keys.
        origin: Where they come from, for errors.

    Raises:
        ConfigError: if there is none, or one is no key.

    >>> ring = Keyring([Fernet.generate_key().decode()])
    >>> ring.open(ring.seal("s3cret"), ring.name)
    's3cret'
    """

    def __init__(self, keys: Sequence[str], origin: str = "") -> None:
        try:
            self._ring = MultiFernet([Fernet(key) for key in keys])
        except (ValueError, TypeError):
            # the cause would show the key
            raise ConfigError(
                "a key for secrets is missing or none",
                where=origin,
                fix="a key is 32 random bytes in URL-safe base 64: mlrun-like service rotate-key",
            ) from None
        self.names = tuple(_name(key) for key in keys)
        self.name = self.names[0]
        self.origin = origin

    def __repr__(self) -> str:
        return f"<keys: {', '.join(self.names)}>"

    def seal(self, text: str) -> str:
        """A text that only these keys open."""
        return self._ring.encrypt(text.encode("utf-8")).decode("ascii")

    def open(self, sealed: str, key: str = "") -> str:
        """What was sealed.

        Raises:
            ConflictError: if none of the keys opens it.
        """
        try:
            return self._ring.decrypt(sealed.encode("ascii", "replace")).decode("utf-8")
        except (InvalidToken, ValueError):
            raise ConflictError(
                f"no key opens this secret; it was sealed with the key {key or 'unknown'}",
                where=f"keys {', '.join(self.names)} of {self.origin}",
                fix="give the service that key again (service_secret_keys, or the file "
                f"{_FILE} of a backup), or set the secret anew",
            ) from None


def key_file() -> Path:
    """Where keys are, if the setting has none."""
    return config.path(_FILE)


def keyring() -> Keyring:
    """The keys as they are now; the first one is made on first use.

    Raises:
        ConfigError: if they cannot be read.
        ConflictError: if others may read the file.
    """
    given = [key.strip() for key in config.service_secret_keys.split(",") if key.strip()]
    if given:
        return Keyring(given, "setting service_secret_keys")
    keys = _read()
    if not keys:
        keys = _first()
    return Keyring(keys, str(key_file()))


def add_key() -> Keyring:
    """Put a new key before the others; what was sealed with those can still be opened.

    Raises:
        ConfigError: if the keys are in a setting, which nobody can change from here.
    """
    _refuse_setting()
    with _changing():
        _write([Fernet.generate_key().decode(), *_read()])
    return keyring()


def drop_old_keys() -> int:
    """Keep the newest key and the one before; how many went.

    A process that took its keys just before the last rotation may still seal with the one before.
    """
    _refuse_setting()
    with _changing():
        keys = _read()
        _write(keys[:2])
    return max(0, len(keys) - 2)


@contextlib.contextmanager
def _changing() -> Iterator[None]:
    """Two that change the file wait for each other: a key that is lost cannot be had again."""
    path = key_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _refuse_setting() -> None:
    if config.service_secret_keys:
        raise ConfigError(
            "the keys are in the setting service_secret_keys",
            where=str(config.explain("service_secret_keys")[1]),
            fix="put a new key before the others there, restart the service, then run "
            "mlrun-like service rotate-key --reseal-only",
        )


def _first() -> list[str]:
    """Make the first key. Of two processes at once one makes it, and both use it."""
    path = key_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{_FILE}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(_HEAD + Fernet.generate_key().decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
    return _read()


def _read() -> list[str]:
    path = key_file()
    try:
        with path.open(encoding="ascii") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise ConflictError(
                    "other users may read the keys of secrets",
                    where=str(path),
                    fix=f"chmod 600 {path}, then mlrun-like service rotate-key",
                )
            lines = file.read(1 << 20).splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as exc:
        raise ConfigError(
            f"the keys of secrets cannot be read: {type(exc).__name__}", where=str(path)
        ) from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _write(keys: Sequence[str]) -> None:
    """A reader sees the old keys or the new ones, also after a power cut."""
    path = key_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{_FILE}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(_HEAD + "".join(f"{key}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _name(key: str) -> str:
    return hashlib.sha256(b"mlrun-like key " + key.encode("utf-8")).hexdigest()[:16]
