"""Parameters and inputs as users give them, checked and made plain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from mlrun_like.artifacts.packers import to_result
from mlrun_like.errors import InvalidArgumentError

__all__ = ["parse_inputs", "parse_parameters"]

_INT64 = 2**63


def parse_parameters(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plain parameters, and the live ones whose description is recorded."""
    plain: dict[str, Any] = {}
    live: dict[str, Any] = {}
    for name, value in params.items():
        if not isinstance(name, str):
            raise InvalidArgumentError(f"parameter name {name!r} must be a text")
        _check_numbers(name, value)
        plain[name] = _describe(value)
        if not _is_plain(value):
            live[name] = value
    return plain, live


def _check_numbers(name: str, value: Any) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _INT64:
        raise InvalidArgumentError(
            f"parameter {name!r} exceeds int64: {str(value)[:40]}", fix="pass it as a text"
        )
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_numbers(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_numbers(name, item)


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int, float, str)):
        return True
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    return False


def _describe(value: Any) -> Any:
    if isinstance(value, (type(None), bool, int, float, str, list, tuple, dict)):
        return to_result(value)
    plain = to_result(value)
    if not isinstance(plain, str):
        return plain
    return plain if len(plain) <= 1000 else plain[:997] + "..."


def parse_inputs(inputs: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """URLs by name, and the types given in the names."""
    urls: dict[str, str] = {}
    hints: dict[str, str] = {}
    for raw, value in inputs.items():
        name, mark, hint = str(raw).partition(":")
        name, hint = name.strip(), hint.strip()
        if mark and not hint:
            raise InvalidArgumentError(
                f"input {raw!r} has an empty type", fix='inputs={"df: pandas.DataFrame": url}'
            )
        if value is None:
            continue
        if isinstance(value, str):
            url = value
        elif isinstance(value, PurePath):
            url = str(value)
        else:
            url = getattr(value, "artifact_url", None) or getattr(value, "uri", None) or ""
        if not isinstance(url, str) or not url.strip():
            raise InvalidArgumentError(
                f"input {name!r} must be a URL, a path or a DataItem, not "
                f"{type(value).__name__} {str(value)[:40]!r}",
                fix=f'inputs={{"{name}": "data.parquet"}}; pass objects as params of a local run',
            )
        urls[name] = url
        if hint:
            hints[name] = hint
    return urls, hints
