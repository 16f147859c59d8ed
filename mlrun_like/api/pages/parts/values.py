"""Values of features: statistics, first rows, and those of an entity now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.look import Look, first, form, line, place
from mlrun_like.drawing.charts import histogram
from mlrun_like.drawing.page import Html, cards, element, joined, number, section, table
from mlrun_like.types import Document

__all__ = ["lookup_part", "rows_part", "statistics_part"]

_MOST = 60


def statistics_part(stats: Mapping[str, Any], columns: Sequence[Document]) -> Html:
    """Histograms and numbers of columns."""
    order = [one["name"] for one in columns if one["name"] in stats]
    order += [name for name in stats if name not in order]
    if not order:
        return first("No statistics yet", "They are made when data is ingested, or joined for "
                     "training.")  # fmt: skip
    drawn = [_card(name, stats[name]) for name in order[:_MOST]]
    keys = ("count", "mean", "std", "min", "50%", "max", "unique", "top")
    rows = [
        [name, *(number(stats[name].get(key)) if key != "top" else stats[name].get(key) for key in
                 keys)]
        for name in order
    ]  # fmt: skip
    return joined(
        [
            section("Histograms", cards(*[one for one in drawn if one]) or "None are known."),
            section("Numbers", table(("column", *keys), rows, keys[:-1], caption="statistics")),
        ]
    )


def _card(name: str, stats: Mapping[str, Any]) -> Html:
    known = stats.get("histogram")
    if not isinstance(known, Mapping):
        return Html()
    drawn = histogram(known["edges"], known["counts"], title=name)
    return element("div", element("h3", name), drawn) if drawn else Html()


def rows_part(preview: Document) -> Html:
    """The first rows that were recorded."""
    rows = [[_plain(value) for value in row] for row in preview["rows"]]
    return section(
        "Rows", table(preview["columns"], rows, caption="first rows") or preview["note"],
        note="As the last ingestion recorded them.",
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) or value is None else json.dumps(
        value, default=str)  # fmt: skip


def lookup_part(asked: Document, look: Look, here: Sequence[str]) -> Html:
    """A form that looks up entities, and what was found."""
    text = asked.get("text") or asked.get("example") or "{}"
    said: list[Any] = []
    if asked.get("error"):
        said.append(element("p", asked["error"], class_="notice bad", role="alert"))
    for entity, vector in asked.get("answer") or []:
        told = ", ".join(f"{key}={value}" for key, value in entity.items())
        if vector is None:
            said.append(element("p", f"{told}: nothing is known, or its row is damaged"))
            continue
        rows = [[key, _plain(value)] for key, value in vector.items()]
        said.append(joined([element("h3", told), table(("feature", "value"), rows, caption=told)]))
    return section(
        "Values of an entity now",
        form(look, place(look.project, *here, "lookup"),
             line("Entity (JSON)", "entity", text, type="textarea", rows="3", spellcheck="false",
                  note="One entity, or a list of them."),
             button("Look up", "main"), label="look up"),
        element("div", *said, id="answer", aria_live="polite") if said else "",
        note="Read from the online targets, as a model would get them.",
    )  # fmt: skip
