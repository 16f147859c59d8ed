"""Secrets of callers, kept so that nobody who reads them can call.

sha256:<hex>                                     of random tokens
scrypt:<n>:<r>:<p>:<salt hex>:<hash hex>         of passwords (RFC 7914)
pbkdf2_sha256:<rounds>:<salt hex>:<hash hex>     of passwords (RFC 8018)
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

from mlrun_like.errors import InvalidArgumentError

__all__ = ["check_hash", "hash_password", "hash_token", "is_password", "new_token", "token_digest"]

_N, _R, _P = 1 << 14, 8, 1  # 16 MB and about 40 ms
_MEMORY = 256 << 20
_MOST_ROUNDS = 10_000_000


def new_token() -> str:
    """A random token of 256 bits, in text that fits into a header."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is kept of a token. For random ones only: a word could be guessed from it.

    >>> hash_token("s3cret")[:19]
    'sha256:1ec1c26b50d5'
    """
    return "sha256:" + hashlib.sha256(token.encode("utf-8")).hexdigest()


def token_digest(given: str) -> bytes:
    """The 32 bytes that a `sha256:` hash holds.

    Raises:
        InvalidArgumentError: if it is none.
    """
    kind, _, digits = given.partition(":")
    try:
        found = bytes.fromhex(digits) if kind == "sha256" else b""
    except ValueError:
        found = b""
    if len(found) != 32:
        raise InvalidArgumentError(
            "the hash of a caller's token is not sha256:<64 hex digits>",
            fix="make it with mlrun_like.gateway.http.hashes.hash_token(token)",
        )
    return found


def hash_password(password: str) -> str:
    """What is kept of a password; takes about 40 ms and 16 MB on purpose.

    >>> check_hash(hash_password("hello"), b"hello"), check_hash(hash_password("hello"), b"hallo")
    (True, False)
    """
    salt = os.urandom(16)
    found = hashlib.scrypt(password.encode("utf-8"), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY)
    return f"scrypt:{_N}:{_R}:{_P}:{salt.hex()}:{found.hex()}"


def is_password(given: str) -> bool:
    """Whether it is the hash of a password; such a one takes long to compare with."""
    return given.startswith(("scrypt:", "pbkdf2_sha256:"))


def check_hash(given: str, secret: bytes) -> bool:
    """Whether the secret is the one of the hash; the time does not tell how far it was right.

    Raises:
        InvalidArgumentError: if the hash is in no known form.
    """
    kind, *parts = given.split(":")
    try:
        if kind == "sha256":
            return hmac.compare_digest(token_digest(given), hashlib.sha256(secret).digest())
        salt, wanted = bytes.fromhex(parts[-2]), bytes.fromhex(parts[-1])
        if kind == "scrypt" and len(parts) == 5 and wanted:
            n, r, p = map(int, parts[:3])
            size = len(wanted)
            found = hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=size)
            return hmac.compare_digest(found, wanted)
        if kind == "pbkdf2_sha256" and len(parts) == 3 and wanted:
            rounds = min(int(parts[0]), _MOST_ROUNDS)
            found = hashlib.pbkdf2_hmac("sha256", secret, salt, rounds, len(wanted))
            return hmac.compare_digest(found, wanted)
    except (ValueError, IndexError, OverflowError):
        pass
    raise InvalidArgumentError(
        f"the hash of a caller's secret is in no known form: {kind[:20]!r}",
        fix="make it with mlrun_like.gateway.http.hashes.hash_token or hash_password",
    )
