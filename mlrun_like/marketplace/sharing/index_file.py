"""The index of a catalogue as a file: one writer at a time, and readers see the old or the new."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, SpecError, StoreUnavailableError
from mlrun_like.marketplace.sharing.signing import Signer
from mlrun_like.marketplace.signatures import serials_in, signed_bytes

__all__ = ["locked", "read_rows", "write_rows"]

_INDEX = 16 << 20


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One publisher at a time; the system ends the lock of one that is killed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as exc:
        raise InvalidArgumentError(
            f"nothing can be written to the catalogue: {exc}", where=str(path.parent)
        ) from exc
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_rows(path: Path) -> dict[str, Any]:
    """What an index says; nothing if it is not there yet.

    Raises:
        SpecError: if it is no index, or larger than one may be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_INDEX + 1)
        found = json.loads(data) if len(data) <= _INDEX else None
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise StoreUnavailableError(f"the index cannot be read: {exc}", where=str(path)) from exc
    except (ValueError, RecursionError) as exc:
        raise SpecError(f"the index is not JSON: {str(exc)[:200]}", where=str(path)) from exc
    if not isinstance(found, dict):
        raise SpecError("the index is no mapping of names", where=str(path))
    return found


def write_rows(path: Path, index: Mapping[str, Any], signer: Signer | None = None) -> None:
    """Replace an index, and its signature.

    Raises:
        InvalidArgumentError: if it was signed, and would not be any more.
    """
    data = (json.dumps(index, indent=2, sort_keys=True) + "\n").encode()
    signatures, old = path.with_name(f"{path.name}.sig"), b""
    if signer is None:
        if signatures.exists():
            raise InvalidArgumentError(
                "the index of this catalogue is signed, and no key was given",
                where=str(path),
                fix="publish with --sign KEY.pem",
            )
        return _replace(path, data)
    with contextlib.suppress(FileNotFoundError):
        old = signatures.read_bytes()
    known = serials_in(old)
    # growing even where a clock was set back
    serial = max([int(time.time()), *(number + 1 for number, _ in known)])
    place = "/".join(path.parts[-3:])
    fresh = b"%d %s\n" % (serial, signer.sign(signed_bytes(place, serial, data)))
    # until the index is replaced, both the old and the new one have their signature
    kept = b"".join(b"%d %s\n" % line for line in known[:4])
    _replace(signatures, fresh + kept)
    _replace(path, data)
    return _replace(signatures, fresh)


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
