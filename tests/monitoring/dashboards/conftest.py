"""Grafana's packages, in a folder of their own: the client replaces urllib3 wherever it is."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import missing

FOLDER = Path(__file__).resolve().parents[3] / ".cache" / "grafana"


@pytest.fixture(scope="module")
def grafana_packages() -> Iterator[Any]:
    """Imports a module of these packages by name."""
    sys.path.append(str(FOLDER))

    def find(name: str) -> Any:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as exc:
            missing(f"no {exc.name}: make .venv/stamps/grafana")

    yield find
    sys.path.remove(str(FOLDER))
