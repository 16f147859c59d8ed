"""A blob into a registry: mounted from another repository, whole, or in chunks that are resumed."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, urljoin

from mlrun_like.images.answer import Answer, Body, Readable
from mlrun_like.images.explaining import read_refusal, unreachable
from mlrun_like.images.session import TRANSIENT, Request, Session, passing, pause
from mlrun_like.images.sources import Source

__all__ = ["CHUNK", "Upload", "start_upload", "upload_address"]

CHUNK = 64 << 20
"""Bytes of one chunk; what is not longer is sent whole, in one request."""

_TRIES = 6  # failures in a row without progress
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")
_NO_CHUNKS = frozenset({400, 404, 405, 411, 416, 501})
_KIND = {"Content-Type": "application/octet-stream"}


def start_upload(
    session: Session, repository: str, scopes: tuple[str, ...], where: str, mount: str = ""
) -> str:
    """The address to send a blob to; empty if it could be mounted.

    Args:
        session: The registry.
        repository: Where the blob shall be.
        scopes: What a token must allow.
        where: For messages.
        mount: Query that names a blob and another repository of the registry that has it.
    """
    path = f"/v2/{repository}/blobs/uploads/{mount}"
    answer = session.call(Request("POST", path, scopes), (201, 202), f"push to {repository}", where)
    return "" if answer.status == 201 else upload_address(answer, where)


class Upload:
    """One blob on its way into a repository.

    Args:
        session: The registry.
        repository: The repository.
        source: The bytes.
        moved: Called with the number of bytes the registry has.
        chunk: Bytes of a chunk.
    """

    def __init__(
        self,
        session: Session,
        repository: str,
        source: Source,
        moved: Callable[[int], None],
        chunk: int = CHUNK,
    ) -> None:
        self._session = session
        self._repository = repository
        self._source = source
        self._moved = moved
        self._chunk = chunk
        self._scopes = (f"repository:{repository}:pull,push",)
        self._what = f"push layer {source.digest[:19]}... ({source.size} bytes)"
        self._where = f"{session.registry}/{repository}"
        self._whole = source.size <= chunk
        self._offset = 0
        self._url = ""
        self._trusting = True

    def run(self, url: str = "") -> None:
        """Send everything; `url` is where an upload was begun.

        Raises:
            BuildError: if the registry refuses it.
            EngineError: if it cannot be reached for too long.
        """
        self._url = url
        failures, best = 0, 0
        while True:
            try:
                answer = self._once()
                if answer is None:
                    return
                if answer.status not in TRANSIENT:
                    raise self._session.refused(answer, self._what, self._where)
            except OSError as exc:
                answer = None
                if failures >= _TRIES - 1 or not passing(exc, failures + 1):
                    raise unreachable(exc, self._session.host, self._where) from exc
            failures = 0 if self._offset > best else failures + 1
            best = max(best, self._offset)
            if failures >= _TRIES and answer is not None:
                raise self._session.refused(answer, self._what, self._where)
            pause(max(failures, 1), answer)
            try:
                if self._resume():
                    return
            except OSError:
                self._url = ""

    def _once(self) -> Answer | None:
        """Go on from where it stands; None when all is there, else the answer that stopped it."""
        if not self._url:
            self._offset = 0
            self._url = start_upload(self._session, self._repository, self._scopes, self._where)
        while not self._whole and self._offset < self._source.size:
            answer = self._send_chunk()
            if answer.status not in (201, 202, 204):
                if answer.status in TRANSIENT or answer.status not in _NO_CHUNKS:
                    return answer
                # Some registries take a blob in one piece only.
                self._whole, self._url = True, ""
                return self._once()
            self._url = upload_address(answer, self._where, self._url)
            self._offset = _received(answer, self._offset + self._length())
            self._moved(self._offset)
        body = self._body(0, self._source.size) if self._whole else None
        mark = "&" if "?" in self._url else "?"
        url = f"{self._url}{mark}digest={quote(self._source.digest, safe='')}"
        answer = self._request("PUT", url, body, _KIND)
        if answer.status in (201, 204):
            self._moved(self._source.size)
            return None
        if read_refusal(answer).code == "DIGEST_INVALID" and not self._whole and self._trusting:
            # Resuming may have gone wrong in between; once more, in one piece.
            self._trusting, self._whole, self._url = False, True, ""
            return self._once()
        return answer

    def _length(self) -> int:
        return min(self._chunk, self._source.size - self._offset)

    def _send_chunk(self) -> Answer:
        length = self._length()
        headers = {**_KIND, "Content-Range": f"{self._offset}-{self._offset + length - 1}"}
        return self._request("PATCH", self._url, self._body(self._offset, length), headers)

    def _body(self, offset: int, length: int) -> Body:
        def open_source() -> Readable:
            return self._source.open(offset)

        return Body(length, open_source)

    def _request(self, method: str, url: str, body: Body | None, headers: dict[str, str]) -> Answer:
        request = Request(method, url, self._scopes, headers, body)
        return self._session.once(request, again=body is None)

    def _resume(self) -> bool:
        """Find out what the registry has; whether that is everything."""
        blob = f"/v2/{self._repository}/blobs/{self._source.digest}"
        there = self._session.once(Request("HEAD", blob, self._scopes))
        if there.status == 200:
            self._moved(self._source.size)
            return True
        if self._whole:
            self._url = ""
            return False
        answer = self._request("GET", self._url, None, {})
        # One byte and none look the same ("0-0"), so that case begins anew.
        self._offset = _received(answer, 0) if answer.status == 204 else 0
        self._url = upload_address(answer, self._where, self._url) if self._offset > 1 else ""
        return False


def _received(answer: Answer, default: int) -> int:
    """How many bytes the registry has, by its header `Range: 0-<last>`."""
    found = _RANGE.fullmatch(answer.headers.get("range", "").strip())
    return int(found[1]) + 1 if found else default


def upload_address(answer: Answer, where: str, default: str = "") -> str:
    """Where the next part of an upload goes, by the header `Location`."""
    location = answer.headers.get("location", "")
    if not location and not default:
        raise _noupload_address(answer, where)
    return urljoin(answer.url, location) if location else default


def _noupload_address(answer: Answer, where: str) -> Exception:
    return unreachable(
        ConnectionError(f"it answers status {answer.status} without saying where to send to"),
        answer.url,
        where,
    )
