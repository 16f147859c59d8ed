"""Every public name of the old packages has a row, and every row leads somewhere."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

from mlrun_like.compat.finder import is_module
from mlrun_like.compat.known import PACKAGES, STAND_INS, known_modules
from mlrun_like.compat.table import AREAS, Missing, area_of, row_of

_AREAS = sorted(set(AREAS.values()))
_NOT_YET: dict[str, int] = {}
"""Areas -> names that have no row; it only ever shrinks."""


def _names(area: str) -> list[tuple[str, str]]:
    return [
        (module, name)
        for package in (*PACKAGES, *STAND_INS)
        for module, names in known_modules(package).items()
        if area_of(module) == area
        for name in names
    ]


@pytest.mark.parametrize("area", _AREAS)
def test_every_known_name_has_a_row(area: str) -> None:
    without = [
        f"{module}.{name}"
        for module, name in _names(area)
        if row_of(module, name) is None and not is_module(f"{module}.{name}")
    ]
    assert len(without) <= _NOT_YET.get(area, 0), without


@pytest.mark.parametrize("area", _AREAS)
def test_every_row_leads_somewhere(area: str, compat: ModuleType) -> None:
    rows = importlib.import_module(f"mlrun_like.compat.symbols.{area}").ROWS
    broken = []
    for module, names in rows.items():
        for name, row in names.items():
            if isinstance(row, Missing):
                assert row.purpose, f"{module}.{name} does not say what it was for"
                continue
            path, _, attribute = row.partition(":")
            try:
                value = importlib.import_module(path)
                for part in filter(None, attribute.split(".")):
                    value = getattr(value, part)
            except (ImportError, AttributeError) as exc:
                broken.append(f"{module}.{name} -> {row}: {exc}")
    assert not broken, broken
