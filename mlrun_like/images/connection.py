"""HTTP connections to registries: kept open, with TLS and proxies; one request, no repetition."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import ssl
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from mlrun_like.errors import IntegrityError
from mlrun_like.images.answer import PIECE, Answer, Body, Readable

__all__ = ["Connections", "is_local"]

_CONNECT = 10.0  # seconds to reach a host, if the time limit is not shorter
_PATIENCE = 5  # a whole small answer may take so many times the time limit
_CA_FOLDERS = ("/etc/containers/certs.d", "/etc/docker/certs.d")


class Connections:
    """Open connections by host; safe to use from several threads.

    Args:
        timeout: Seconds to wait for a host's next sign of life.
        unchecked: Hosts (`host:port`) whose certificate is not checked.
    """

    def __init__(self, timeout: float, unchecked: frozenset[str] = frozenset()) -> None:
        self.timeout = timeout
        self.sent = 0
        self._unchecked = unchecked
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closed = False

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        *,
        limit: int | None = None,
        again: bool = True,
    ) -> Answer:
        """One request.

        Args:
            method: Such as `"GET"`.
            url: Absolute, http or https.
            headers: Sent as they are.
            body: What to send.
            limit: Bytes of the answer to read now; None leaves it as a stream.
            again: Whether the request may arrive twice, so that it can be repeated when a kept
                connection turns out to be closed.

        Raises:
            OSError: if the host cannot be reached, breaks off, or answers what is not HTTP.
        """
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        reused, connection = self._take(key, parts)
        try:
            answer = self._exchange(connection, method, url, headers, body)
        except OSError as exc:
            # A kept connection may have been closed by the other side at any time.
            if not reused or not again or isinstance(exc, TimeoutError):
                raise
            answer = self._exchange(self._open(parts), method, url, headers, body)
        if limit is not None:
            answer.load(limit, _PATIENCE * self.timeout)
        return answer

    def close(self) -> None:
        """Close all that are idle; those in use are closed when they are given back."""
        with self._lock:
            self._closed = True
            for connections in self._idle.values():
                for connection in connections:
                    connection.close()
            self._idle.clear()

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
    ) -> Answer:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = dict(headers)
        data: _Counted | None = None
        keep = True
        try:
            if body is not None:
                lines["Content-Length"] = str(body.size)
                data = _Counted(body.open(), body.size, self._count)
            elif method in ("POST", "PUT", "PATCH"):
                lines["Content-Length"] = "0"
            try:
                connection.request(method, path, body=data, headers=lines)
            except (BrokenPipeError, ConnectionResetError) as exc:
                # The other side may have refused in the middle; its answer says why.
                keep = False
                with suppress(OSError, http.client.HTTPException):
                    return self._answer(connection, url, keep)
                raise exc
            return self._answer(connection, url, keep)
        except BaseException as exc:
            connection.close()
            # Some errors of TLS are of both kinds.
            if isinstance(exc, (http.client.HTTPException, ValueError)) and not isinstance(
                exc, OSError
            ):
                raise ConnectionError(f"no HTTP answer: {exc!r:.200}") from exc
            raise
        finally:
            if data is not None:
                data.close()

    def _answer(self, connection: http.client.HTTPConnection, url: str, keep: bool) -> Answer:
        response = connection.getresponse()
        key = (urlsplit(url).scheme, urlsplit(url).netloc)

        def done(reusable: bool) -> None:
            with self._lock:
                if reusable and keep and not self._closed:
                    self._idle[key].append(connection)
                    return
            response.close()
            connection.close()

        return Answer(response, url, done)

    def _count(self, size: int) -> None:
        with self._lock:
            self.sent += size

    def _take(
        self, key: tuple[str, str], parts: SplitResult
    ) -> tuple[bool, http.client.HTTPConnection]:
        with self._lock:
            if self._idle[key]:
                return True, self._idle[key].pop()
        return False, self._open(parts)

    def _open(self, parts: SplitResult) -> http.client.HTTPConnection:
        try:
            port = parts.port
        except ValueError as exc:
            raise OSError(f"{parts.netloc!r} has a wrong port") from exc
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        proxy = None if is_local(parts.netloc) else _proxy(parts.scheme, host)
        target = (proxy.hostname or "", proxy.port) if proxy else (host, port)
        timeout = min(_CONNECT, self.timeout)
        connection: http.client.HTTPConnection
        if secure:
            context = _context(parts.netloc, checked=parts.netloc not in self._unchecked)
            connection = http.client.HTTPSConnection(
                *target, timeout=timeout, context=context, blocksize=PIECE
            )
        else:
            connection = http.client.HTTPConnection(*target, timeout=timeout, blocksize=PIECE)
        if proxy:
            # Also without TLS, so that a path means the same with and without proxy.
            connection.set_tunnel(host, port or (443 if secure else 80), _proxy_login(proxy))
        try:
            connection.connect()
        except OSError:  # first, as some errors of TLS are a ValueError as well
            connection.close()
            raise
        except (http.client.HTTPException, ValueError) as exc:
            connection.close()
            raise ConnectionError(f"{parts.netloc} cannot be reached: {exc!r:.200}") from exc
        connection.sock.settimeout(self.timeout)
        return connection


class _Counted:
    """Exactly so many bytes of a file, counted as they leave."""

    def __init__(self, file: Readable, size: int, count: Callable[[int], None]) -> None:
        self._file, self._left, self._count = file, size, count

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            return b""
        data = self._file.read(min(self._left, size if size > 0 else self._left))
        if not data:
            raise IntegrityError(
                f"a blob to send ends {self._left} bytes too early",
                fix="build again; if it stays, remove the folder images in MLRUN_LIKE_HOME",
            )
        self._left -= len(data)
        self._count(len(data))
        return data

    def close(self) -> None:
        self._file.close()


def is_local(netloc: str) -> bool:
    """Whether a host is this machine.

    >>> is_local("localhost:5000"), is_local("[::1]:5000"), is_local("example.org")
    (True, True, False)
    """
    host = urlsplit(f"//{netloc}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _context(netloc: str, *, checked: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    for folder in _CA_FOLDERS:
        for path in sorted(Path(folder, netloc).glob("*.crt")):
            with suppress(OSError):  # what cannot be read vouches for nobody
                context.load_verify_locations(path)
    return context


def _proxy(scheme: str, host: str) -> SplitResult | None:
    """The proxy that the usual variables (HTTPS_PROXY, NO_PROXY) or the system name."""
    found = urllib.request.getproxies().get(scheme)
    if not found or urllib.request.proxy_bypass(host):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    text = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(text.encode()).decode()}
