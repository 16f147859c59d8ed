"""Where two recorded values differ."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.serving.observe.values import unpack

__all__ = ["differences"]

_MOST = 20


def differences(
    recorded: Any, now: Any, *, tolerance: float = 1e-9, ignore: Collection[str] = ()
) -> list[str]:
    """Lines such as `outputs[1]: 3 -> 4`; none: the values agree. At most 20.

    Args:
        recorded: A packed value.
        now: The packed value to compare with it.
        tolerance: How far numbers may differ, as a part of the larger one.
        ignore: Keys whose values do not matter, such as `timestamp`.

    >>> differences({"outputs": [1, 2.0]}, {"outputs": [1, 2.5]})
    ['outputs[1]: 2.0 -> 2.5']
    """
    found: list[str] = []
    _walk(_plain(recorded), _plain(now), "", tolerance, frozenset(ignore), found)
    return found


def _walk(
    a: Any, b: Any, path: str, tolerance: float, ignore: frozenset[str], found: list[str]
) -> None:
    if len(found) >= _MOST:
        return
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            if key in ignore:
                continue
            at = f"{path}.{key}" if path else str(key)
            if key not in b:
                found.append(f"{at}: {_short(a[key])} -> nothing")
            elif key not in a:
                found.append(f"{at}: nothing -> {_short(b[key])}")
            else:
                _walk(_plain(a[key]), _plain(b[key]), at, tolerance, ignore, found)
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            found.append(f"{path or 'it'}: {len(a)} items -> {len(b)} items")
            return
        for number, (one, two) in enumerate(zip(a, b, strict=True)):
            _walk(_plain(one), _plain(two), f"{path}[{number}]", tolerance, ignore, found)
    elif not _same(a, b, tolerance):
        found.append(f"{path or 'it'}: {_short(a)} -> {_short(b)}")
    del found[_MOST:]


def _plain(value: Any) -> Any:
    """Tags of sequences, numbers and arrays as what JSON would have for them."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((tag, content),) = value.items()
    if tag in ("$tuple", "$set", "$frozenset") and isinstance(content, list):
        return sorted(content, key=repr) if "set" in tag else content
    if tag in ("$float", "$int", "$array", "$scalar", "$frame"):
        try:
            found = unpack(value)
        except MLRunLikeError:  # a recording that was changed: compared as it is
            return value
        if tag == "$frame":
            found = found.to_dict(orient="list") if hasattr(found, "columns") else found.to_dict()
            return {str(key): item for key, item in found.items()}
        return found.tolist() if hasattr(found, "tolist") else found
    return value


def _same(a: Any, b: Any, tolerance: float) -> bool:
    numbers = (int, float)
    if isinstance(a, numbers) and isinstance(b, numbers) and bool not in (type(a), type(b)):
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=0.0) or (a != a and b != b)
    return type(a) is type(b) and bool(a == b)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
