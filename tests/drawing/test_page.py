"""Pages: well formed, nothing hostile passes, sizes, what a screen reader finds."""

from __future__ import annotations

import numpy as np
import pytest

from mlrun_like.drawing.looks import LEVELS, STYLE
from mlrun_like.drawing.page import (
    Html,
    badge,
    cards,
    element,
    fold,
    joined,
    link,
    number,
    page,
    section,
    table,
    text,
    tiles,
)
from tests.drawing.pages import HOSTILE, read


def test_a_page_is_whole_and_offline() -> None:
    made = page(
        "Drift",
        section("Summary", tiles([("rows", 3, "ok")]), "one < two", note="a note", key="top"),
        section("Table", table(["name", "value"], [["a", 1.5]], caption="values")),
        subtitle="today",
        badges=[badge("bad", "bad")],
        navigation=[("Home", "/", True), ("Other", "/other", False)],
        footer="the end",
    )
    found = read(made)
    assert found.names.count("h1") == 1 and found.names.count("h2") == 2
    assert ("html", "lang", "en") in found.attributes
    assert ("a", "aria-current", "page") in found.attributes
    assert ("a", "href", "#main") in found.attributes
    assert ("h2", "id", "top") in found.attributes
    assert "one < two" in found.content
    assert "http" not in STYLE and "@import" not in STYLE and "url(" not in STYLE
    assert len(made) < 9_000


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_texts_stay_texts(words: str) -> None:
    made = page(
        words,
        section(words, words, note=words, key=words),
        section("t", table([words, "b"], [[words, 1], [None, words]], [words], caption=words)),
        section("x", tiles([(words, words, words)]), badge(words, words), fold(words, words)),
        section("y", link(words, words), cards(words), element("p", words, title=words)),
        subtitle=words,
        navigation=[(words, words, False)],
        footer=words,
    )
    found = read(made)
    if words.strip() and "\0" not in words and len(words) < 200:
        assert words in found.content


def test_only_html_passes_as_it_is() -> None:
    assert "<p>&lt;b&gt;</p>" in section("x", "<b>")
    assert "<b>x</b>" in section("x", Html("<b>x</b>"))
    assert joined(["<", Html("<i/>")], ", ") == "&lt;, <i/>"
    assert isinstance(text("x"), Html) and isinstance(badge("x"), Html)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "java\nscript:x",
    ],
)
def test_links_never_run(address: str) -> None:
    assert link("x", address) == "x"


@pytest.mark.parametrize(
    "address", ["/a?b=1", "https://x.test/", "?a:b", "#x", "a/b:c", "mailto:a@b.test"]
)
def test_links_go_where_they_say(address: str) -> None:
    assert ("a", "href", address) in read(link("x", address)).attributes


def test_numbers_stand_at_the_right() -> None:
    made = table(
        ["name", "count", "share", "text"],
        [["a", np.int64(5), np.float64(0.25), "9"], ["b", None, float("nan"), "10"]],
        numeric=["text"],
    )
    assert made.count('class="n"') == 3 + 3 * 2
    assert ">0.25<" in made and ">—<" in made


def test_a_table_for_a_notebook_has_its_own_styles() -> None:
    made = table(["a", "b"], [["x", 1]], is_bare=True)
    assert made.startswith("<table>") and "class=" not in made and "text-align:right" in made


def test_rows_of_other_lengths_do_no_harm() -> None:
    read(table(["a", "b"], [["x"], ["x", "y", "z"], []]))


def test_nothing_gives_nothing() -> None:
    assert table(["a"], []) == "" and tiles([]) == "" and fold("x", "") == ""


@pytest.mark.parametrize(
    "value",
    [10**5000, -(10**400), object(), 1e308, -1e-320, float("inf"), True, "x", [1]],
    ids=lambda value: type(value).__name__,
)
def test_any_number_can_be_shown(value: object) -> None:
    assert len(number(value)) <= 200


def test_a_large_table_stays_small() -> None:
    made = page(
        "big", section("t", table(list("abcdef"), [[n, n, n, n, n, n] for n in range(2000)]))
    )
    assert len(made) < 350_000


def test_levels_have_enough_contrast_on_white() -> None:
    for colour in LEVELS.values():
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (light + 0.05) > 4.5, colour
