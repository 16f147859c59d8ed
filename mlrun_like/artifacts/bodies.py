"""The bodies of artifacts as text: JSON, and what is kept inside a record."""

from __future__ import annotations

import json
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["INLINE_LIMIT", "as_json", "inline_text"]

INLINE_LIMIT = 16 * 2**20
"""Most bytes of a body that is kept inside its record."""


def as_json(key: str, body: Any) -> str:
    """A dict or list as JSON. Raises InvalidArgumentError if it is none."""
    try:
        return json.dumps(body, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"the body of artifact {key!r} is not JSON: {exc}", fix="give str or bytes"
        ) from exc


def _plain(value: Any) -> Any:
    for method in ("tolist", "isoformat"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"{type(value).__name__} is not serialisable")


def inline_text(key: str, body: Any) -> str:
    """A body as text. Raises InvalidArgumentError if it is no text, or too large."""
    try:
        text = body if isinstance(body, str) else bytes(body).decode()
    except (TypeError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(
            f"the body of artifact {key!r} cannot be kept inline: it is not text",
            fix="leave is_inline out",
        ) from exc
    if len(text) > INLINE_LIMIT or len(text.encode()) > INLINE_LIMIT:
        raise InvalidArgumentError(
            f"the body of artifact {key!r} is too large to be kept inline: "
            f"{len(text)} characters, at most {INLINE_LIMIT} bytes",
            fix="leave is_inline out",
        )
    return text
