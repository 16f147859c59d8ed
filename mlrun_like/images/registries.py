"""The registries one piece of work talks to, each with its connections and login."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from mlrun_like.images.registry import Registry

__all__ = ["Registries"]


class Registries:
    """Registries by name, opened on first use and closed together.

    Args:
        known: Registries with options of their own.

    >>> with Registries(Registry("localhost:5000", timeout=5)) as registries:
    ...     registries.of("localhost:5000") is registries.of("localhost:5000")
    True
    """

    def __init__(self, *known: Registry) -> None:
        self._open = {registry.name: registry for registry in known}
        self._lock = threading.Lock()

    def of(self, name: str) -> Registry:
        """The registry of a name such as `"docker.io"`."""
        with self._lock:
            found = self._open.get(name)
            if found is None:
                found = self._open[name] = Registry(name)
            return found

    @property
    def sent_bytes(self) -> int:
        """Bytes of bodies sent to all of them."""
        with self._lock:
            return sum(registry.sent_bytes for registry in self._open.values())

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for registry in self._open.values():
                registry.close()
            self._open.clear()

    def __enter__(self) -> Registries:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @classmethod
    @contextmanager
    def using(cls, given: Registries | None) -> Iterator[Registries]:
        """Those the caller has, which stay open, or new ones for the length of a block."""
        if given is not None:
            yield given
            return
        with cls() as own:
            yield own
