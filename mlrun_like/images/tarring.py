"""The bytes of a tar (POSIX ustar, with pax records only where they are needed).

Written here and not with `tarfile`, whose details differ between versions of Python: the bytes of a
layer must not.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["END", "EPOCH", "Head", "padding"]

EPOCH = 315_532_800
"""1980-01-01 in seconds: the earliest time that zip files can hold, so code can be zipped again."""

_BLOCK = 512
END = bytes(2 * _BLOCK)
"""What a tar ends with."""

_FIELD = 100  # bytes of a name
_SMALL, _LARGE = 8**7, 8**11  # first numbers that the fields have no room for
_TAIL = b"ustar\x0000" + bytes(247)  # no user and group names, no device, no prefix


class Head(NamedTuple):
    """An entry's header.

    Args:
        name: Relative path; that of a folder ends with `/`.
        size: Bytes of its content.
        mode: Permissions.
        uid: Owner.
        gid: Group.
        kind: `"0"` file, `"2"` symbolic link, `"5"` folder.
        link: What a link points at.

    >>> len(Head("a").encode()), len(Head("a" * 101).encode())
    (512, 1536)
    """

    name: str
    size: int = 0
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    kind: str = "0"
    link: str = ""

    def encode(self, created: int = EPOCH) -> bytes:
        """Its bytes; `created` is the time in seconds."""
        records = {
            "path": self.name if not _fits(self.name) else "",
            "linkpath": self.link if not _fits(self.link) else "",
            "size": str(self.size) if self.size >= _LARGE else "",
            "uid": str(self.uid) if self.uid >= _SMALL else "",
            "gid": str(self.gid) if self.gid >= _SMALL else "",
        }
        data = b"".join(_record(key, value) for key, value in records.items() if value)
        block = _block(self, created)
        if not data:
            return block
        extended = _block(Head("././@PaxHeader", len(data), kind="x"), created)
        return extended + data + padding(len(data)) + block


def padding(size: int) -> bytes:
    """What follows content of `size` bytes.

    >>> len(padding(513)), len(padding(512))
    (511, 0)
    """
    return bytes(-size % _BLOCK)


def _fits(text: str) -> bool:
    return len(text) <= _FIELD and text.isascii()


def _record(key: str, value: str) -> bytes:
    """A pax record: its own length in decimal, the key, the value."""
    body = f" {key}={value}\n".encode()
    size = len(body)
    while len(str(size)) + len(body) != size:
        size = len(str(size)) + len(body)
    return str(size).encode() + body


def _block(head: Head, created: int) -> bytes:
    name = head.name.encode("ascii", "replace")[:_FIELD]
    link = head.link.encode("ascii", "replace")[:_FIELD]
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        head.mode,
        head.uid if head.uid < _SMALL else 0,
        head.gid if head.gid < _SMALL else 0,
        head.size if head.size < _LARGE else 0,
        created,
    )
    begin = name.ljust(_FIELD, b"\0") + numbers
    rest = head.kind.encode() + link.ljust(_FIELD, b"\0") + _TAIL
    # The sum counts its own field as eight spaces.
    total = sum(begin) + sum(rest) + 8 * 32
    return begin + b"%06o\0 " % total + rest
