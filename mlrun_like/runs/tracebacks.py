"""Errors of user code as text: without this package's frames, whatever the error does."""

from __future__ import annotations

import os
import textwrap
import traceback
from pathlib import Path
from types import TracebackType

import mlrun_like
from mlrun_like.errors import MLRunLikeError

__all__ = ["error_line", "format_traceback"]

_PACKAGE = str(Path(mlrun_like.__file__).parent) + os.sep
_MOST_CAUSES = 20


def error_line(error: BaseException) -> str:
    """`ValueError: text`; our own errors without their place and remedy.

    >>> error_line(ValueError("no rows"))
    'ValueError: no rows'
    """
    if isinstance(error, MLRunLikeError):
        return f"{type(error).__name__}: {error.what}"
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a user's exception may fail even at this
        text = "(its text cannot be shown)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def format_traceback(error: BaseException, _depth: int = 0) -> str:
    """The traceback with this package's own frames left out (all are kept if only they remain).

    Errors of our own tree that carry no user frame show their message alone.
    """
    frames = _without_ours(error.__traceback__)
    if not frames and isinstance(error, MLRunLikeError):
        return f"{type(error).__name__}: {error}\n"
    tail = "".join(traceback.format_exception_only(type(error), error))
    body = traceback.format_list(frames or traceback.extract_tb(error.__traceback__))
    text = f"Traceback (most recent call last):\n{''.join(body)}{tail}"
    if isinstance(parts := getattr(error, "exceptions", None), tuple) and _depth < _MOST_CAUSES:
        # an exception group: what it stands for is in its parts
        inner = [format_traceback(part, _depth + 1) for part in parts[:_MOST_CAUSES]]
        text += textwrap.indent("\n".join(inner), "  | ")
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is None or _depth >= _MOST_CAUSES:  # causes may form a circle
        return text
    return f"{format_traceback(cause, _depth + 1)}\nDuring handling, or because of it:\n\n{text}"


def _without_ours(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    return [
        frame
        for frame in traceback.extract_tb(trace)
        if not frame.filename.startswith(_PACKAGE) and "<frozen" not in frame.filename
    ]
