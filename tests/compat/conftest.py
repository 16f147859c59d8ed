"""The switch, on for the length of one test."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from mlrun_like import compat as switch


@pytest.fixture
def compat() -> Iterator[ModuleType]:
    """The switch is on; afterwards everything is forgotten and it is off."""
    switch.install(quiet=True)
    try:
        yield switch
    finally:
        switch.reset()
        switch.uninstall()
