"""A blob of a registry into the cache: streamed, resumed, and checked."""

from __future__ import annotations

from collections.abc import Callable

from mlrun_like.errors import IntegrityError
from mlrun_like.images.answer import Answer
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.digests import new_hash
from mlrun_like.images.documents import Descriptor
from mlrun_like.images.explaining import unreachable
from mlrun_like.images.session import Request, Session, passing, pause

__all__ = ["RegistrySource", "download"]

_TRIES = 6  # failures in a row without progress


class RegistrySource:
    """A blob of a registry as bytes to send elsewhere, from any place on.

    It is not checked here: the registry that gets it does so.
    """

    def __init__(self, session: Session, repository: str, digest: str, size: int) -> None:
        self._session = session
        self._repository = repository
        self.digest = digest
        self.size = size

    def open(self, offset: int) -> Answer:
        """A stream of its bytes from `offset` on."""
        where = f"{self._session.registry}/{self._repository}"
        request = Request(
            "GET",
            f"/v2/{self._repository}/blobs/{self.digest}",
            (f"repository:{self._repository}:pull",),
            {"Range": f"bytes={offset}-"} if offset else {},
            limit=None,
        )
        answer = self._session.call(request, (200, 206), f"read layer {self.digest}", where)
        # Whoever does not know ranges sends everything.
        skip = offset if answer.status == 200 else 0
        while skip > 0:
            data = answer.read(min(skip, 1 << 18))
            if not data:
                break
            skip -= len(data)
        return answer


def download(
    session: Session,
    repository: str,
    blob: Descriptor,
    cache: BlobCache,
    moved: Callable[[int], None],
) -> None:
    """Bring a blob into the cache, if it is not there.

    Raises:
        IntegrityError: if the registry sends other bytes than announced.
        NotFoundError: if it does not have the blob.
        EngineError: if it cannot be reached for too long.
    """
    if cache.size(blob.digest) == blob.size:
        cache.used(blob.digest)
        moved(blob.size)
        return
    source = RegistrySource(session, repository, blob.digest, blob.size)
    where = f"{session.registry}/{repository}"
    found, done, failures = new_hash(blob.digest), 0, 0
    with cache.writer() as writer:
        while done < blob.size:
            begun = done
            try:
                with source.open(done) as answer:
                    while data := answer.read():
                        writer.write(data)
                        found.update(data)
                        done += len(data)
                        moved(done)
                        if done > blob.size:
                            break
                    if done < blob.size:
                        raise ConnectionError(f"the blob broke off after {done} bytes")
            except OSError as exc:
                failures = 0 if done > begun else failures + 1
                if failures >= _TRIES or not passing(exc, failures):
                    raise unreachable(exc, session.host, where) from exc
                pause(max(failures, 1))
        if done != blob.size or found.hexdigest() != blob.digest.partition(":")[2]:
            raise IntegrityError(
                f"layer {blob.digest} was announced with {blob.size} bytes; {done} came, with "
                f"digest {found.name}:{found.hexdigest()}",
                where=where,
                fix="try again; if it stays, the registry or a proxy changes what it sends",
            )
        writer.commit(blob.digest)
