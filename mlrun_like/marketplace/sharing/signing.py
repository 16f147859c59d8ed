"""The signature of an index: Ed25519, by a key that whoever publishes keeps.

openssl genpkey -algorithm ed25519 -out hub.pem
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = ["Signer"]

_MODULE = "cryptography.hazmat.primitives"


class Signer:
    """Signs the bytes of indexes.

    Args:
        path: A private Ed25519 key: a PEM file without a password.

    Raises:
        InvalidArgumentError: if it is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        keys = _required("serialization")
        try:
            data = Path(path).expanduser().read_bytes()
            self._key: Any = keys.load_pem_private_key(data, password=None)
        except (OSError, ValueError, TypeError) as exc:
            raise InvalidArgumentError(
                f"{os.fspath(path)!r} cannot be used to sign: {str(exc)[:200]}", fix=_FIX
            ) from exc
        if not isinstance(self._key, _required("asymmetric.ed25519").Ed25519PrivateKey):
            raise InvalidArgumentError(f"{os.fspath(path)!r} is no Ed25519 key", fix=_FIX)

    @property
    def public(self) -> str:
        """The public key, as `mlrun-like hub source add --key` takes it."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, data: bytes) -> bytes:
        """The signature as a line of text."""
        return base64.b64encode(self._key.sign(data))


_FIX = "openssl genpkey -algorithm ed25519 -out hub.pem"


def _required(part: str) -> Any:
    return require(f"{_MODULE}.{part}", extra="service", feature="signed catalogues")
