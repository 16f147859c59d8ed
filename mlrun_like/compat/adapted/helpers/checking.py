"""Names that must match patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mlrun_like.compat.adapted.helpers import patterns as named
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.logger import Logger

__all__ = [
    "get_regex_list_as_string",
    "tag_name_regex_as_string",
    "validate_artifact_key_name",
    "validate_function_name",
    "validate_tag_name",
    "validate_v3io_stream_consumer_group",
    "verify_field_regex",
]

_SHOWN = 63


def verify_field_regex(
    field_name: str,
    field_value: Any,
    patterns: Iterable[str],
    raise_on_failure: bool = True,
    log_message: str = "Field is malformed. Does not match required pattern",
    mode: str = "all",
) -> bool:
    """Whether a value matches all of some patterns, or with `mode="any"` one of them.

    Raises:
        InvalidArgumentError: if it does not, unless `raise_on_failure` is False.
    """
    wanted = list(patterns)
    failed = [pattern for pattern in wanted if not re.match(pattern, str(field_value))]
    if not failed or (str(getattr(mode, "value", mode)) == "any" and len(failed) < len(wanted)):
        return True
    if not raise_on_failure:
        return False
    Logger("warning").warning(log_message, field_name=field_name, pattern=failed[0])
    raise InvalidArgumentError(
        f"Field '{_cut(field_name)}' is malformed. '{_cut(str(field_value))}' "
        f"does not match required pattern: {failed[0]}"
    )


def validate_tag_name(tag_name: str, field_name: str, raise_on_failure: bool = True) -> bool:
    """Whether a tag can have this name."""
    return verify_field_regex(field_name, tag_name, named.tag_name, raise_on_failure)


def validate_artifact_key_name(
    artifact_key: str, field_name: str, raise_on_failure: bool = True
) -> bool:
    """Whether an artifact can have this key."""
    return verify_field_regex(field_name, artifact_key, named.artifact_key, raise_on_failure)


def validate_function_name(name: str) -> None:
    """Raise InvalidArgumentError unless a function can have this name in a cluster."""
    if name:
        verify_field_regex("function.metadata.name", name, named.dns_1123_label)


def validate_v3io_stream_consumer_group(value: str, raise_on_failure: bool = True) -> bool:
    """Whether a group of a stream's consumers can have this name."""
    wanted = named.v3io_stream_consumer_group
    return verify_field_regex("consumerGroup", value, wanted, raise_on_failure)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...truncated"


def get_regex_list_as_string(regex_list: Iterable[str]) -> str:
    """One expression that matches what all of these match."""
    return "".join(f"(?={regex})" for regex in regex_list) + ".*$"


def tag_name_regex_as_string() -> str:
    """That of tags."""
    return get_regex_list_as_string(named.tag_name)
