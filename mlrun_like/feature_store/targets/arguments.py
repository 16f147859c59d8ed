"""Arguments of targets: checked when they are given, filled into paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError

__all__ = ["TIME_UNITS", "check_arguments", "field_of", "part_of"]

TIME_UNITS = ("year", "month", "day", "hour", "minute", "second")
"""What `time_partitioning_granularity` may be, from coarse to fine."""


def check_arguments(name: str, lists: Mapping[str, Any], number: Any, granularity: Any) -> None:
    """See that the arguments of a target can be used.

    Args:
        name: The class of the target.
        lists: Arguments that are lists of names.
        number: `key_bucketing_number`.
        granularity: `time_partitioning_granularity`.

    Raises:
        InvalidTypeError: if one is of a wrong type.
        InvalidArgumentError: if one has a wrong value.
    """
    where = f"target class {name}"
    for label, value in lists.items():
        if value is not None and (
            isinstance(value, (str, bytes)) or not all(isinstance(item, str) for item in value)
        ):
            raise InvalidTypeError(
                f"{label}={value!r:.80} is no list of names", where=where, fix=f"{label}=['a']"
            )
    if number is not None and (
        isinstance(number, bool) or not isinstance(number, int) or number < 0
    ):
        raise InvalidArgumentError(
            f"key_bucketing_number={number!r:.80} is no number of folders", where=where,
            fix="0: a folder for each key; 16: keys are hashed into 16 folders",
        )  # fmt: skip
    if granularity is not None and granularity not in TIME_UNITS:
        raise InvalidArgumentError(
            f"time_partitioning_granularity must be one of {', '.join(TIME_UNITS)}, not "
            f"{granularity!r:.80}",
            where=where,
        )


def field_of(target: Any, name: str) -> Any:
    """The value of a field in the target's plain data; None: it is left out."""
    value = getattr(target, name)
    if name == "schema":
        return {key: getattr(kind, "__name__", str(kind)) for key, kind in value.items()}
    return value or (value if value == 0 and name == "key_bucketing_number" else None)


def part_of(metadata: Any, name: str, target: str) -> str:
    """The project or name that is filled into a path.

    Raises:
        InvalidArgumentError: if it would lead elsewhere.
    """
    value = getattr(metadata, name, "") or ""
    if not value or "/" in value or "\\" in value or value in (".", ".."):
        raise InvalidArgumentError(
            f"{{{name}}} in the path cannot be filled with {value!r}", where=f"target {target!r}"
        )
    return str(value)
