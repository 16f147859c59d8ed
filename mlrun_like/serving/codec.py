"""Bodies to and from bytes; the only module that knows the JSON library.

Strict in both directions: `NaN`, `Infinity` and numbers too large for a float are refused when
reading and become null when writing. Values of numpy and pandas are written as lists and numbers,
a data frame as a list of rows. What the fast library cannot write (whole numbers of more than 64
bits, keys that are not text, more than 254 levels) is written by the standard one. When reading,
whole numbers of more than 64 bits become floats and the last of equal keys wins, as in JavaScript.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.forms import parse_multipart, parse_urlencoded

__all__ = ["decode", "decode_body", "decode_request", "encode", "is_json"]

_BOM = b"\xef\xbb\xbf"
_FORM = "application/x-www-form-urlencoded"
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_KEYS = _OPTIONS | orjson.OPT_NON_STR_KEYS
_loads, _dumps = orjson.loads, orjson.dumps


def decode(data: bytes | str) -> Any:
    """The value in `data`.

    >>> decode(b'{"inputs": [1]}')
    {'inputs': [1]}

    Raises:
        InvalidArgumentError: if it is not JSON in UTF-8.
    """
    try:
        return _loads(data)
    except ValueError as exc:
        if isinstance(data, (bytes, bytearray)) and data.startswith(_BOM):
            return decode(data[len(_BOM) :])
        raise InvalidArgumentError(
            f"the body is not valid JSON: {exc!s:.200}",
            fix="send JSON in UTF-8, or name another type in the Content-Type header",
        ) from exc


def decode_request(data: bytes | str, content_type: str) -> Any:
    """The same for a request, whose media type may say that it is no JSON at all.

    >>> decode_request(b'{"inputs": [1]}', "text/plain")
    {'inputs': [1]}

    Raises:
        InvalidArgumentError: if it is not JSON; with the status 415 if its type is another one.
    """
    try:
        return decode(data)
    except InvalidArgumentError:
        kind = content_type.partition(";")[0].strip().lower()
        if kind in ("", _FORM) or is_json(kind):  # curl names a form whatever it sends
            raise
        error = InvalidArgumentError(
            f"the body is of the type {kind!r:.60}, which is not understood here",
            fix="send JSON with Content-Type: application/json",
        )
        error.status = 415
        raise error from None


def encode(value: Any) -> bytes:
    """`value` as compact JSON.

    >>> encode({"outputs": [1.5, float("nan")]})
    b'{"outputs":[1.5,null]}'

    Raises:
        TypeError: if it holds something JSON cannot carry, or contains itself.
    """
    try:
        return _dumps(value, _plain, _OPTIONS)
    except TypeError:  # rare values: another option, then another library
        try:
            return _dumps(value, _plain, _KEYS)
        except TypeError:
            return _encode_slowly(value)


def _encode_slowly(value: Any) -> bytes:
    try:
        try:
            text = _encoder.encode(value)
        except (ValueError, TypeError):  # numbers that are not finite, rare types of keys
            text = _encoder.encode(_finite(value))
    except RecursionError:
        # not "from": the traceback has a thousand lines
        raise TypeError("the value contains itself or is nested too deeply for JSON") from None
    return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """What JSON has no word for, as something that it has."""
    tolist = getattr(value, "tolist", None)
    if tolist is not None:
        return tolist()
    if isinstance(value, (set, frozenset)):
        return list(value)
    kind = type(value).__name__
    if kind in ("NaTType", "NAType"):  # pandas' missing values
        return None
    if isinstance(value, decimal.Decimal):
        return float(value)
    if kind == "DataFrame":
        return value.to_dict(orient="records")
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _finite(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, enum.Enum):
        return _finite(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, uuid.UUID):
        return str(value)
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: _finite(getattr(value, name)) for name in value.__dataclass_fields__}
    return _finite(_plain(value))


_encoder = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain, check_circular=False
)


def _key(key: Any) -> str | int | float | bool | None:
    if key is None or isinstance(key, (str, int, float, bool)):
        return key
    if isinstance(key, (uuid.UUID, datetime.date, datetime.time, enum.Enum)):
        return str(_finite(key))
    raise TypeError(f"a {type(key).__name__} cannot be a key in JSON")


def is_json(content_type: str) -> bool:
    """Whether a media type promises JSON.

    >>> is_json("application/json; charset=utf-8"), is_json("text/plain")
    (True, False)
    """
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def decode_body(body: Any, content_type: str) -> Any:
    """What steps see of a body that came with a media type.

    | media type | body |
    |---|---|
    | JSON (`application/json`, `…+json`) | the decoded value |
    | none | the decoded value if it is JSON, else the bytes or text as they are |
    | `application/x-www-form-urlencoded` | the same, else a dictionary of the form's fields |
    | `multipart/form-data` | a dictionary of fields: text, and bytes of files |
    | `text/…` | text, by the type's charset or UTF-8 |
    | everything else, such as `image/png` | bytes |

    An empty body is None; what is neither bytes nor text stays as it is. (`curl -d` claims to send
    a form, whatever it sends: hence JSON first.)

    >>> decode_body(b'{"a": 1}', "application/json"), decode_body(b"plain", "")
    ({'a': 1}, b'plain')
    >>> decode_body(b"a=1&b=x+y", "application/x-www-form-urlencoded")
    {'a': '1', 'b': 'x y'}

    Raises:
        InvalidArgumentError: if it is not what its type promises.
    """
    if not isinstance(body, (bytes, str)):
        return body
    if not body:
        return None
    kind, _, rest = content_type.partition(";")
    kind = kind.strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return decode(body)
    if not kind or kind == _FORM:
        try:
            return decode(body)
        except InvalidArgumentError:
            if not kind:
                return body
            if body.lstrip()[:1] in (b"{", b"[", "{", "["):  # JSON with a mistake, not a form
                raise
            return parse_urlencoded(body)
    if isinstance(body, str):
        return body
    if kind.startswith("text/"):
        return _text(body, rest)
    if kind == "multipart/form-data":
        return parse_multipart(body, rest)
    return body


def _text(body: bytes, parameters: str) -> str:
    charset = "utf-8"
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'") or charset
    try:
        return body.decode(charset)
    except (LookupError, ValueError) as exc:
        raise InvalidArgumentError(
            f"the body is not text in {charset!r:.40}: {exc!s:.100}",
            fix="name its charset in the Content-Type header, or send it as bytes "
            "(application/octet-stream)",
        ) from exc
