"""Values of filters as MLRun's client takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.names import check_place

__all__ = ["labels_of", "plain", "project_of", "several", "states_of", "text_of", "time_of"]


def labels_of(labels: Any) -> dict[str, str | None]:
    """Labels from a mapping, a text `a=1,b`, or several texts.

    >>> labels_of("owner=me,checked")
    {'owner': 'me', 'checked': None}
    """
    if isinstance(labels, Mapping):
        return {str(k): None if v is None else str(v) for k, v in labels.items()}
    texts = labels.split(",") if isinstance(labels, str) else labels or ()
    found: dict[str, str | None] = {}
    for text in texts:
        name, mark, value = str(text).partition("=")
        if name.strip():
            found[name.strip()] = value.strip() if mark else None
    return found


def text_of(value: Any) -> str:
    """The text of an enumeration's member, or of a text; empty for None."""
    return "" if value is None else str(getattr(value, "value", value))


def states_of(states: Iterable[Any]) -> tuple[str, ...]:
    """States from texts and members of enumerations."""
    return tuple(text_of(state) for state in states if state)


def time_of(value: Any = None, days_ago: int = 0) -> str:
    """A time as ISO text; empty for None.

    Args:
        value: A datetime or a text.
        days_ago: So many days before now, in place of it.
    """
    if days_ago:
        return (datetime.now(timezone.utc) - timedelta(days=days_ago)).isoformat()
    return value.isoformat() if isinstance(value, datetime) else text_of(value)


def plain(value: Any) -> dict[str, Any]:
    """An object of any of the models as plain data."""
    for name in ("to_dict", "model_dump", "dict"):
        if hasattr(value, name):
            return dict(getattr(value, name)())
    return dict(value)


def project_of(name: str | None) -> str:
    """A project's name, by default that of the default project; `"*"` stands for all."""
    return name if name == "*" else check_place(name or str(config.default_project))


def several(values: Any) -> list[Any]:
    """One value, several or none, as a list."""
    if values is None or values == "":
        return []
    return list(values) if isinstance(values, (list, tuple, set)) else [values]
