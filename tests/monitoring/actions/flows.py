"""Pipelines and handlers that the tests of actions start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from mlrun_like.configuration import config
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.pipeline import pipeline

__all__ = ["broken", "eager", "measure", "note", "retrain", "shout"]


def note(text: str) -> None:
    """Leave a line that a test in another process can count."""
    with open(Path(config.path("notes.txt")), "a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@function(returns=["size"])
def train(size: int) -> int:
    """Train, so to speak."""
    note(f"train {size}")
    return size * 2


@function()
def fail(text: str) -> None:
    """Fail."""
    raise ValueError(text)


@pipeline
def retrain(size: int = 1) -> Any:
    """One step."""
    return train(size=size)


@pipeline
def broken() -> None:
    """A step that fails."""
    fail(text="no luck")


@function(returns=["rows"])
def count(table: pd.DataFrame) -> int:
    """How many rows there are."""
    return len(table)


@pipeline
def measure(table: str) -> Any:
    """Look at a table."""
    return count.step(inputs={"table": table})


def shout(incident: dict[str, Any], text: str = "") -> str:
    """Called by an action."""
    note(f"shout {incident['id']} {text}")
    if text == "fail":
        raise ValueError("it is broken")
    return text.upper()


@pipeline(dynamic=True)
def eager(incident: Any = None) -> None:
    """A body that runs as Python does, and is told why."""
    train(size=len(str(incident["id"])))
