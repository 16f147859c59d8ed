"""What users declare about a function or a run, checked: one function an option.

Each gives the value in its one form, or says what is wrong and how to write it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.artifacts.hints import parse_log_hints, plain_hint
from mlrun_like.errors import FunctionError, InvalidArgumentError, PackagingError
from mlrun_like.names import normalize_name
from mlrun_like.packaging.requirements import read_requirements
from mlrun_like.specs.values import Resources, Retry

__all__ = [
    "check_list",
    "check_mapping",
    "check_path",
    "check_requirements",
    "check_resources",
    "check_retry",
    "check_returns",
    "check_texts",
    "check_timeout",
    "name_after",
    "requirement_lines",
]


def name_after(name: str, origin: str) -> str:
    """The function's name: the given one, else one made of its origin (a Python or file name).

    >>> name_after("", "_Clean data.v2")
    'clean-data-v2'
    """
    if name:
        return normalize_name(name)
    text = re.sub(r"[^A-Za-z0-9]+", "-", origin)[:63].strip("-").lower()
    if not text:
        raise FunctionError(f"no function name can be made of {origin!r}", fix='name="my-function"')
    return text


def check_requirements(value: Any) -> list[str] | str:
    """Package specifiers as a list, or the path of a requirements file."""
    if isinstance(value, (str, os.PathLike)):
        path = os.fspath(value)
        if path and not path.endswith((".txt", ".in")):
            raise FunctionError(
                f"requirements={path!r} is neither a list nor a requirements file",
                fix=f"requirements=[{path!r}]",
            )
        return str(path)
    try:
        return read_requirements(check_texts("requirements", value, '["pandas>=2"]'))
    except PackagingError as exc:
        raise FunctionError(exc.what, where=exc.where, fix=exc.fix) from exc


def requirement_lines(requirements: Any, file: Any = "") -> list[str]:
    """Package specifiers, those of a requirements file first, each once."""
    first = read_requirements(file=check_path("requirements_file", file)) if file else []
    given = check_requirements(requirements or ())
    rest = read_requirements(file=given) if isinstance(given, str) else given
    return list(dict.fromkeys([*first, *rest]))


def check_list(name: str, value: Any, example: str) -> list[Any]:
    """Any values as a new list; None is an empty one."""
    usable = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    if value is not None and not usable:
        raise FunctionError(f"{name} must be a list, not {_short(value)}", fix=f"{name}={example}")
    return [] if value is None else list(value)


def check_texts(name: str, value: Any, example: str) -> list[str]:
    """A list of texts; None is an empty one."""
    usable = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    items = list(value) if usable else []
    if (value is not None and not usable) or not all(isinstance(item, str) for item in items):
        raise FunctionError(
            f"{name} must be a list of texts, not {_short(value)}", fix=f"{name}={example}"
        )
    return items


def check_mapping(name: str, value: Any, example: str) -> dict[Any, Any]:
    """A mapping as a new dict; None is an empty one."""
    if value is not None and not isinstance(value, Mapping):
        raise InvalidArgumentError(
            f"{name} must map names to values, not {_short(value)}", fix=f"{name}={example}"
        )
    return dict(value or {})


def check_path(name: str, value: Any) -> str:
    """A path or URL as text; None is empty."""
    if value is None:
        return ""
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidArgumentError(
            f"{name} must be a path or URL, not {_short(value)}", fix=f'{name}="data/file"'
        )
    return str(os.fspath(value))


def check_returns(value: Any) -> list[Any]:
    """Log hints as a list; each may be parsed and no key comes twice."""
    hints = [value] if isinstance(value, (str, Mapping)) else value
    if hints is not None and not isinstance(hints, (list, tuple)):
        raise FunctionError(
            f"returns must be a list of log hints, not {_short(value)}",
            fix='returns=["accuracy", "table:dataset", None]',
        )
    hints = [plain_hint(hint) for hint in hints or ()]
    try:
        parse_log_hints(hints)
    except InvalidArgumentError as exc:
        raise FunctionError(f"returns: {exc.what}", where=exc.where, fix=exc.fix) from exc
    return hints


def check_resources(value: Any) -> Resources | None:
    """Resources or None."""
    if value is not None and not isinstance(value, Resources):
        raise FunctionError(
            f"resources must be Resources(...), not {_short(value)}",
            fix='resources=Resources(cpu=2, memory="1Gi")',
        )
    return value


def check_retry(value: Any) -> Retry | None:
    """Retry or None; a number is a count, plain data its fields."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Retry(count=value)
    if isinstance(value, Mapping) and set(value) <= set(Retry.__dataclass_fields__):
        return Retry(**value) if value else None
    if value is not None and not isinstance(value, Retry):
        raise FunctionError(
            f"retry must be a number or Retry(...), not {_short(value)}",
            fix="retry=Retry(count=3, backoff=1)",
        )
    return value


def check_timeout(value: Any) -> float | None:
    """Seconds above 0, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise FunctionError(
            f"timeout must be a number of seconds above 0, not {_short(value)}", fix="timeout=600"
        )
    return float(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
