"""Values of filters as MLRun's client takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import check_place
from mlrun_like.registry import resolve
from mlrun_like.runs.logger import Logger
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.meant import using_store
from mlrun_like.types import Document

__all__ = [
    "ask",
    "has_labels",
    "labels_of",
    "merge",
    "plain",
    "project_of",
    "several",
    "states_of",
    "tell_ignored",
    "text_of",
    "time_of",
]

_told: set[tuple[str, str]] = set()


def ask(store: FullStore, call: str, *values: Any, **named: Any) -> Any:
    """Call what looks for its records itself: it is to find them in this store."""
    with using_store(store):
        return resolve(call)(*values, **named)


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


def has_labels(item: Document, wanted: Mapping[str, str | None]) -> bool:
    """Whether a document has labels; None: with any value."""
    own = (item.get("metadata") or {}).get("labels") or {}
    return all(key in own and value in (None, own[key]) for key, value in wanted.items())


def merge(into: dict[str, Any], values: Mapping[str, Any], *, additive: bool = False) -> None:
    """Change parts of a document.

    Args:
        into: The document.
        values: What it gets; mappings are merged.
        additive: Lists are joined instead of replaced.

    >>> found = {"spec": {"a": 1, "rows": [1]}}
    >>> merge(found, {"spec": {"rows": [2]}}, additive=True)
    >>> found
    {'spec': {'a': 1, 'rows': [1, 2]}}
    """
    for name, value in values.items():
        present = into.get(name)
        if isinstance(value, Mapping) and isinstance(present, dict):
            merge(present, value, additive=additive)
        elif additive and isinstance(value, list) and isinstance(present, list):
            into[name] = [*present, *(item for item in value if item not in present)]
        else:
            into[name] = value


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
    """An object of any of the models as plain data.

    Raises:
        InvalidArgumentError: if it is none, and no mapping.
    """
    for name in ("to_dict", "model_dump", "dict"):
        if hasattr(value, name):
            return dict(getattr(value, name)())
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(
            f"{value!r:.60} is no object with fields", fix='a mapping: {"name": value}'
        )
    return dict(value)


def project_of(name: str | None) -> str:
    """A project's name, by default that of the default project; `"*"` stands for all."""
    return name if name == "*" else check_place(name or str(config.default_project))


def several(values: Any) -> list[Any]:
    """One value, several or none, as a list."""
    if values is None or values == "":
        return []
    return list(values) if isinstance(values, (list, tuple, set)) else [values]


def tell_ignored(call: str, options: Mapping[str, Any]) -> None:
    """Say once that a call does not have some options, if values are given for them.

    >>> tell_ignored("list_runs", {"partition_by": None})
    """
    for name in sorted(name for name, value in options.items() if value):
        if (call, name) not in _told:
            _told.add((call, name))
            Logger("info").info(f"{call} does not have {name!r} here: it changes nothing")
