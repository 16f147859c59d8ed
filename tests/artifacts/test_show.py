"""Plots and the display of artifacts: everything that comes from data is escaped."""

from __future__ import annotations

import importlib
from pathlib import Path

import pandas as pd
import pytest

from mlrun_like.artifacts.artifact import (
    Artifact,
    DatasetArtifact,
    PlotArtifact,
    PlotlyArtifact,
    TableArtifact,
)
from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.item import set_in_memory_item
from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.artifacts.show import item_html
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.connect import close_stores, open_store

EVIL = "<script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\nrest"


def test_plots(tmp_path: Path) -> None:
    figure_module = importlib.import_module("matplotlib.figure")
    figure = figure_module.Figure()
    figure.subplots().plot([1, 2])
    page = PlotArtifact("p", body=figure, title=EVIL).get_body()
    assert "data:image/png;base64," in page and EVIL not in page
    assert PlotArtifact("p", body=PNG).suffix() == ".html"
    for bad in ("text", b"not a png", 5):
        with pytest.raises(ValueError, match="plot 'p'"):
            PlotArtifact("p", body=bad)
    manager = ArtifactManager(open_store(), Producer("project", "d", "d", "d", ""))
    logged = manager.log_artifact("fig", body=figure, artifact_path=tmp_path)
    assert logged.kind == "plot" and logged.target_path == str(tmp_path / "fig.html")
    close_stores()


def test_plotly() -> None:
    plotly = importlib.import_module("plotly.graph_objects")
    artifact = PlotlyArtifact(plotly.Figure(), "p")
    assert "<html" in artifact.get_body() and artifact.kind == "plotly"
    with pytest.raises(InvalidArgumentError, match="int"):
        PlotlyArtifact(5, "p")


def test_everything_is_escaped() -> None:
    frame = pd.DataFrame({EVIL: [EVIL]})
    artifacts = [
        Artifact("k", body=EVIL, description=EVIL, labels={"a": EVIL}, target_path=EVIL),
        DatasetArtifact("d", frame),
        TableArtifact("t", df=frame),
        Artifact("h", body=f"<b>{EVIL}</b>", format="html"),
        PlotArtifact("p", body=PNG, title=EVIL),
        Artifact("missing", format="html", target_path=f"/none/{EVIL}"),
    ]
    for artifact in artifacts:
        assert "<script" not in artifact._repr_html_()
    page = artifacts[3]._repr_html_()
    assert 'sandbox="allow-scripts"' in page and "allow-same-origin" not in page


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.json", "a.yaml"])
def test_items_are_escaped(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = f'[{{"x": "{EVIL}"}}]' if name == "a.json" else f"x\n{EVIL}\n"
    item = open_url(set_in_memory_item(f"show/{name}", text))
    assert "<script" not in item_html(item)
    assert item.show() is None
    assert "script" in capsys.readouterr().out


def test_a_page_is_named_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    item = open_url(set_in_memory_item("show/a.html", EVIL))
    assert "<script" not in item_html(item)
    assert item.show() is None
    assert capsys.readouterr().out == f"memory://show/a.html ({len(EVIL)} bytes, html)\n"


def test_images_and_unknown_items(capsys: pytest.CaptureFixture[str]) -> None:
    item = open_url(set_in_memory_item("show/a.png", PNG))
    assert item_html(item).startswith('<img src="data:image/png;base64,')
    item.show()
    assert "png" in capsys.readouterr().out
    with pytest.raises(InvalidArgumentError, match="cannot be shown"):
        open_url(set_in_memory_item("show/a.bin", PNG)).show()


def test_show_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    artifact = DatasetArtifact("d", pd.DataFrame({"x": ["[red]y"]}), project="demo")
    artifact.show()
    out = capsys.readouterr().out
    assert "store://datasets/demo/d" in out and "[red]y" in out
