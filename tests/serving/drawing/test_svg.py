from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.drawing.shapes import outline, shape_of
from mlrun_like.drawing.text import clean, shortened, width
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.drawing.mermaid import mermaid
from mlrun_like.serving.drawing.node import START, Network, Node
from mlrun_like.serving.drawing.style import STYLE
from mlrun_like.serving.drawing.svg import draw

SVG = "{http://www.w3.org/2000/svg}"
STEPS = [
    Node("parse", note="fraud.Parse", on_error="catch"),
    Node("models", "router", ["parse"], routes=["m1", "m2"]),
    Node("answer", after=["models"], responder=True),
    Node("audit", "queue", after=["answer"]),
    Node("store", after=["audit"], function="archive"),
    Node("catch", "error_step", before=["answer"]),
]


def parsed(steps: list[Node], *, down: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(draw(Network.of(steps), down=down))


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_every_kind_is_drawn_in_its_way() -> None:
    root = parsed(STEPS)
    kinds = [group.get("class") for group in root.iter(f"{SVG}g") if group.get("class")]
    assert kinds == [
        "start", "task", "router", "task responder", "queue", "task", "error_step",
    ]  # fmt: skip
    shown = texts(root)
    for word in ("start", "parse", "fraud.Parse", "m1", "m2", "responds", "archive", "catch"):
        assert word in shown
    edges = [path.get("class") for path in root.iter(f"{SVG}path") if path.get("class")]
    assert edges.count("edge") == 6 and edges.count("edge error") == 1
    assert edges.count("inner ring") == 1 and edges.count("inner row") == 2
    assert len(list(root.iter(f"{SVG}rect"))) == 1, "one frame for the one function"


@pytest.mark.parametrize("down", [False, True])
def test_everything_is_inside_the_picture(down: bool) -> None:
    root = parsed(STEPS, down=down)
    left, top, wide, high = map(float, str(root.get("viewBox")).split())
    for text in root.iter(f"{SVG}text"):
        assert left < float(text.get("x", "")) < left + wide
        assert top < float(text.get("y", "")) < top + high
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.get("x", "")), float(rect.get("y", ""))
        assert x >= left and x + float(rect.get("width", "")) <= left + wide
        assert y >= top and y + float(rect.get("height", "")) <= top + high


def test_the_flow_runs_to_the_right_or_down() -> None:
    def places(down: bool) -> list[tuple[float, float]]:
        found = parsed(STEPS[:1], down=down).iter(f"{SVG}text")
        return [(float(text.get("x", "")), float(text.get("y", ""))) for text in found]

    across, along = places(False), places(True)
    assert across[1][0] > across[0][0] and along[1][1] > along[0][1]


@given(st.text(max_size=60), st.text(max_size=200))
def test_any_name_is_text(name: str, note: str) -> None:
    root = parsed([Node(name or "x", "router", routes=[note, name], note=note, function=note)])
    assert root.tag == f"{SVG}svg"


def test_names_are_never_markup() -> None:
    root = parsed([Node('<script>alert("x")</script>&amp;', function="</svg>")])
    assert not list(root.iter(f"{SVG}script"))
    assert '<script>alert("x")</script>&amp;' in texts(root)


def test_many_routes_are_counted_not_drawn() -> None:
    root = parsed([Node("r", "router", routes=[f"m{n}" for n in range(4000)])])
    assert "… 3993 more" in texts(root) and len(list(root.iter(f"{SVG}text"))) == 10


def test_mistakes_of_a_graph_are_drawn() -> None:
    steps = [Node("a", after=["b", "nobody"], on_error="gone"), Node("b", after=["a"])]
    steps.append(Node("self", after=["self"]))
    shown = texts(parsed(steps))
    assert shown.count("no such step") == 2 and {"nobody", "gone", "self"} <= set(shown)
    with pytest.raises(InvalidArgumentError, match="two steps are called 'a'"):
        Network.of([Node("a"), Node("a")])


def test_an_empty_graph_is_a_picture() -> None:
    root = parsed([])
    assert root.findtext(f"{SVG}title") == "Graph without steps"


def test_the_style_touches_nothing_else_on_a_page() -> None:
    rules = re.findall(
        r"([^{}]+)\{[^{}]*\}", STYLE.replace("@media (prefers-color-scheme:dark){", "")
    )
    selectors = [s.strip() for rule in rules for s in rule.split(",") if s.strip()]
    assert selectors and all(s.startswith(".mlg ") for s in selectors)


def test_start_is_where_nothing_comes_before() -> None:
    network = Network.of(STEPS, on_error="rescue")
    assert [e.target for e in network.edges if e.source == START] == ["parse"]
    assert network.nodes["rescue"].kind == "missing"
    assert START not in Network.of(STEPS, source="").nodes


def test_mermaid() -> None:
    assert mermaid(Network.of(STEPS), down=True).splitlines() == [
        "flowchart TB",
        '    n0["parse"]',
        '    n1[["models<br/>· m1<br/>· m2"]]',
        '    n2(["answer"])',
        '    n3[/"audit"/]',
        '    n5>"catch"]',
        '    subgraph f1["archive"]',
        '        n4["store"]',
        "    end",
        "    n0 -. error .-> n5",
        "    n0 --> n1",
        "    n1 --> n2",
        "    n2 --> n3",
        "    n3 --> n4",
        "    n5 --> n2",
    ]  # fmt: skip


@given(st.text(max_size=40))
def test_mermaid_holds_any_name(name: str) -> None:
    lines = mermaid(Network.of([Node(name or "x")])).splitlines()
    assert len(lines) == 2 and lines[1].count('"') == 2


def test_texts_are_cut_in_the_middle() -> None:
    cut = shortened("begin-" + "x" * 200 + "-end", 12, 150)
    assert cut.startswith("begin-") and cut.endswith("-end") and width(cut, 12) <= 150
    assert clean("\ud800") == "\ufffd" and width("e\u0301", 10) == width("e", 10)


@pytest.mark.parametrize(
    "shape",
    ["box", "pill", "octagon", "parallelogram", "diamond", "hexagon", "ellipse", "cylinder"],
)
def test_shapes(shape: str) -> None:
    path = outline(shape_of("task", shape), 10, 20, 100, 40)
    assert path.startswith("M") and path.count("Z") == 1 and "e-" not in path
