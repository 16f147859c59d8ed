"""Whose certificates are believed: those the system believes, and an own authority's."""

from __future__ import annotations

import ssl

from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError

__all__ = ["service_tls", "why_not_trusted"]


def service_tls() -> ssl.SSLContext:
    """How this machine speaks TLS to a service.

    Certificates are found as Python finds them (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others than
    the system's); the setting `remote_ca` adds to them.

    Raises:
        ConfigError: if the file that `remote_ca` names cannot be used.
    """
    context = ssl.create_default_context()
    if config.remote_ca:
        try:
            context.load_verify_locations(cafile=config.remote_ca)
        except OSError as exc:  # ssl.SSLError is one
            raise ConfigError(
                f"the certificates of the service's authority cannot be read: {exc}",
                where=f"setting 'remote_ca': {config.remote_ca}",
                fix="name a file of certificates in PEM form",
            ) from exc
    return context


def why_not_trusted(exc: ssl.SSLError) -> tuple[str, str]:
    """What is wrong with a service's certificate, and what helps.

    >>> why_not_trusted(ssl.SSLError("odd"))[1]
    'use https:// only for a service that speaks TLS'
    """
    if not isinstance(exc, ssl.SSLCertVerificationError):
        return f"no safe connection: {exc}", "use https:// only for a service that speaks TLS"
    word = exc.verify_message or str(exc)
    if "expired" in word or "not yet valid" in word:
        return f"its certificate is not valid now: {word}", "renew it where the service runs"
    if "match" in word:
        return (
            f"its certificate is for another name: {word}",
            "write a name in 'dbpath' that the certificate has",
        )
    return f"its certificate is not trusted: {word}", "name its authority: remote_ca=ca.pem"
