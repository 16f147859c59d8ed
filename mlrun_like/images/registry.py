"""A registry of images (OCI distribution specification 1.1): blobs, manifests, permissions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple
from urllib.parse import quote

from mlrun_like.configuration import config
from mlrun_like.errors import (
    EngineError,
    InvalidArgumentError,
    MLRunLikeError,
)
from mlrun_like.images.answer import Body
from mlrun_like.images.auth import Credentials, find_credentials
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.connection import is_local
from mlrun_like.images.digests import check_digest, digest_of, verify
from mlrun_like.images.documents import ACCEPT, MAX_DOCUMENT, Descriptor
from mlrun_like.images.download import RegistrySource, download
from mlrun_like.images.explaining import explain, read_refusal, refused_for, unreachable
from mlrun_like.images.reference import ImageName
from mlrun_like.images.session import TRIES, Request, Session
from mlrun_like.images.sources import BytesSource, Source
from mlrun_like.images.upload import CHUNK, Upload, start_upload, upload_address

__all__ = ["PushCheck", "Registry"]


class PushCheck(NamedTuple):
    """Whether images can be pushed to a repository.

    Args:
        state: `"ok"`, `"unreachable"`, `"login"` (one is wanted, or was not accepted), `"denied"`
            (this account may not) or `"refused"` (anything else the registry said).
        error: What is wrong, with where and fix; None if it is ok.
    """

    state: str
    error: MLRunLikeError | None = None

    @property
    def ok(self) -> bool:
        """Whether a push would be accepted."""
        return self.state == "ok"


def _nothing(_done: int) -> None:
    """Progress nobody wants to see."""


class Registry:
    """One registry. Safe to use from several threads; close it, or use it with `with`.

    Args:
        host: Its name, such as `"docker.io"` or `"localhost:5000"`.
        insecure: Whether it may be without TLS; by default those on this machine and in the
            setting `insecure_registries` may.
        credentials: The login; by default the one that setting, docker or podman have for it.
        timeout: Seconds to wait for its next sign of life; by default the setting
            `registry_timeout`.
        chunk: Bytes of the chunks of large uploads.
        tries: How often a request is sent before an error that may pass counts; 1 for a quick look.
    """

    def __init__(
        self,
        host: str,
        insecure: bool | None = None,
        *,
        credentials: Credentials | None = None,
        timeout: float | None = None,
        chunk: int = CHUNK,
        tries: int = TRIES,
    ) -> None:
        name = ImageName.parse(f"{host}/x/x")
        if name.repository != "x/x":
            raise InvalidArgumentError(
                f"{host!r} is not a registry", fix="write host.domain, host:port or localhost"
            )
        if insecure is None:
            listed = config.insecure_registries.replace(",", " ").split()
            insecure = is_local(name.host) or name.registry in listed
        self.name = name.registry
        self._chunk = chunk
        self._options = (insecure, credentials)
        self._session = Session(
            name.registry,
            name.host,
            insecure=insecure,
            find_login=lambda: credentials or find_credentials(name.registry),
            timeout=config.registry_timeout if timeout is None else timeout,
            tries=tries,
        )

    @property
    def sent_bytes(self) -> int:
        """Bytes of bodies sent so far."""
        return self._session.connections.sent

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def exists(self, repository: str, reference: str) -> bool:
        """Whether there is an image with a tag or digest.

        Raises:
            BuildError: if that may not be known without (another) login.
            EngineError: if the registry cannot be reached.
        """
        return self.digest(repository, reference) is not None

    def digest(self, repository: str, reference: str) -> str | None:
        """What a tag means now; None if there is no such image."""
        request = Request("HEAD", self._manifest(repository, reference), _pull(repository), _TYPES)
        answer = self._session.call(
            request, (200, 404), f"look for {reference}", self._where(repository)
        )
        if answer.status == 404:
            return None
        found = answer.headers.get("docker-content-digest", "")
        return check_digest(found, self._where(repository)) if found else reference

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        """An image's manifest or index: the document, its media type, its digest.

        Raises:
            NotFoundError: if there is no such image.
            BuildError: if it may not be read.
            IntegrityError: if it has not the digest that was asked for.
            EngineError: if the registry cannot be reached.
        """
        where = f"{self.name}/{repository} {reference}"
        request = Request("GET", self._manifest(repository, reference), _pull(repository), _TYPES)
        mark = "@" if ":" in reference else ":"
        what = f"read image {self.name}/{repository}{mark}{reference}"
        answer = self._session.call(request, (200,), what, where)
        announced = answer.headers.get("docker-content-digest", "")
        wanted = reference if ":" in reference else announced
        if wanted:
            verify(answer.body, check_digest(wanted, where), where)
        return answer.body, answer.headers.get("content-type", ""), digest_of(answer.body)

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> str:
        """Give a tag (or digest) its manifest; its digest. All blobs must be there already."""
        where = f"{self.name}/{repository}:{reference}"
        body = Body(len(data), lambda: BytesSource(data).open(0))
        path, kind = self._manifest(repository, reference), {"Content-Type": media_type}
        request = Request("PUT", path, _push(repository), kind, body)
        self._session.call(request, (200, 201, 202, 204), "push the manifest", where)
        return digest_of(data)

    def has_blob(self, repository: str, digest: str, *, push: bool = False) -> bool:
        """Whether a repository has a blob; with `push` one login serves this and a push."""
        path = f"/v2/{repository}/blobs/{digest}"
        scopes = _push(repository) if push else _pull(repository)
        answer = self._session.call(
            Request("HEAD", path, scopes), (200, 404), "look for a layer", self._where(repository)
        )
        return answer.status == 200

    def blob(self, repository: str, digest: str, limit: int = MAX_DOCUMENT) -> bytes:
        """A small blob, checked."""
        where = self._where(repository)
        path = f"/v2/{repository}/blobs/{check_digest(digest, where)}"
        request = Request("GET", path, _pull(repository), limit=limit)
        data = self._session.call(request, (200,), f"read blob {digest}", where).body
        verify(data, digest, where)
        return data

    def source(self, repository: str, digest: str, size: int) -> Source:
        """A blob as something to push elsewhere, streamed."""
        return RegistrySource(self._session, repository, digest, size)

    def fetch(
        self,
        repository: str,
        blob: Descriptor,
        cache: BlobCache,
        moved: Callable[[int], None] = _nothing,
    ) -> None:
        """Bring a blob into the cache, checked; `moved` gets the bytes so far."""
        download(self._session, repository, blob, cache, moved)

    def push_blob(
        self,
        repository: str,
        source: Source,
        *,
        mount_from: str = "",
        moved: Callable[[int], None] = _nothing,
    ) -> str:
        """See to it that a repository has a blob.

        Args:
            repository: The repository.
            source: The bytes, needed only if they are not there.
            mount_from: Another repository of this registry that has it.
            moved: Called with the number of bytes sent.

        Returns:
            `"there"` if it was there, `"mounted"` or `"sent"`.
        """
        if self.has_blob(repository, source.digest, push=True):
            return "there"
        query, scopes = "", _push(repository)
        if mount_from and mount_from != repository:
            query = f"?mount={quote(source.digest, safe='')}&from={quote(mount_from, safe='')}"
            scopes = (*scopes, *_pull(mount_from))
        url = start_upload(self._session, repository, scopes, self._where(repository), query)
        if not url:
            return "mounted"
        Upload(self._session, repository, source, moved, self._chunk).run(url)
        return "sent"

    def can_push(self, repository: str, timeout: float = 0.9) -> PushCheck:
        """Whether images can be pushed, found out by starting an upload and cancelling it.

        Args:
            repository: The repository.
            timeout: Seconds; a registry that takes longer counts as unreachable.
        """
        found: list[PushCheck] = []
        # Looking up a name can take long and cannot be given a time limit.
        thread = threading.Thread(
            target=lambda: found.append(self._try_push(repository, timeout)), daemon=True
        )
        thread.start()
        thread.join(timeout)
        if found:
            return found[0]
        error = EngineError(
            f"registry {self.name} did not answer within {timeout:g} s",
            where=self._where(repository),
            fix="check the network and the registry's name",
        )
        return PushCheck("unreachable", error)

    def _try_push(self, repository: str, timeout: float) -> PushCheck:
        where, scopes = self._where(repository), _push(repository)
        insecure, credentials = self._options
        with Registry(self.name, insecure, credentials=credentials, timeout=timeout) as quick:
            session = quick._session
            try:
                answer = session.once(Request("POST", f"/v2/{repository}/blobs/uploads/", scopes))
            except OSError as exc:
                return PushCheck("unreachable", unreachable(exc, session.host, where))
            except EngineError as exc:
                return PushCheck("unreachable", exc)
            except MLRunLikeError as exc:  # of the token server, or whoever keeps the login
                return PushCheck("login", exc)
            if answer.status != 202:
                error = explain(answer, f"push to {repository}", where, session.login)
                return PushCheck(refused_for(answer, read_refusal(answer), session.login), error)
            # It would end by itself too: registries drop uploads that nobody continues.
            with suppress(OSError, MLRunLikeError):
                session.once(Request("DELETE", upload_address(answer, where), scopes))
            return PushCheck("ok")

    def _where(self, repository: str) -> str:
        return f"{self.name}/{repository}"

    def _manifest(self, repository: str, reference: str) -> str:
        return f"/v2/{repository}/manifests/{reference}"


_TYPES = {"Accept": ACCEPT}


def _pull(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull",)


def _push(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull,push",)
