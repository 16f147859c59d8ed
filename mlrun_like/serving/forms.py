"""What HTML forms send: fields by name."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from mlrun_like.errors import InvalidArgumentError

__all__ = ["parse_multipart", "parse_urlencoded"]

_MOST_FIELDS = 1000
_NAME = re.compile(r';\s*name="((?:[^"\\]|\\.)*)"|;\s*name=([^\s;"]+)', re.IGNORECASE)
_FILE = re.compile(r";\s*filename\*?=", re.IGNORECASE)
_BOUNDARY = re.compile(r'\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)


def parse_urlencoded(body: bytes | str) -> Any:
    """Fields of a form; a list for a name that comes more than once; `body` if it holds none.

    >>> parse_urlencoded(b"a=1&a=2&b=")
    {'a': ['1', '2'], 'b': ''}

    Raises:
        InvalidArgumentError: if it has more than 1000 fields or is not UTF-8.
    """
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
        if "=" not in text:
            return body
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as exc:
        raise InvalidArgumentError(
            f"the body is not a form: {exc!s:.100}",
            fix="send name=value&name=value in UTF-8, or name its type in the Content-Type header",
        ) from exc
    return _collect(pairs)


def parse_multipart(body: bytes, parameters: str) -> dict[str, Any]:
    """Fields of a `multipart/form-data` body (RFC 7578): text, and bytes of files.

    >>> parts = b'--x\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n1\\r\\n--x--\\r\\n'
    >>> parse_multipart(parts, "boundary=x")
    {'a': '1'}

    Raises:
        InvalidArgumentError: if it has no boundary, is cut off, or has more than 1000 parts.
    """
    found = _BOUNDARY.search(parameters)
    if found is None:
        raise _broken("its Content-Type names no boundary")
    fence = b"\r\n--" + (found.group(1) or found.group(2)).encode("latin-1", "replace")
    parts = (b"\r\n" + body).split(fence, _MOST_FIELDS + 1)
    if len(parts) > _MOST_FIELDS + 1:
        raise _broken(f"it has more than {_MOST_FIELDS} parts")
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise _broken("its end is missing")
    return _collect([_field(part) for part in parts[1:-1]])


def _field(part: bytes) -> tuple[str, str | bytes]:
    head, separator, content = part.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").split("\r\n")
    disposition = next(
        (line for line in lines if line.lower().startswith("content-disposition:")), ""
    )
    named = _NAME.search(disposition)
    if not separator or named is None:
        raise _broken("a part has no name")
    name = named.group(2) or re.sub(r"\\(.)", r"\1", named.group(1))
    if _FILE.search(disposition):
        return name, content
    try:
        return name, content.decode("utf-8")
    except ValueError:
        return name, content


def _collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, list[Any]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _broken(reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the body is not multipart/form-data: {reason}",
        fix="send it as browsers and `curl -F name=value` do",
    )
