"""Whose signature an index bears, and whether it is older than one that was seen before.

The file beside an index, `catalog.json.sig`, has lines `<serial> <signature>`: Ed25519 over the
serial, the path of the index in its catalogue, and its bytes. Serials only grow (they are the
seconds of the time of publishing), so an index that is played back is told from a new one. The
highest one that this home folder saw of a source is kept; a lower one is refused.
"""

from __future__ import annotations

import base64
import binascii
import logging
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import IntegrityError, NotFoundError, StoreUnavailableError
from mlrun_like.marketplace.keeping import alone, keep, kept
from mlrun_like.marketplace.opening import Found, read_bytes
from mlrun_like.marketplace.source import HubSource
from mlrun_like.registry import require

__all__ = [
    "Signed",
    "accept",
    "check_gone",
    "day_of",
    "read_signed",
    "seen",
    "serials_in",
    "signed_bytes",
]

_log = logging.getLogger("mlrun_like.marketplace")
_INDEX = 16 << 20
_MOST = 64 << 10
_LINES = 20
_LARGEST = 1 << 53


class Signed(NamedTuple):
    """An index whose signature is right.

    Args:
        found: The file.
        serial: Its number.
    """

    found: Found
    serial: int


def signed_bytes(place: str, serial: int, data: bytes) -> bytes:
    """What is signed: an index of another kind, channel or time has another signature.

    >>> signed_bytes("functions/master/catalog.json", 7, b"{}")
    b'hub index functions/master/catalog.json 7\\n{}'

    Args:
        place: The path of the index in its catalogue.
        serial: Its number.
        data: Its bytes.
    """
    return f"hub index {place} {serial}\n".encode() + data


def serials_in(data: bytes) -> list[tuple[int, bytes]]:
    """The lines of a file of signatures; what is none is left out.

    >>> serials_in(b"7 c2ln\\nnothing\\n-1 x")
    [(7, b'c2ln')]
    """
    found = []
    for line in data.splitlines()[:_LINES]:
        number, _, signature = line.strip().partition(b" ")
        if number.isdigit() and len(number) < 17 and int(number) < _LARGEST:
            found.append((int(number), signature))
    return found


def read_signed(source: HubSource, place: str, found: Found) -> Found:
    """The index, once it is signed by the source's key and not older than the last one seen.

    Args:
        source: The catalogue, with a key.
        place: The path of its index.
        found: What was read there.

    Raises:
        IntegrityError: if it has no such signature, or is older.
    """
    least = seen(source, place)
    told = _newest(source, place, found, least)
    if told.serial > least:
        _remember(source, place, told.serial)
    return told.found


def _newest(source: HubSource, place: str, found: Found, least: int) -> Signed:
    told = _verified(source, place, found)
    if told is None or told.serial < least:  # a copy of one may be older than that of the other
        found = read_bytes(source, place, _INDEX, refresh=True)
        told = _verified(source, place, found, refresh=True)
    if told is None and not least and _of_older_form(source, place, found):
        raise IntegrityError(
            f"the index of catalogue {source.name!r} is signed in the form of an older version, "
            "which does not tell an old index from a new one",
            where=f"{place}.sig",
            fix="let who runs the catalogue publish one of its items again, which signs it anew: "
            "mlrun-like hub publish ITEM CATALOGUE --sign KEY.pem",
        )
    if told is None:
        raise IntegrityError(
            f"the index of catalogue {source.name!r} is not signed by its key",
            where=f"{place}.sig",
            fix="ask who runs the catalogue; do not use it until then",
        )
    if told.serial < least:
        raise IntegrityError(
            f"catalogue {source.name!r} shows an old index, of {day_of(told.serial)}; "
            f"one of {day_of(least)} was seen before",
            where=place,
            fix="ask who runs the catalogue; if it was set back on purpose: "
            f"mlrun-like hub source accept {source.name}",
        )
    return told


def check_gone(source: HubSource, place: str) -> None:
    """Raise IntegrityError if an index was seen before; now there is none.

    Args:
        source: The catalogue, with a key.
        place: The path of the index.
    """
    if least := seen(source, place):
        raise IntegrityError(
            f"an index of catalogue {source.name!r} is gone, of {day_of(least)}",
            where=place,
            fix="ask who runs the catalogue; if it was removed on purpose: "
            f"mlrun-like hub source accept {source.name}",
        )


def seen(source: HubSource, place: str) -> int:
    """The highest serial of an index that was seen; 0: none."""
    copy = kept(_address(source, place))
    text = (copy.data or b"") if copy is not None else b""
    return int(text) if text.isdigit() and len(text) < 17 else 0


def accept(source: HubSource, place: str) -> tuple[int, int] | None:
    """Take the index of a source as the newest, although a newer one was seen.

    Args:
        source: The catalogue, with a key.
        place: The path of its index.

    Returns:
        The serial seen before and the one accepted, 0 for none; None: there never was one.

    Raises:
        IntegrityError: if it is not signed by the source's key.
        StoreUnavailableError: if it cannot be reached and there is no copy, or if what was
            accepted cannot be kept: then what was seen before still counts.
    """
    before = seen(source, place)
    try:
        found = read_bytes(source, place, _INDEX, refresh=True)
    except NotFoundError:
        _remember(source, place, 0, back=True)
        return (before, 0) if before else None
    told = _newest(source, place, found, 0)  # what was seen is not forgotten before it is good
    _remember(source, place, told.serial, back=True)
    return before, told.serial


def day_of(serial: int) -> str:
    """The time of a serial as a text.

    >>> day_of(1_700_000_000)
    '2023-11-14 22:13:20 UTC'
    """
    try:
        return datetime.fromtimestamp(serial, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return str(serial)


def _verified(
    source: HubSource, place: str, found: Found, *, refresh: bool = False
) -> Signed | None:
    key = _key_of(source)
    try:
        lines = read_bytes(source, f"{place}.sig", _MOST, refresh=refresh).data
    except NotFoundError:
        return None
    for serial, signature in serials_in(lines):
        if _verifies(key, signature, signed_bytes(place, serial, found.data)):
            return Signed(found, serial)
    return None


def _of_older_form(source: HubSource, place: str, found: Found) -> bool:
    """Whether the signature is one over the bytes of the index alone, without a serial."""
    try:
        lines = read_bytes(source, f"{place}.sig", _MOST).data.splitlines()[:_LINES]
    except NotFoundError:
        return False
    key = _key_of(source)
    return any(_verifies(key, line.strip(), found.data) for line in lines)


def _key_of(source: HubSource) -> Any:
    ed25519 = require(
        "cryptography.hazmat.primitives.asymmetric.ed25519",
        extra="service",
        feature="signed catalogues",
    )
    return ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(source.key))


def _verifies(key: Any, line: bytes, data: bytes) -> bool:
    invalid = require("cryptography.exceptions", extra="service", feature="signed catalogues")
    try:
        key.verify(base64.b64decode(line, validate=True), data)
    except (binascii.Error, ValueError, invalid.InvalidSignature):
        return False
    return True


def _remember(source: HubSource, place: str, serial: int, *, back: bool = False) -> None:
    address = _address(source, place)
    with alone(address):
        last = seen(source, place)
        if last == serial or (last > serial and not back):
            return  # another process saw a newer one meanwhile
        if keep(address, str(serial).encode()) is not None:
            return
    folder = config.path("hub")
    if back:
        raise StoreUnavailableError(
            f"that an index of catalogue {source.name!r} is accepted cannot be kept: "
            f"one of {day_of(last) if last else 'no time'} still counts as seen",
            where=str(folder),
            fix="make room there, and let this user write to it; then accept it again",
        )
    what = "that its index of %s was seen cannot be kept below %s: an older one would pass"
    _log.warning(f"catalogue %r: {what}", source.name, day_of(serial), folder)


def _address(source: HubSource, place: str) -> str:
    # another path or key is another catalogue; its name is the caller's own
    return f"serial:///{source.key}/{source.path}/{place}"
