"""TLS with a given certificate and key, which may be renewed while the gateway runs."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Certificate"]

_log = logging.getLogger("mlrun_like.gateway")


class Certificate:
    """A certificate with its key, in files.

    `context` stays the same; each handshake gets what the files held at the last look. Files that
    do not fit together, as in the middle of a renewal, are left alone until they do.

    Args:
        certificate: PEM file with the certificate and those between it and the root.
        key: PEM file with its key; empty: it is in the same file.

    Raises:
        InvalidArgumentError: if they cannot be used.
    """

    def __init__(self, certificate: str | Path, key: str | Path = "") -> None:
        self._files = str(certificate), str(key) or None
        self._seen = self._stamp()
        try:
            self.context = _context(*self._files)
        except (OSError, ValueError) as exc:  # ssl's errors are OSErrors
            raise InvalidArgumentError(
                f"the certificate {str(certificate)!r} cannot be used: {exc}",
                where="settings gateway_tls_cert and gateway_tls_key",
                fix="give PEM files of a certificate and its own key, without a password",
            ) from exc
        self._newest = self.context
        self.context.sni_callback = self._choose

    def renew(self) -> bool:
        """Load the files again if they have changed; gives whether new ones are in use."""
        stamp = self._stamp()
        if stamp == self._seen or 0 in stamp:
            return False
        try:
            self._newest = _context(*self._files)
        except (OSError, ValueError) as exc:
            _log.warning("the renewed certificate cannot be used yet: %s", exc)
            return False
        self._seen = stamp
        _log.info("the certificate was renewed")
        return True

    async def watch(self, every: float = 10.0) -> None:
        """Look for renewed files until cancelled; `every` so many seconds."""
        while True:
            await asyncio.sleep(every)
            await asyncio.to_thread(self.renew)

    def _choose(self, connection: Any, name: str | None, context: ssl.SSLContext) -> None:
        if self._newest is not self.context:
            connection.context = self._newest

    def _stamp(self) -> tuple[int, ...]:
        found = []
        for file in self._files:
            if file is not None:
                try:
                    found.append(os.stat(file).st_mtime_ns)
                except OSError:
                    found.append(0)
        return tuple(found)


def _context(certificate: str, key: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # a key with a password would ask for it on the terminal
    context.load_cert_chain(certificate, key, password=lambda: "")
    return context
