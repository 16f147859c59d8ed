from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from mlrun_like.monitoring.description import charts
from mlrun_like.monitoring.description.charts import charts_of
from mlrun_like.monitoring.description.overview import overview_page
from mlrun_like.monitoring.description.reading import describe_frame

_HOSTILE = '<script>alert("1")</script> & \x00'


def _frame(rows: int = 120) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "a": random.normal(size=rows),
            "b": random.normal(size=rows),
            _HOSTILE: random.choice([_HOSTILE, "x"], rows),
            "t": pd.date_range("2024-01-01", periods=rows),
            "n": np.where(random.random(rows) < 0.3, np.nan, 1.0),
            "y": random.choice(["no", _HOSTILE], rows),
        }
    )


@pytest.mark.parametrize("label", ["", "y", "a"])
def test_pages_are_xml_and_run_nobodys_script(label: str) -> None:
    frame = _frame()
    found = describe_frame(frame, _HOSTILE, label=label, is_classes=label == "y")
    pages = {"overview": overview_page(found), **charts_of(found, frame, interactive=False)}
    assert ("imbalance" in pages) is bool(label)
    for page in pages.values():
        ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
        assert "<script" not in page


@pytest.mark.parametrize("label", ["", "y", "a"])
def test_interactive_charts_hold_what_the_table_says(label: str) -> None:
    pytest.importorskip("plotly", reason="plotly is not installed")
    frame = _frame()
    found = describe_frame(frame, "t", label=label, is_classes=label == "y")
    made = charts_of(found, frame)
    bars = made["histograms"].data
    counts = sum(sum(one.y) for one in bars if one.visible)
    assert counts == len(frame) if label != "a" else counts > 0
    assert made["correlation"].data[0].z[0][1] is not None or label == "a"
    if label == "y":
        assert sum(made["imbalance"].data[0]["values"]) == len(frame)
    for figure in made.values():
        assert "<script>alert" not in figure.to_html(include_plotlyjs=False)


def test_without_plotly_charts_are_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "find_spec", lambda name: None)
    frame = _frame()
    made = charts_of(describe_frame(frame), frame)
    assert all(isinstance(one, str) and one.startswith("<!DOCTYPE") for one in made.values())


def test_nothing_to_draw_is_said() -> None:
    frame = pd.DataFrame({"w": ["a", "b"]})
    made = charts_of(describe_frame(frame), frame, interactive=False)
    assert "There is nothing to draw." in made["correlation"]
    assert "No value is missing." in made["missing-values"]
    pytest.importorskip("plotly", reason="plotly is not installed")
    figures = charts_of(describe_frame(frame), frame)
    assert figures["violin"].layout.annotations[0].text == "There are no numeric columns."


def test_many_columns_make_a_page_that_opens() -> None:
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 700)))
    frame.columns = [f"column {number}" for number in range(700)]
    found = describe_frame(frame)
    assert len(overview_page(found)) < 2_000_000
    assert "400 more columns" in overview_page(found)
