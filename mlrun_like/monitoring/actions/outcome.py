"""What became of an action, and the words that its runs bear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.monitoring.actions.claims import ActionRecord
from mlrun_like.monitoring.actions.guards import ANCESTRY

__all__ = ["ACTION", "ALERT", "INCIDENT", "Outcome", "annotations_of", "labels_of"]

ALERT = "mlrun-like/alert"
"""Label of a run: the alert that started it."""
INCIDENT = "mlrun-like/incident"
"""Annotation of a run: the activation that started it."""
ACTION = "mlrun-like/action"
"""Annotation of a run: the action's key."""


@dataclass(frozen=True)
class Outcome:
    """How an action ended.

    Args:
        state: `completed`, `failed` or `lost`.
        reason: In words.
        links: What came of it, by name.
    """

    state: str
    reason: str = ""
    links: Mapping[str, Any] = field(default_factory=dict)


def labels_of(record: ActionRecord) -> dict[str, str]:
    """Labels of a run that an action starts."""
    return {ALERT: _label(record.alert), INCIDENT: _label(record.activation)}


def annotations_of(record: ActionRecord) -> dict[str, str]:
    """Annotations of a run that an action starts: exact names, and what led to it."""
    return {
        ACTION: record.key,
        INCIDENT: record.activation,
        ANCESTRY: " ".join(record.ancestry),
    }


def _label(text: str) -> str:
    """A text as the value of a label: what is not allowed in one becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:63].strip("-._")
