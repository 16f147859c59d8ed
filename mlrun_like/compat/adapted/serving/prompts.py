"""A prompt filled for one body."""

from __future__ import annotations

import logging
import string
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["messages_for"]

_log = logging.getLogger("mlrun_like.serving")
_SHOWN = 200


def messages_for(values: Any, template: Sequence[Any], legend: Mapping[str, Any]) -> Any:
    """The messages of a prompt for one body; without a template the body brings its messages.

    Args:
        values: The body.
        template: Messages, with fields in their `content` as `str.format` has them.
        legend: Which field of the body is meant, by the name in the template.

    >>> messages_for({"score": 0.625}, [{"role": "user", "content": "{score:.1f} {{x}}"}], {})
    [{'role': 'user', 'content': '0.6 {x}'}]
    """
    if not template:
        return values.get("messages", []) if isinstance(values, dict) else []
    if isinstance(values, dict):
        meant = {name: values.get((row or {}).get("field") or name) for name, row in legend.items()}
        values = {**values, **{name: value for name, value in meant.items() if value}}
    else:
        _log.warning("a prompt is sent unfilled: the body is no mapping")
        return [{**message, "content": str(message.get("content", ""))} for message in template]
    return [
        {**message, "content": _filled(str(message.get("content", "")), values)}
        for message in template
    ]


def _filled(text: str, values: Mapping[str, Any]) -> str:
    """The text with its fields; those that cannot be filled stay as they are written."""
    parts, left = [], []
    try:
        for plain, name, form, how in string.Formatter().parse(text):
            parts.append(plain)
            if name is None:
                continue
            written = f"{{{name}{f'!{how}' if how else ''}{f':{form}' if form else ''}}}"
            try:
                parts.append(written.format_map(values))
            except (ValueError, LookupError, AttributeError, TypeError):
                parts.append(written)  # the body has it not, or it cannot be written so
                left.append(written)
    except ValueError as exc:
        _log.warning("a prompt is sent as it is written, for it is no format: %s", exc)
        return text
    if left:
        _log.warning("fields of a prompt are sent unfilled: %r", ", ".join(left)[:_SHOWN])
    return "".join(parts)
