"""Charts: well formed, named, robust against any numbers, small."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from mlrun_like.drawing.charts import bars, histogram, lines, sparkline
from mlrun_like.drawing.heatmap import heat_map
from mlrun_like.drawing.scales import number_ticks, time_ticks
from mlrun_like.drawing.text import width as text_width
from tests.drawing.pages import HOSTILE, read

ODD: list[Any] = [None, math.nan, math.inf, -math.inf, 1e308, -1e308, 0, -0.0, 1e-320, 10**400, "x"]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_names_stay_texts(words: str) -> None:
    read(histogram([words, "b"], [1, 2], [2, 1], title=words, level=words))
    read(bars([words, "b"], [1, -2], title=words, unit=words, levels=[words]))
    read(lines({words: [(0, 1), (1, 2)]}, thresholds=[(words, 1, words)], title=words))
    read(sparkline([1, 2], title=words, level=words))


@pytest.mark.parametrize("odd", ODD, ids=lambda value: str(value)[:9])
def test_any_number_can_be_drawn(odd: Any) -> None:
    for made in (
        histogram([0, 1, 2], [odd, 1], [1, odd]),
        histogram([odd, odd, odd], [1, 1]),
        bars(["a", "b"], [odd, 1]),
        lines({"a": [(0, odd), (1, 1), (odd, 2), (3, odd)]}),
        lines({"a": [(0, odd)]}, x_is_time=False),
        lines({"a": [(odd, 1), (odd, 1)]}, bands=[(0, 1, "bad")]),
        sparkline([odd, 1, odd]),
        sparkline([odd]),
    ):
        assert "nan" not in made and "inf" not in made.replace("infinity", "")
        if made:
            ElementTree.fromstring(made)


def test_two_distributions_are_compared_as_shares() -> None:
    made = histogram([0, 1, 2], [10, 30], [1, 1])
    assert "0 to 1: 25.0% expected, 50.0% now" in made
    assert "0 to 1: 10" in histogram([0, 1, 2], [10, 30])


def test_outer_bars_without_an_end_say_so() -> None:
    made = histogram([0.5, 1.5], [1, 2, 1], [1, 1, 1])
    assert "below 0.5:" in made and "1.5 and more:" in made


def test_charts_have_names_for_screen_readers() -> None:
    for made in (
        histogram(["a"], [1], title="ages"),
        bars(["a"], [1], title="ages"),
        lines({"a": [(0, 1)]}, title="ages"),
        sparkline([1], title="ages"),
    ):
        root = ElementTree.fromstring(made)
        assert root.attrib["role"] == "img" and root.attrib["aria-label"].startswith("ages.")
        assert root[0].tag.endswith("title") and root[0].text == "ages"


def test_many_points_and_bars_stay_small() -> None:
    points = [(float(at), math.sin(at / 50)) for at in range(100_000)]
    points[50_000] = (50_000.0, 40.0)
    made = lines({"a": points})
    assert len(made) < 60_000 and "40" in made
    assert len(histogram(list(range(10_001)), [1] * 10_000, [2] * 10_000)) < 20_000
    assert len(bars(range(10_000), range(10_000))) < 15_000
    assert len(lines({str(n): [(0, 1), (1, 2)] for n in range(1000)})) < 30_000


def test_a_gap_in_a_line_stays_a_gap() -> None:
    made = lines({"a": [(0, 1), (1, None), (2, 3), (3, 4)]})
    path = next(e for e in ElementTree.fromstring(made) if e.tag.endswith("path"))
    assert path.attrib["d"].count("M") == 2


@pytest.mark.parametrize("span", [1e-9, 0.3, 7, 1000, 1e6, 1e12, 1e200])
def test_ticks_are_few_and_inside(span: float) -> None:
    for ticks in (number_ticks(-span, span), number_ticks(5, 5 + span), time_ticks(0, span)):
        assert 1 <= len(ticks) <= 12
    assert all(abs(at) <= span * 1.000001 for at, _ in number_ticks(-span, span))


def test_times_out_of_the_calendar_do_no_harm() -> None:
    read(lines({"a": [(-1e18, 1), (1e18, 2)]}))
    read(lines({"a": [(1e18, 1), (1e18 + 1, 2)]}))


def test_few_columns_of_a_heat_map_have_room_for_their_names() -> None:
    found = heat_map(["age"], ["11-21 09:00", "11-21 10:00"], [[0.1, 0.6]])
    places = [float(one) for one in re.findall(r'<text x="([\d.]+)" y="14\.0"', found)]
    width = re.search(r'width="(\d+)" height', found)
    assert len(places) == 2 and places[1] - places[0] > text_width("11-21 09:00", 11) + 8
    assert width is not None
    ends = [float(one) for one in re.findall(r'<text x="([\d.]+)" y="62', found)]
    assert ends and max(ends) + text_width("0.7 and more", 11) < float(width[1])
