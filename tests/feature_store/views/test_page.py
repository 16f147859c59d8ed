"""What notebooks show of definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.definitions.validators import MinMaxValidator
from mlrun_like.feature_store.views.histogram import histogram
from mlrun_like.feature_store.views.lineage import lineage_of
from mlrun_like.feature_store.views.page import definition_html
from mlrun_like.tracking.connect import close_stores, open_store

EVIL = "<script>alert('x')</script>\"&'"


@pytest.fixture(autouse=True)
def closed(home: Path) -> Iterator[None]:
    """No store outlives its test."""
    yield
    close_stores()


class Tags(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def _quotes() -> FeatureSet:
    found = FeatureSet("quotes", "offers of a day", ["ticker"], "time", ttl="1d", owner="me")
    found["bid"] = Feature("float", validator=MinMaxValidator(min=0, severity="error"))
    found["label"] = Feature("bool", description="went up")
    found.spec.label_column = "label"
    found.add_aggregation("bid", ["sum"], ["1h"], "10m")
    found.status.stats = {
        "bid": {"count": 3, "mean": 1.5, "hist": [[1, 0, 2], [0.0, 1.0, 2.0, 3.0]]},
        "ticker": {"count": 3, "unique": 2, "top": "A", "freq": 2},
    }
    found.status.update_target({"kind": "parquet", "path": "/data/quotes", "rows": 3})
    return found


def test_a_set() -> None:
    page = Tags(str(_quotes()._repr_html_()))
    for part in (
        "quotes", "offers of a day", "ticker", "entity", "bid", "minmax severity=error, min=0",
        "went up", "label", "aggregate", "1.5", "/data/quotes", "10m", "time", "Aggregates",
    ):  # fmt: skip
        assert part in page.text, part
    assert {"table", "svg", "rect", "details"} <= page.names and "script" not in page.names


def test_a_vector() -> None:
    quotes = _quotes()
    vector = FeatureVector("vector", ["quotes.bid as offer"], "quotes.label", query="offer > 1")
    assert "quotes.bid as offer" in Tags(str(vector._repr_html_())).text
    vector.parse_features(update_stats=True, store={"quotes": quotes})
    text = Tags(str(vector._repr_html_())).text
    assert "default/quotes.bid" in text and "offer > 1" in text and "1.5" in text


def test_hostile_content() -> None:
    found = FeatureSet("a", EVIL, [EVIL], EVIL, owner=EVIL, labels={"x": EVIL})
    found[EVIL] = Feature("str", description=EVIL, validator={"kind": "regex", "regex": "<b>"})
    found.status.stats = {EVIL: {EVIL: EVIL, "top": EVIL, "hist": [[1], [EVIL, EVIL]]}, "b": {}}
    found.status.update_target({"kind": EVIL, "name": EVIL, "path": EVIL, "status": EVIL})
    found.metadata.updated = EVIL
    found.graph.to("storey.Map", EVIL)
    page = str(definition_html(found))
    tags = Tags(page)
    assert "script" not in tags.names and "b" in tags.names and "<script" not in page
    assert not {name for name in tags.attributes if name.startswith("on")}
    vector = FeatureVector("v", [EVIL], EVIL, EVIL, query=EVIL)
    assert "<script" not in str(definition_html(vector))


def test_a_page_is_not_endless() -> None:
    found = FeatureSet("a", "x" * 100_000)
    for number in range(3000):
        found[f"c{number}"] = Feature("float")
        found.status.stats[f"c{number}"] = {"mean": 1.0}
    page = str(definition_html(found))
    assert "… and 2500 more" in page and len(page) < 1_000_000


def test_histograms_are_pictures() -> None:
    picture = histogram([[1, 0, 4], [0, 1, 2, 3]])
    root = ElementTree.fromstring(str(picture))
    bars = root.findall(".//{http://www.w3.org/2000/svg}rect")
    assert [float(bar.attrib["height"]) for bar in bars] == [7.0, 0.0, 28.0]
    assert "0 to 1: 1" in picture


numbers: Any = st.none() | st.integers() | st.floats() | st.text(max_size=3)


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        numbers, st.lists(numbers), st.lists(st.lists(numbers, max_size=4), max_size=3),
        st.lists(st.floats(0), min_size=1, max_size=5).map(lambda c: [c, [*c, 1.0]]),
    )
)  # fmt: skip
def test_anything_may_stand_for_a_histogram(value: Any) -> None:
    picture = str(histogram(value))
    if picture:
        heights = re.findall(r'height="([^"]+)"', ElementTree.tostring(
            ElementTree.fromstring(picture), encoding="unicode"))  # fmt: skip
        assert all(0 <= float(height) <= 28.01 for height in heights)


def test_lineage() -> None:
    quotes = _quotes()
    quotes.spec.source = {"kind": "csv", "path": "s3://b/x.csv"}
    quotes.save(tag="v1")
    other = FeatureSet("quotes2", entities=["ticker"])
    other.save()
    FeatureVector("vector", ["quotes.bid"]).save()
    FeatureVector("labelled", ["quotes2.x"], "quotes:v1.label").save()
    FeatureVector("unrelated", ["quotes2.x"]).save()
    config.default_project = "other"
    FeatureVector("far", ["default/quotes.*"]).save()
    config.default_project = "default"

    def train(context: ml.Context) -> None:
        context.log_model(
            "model", body=b"x", model_file="m.bin",
            feature_vector="store://feature-vectors/default/vector:v3",
        )  # fmt: skip

    run = ml.new_function("train", kind="local").run(handler=train, watch=False)
    store = open_store()
    store.record_use("default", "u1", "store://feature-sets/default/quotes", "write")
    store.record_use("default", "u2", quotes.uri, "write")
    store.record_use("default", "u3", f"{quotes.uri}", "read")
    found = lineage_of(quotes)
    assert found.sources == ["csv s3://b/x.csv"]
    assert found.written_by == ["default@u1", "default@u2"] and found.read_by == ["default@u3"]
    assert sorted(uri.rpartition("/")[2] for uri in found.vectors) == ["far", "labelled", "vector"]
    assert len(found.models) == 1 and run.metadata.uid in found.models[0]
    assert not lineage_of(other).models and not lineage_of(other).written_by
    vector = lineage_of(FeatureVector("vector", ["quotes.bid", "quotes:v1.x", "bad"]))
    assert vector.sources == [
        "store://feature-sets/default/quotes", "store://feature-sets/default/quotes:v1", "bad",
    ]  # fmt: skip
    assert vector.models == found.models
    assert "default@u1" in str(definition_html(quotes))


def test_a_page_without_a_store(tmp_path: Path) -> None:
    quotes = _quotes()
    quotes.metadata.uid = "a1"
    (tmp_path / "file").write_text("x")
    config.dbpath = str(tmp_path / "file" / "below.db")
    assert "bid" in str(quotes._repr_html_())
