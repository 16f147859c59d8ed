"""All blobs of an image to a registry, or from registries to the cache; several at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import NamedTuple, Protocol

from mlrun_like.errors import BuildError, EngineError, InvalidArgumentError
from mlrun_like.images.answer import Readable
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.documents import Descriptor
from mlrun_like.images.layers import Layer
from mlrun_like.images.reference import ImageName
from mlrun_like.images.registries import Registries
from mlrun_like.images.registry import Registry
from mlrun_like.images.sources import BytesSource, CacheSource, Source

__all__ = ["Progress", "Pushed", "Transfer", "fetch_layers", "push_image"]

_THREADS = 4


class Transfer(NamedTuple):
    """How far one blob is.

    Args:
        digest: Which blob.
        state: `"moving"`, or at its end `"sent"`, `"there"` (it was), `"mounted"`, `"received"`.
        done: Bytes so far.
        total: Bytes of the blob.
    """

    digest: str
    state: str
    done: int
    total: int


Progress = Callable[[Transfer], None]
_Job = Callable[[], tuple[str, str]]


class Pushed(NamedTuple):
    """An image in a registry.

    Args:
        name: With the digest.
        digest: Of its manifest.
        sent_bytes: Bytes of bodies sent.
        seconds: How long it took.
        sent: Digests of the blobs that were sent.
        mounted: Digests of those taken over from another repository.
    """

    name: ImageName
    digest: str
    sent_bytes: int
    seconds: float
    sent: tuple[str, ...]
    mounted: tuple[str, ...]


class _Pushable(Protocol):
    @property
    def layers(self) -> tuple[Layer, ...]: ...

    @property
    def config_bytes(self) -> bytes: ...

    @property
    def manifest_bytes(self) -> bytes: ...

    @property
    def media_type(self) -> str: ...

    @property
    def digest(self) -> str: ...


def push_image(
    image: _Pushable, name: ImageName, registries: Registries, progress: Progress | None = None
) -> Pushed:
    """Put an image into a registry: the blobs it lacks, then the manifest.

    Raises:
        InvalidArgumentError: if the name has a digest that is not the image's.
        BuildError: if the registry refuses.
        EngineError: if it cannot be reached.
    """
    if name.digest and name.digest != image.digest:
        raise InvalidArgumentError(
            f"image {image.digest} cannot be pushed as {name.digest}",
            where=str(name),
            fix="push to a tag",
        )
    begin = time.perf_counter()
    registry = registries.of(name.registry)
    before = registry.sent_bytes
    cache = BlobCache()
    work = _Work(progress)
    config = BytesSource(image.config_bytes)
    jobs = [work.pushing(registry, name.repository, config, "")]
    for layer in {layer.digest: layer for layer in image.layers}.values():
        origin = layer.origin
        near = origin is not None and origin.registry == name.registry
        source = _source(layer, cache, registries)
        mount = origin.repository if near and origin is not None else ""
        jobs.append(work.pushing(registry, name.repository, source, mount))
    states = work.together(jobs)
    registry.put_manifest(
        name.repository, name.tag or image.digest, image.manifest_bytes, image.media_type
    )
    return Pushed(
        name.with_digest(image.digest),
        image.digest,
        registry.sent_bytes - before,
        time.perf_counter() - begin,
        tuple(digest for digest, state in states if state == "sent"),
        tuple(digest for digest, state in states if state == "mounted"),
    )


def fetch_layers(
    layers: Sequence[Layer],
    cache: BlobCache,
    registries: Registries,
    progress: Progress | None = None,
) -> None:
    """Bring all layers into the cache.

    Raises:
        BuildError: if one is neither there nor in a registry.
        IntegrityError: if a registry sends other bytes than announced.
    """
    work, jobs = _Work(progress), []
    for layer in {layer.digest: layer for layer in layers}.values():
        if cache.size(layer.digest) == layer.size:
            cache.used(layer.digest)
        elif layer.origin is None:
            raise _gone(layer, cache)
        else:
            registry = registries.of(layer.origin.registry)
            jobs.append(work.fetching(registry, layer, layer.origin.repository, cache))
    work.together(jobs)


def _source(layer: Layer, cache: BlobCache, registries: Registries) -> Source:
    if cache.size(layer.digest) == layer.size:
        cache.used(layer.digest)
    elif layer.origin is not None:
        registry = registries.of(layer.origin.registry)
        return registry.source(layer.origin.repository, layer.digest, layer.size)
    return CacheSource(cache, layer.digest, layer.size)


class _Work:
    """Transfers side by side; the first that fails, or Ctrl-C, stops the others soon."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._stopped = threading.Event()

    def pushing(self, registry: Registry, repository: str, source: Source, mount: str) -> _Job:
        digest, size = source.digest, source.size

        def push() -> tuple[str, str]:
            state = registry.push_blob(
                repository,
                _Stoppable(source, self.check),
                mount_from=mount,
                moved=lambda done: self._tell(Transfer(digest, "moving", done, size)),
            )
            self._tell(Transfer(digest, state, size, size))
            return digest, state

        return push

    def fetching(self, registry: Registry, layer: Layer, repository: str, cache: BlobCache) -> _Job:
        digest, size = layer.digest, layer.size

        def fetch() -> tuple[str, str]:
            registry.fetch(
                repository,
                Descriptor(layer.media_type, digest, size),
                cache,
                lambda done: self._tell(Transfer(digest, "moving", done, size)),
            )
            self._tell(Transfer(digest, "received", size, size))
            return digest, "received"

        return fetch

    def together(self, jobs: Sequence[_Job]) -> list[tuple[str, str]]:
        """Do all; what each gave."""
        with ThreadPoolExecutor(_THREADS, "blobs") as pool:
            futures = [pool.submit(job) for job in jobs]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                self._stopped.set()
                for future in futures:
                    future.cancel()
                raise
            return [future.result() for future in futures]

    def check(self) -> None:
        """End this thread's transfer if the others have ended."""
        if self._stopped.is_set():
            raise EngineError("the transfer was stopped, as another part of the image failed")

    def _tell(self, transfer: Transfer) -> None:
        self.check()
        if self._progress is not None:
            self._progress(transfer)


class _Stoppable:
    """A source whose bytes end with an error once the work was stopped."""

    def __init__(self, source: Source, check: Callable[[], None]) -> None:
        self._source, self._check = source, check
        self.digest, self.size = source.digest, source.size

    def open(self, offset: int) -> Readable:
        return _StoppableBytes(self._source.open(offset), self._check)


class _StoppableBytes:
    def __init__(self, file: Readable, check: Callable[[], None]) -> None:
        self._file, self._check = file, check

    def read(self, size: int = -1, /) -> bytes:
        self._check()
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()


def _gone(layer: Layer, cache: BlobCache) -> BuildError:
    return BuildError(
        f"layer {layer.digest} is not in the cache any more",
        where=str(cache.folder),
        fix="build again: what is missing is made anew",
    )
