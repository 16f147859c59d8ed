"""Web pages of other origins, as Nuclio's HTTP trigger has it (attribute `cors`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Cors", "unsaid"]

_METHODS = ("HEAD", "GET", "POST", "PUT", "DELETE", "OPTIONS")
_HEADERS = ("Accept", "Content-Length", "Content-Type", "X-nuclio-log-level")
_Headers = list[tuple[bytes, bytes]]


class Cors:
    """The decisions of one function.

    Args:
        given: `enabled`, `allowOrigins` (all), `allowMethods` (HEAD, GET, POST, PUT, DELETE,
            OPTIONS), `allowHeaders` (Accept, Content-Length, Content-Type, X-nuclio-log-level),
            `allowCredentials` (no), `exposeHeaders`, `preflightMaxAgeSeconds`. The singular names
            `allowOrigin` and `allowMethod` of older versions count too. Lists, or text with commas.

    >>> Cors({"allowOrigins": ["https://a.example"]}).lines([(b"origin", b"https://b.example")])
    b'vary: origin\\r\\n'
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        origins = _words(given.get("allowOrigins") or given.get("allowOrigin")) or ["*"]
        self._origins = frozenset(word.encode("latin-1", "replace") for word in origins)
        self._all = b"*" in self._origins
        self.credentials = bool(given.get("allowCredentials", False))
        methods = _words(given.get("allowMethods") or given.get("allowMethod")) or list(_METHODS)
        headers = _words(given.get("allowHeaders")) or list(_HEADERS)
        self._methods = frozenset(word.upper().encode("latin-1", "replace") for word in methods)
        self._headers = frozenset(word.lower() for word in headers)
        lines = ["access-control-allow-methods: " + ", ".join(methods)]
        lines.append("access-control-allow-headers: " + ", ".join(headers))
        age = given.get("preflightMaxAgeSeconds")
        if isinstance(age, (int, float)) and age >= 0:
            lines.append(f"access-control-max-age: {int(age)}")
        exposed = _words(given.get("exposeHeaders"))
        self._preflight = _encoded(lines)
        expose = f"access-control-expose-headers: {', '.join(exposed)}"
        self._exposed = _encoded([expose]) if exposed else b""

    def lines(self, headers: _Headers) -> bytes:
        """Header lines of the answer to a request."""
        origin = _value(headers, b"origin")
        if not origin:
            return b"" if self._all and not self.credentials else b"vary: origin\r\n"
        if not self._all and origin not in self._origins:
            return b"vary: origin\r\n"
        if self._all and not self.credentials:
            return b"access-control-allow-origin: *\r\n" + self._exposed
        more = b"access-control-allow-credentials: true\r\n" if self.credentials else b""
        start = b"access-control-allow-origin: %b\r\nvary: origin\r\n"
        return start % origin + more + self._exposed

    def preflight(self, headers: _Headers) -> bytes | None:
        """Header lines of the answer to a browser's question; None: the page may not call."""
        origin = _value(headers, b"origin")
        if not self._all and origin not in self._origins:
            return None
        if _value(headers, b"access-control-request-method") not in self._methods:
            return None
        asked = _value(headers, b"access-control-request-headers").decode("latin-1").lower()
        wanted = {word.strip() for word in asked.split(",")} - {""}
        if "*" not in self._headers and not wanted <= self._headers:
            return None
        lines = self._preflight
        if "*" in self._headers and wanted:  # with credentials, `*` would be a plain name
            named = ", ".join(sorted(wanted)).encode("latin-1")
            kept = [line for line in lines.splitlines(True) if b"-allow-headers:" not in line]
            lines = b"".join(kept) + b"access-control-allow-headers: %b\r\n" % named
        return self.lines(headers) + lines


def unsaid(ours: bytes, said: bytes) -> bytes:
    """Our header lines without those about origins that the function has said itself.

    Twice the same header and browsers refuse the answer; in Nuclio, too, the handler's counts.

    Args:
        ours: Header lines.
        said: The function's.

    >>> unsaid(b"a: b\\r\\naccess-control-allow-origin: *\\r\\n",
    ...        b"Access-Control-Allow-Origin: https://a.example\\r\\n")
    b'a: b\\r\\n'
    """
    told = said.lower()
    if b"access-control-" not in told:
        return ours
    names = {line.partition(b":")[0] for line in told.split(b"\r\n")}
    lines = ours.splitlines(keepends=True)
    return b"".join(
        line
        for line in lines
        if not line.startswith(b"access-control-") or line.partition(b":")[0] not in names
    )


def _words(given: Any) -> list[str]:
    if isinstance(given, str):
        given = given.split(",")
    return [str(word).strip() for word in given or () if str(word).strip()]


def _encoded(lines: list[str]) -> bytes:
    text = "".join(line.replace("\r", " ").replace("\n", " ") + "\r\n" for line in lines)
    return text.encode("latin-1", "replace")


def _value(headers: _Headers, name: bytes) -> bytes:
    return next((value for found, value in headers if found == name), b"")
