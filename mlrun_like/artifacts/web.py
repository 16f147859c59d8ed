"""`http://` and `https://`, read only, with the standard library."""

from __future__ import annotations

import email.utils
import http.client
import io
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterable
from typing import IO, Any

from mlrun_like.artifacts.credentials import credential
from mlrun_like.artifacts.stores import FileStats, FileStore, missing, redact
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StoreUnavailableError

__all__ = ["WebStore"]

_TIMEOUT = 60.0


class WebStore(FileStore):
    """Files of a web server. `HTTPS_AUTH_TOKEN` is sent as `Authorization: token <value>`."""

    kind = "http"

    def _request(self, url: str, method: str = "GET", headers: dict[str, str] | None = None) -> Any:
        try:
            request = urllib.request.Request(url, headers=headers or {}, method=method)
            token = credential("HTTPS_AUTH_TOKEN", self.secrets)
            if token:
                if self.scheme == "http":
                    warnings.warn(
                        f"HTTPS_AUTH_TOKEN is sent unencrypted to {redact(url)}", stacklevel=2
                    )
                # unredirected: the token must not follow a redirect to another host
                request.add_unredirected_header("Authorization", f"token {token}")
            return urllib.request.urlopen(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as exc:
            exc.close()
            if exc.code in (404, 410):
                raise missing(url) from exc
            if exc.code == 416:
                return io.BytesIO(b"")
            raise StoreUnavailableError(
                f"{redact(url)!r} answered {exc.code} {exc.reason}",
                fix="set HTTPS_AUTH_TOKEN" if exc.code in (401, 403) else "try again later",
            ) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise StoreUnavailableError(f"{redact(url)!r} cannot be reached: {exc}") from exc
        except ValueError as exc:
            raise InvalidArgumentError(f"{redact(url)!r} is not a usable URL") from exc

    def read(self, path: str, size: int | None = None, offset: int = 0) -> bytes:
        """Bytes of the answer; a part is asked for as a range, and cut here if that is ignored."""
        if size == 0:
            return b""
        headers = {}
        if offset or size is not None:
            headers["Range"] = f"bytes={offset}-{'' if size is None else offset + size - 1}"
        try:
            with self._request(path, headers=headers) as answer:
                if headers and getattr(answer, "status", 206) != 206:
                    answer.read(offset)
                data: bytes = answer.read() if size is None else answer.read(size)
                return data
        except MLRunLikeError:
            raise
        except (OSError, http.client.HTTPException) as exc:
            raise StoreUnavailableError(f"{redact(path)!r} broke off: {exc}") from exc

    def write(self, path: str, chunks: Iterable[bytes], *, append: bool = False) -> int:
        """Not possible."""
        raise _read_only(path)

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """The answer as a file object, for reading from start to end."""
        if "r" not in mode or "+" in mode:
            raise _read_only(path)
        answer: IO[bytes] = self._request(path)
        return answer if "b" in mode else io.TextIOWrapper(answer, encoding=encoding or "utf-8")

    def stat(self, path: str) -> FileStats:
        """What the server's headers say."""
        with self._request(path, "HEAD") as answer:
            headers = answer.headers
        size = headers.get("Content-Length")
        try:
            modified = email.utils.parsedate_to_datetime(headers["Last-Modified"])
        except (TypeError, ValueError):
            modified = None
        number = int(size) if size and size.isdigit() else None
        etag = headers.get("ETag") or ""
        return FileStats(number, modified, headers.get("Content-Type"), etag=etag)

    def list(self, path: str) -> list[str]:
        """Not possible."""
        raise InvalidArgumentError(
            f"{redact(path)!r} cannot be listed: web servers have no folders"
        )

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Not possible."""
        raise _read_only(path)


def _read_only(url: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{redact(url)!r} is read only", fix="write to a path, s3://, gs:// or az:// instead"
    )
