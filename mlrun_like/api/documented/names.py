"""Examples for the parts of addresses, such that they fit to the example of the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["example_of"]

_PLACES: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "metadata.name", "template_name", "kind"),
    "uid": ("metadata.uid",),
    "source": ("source.metadata.name",),
}
_ELSE: Mapping[str, Any] = {
    "project": "fraud",
    "name": "train",
    "uid": "0193a4b2",
    "key": "model",
    "source": "ours",
    "reference": "latest",
    "tag": "v1",
    "alias": "champion",
    "user": "anna",
    "path": "data/cards.csv",
    "upload_id": "0" * 32,
    "offset": 0,
    "number": "1",
    "version": "1",
    "method": "list_runs",
    "file": "fraud-5f0c1a2b.zip",
}


def example_of(part: str, body: Any) -> Any:
    """What stands in an address for `{part}` if this body is sent there.

    >>> example_of("name", {"metadata": {"name": "users"}})
    'users'
    """
    for place in _PLACES.get(part, ()):
        found = body
        for key in place.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, str) and found:
            return found
    return _ELSE.get(part, "a1b2c3")
