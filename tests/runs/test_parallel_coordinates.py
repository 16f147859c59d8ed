from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from mlrun_like.runs.parallel_coordinates import parallel_coordinates

HEADER = ["state", "iter", "param.x", "param.kind", "output.acc"]


def svg(page: str) -> ET.Element:
    """The picture, which is well-formed."""
    return ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])


def test_one_line_a_completed_trial() -> None:
    table: list[list[Any]] = [
        HEADER,
        ["completed", 1, 1, "a", 0.5],
        ["error", 2, 2, "b", None],
        ["completed", 3, 3, "c", 0.9],
        ["completed", 4, 3, None, float("nan")],
        ["completed", 5, -3, "a", float("inf")],
    ]
    page = parallel_coordinates(table, "acc")
    root = svg(page)
    lines = root.findall("polyline")
    assert len(lines) == 4
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3, 1, 3]
    titles = [line.findtext("title") for line in lines]
    assert titles[0] == "iter=1; param.x=1; param.kind=a; output.acc=0.5"
    assert len(root.findall("line")) == 3
    assert "script" not in page


@pytest.mark.parametrize(
    "table",
    [
        [HEADER],
        [HEADER, ["error", 1, 1, "a", 1]],
        [["state", "iter", "param.x"], ["completed", 1, 1]],
        [["state", "iter"], ["completed", 1]],
        [HEADER, ["completed", 1, None, [1], {"a": 1}]],
    ],
)
def test_nothing_to_draw(table: list[list[Any]]) -> None:
    assert parallel_coordinates(table) == ""


def test_hostile_texts_stay_text() -> None:
    evil = "</svg><script>alert(1)</script>\"'&"
    table: list[list[Any]] = [
        ["state", "iter", f"param.{evil}", "output.y"],
        ["completed", 1, evil, 1],
    ]
    page = parallel_coordinates(table, evil)
    assert "<script" not in page
    assert svg(page).find("polyline") is not None


def test_many_trials_and_equal_values() -> None:
    table: list[list[Any]] = [HEADER, *(["completed", n, 1, "same", True] for n in range(2000))]
    assert len(svg(parallel_coordinates(table)).findall("polyline")) == 500


def test_mixed_types_in_one_column() -> None:
    table: list[list[Any]] = [
        HEADER,
        ["completed", 1, 1, "a", "high"],
        ["completed", 2, "two", 3, 10**400],
    ]
    assert svg(parallel_coordinates(table, "acc")) is not None
