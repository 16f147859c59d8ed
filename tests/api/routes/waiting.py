"""Waiting for background tasks in tests."""

from __future__ import annotations

import time
from typing import Any

from tests.api.client import TestClient

__all__ = ["ended"]


def ended(service: TestClient, answer: Any) -> dict[str, Any]:
    """The document of a background task that has ended."""
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found: dict[str, Any] = service.get(place).json()
        if found["status"]["state"] in ("succeeded", "failed", "cancelled"):
            return found
        time.sleep(0.02)
    raise AssertionError("the task does not end")
