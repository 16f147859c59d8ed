"""What a registry's refusal means, and what to do about it."""

from __future__ import annotations

import json
import socket
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from mlrun_like.errors import BuildError, EngineError, MLRunLikeError, NotFoundError
from mlrun_like.images.answer import Answer
from mlrun_like.images.auth import Credentials

__all__ = ["Refusal", "explain", "read_refusal", "refused_for", "unreachable"]

_SHOWN = 300  # characters of a registry's own words
_QUOTA = ("quota", "storage limit", "exceeded", "insufficient storage", "no space left")


class Refusal(NamedTuple):
    """The first error of an answer (OCI distribution specification, error codes)."""

    code: str
    message: str


_ADVICE = {
    "NAME_INVALID": "use lower case letters, digits and '-', '_', '.', '/' in the repository",
    "TAG_INVALID": "use letters, digits and '_', '.', '-' in the tag, at most 128",
    "MANIFEST_INVALID": "the registry may not take this format; try its newest version, "
    "or a base image in OCI format",
    "MANIFEST_BLOB_UNKNOWN": "push again: layers that are missing are sent",
    "BLOB_UNKNOWN": "push again: layers that are missing are sent",
    "DIGEST_INVALID": "the bytes changed on the way or in the cache; push again, and if it stays, "
    "remove the folder images in MLRUN_LIKE_HOME",
    "SIZE_INVALID": "push again; a proxy on the way may cut uploads",
    "UNSUPPORTED": "the registry may be a read-only mirror; push to another one",
    "TOOMANYREQUESTS": "wait, or log in: registries limit anonymous use",
}


def read_refusal(answer: Answer) -> Refusal:
    """The code and message in an answer's body, whatever it is.

    Texts are shortened, and freed of what could command a terminal.
    """
    try:
        first = json.loads(answer.body)["errors"][0]
        detail = first.get("detail")
        text = str(first.get("message") or "")
        if isinstance(detail, str) and detail and detail != text:
            text = f"{text}: {detail}"
        return Refusal(_clean(str(first.get("code") or "")).upper(), _clean(text))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Refusal("", _clean(answer.body.decode("utf-8", "replace")))


def refused_for(answer: Answer, refusal: Refusal, login: Credentials | None) -> str:
    """`"login"` (none, or a wrong one), `"denied"`, or `"refused"` for every other reason."""
    if answer.status == 401 or refusal.code == "UNAUTHORIZED":
        # With this error a token was given, but not for what was asked.
        known = "insufficient_scope" in answer.headers.get("www-authenticate", "")
        return "denied" if known and login is not None else "login"
    return "denied" if answer.status == 403 or refusal.code == "DENIED" else "refused"


def explain(
    answer: Answer, what: str, where: str, login: Credentials | None = None
) -> MLRunLikeError:
    """The error for an answer that is no success.

    Args:
        answer: With its body loaded.
        what: What was tried, such as `"push layer sha256:..."`.
        where: The image or repository.
        login: What was sent, if anything.
    """
    refusal = read_refusal(answer)
    said = " ".join(filter(None, (refusal.code, refusal.message))) or "no reason given"
    text = f"cannot {what}: status {answer.status}, {said}"
    host = urlsplit(answer.url).netloc
    reason = refused_for(answer, refusal, login)
    if reason == "login":
        if login is None:
            return BuildError(
                f"cannot {what}: the registry wants a login ({said})",
                where=where,
                fix=f"podman login {host}, or set MLRUN_LIKE_REGISTRY_AUTH={host}=user:password",
            )
        return BuildError(
            f"cannot {what}: the login of {login.user or 'the token'!r} was not accepted ({said})",
            where=f"{where}, login from {login.origin or 'the caller'}",
            fix="check user and password, and that the account may do this",
        )
    if answer.status in (413, 507) or any(word in said.lower() for word in _QUOTA):
        return BuildError(
            f"{text} - the registry has no room for it",
            where=where,
            fix="remove old images there, raise the quota (or a proxy's limit of body sizes), "
            "or make the image smaller",
        )
    if reason == "denied":
        who = f"{login.user or 'the token'!r}" if login else "somebody without login"
        return BuildError(
            f"cannot {what}: {who} has no permission ({said})",
            where=where,
            fix="check the repository's name and owner, ask for permission to push, or log in "
            f"as somebody else: podman login {host}",
        )
    if answer.status == 404 and refusal.code in ("", "NAME_UNKNOWN", "MANIFEST_UNKNOWN"):
        return NotFoundError(
            f"cannot {what}: the registry does not have it ({said})",
            where=where,
            fix="check name and tag; a private image also looks missing without login",
        )
    if refusal.code in _ADVICE:
        return BuildError(text, where=where, fix=_ADVICE[refusal.code])
    if answer.status == 429:
        return EngineError(text, where=where, fix=_ADVICE["TOOMANYREQUESTS"])
    if answer.status >= 500:
        return EngineError(
            text, where=where, fix="try again later; look into the registry's own log"
        )
    return BuildError(
        text, where=where, fix=f"check that {host} is a registry (it must answer at /v2/)"
    )


def unreachable(exc: OSError, host: str, where: str) -> EngineError:
    """The error for a registry that gives no answer at all."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return EngineError(
            f"the certificate of {host} is not trusted: {exc.verify_message}",
            where=where,
            fix=f"put its CA into /etc/containers/certs.d/{host}/ca.crt, name it in SSL_CERT_FILE, "
            f"or set MLRUN_LIKE_INSECURE_REGISTRIES={host}",
        )
    if isinstance(exc, ssl.SSLError):
        return EngineError(
            f"{host} does not speak TLS: {exc.reason or exc}",
            where=where,
            fix=f"if it is meant to be without TLS: MLRUN_LIKE_INSECURE_REGISTRIES={host}",
        )
    if isinstance(exc, socket.gaierror):
        why, fix = f"the name is not known ({exc.strerror})", "check the registry's name and DNS"
    elif isinstance(exc, ConnectionRefusedError):
        why, fix = "nothing listens there", "start the registry, or check host and port"
    elif isinstance(exc, TimeoutError):
        why = f"no answer in time ({exc})"
        fix = "check the network, or set MLRUN_LIKE_REGISTRY_TIMEOUT to more seconds"
    else:
        why, fix = str(exc) or type(exc).__name__, "check the network; try again"
    return EngineError(f"registry {host} cannot be reached: {why}", where=where, fix=fix)


def _clean(text: str) -> str:
    words = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return words if len(words) <= _SHOWN else words[:_SHOWN] + "..."
