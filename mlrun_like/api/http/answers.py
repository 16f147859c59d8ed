"""JSON answers out of plain values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

__all__ = ["json_answer", "json_bytes"]

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def json_bytes(data: Any) -> bytes:
    """A value as JSON; what JSON has no word for becomes text.

    >>> json_bytes({"a": 1})
    b'{"a":1}'
    >>> json_bytes([2**70])
    b'[1180591620717411303424]'
    """
    try:
        return orjson.dumps(data, default=str, option=_OPTIONS)
    except (TypeError, ValueError):  # numbers beyond 64 bits, half surrogates
        return json.dumps(_finite(data), default=str).encode("utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def json_answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of JSON, from a plain value and without further checks.

    >>> json_answer({"a": 1}).body
    b'{"a":1}'
    """
    return Response(
        json_bytes(data),
        status,
        headers=dict(headers or {}),
        media_type="application/json",
    )
