from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.drawing.node import Network, Node
from mlrun_like.serving.plot import Picture, plot_graph


@pytest.fixture
def picture() -> Picture:
    return plot_graph([Node("a"), Node("b", after=["a"], responder=True)])


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("g.svg", "<svg "),
        ("g.html", "<!doctype html>"),
        ("g.htm", "<!doctype html>"),
        ("g.mmd", "flowchart LR"),
        ("g.md", "```mermaid\nflowchart LR"),
        ("new/folder/g.SVG", "<svg "),
    ],
)
def test_the_ending_chooses_the_format(
    picture: Picture, tmp_path: Path, name: str, begin: str
) -> None:
    path = picture.write(tmp_path / name)
    assert path == tmp_path / name and path.read_text().startswith(begin)


def test_a_format_without_an_ending(picture: Picture, tmp_path: Path) -> None:
    assert picture.write(tmp_path / "g", "html").name == "g.html"
    assert picture.write(tmp_path / "g").name == "g.svg"
    assert picture.write(tmp_path / "g.txt", "mermaid").read_text().startswith("flowchart")


def test_an_unknown_format(picture: Picture, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="docx") as caught:
        picture.write(tmp_path / "g.docx")
    assert ".svg, .html, .mmd or .md" in caught.value.fix
    assert not list(tmp_path.iterdir())


def test_png_without_a_converter_writes_svg_and_says_so(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.warns(UserWarning, match=r"wrote .*g\.svg instead of g\.png"):
        path = picture.write(tmp_path / "g.png")
    assert path.name == "g.svg" and path.exists() and not (tmp_path / "g.png").exists()


def test_png_with_a_converter(picture: Picture, tmp_path: Path) -> None:
    cairosvg: ModuleType = pytest.importorskip("cairosvg", exc_type=ImportError)
    assert cairosvg
    assert picture.write(tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert picture.write(tmp_path / "g.pdf").read_bytes().startswith(b"%PDF")


def test_notebooks_show_it(picture: Picture) -> None:
    assert picture._repr_svg_() == picture.svg
    assert picture.svg in picture._repr_html_()
    assert (
        str(picture) == picture.mermaid == 'flowchart LR\n    n0["a"]\n    n1(["b"])\n    n0 --> n1'
    )


def test_direction(picture: Picture) -> None:
    down = plot_graph([Node("a")], rankdir="TB", source="")
    assert down.mermaid.startswith("flowchart TB")
    with pytest.raises(InvalidArgumentError, match="rankdir cannot be 'XY'"):
        plot_graph([], rankdir="XY")
    assert Picture(Network.of([])).mermaid == "flowchart LR"


def test_the_steps_of_a_graph(tmp_path: Path) -> None:
    graph = flow()
    graph.to(abs, "size").error_handler("catch", handler="builtins.repr", full_event=True)
    step = graph["size"].to("storey.Filter", "keep", function="child", _fn="(True)")
    step.to("*", "models", function="*").respond()
    picture = plot_graph(graph.steps, filename=tmp_path / "g.svg")
    assert "Filter" in picture.svg and "child" in picture.svg
    assert "n0 -. error .-> " in picture.mermaid and '(["models"])' in picture.mermaid
    assert "*" not in picture.mermaid, "a step of every function is in no frame"
    assert (tmp_path / "g.svg").exists()


def test_the_routes_of_a_router_in_a_router_are_shown() -> None:
    graph = flow()
    outer: Any = graph.add_step("*ShadowRouter", "shadow")
    outer.add_route("main", handler=abs)
    inner: Any = outer.add_route("vote", class_name="*VotingEnsemble")
    inner.add_route("a", handler=abs)
    assert "· vote<br/>· vote/a" in graph.plot().mermaid
