"""Who moves models, for the audit trail: the user of this process, or whom it acts for."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Iterator
from contextvars import ContextVar

__all__ = ["acting_as", "actor"]

_NAME: ContextVar[str] = ContextVar("actor", default="")


@contextlib.contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Act for somebody else, as a service does.

    >>> with acting_as("ann"):
    ...     actor()
    'ann'
    """
    token = _NAME.set(name)
    try:
        yield
    finally:
        _NAME.reset(token)


def actor() -> str:
    """The name that the audit trail gets."""
    if _NAME.get():
        return _NAME.get()
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
