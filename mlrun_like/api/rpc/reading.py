"""Bodies of requests: unpacked and parsed, whatever is in them."""

from __future__ import annotations

import json
import zlib
from typing import Any

from mlrun_like.errors import IncompatibleVersionError, InvalidArgumentError, TooLargeError
from mlrun_like.tracking.remote.protocol import OLDEST

__all__ = ["MOST", "check_revision", "object_in"]

MOST = 64 << 20
"""Bytes of a body as it is sent."""
_UNPACKED = 128 << 20


def check_revision(header: str) -> None:
    """Refuse clients that are too old to be understood; others may say nothing.

    Raises:
        IncompatibleVersionError: if it is one.
    """
    if header.isascii() and header.isdigit() and len(header) < 9 and int(header) < OLDEST:
        raise IncompatibleVersionError(
            f"this client speaks protocol {header}, this service needs {OLDEST} or later",
            fix="pip install --upgrade mlrun-like",
        )


def object_in(body: bytes, encoding: str) -> dict[str, Any]:
    """The JSON object in a body.

    Args:
        body: As it was sent.
        encoding: What its header says.

    Raises:
        InvalidArgumentError: if there is none in it.
        TooLargeError: if it unpacks to too much.
    """
    plain = _unpacked(body, encoding.strip().lower())
    try:
        found = json.loads(plain) if plain else {}
    except RecursionError:
        raise InvalidArgumentError("the body is nested too deeply") from None
    except ValueError as exc:
        raise InvalidArgumentError(f"the body is not JSON: {exc}"[:200]) from None
    if not isinstance(found, dict):
        raise InvalidArgumentError(f"the body must be an object, not {type(found).__name__}")
    return found


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise InvalidArgumentError(f"content-encoding {encoding[:40]!r} is not known", fix="gzip")
    unpack = zlib.decompressobj(wbits=31)
    try:
        plain = unpack.decompress(body, _UNPACKED)
    except zlib.error:
        raise InvalidArgumentError("the body is no gzip") from None
    if not unpack.eof:
        if len(plain) >= _UNPACKED:
            raise TooLargeError(
                f"a body may unpack to {_UNPACKED >> 20} MB at most", fix="send it in parts"
            )
        raise InvalidArgumentError("the body breaks off")
    return plain
