"""Writing a file of a service: one request for a small one, checked parts for a large one.

A part that did not arrive is sent again; the file appears when all parts are there and their
SHA-256 is that of the bytes that were written here. Before, nobody sees anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
from types import TracebackType
from typing import Any
from urllib.parse import quote

from mlrun_like.artifacts.service_http import ServiceHttp
from mlrun_like.errors import MLRunLikeError, StoreUnavailableError

__all__ = ["ServiceWriter"]

_PART = 8 << 20
_LARGE_PART = 32 << 20
_MANY = 64
_STEP = 1 << 20
_WAIT = 3600.0


class ServiceWriter(io.RawIOBase):
    """A file open for writing that appears under its name, complete, when it is closed.

    Leaving a `with` block by an exception, or calling `discard`, leaves the target untouched.

    Args:
        way: The way to the service; ended by `close`.
        path: `<project>/<path>`.
        part: Bytes that are sent at once.
    """

    def __init__(self, way: ServiceHttp, path: str, *, part: int = _PART) -> None:
        super().__init__()
        project, _, self._rest = path.partition("/")
        self._way, self._shown = way, f"service://{path}"
        self._base = f"/projects/{quote(project, safe='')}"
        self._part = part
        self._waiting = bytearray()
        self._sha256 = hashlib.sha256()
        self._upload = ""
        self._parts = 0
        self.size = 0

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes; full parts are sent."""
        if self.closed:
            raise ValueError("write to closed file")
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _STEP):
            piece = view[start : start + _STEP]
            self._sha256.update(piece)
            self._waiting += piece
            while len(self._waiting) > self._part:
                part = bytes(self._waiting[: self._part])
                del self._waiting[: len(part)]  # the next part may be larger
                self._send_part(part)
        return len(view)

    def tell(self) -> int:
        """Bytes so far."""
        return self.size + len(self._waiting)

    def close(self) -> None:
        """Send the rest and let the file appear; on failure nothing is left."""
        if self.closed:
            return
        try:
            if self._upload:
                self._send_part(bytes(self._waiting))
                self._complete()
            else:
                self._send_whole(bytes(self._waiting))
        except BaseException:
            self.discard()
            raise
        self._waiting.clear()
        self._way.close()
        super().close()

    def discard(self) -> None:
        """Give up: remove what was sent so far."""
        if self.closed:
            return
        upload, self._upload = self._upload, ""
        self._waiting.clear()
        if upload:
            # what this does not reach, the service removes after a day
            with contextlib.suppress(MLRunLikeError):
                self._json("DELETE", f"file-uploads/{upload}")
        self._way.close()
        super().close()

    def __enter__(self) -> ServiceWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        # who forgot to close it wanted no half file
        with contextlib.suppress(Exception):
            self.discard()

    def _json(self, method: str, path: str, body: bytes | None = None, digest: str = "") -> Any:
        kind = "application/json" if method == "POST" else "application/octet-stream"
        headers = {"Content-Type": kind}
        if digest:
            headers["X-Content-SHA256"] = digest
        return self._way.json(
            method, f"{self._base}/{path}", body=body, headers=headers, shown=self._shown
        )

    def _send_whole(self, data: bytes) -> None:
        digest = self._sha256.hexdigest()
        self._json("PUT", f"files/{quote(self._rest)}", data, digest)
        self.size = len(data)

    def _send_part(self, data: bytes) -> None:
        if not self._upload:
            asked = json.dumps({"path": self._rest}).encode()
            self._upload = str(self._json("POST", "file-uploads", asked)["id"])
        digest = hashlib.sha256(data).hexdigest()
        self._json("PUT", f"file-uploads/{self._upload}/parts/{self.size}", data, digest)
        self.size += len(data)
        self._parts += 1
        if self._parts == _MANY:
            self._part = max(self._part, _LARGE_PART)

    def _complete(self) -> None:
        """A large file takes its time, so long that something on the way may hang up: ask again."""
        asked = json.dumps({"size": self.size, "sha256": self._sha256.hexdigest()}).encode()
        until, pause = time.monotonic() + _WAIT, 0.2
        while True:
            found = self._json("POST", f"file-uploads/{self._upload}/complete", asked)
            if found["state"] == "done":
                self._upload = ""
                return
            if time.monotonic() > until:
                raise StoreUnavailableError(
                    f"the service has not put {self._shown} together within {_WAIT:g} s",
                    fix="look at its log, and write the file again",
                )
            time.sleep(pause)
            pause = min(pause * 2, 5.0)
