"""What the pages of the model registry show: models, versions with gates, comparison, trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.lineage import uri_link
from mlrun_like.api.pages.parts.look import Look, box, choice, facts, first, form, line, place
from mlrun_like.api.pages.parts.trail import compare_part, trail_part
from mlrun_like.api.pages.words import bytes_shown, labels_shown, moment, since, tabs
from mlrun_like.drawing.page import (
    Html,
    badge,
    element,
    joined,
    link,
    number,
    paragraph,
    section,
    table,
    tiles,
)
from mlrun_like.types import Document

__all__ = ["gates_table", "model_page", "models_page", "promote_form"]

_FIRST = """\
def train(context, frame):
    model = fit(frame)
    context.log_model("fraud", body=model, model_file="model.pkl", framework="sklearn",
                      metrics={"auc": 0.91}, training_set=frame, label_column="y")"""
_STAGES = {"production": "ok", "staging": "warn", "archived": "none", "none": "none"}
_ALIASES = ("champion", "challenger")


def models_page(rows: Sequence[Document], look: Look) -> list[Html]:
    """All models of a project.

    Args:
        rows: From `registered_models`.
        look: Who looks.
    """
    if not rows:
        return [first("No model yet", "A model that a run logs becomes the next version of its "
                      "name. Gates decide which one serves.", _FIRST)]  # fmt: skip
    cells = [
        [
            link(row["key"], place(look.project, "models", row["key"])),
            _holders(row["aliases"]),
            row["versions"],
            row["framework"],
            _metrics(row["metrics"]),
            row["served"] or "—",
            since(row["made"], look.now),
        ]
        for row in rows
    ]
    headers = ("model", "aliases", "versions", "framework", "newest metrics", "endpoints",
               "newest version")  # fmt: skip
    return [
        tiles([
            ("models", len(rows)),
            ("versions", sum(row["versions"] for row in rows)),
            ("with a champion", sum("champion" in row["aliases"] for row in rows)),
            ("served", sum(bool(row["served"]) for row in rows)),
        ]),
        table(headers, cells, ("endpoints",), caption="models"),
    ]  # fmt: skip


def _holders(aliases: Mapping[str, int]) -> Html:
    order = sorted(aliases, key=lambda one: (one not in _ALIASES, one))
    return joined(
        [
            badge(f"{one} v{aliases[one]}", "ok" if one == "champion" else "none")
            for one in order[:6]
        ],
        " ",
    )


def _metrics(metrics: Any) -> Html:
    rows = list(metrics.items())[:4] if isinstance(metrics, Mapping) else []
    chips = [element("span", f"{key} {number(value)}", class_="chip") for key, value in rows]
    return element("span", *chips, class_="chips")


def model_page(data: Document, look: Look, chosen: int = 0, tab: str = "") -> list[Html]:
    """One model: who serves, versions, the one that is looked at with its card and gates.

    Args:
        data: From `registered_model`.
        look: Who looks.
        chosen: The number of the version that is looked at; 0: the champion, else the newest.
        tab: `compare`, `trail`, or empty: the versions.
    """
    key = data["key"]
    choice_ = tabs(
        [
            ("Versions", place(look.project, "models", key), tab not in ("compare", "trail")),
            ("Compare", place(look.project, "models", key, tab="compare"), tab == "compare"),
            ("Audit trail", place(look.project, "models", key, tab="trail"), tab == "trail"),
        ],
        "parts of this model",
    )
    if tab == "compare":
        return [choice_, compare_part(data, look)]
    if tab == "trail":
        return [choice_, trail_part(data, look)]
    by_number = {one["number"]: one for one in data["versions"]}
    one = by_number.get(chosen or data["champion"]) or data["versions"][0]
    champion = by_number.get(data["champion"])
    return [
        tiles([
            ("champion", f"version {data['champion']}" if champion else "none",
             "ok" if champion else "warn"),
            ("versions", len(data["versions"])),
            ("endpoints", len(data["served"])),
        ]),
        choice_,
        box("Versions", _versions(data, one, look)),
        _card(one, champion, look),
        box("Where it is served", table(("endpoint", "function", "serves"), [
            [link(row["name"] or row["uid"], place(look.project, "endpoints", row["uid"])),
             link(row["function"], place(look.project, "gateway", row["function"]))
             if row["function"] else "", element("code", row["uri"])]
            for row in data["served"]], caption="endpoints")),
    ]  # fmt: skip


def _versions(data: Document, chosen: Document, look: Look) -> Html:
    cells = []
    for one in data["versions"]:
        promotion = one["promotion"]
        verdict: Any = "not asked"
        if promotion:
            passed = sum(bool(gate.get("passed")) for gate in promotion.get("gates") or [])
            words = f"{passed} of {len(promotion.get('gates') or [])} passed"
            verdict = badge(words, "ok" if promotion.get("accepted") else "bad")
        name = link(f"version {one['number']}",
                    place(look.project, "models", data["key"], version=one["number"]))  # fmt: skip
        mine = one["number"] == chosen["number"]
        cells.append(
            [
                joined([name, element("span", "shown below", class_="sub") if mine else ""]),
                _holders({tag: one["number"] for tag in one["tags"] if tag != "latest"}),
                badge(one["stage"], _STAGES.get(one["stage"], "none")),
                verdict,
                _metrics(one["metrics"]),
                since(one["made"], look.now),
            ]
        )
    headers = ("version", "aliases", "stage", "gates", "metrics", "logged")
    return table(headers, cells, caption="versions")


def _card(one: Document, champion: Document | None, look: Look) -> Html:
    promotion = one["promotion"]
    metrics = _against(one, champion)
    columns = [
        [row.get("name"), row.get("value_type") or row.get("type"), word]
        for word, rows in (("input", one["inputs"]), ("output", one["outputs"]))
        for row in rows
        if isinstance(row, Mapping)
    ]
    return section(
        f"Version {one['number']}",
        paragraph(one["description"]) if one["description"] else "",
        element(
            "div",
            element("div", element("h3", "Card"), facts([
                ("framework", one["framework"]),
                ("algorithm", one["algorithm"]),
                ("trained by", link(one["run"][:12], place(look.project, "runs", one["run"]))
                 if one["run"] else ""),
                ("features", uri_link(one["feature_vector"], look) if one["feature_vector"]
                 else ""),
                ("size", bytes_shown(one["size"]) if one["size"] else ""),
                ("labels", labels_shown(one["labels"])),
                ("logged", moment(one["made"])),
                ("file", element("code", one["target"]) if one["target"] else ""),
            ]), element("h3", "Parameters") if one["parameters"] else "",
                facts([(key, element("code", value))
                       for key, value in list(one["parameters"].items())[:40]])),
            element("div", element("h3", "Metrics"), metrics or paragraph("None were logged."),
                    element("h3", "Gates"),
                    gates_table(promotion.get("gates") or []) or paragraph("No gate was asked."),
                    table(("column", "type", "use"), columns, caption="schema")),
            class_="halves",
        ),
    )  # fmt: skip


def _against(one: Document, champion: Document | None) -> Html:
    other = champion["metrics"] if champion and champion["number"] != one["number"] else {}
    rows = []
    for name, value in one["metrics"].items():
        row = [name, number(value)]
        if other:
            row += [number(other.get(name)), _gap(value, other.get(name))]
        rows.append(row)
    headers = ["metric", "this", f"champion v{champion['number']}", "difference"] if (
        other and champion) else ["metric", "value"]  # fmt: skip
    return table(headers, rows, headers[1:], caption="metrics")


def _gap(value: Any, other: Any) -> str:
    known = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (value, other))
    if not known:
        return "—"
    gap = value - other
    return f"+{number(gap)}" if gap > 0 else number(gap)


def gates_table(gates: Sequence[Mapping[str, Any]]) -> Html:
    """What each gate said.

    >>> "FAILED" in gates_table([{"gate": "auc >= 0.9", "passed": False, "message": "<b>"}])
    True
    """
    rows = [
        [
            gate.get("gate"),
            badge("passed", "ok") if gate.get("passed") else badge("FAILED", "bad"),
            gate.get("message"),
        ]
        for gate in gates
    ]
    return table(("gate", "verdict", "why"), rows, caption="gates")


def promote_form(data: Document, look: Look, given: Mapping[str, str] | None = None) -> Html:
    """The form that promotes a version: to what, through which gates, and why.

    Args:
        data: From `registered_model`.
        look: Who looks.
        given: What was entered before.
    """
    known = dict(given or {})
    newest = data["versions"][0]["number"]
    versions = [(str(one["number"]), f"version {one['number']}, {one['stage']}")
                for one in data["versions"][:100]]  # fmt: skip
    targets = [
        ("champion", "champion: it serves (stage production)"),
        ("challenger", "challenger: it is tried (stage staging)"),
        ("staging", "stage staging"),
        ("archived", "stage archived"),
    ]
    return form(
        look, place(look.project, "models", data["key"], "promote"),
        choice("Version", "version", versions, known.get("version") or str(newest)),
        choice("To", "to", targets, known.get("to") or "champion"),
        line("Gates", "gates", known.get("gates", ""), type="textarea", rows="3",
             placeholder="auc >= 0.9", spellcheck="false",
             note="One expression of logged metrics in a line. All must hold; empty: none is "
                  "asked."),
        line("Why", "why", known.get("why", ""), required="required", maxlength="300",
             note="For the audit trail."),
        element("p", button("Check the gates only", name="check", value="1"), " ",
                button("Promote", "main")),
        label="promote",
    )  # fmt: skip
