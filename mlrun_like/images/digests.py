"""Digests of blobs, as in `sha256:<64 hex digits>`, and JSON that always has the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from mlrun_like.errors import IntegrityError

__all__ = ["canonical_json", "check_digest", "digest_of", "new_hash", "verify"]

_DIGEST = re.compile(r"(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128})")


def digest_of(data: bytes) -> str:
    """The SHA-256 digest of some bytes.

    >>> digest_of(b"")[:19]
    'sha256:e3b0c44298fc'
    """
    return "sha256:" + hashlib.sha256(data).hexdigest()


def check_digest(text: object, where: str) -> str:
    """`text` if it is a digest.

    Raises:
        IntegrityError: if it is anything else, such as a path.
    """
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise IntegrityError(
            f"{text!r:.120} is not a digest such as sha256:<64 hex digits>", where=where
        )
    return text


def new_hash(digest: str) -> hashlib._Hash:
    """An empty hash of the algorithm that `digest` names."""
    return hashlib.new(digest.partition(":")[0])


def verify(data: bytes, digest: str, where: str) -> None:
    """Check that bytes have the digest they were announced with.

    Raises:
        IntegrityError: if they have another.
    """
    found = new_hash(digest)
    found.update(data)
    if digest.partition(":")[2] != found.hexdigest():
        raise IntegrityError(
            f"expected bytes with digest {digest}, got {found.name}:{found.hexdigest()}",
            where=where,
            fix="try again; if it stays, the registry or a proxy on the way changes what it sends",
        )


def canonical_json(document: Any) -> bytes:
    """A document as JSON with sorted keys and no spaces: equal documents, equal bytes.

    >>> canonical_json({"b": 1, "a": "é"}).decode()
    '{"a":"é","b":1}'
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")
