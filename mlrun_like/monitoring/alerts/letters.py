"""What goes into letters: their keys, and events as plain data."""

from __future__ import annotations

import hashlib
from typing import Any

from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.types import Document

__all__ = ["delivery_key", "event_document"]


def delivery_key(*parts: Any) -> str:
    """The key of a delivery: the same decision gives the same one."""
    return hashlib.sha256("\x00".join(map(str, parts)).encode()).hexdigest()[:32]


def event_document(event: Happening) -> Document:
    """An event as it stands in incidents and letters."""
    body = event.body if len(str(event.body)) <= 4096 else {"omitted": "more than 4096 characters"}
    return {
        "id": event.id,
        "kind": event.kind,
        "entity_kind": event.entity_kind,
        "entity_id": event.entity_id,
        "time": event.time,
        "value": event.value,
        "body": body,
    }
