"""What tells whether the data at a URL is still the same, for `reproduce`."""

from __future__ import annotations

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.digests import digest_of_file
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError

__all__ = ["fingerprint_of", "is_digest"]


def fingerprint_of(item: DataItem) -> str:
    """SHA-256 of a plain file on this machine; of others what their place tells of them.

    That is `etag:<mark>`, `modified:<time> <size>` or `size:<bytes>`. Empty if nothing can be told:
    of folders, of what is not there, and if digests are switched off.
    """
    if not config.calculate_digest or item.kind == "memory":
        return ""
    try:
        local = item.store.local_path(item.store.split(item.url))
        if local is not None:
            return digest_of_file(str(local))
        found = item.stat()
    except (MLRunLikeError, OSError, ValueError):
        return ""  # who reads it gets the error
    if found.is_dir:
        return ""
    if found.etag:
        return f"etag:{found.etag}"
    if found.modified is not None:
        return f"modified:{found.modified.isoformat()} {found.size}"
    return f"size:{found.size}" if found.size is not None else ""


def is_digest(fingerprint: str) -> bool:
    """Whether it is a SHA-256.

    >>> is_digest("etag:abc"), is_digest("ab" * 32)
    (False, True)
    """
    return len(fingerprint) == 64 and ":" not in fingerprint
