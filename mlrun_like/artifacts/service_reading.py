"""Reading a file of a service: seeking, and going on where a broken connection stopped."""

from __future__ import annotations

import contextlib
import http.client
import io
import time
from typing import Any
from urllib.parse import quote

from mlrun_like.artifacts.service_http import Answer, ServiceHttp
from mlrun_like.errors import ConflictError, MLRunLikeError, StoreUnavailableError

__all__ = ["ServiceReader"]

_BREAKS = 8
_SKIP = 1 << 16


class ServiceReader(io.RawIOBase):
    """The bytes of one version of a file: if it is replaced meanwhile, reading fails.

    Args:
        way: The way to the service; ended by `close`.
        path: `<project>/<path>`.
    """

    def __init__(self, way: ServiceHttp, path: str) -> None:
        super().__init__()
        project, _, rest = path.partition("/")
        self._way, self._shown = way, f"service://{path}"
        self._address = f"/projects/{quote(project, safe='')}/files/{quote(rest)}"
        self._answer: Answer | None = None
        self._position = 0
        self._at = 0
        self._etag = ""
        self._size: int | None = None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        if self._size is None:
            self.check()
        return self._size or 0

    def check(self) -> None:
        """Begin to read. Raises MissingFileError if there is nothing."""
        if self._answer is None:
            self._begin()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte; nothing is asked of the service before the next read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        self._position = max(0, (self.size if base is None else base) + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next; 0 at the end."""
        view = memoryview(buffer).cast("B")
        breaks = 0
        while True:
            try:
                if self._size is not None and self._position >= self._size:
                    return 0
                if self._answer is None or not self._skipped():
                    self._begin()
                    if self._size is not None and self._position >= self._size:
                        return 0
                assert self._answer is not None
                count = self._answer.readinto(view)
                if not count and len(view):
                    raise http.client.IncompleteRead(b"")
            except (OSError, http.client.HTTPException) as exc:
                if isinstance(exc, MLRunLikeError):
                    raise
                self._stop()
                breaks += 1
                if breaks > _BREAKS:
                    raise StoreUnavailableError(
                        f"{self._shown} broke off {breaks} times: {exc}", fix="try again later"
                    ) from exc
                time.sleep(min(0.1 * 2**breaks, 2.0))
                continue
            self._position += count
            self._at += count
            return count

    def read_fully(self, size: int | None) -> bytes:
        """Bytes from here: `size` of them (fewer at the end), or all."""
        wanted = max(0, self.size - self._position)
        data = bytearray(wanted if size is None else min(size, wanted))
        view, filled = memoryview(data), 0
        while filled < len(data):
            count = self.readinto(view[filled:])
            if not count:
                break
            filled += count
        view.release()
        return bytes(data[:filled])

    def close(self) -> None:
        """End the connection."""
        self._stop()
        self._way.close()
        super().close()

    def _skipped(self) -> bool:
        """Whether the open answer is where the next byte comes from, after a small skip."""
        gap = self._position - self._at
        if gap < 0 or gap > _SKIP or self._answer is None:
            return False
        if gap:
            self._at += len(self._answer.read(gap))
        return self._at == self._position

    def _begin(self) -> None:
        self._stop()
        headers = {"Range": f"bytes={self._position}-", "Accept-Encoding": "identity"}
        if self._etag:
            headers["If-Match"] = self._etag
        try:
            answer = self._way.send("GET", self._address, headers=headers, shown=self._shown)
        except MLRunLikeError as exc:
            if exc.status == 412:
                raise ConflictError(
                    f"{self._shown} was replaced while it was read", fix="read it again"
                ) from exc
            raise
        self._etag = answer.headers.get("ETag") or ""
        whole = (answer.headers.get("Content-Range") or "/0").rpartition("/")[2]
        if answer.status == 416:
            self._size = int(whole)
            self._way.close()
            return
        if answer.status == 206:
            self._size = int(whole)
            self._at = self._position
        else:
            self._size = int(answer.headers.get("Content-Length") or 0)
            self._at = 0
        self._answer = answer
        if self._at < self._position:
            self._size = self._size if self._skipped() else self._position

    def _stop(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            with contextlib.suppress(OSError):
                answer.close()
            self._way.close()
