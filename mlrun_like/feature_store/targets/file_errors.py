"""Errors of file systems in this package's words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError

__all__ = ["translated"]


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Tell what cannot be done with a path of this machine."""
    try:
        yield
    except (NotADirectoryError, FileExistsError, IsADirectoryError) as exc:
        raise InvalidArgumentError(
            f"{path!r:.200} cannot be used: {exc.strerror}",
            fix="a part of the path is a file where a folder should be, or the other way round",
        ) from exc
    except OSError as exc:
        raise StoreUnavailableError(
            f"{path!r:.200} cannot be written: {exc.strerror or exc}",
            fix="check the permissions and the free space of the file system",
        ) from exc
