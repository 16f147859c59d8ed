"""What the pages of the hub show: what catalogues offer, and one item with its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.content.markdown import markdown
from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.look import Look, box, choice, facts, first, form, line, place, took
from mlrun_like.api.pages.words import copyable, labels_shown, tabs, whole
from mlrun_like.drawing.page import (
    Html,
    badge,
    element,
    fold,
    joined,
    link,
    paragraph,
    section,
    table,
)
from mlrun_like.types import Document

__all__ = ["hub_page", "item_page"]

_ADD = """\
mlrun-like hub source add team /srv/hub     # a folder, a web server or a git repository
# in it:  functions/<channel>/<name>/latest/src/function.yaml"""
_KINDS = (
    ("", "everything"),
    ("functions", "functions"),
    ("modules", "modules"),
    ("steps", "steps"),
)
_MOST = 300
_CODE = 200_000


def hub_page(data: Document, look: Look, asked: Mapping[str, str]) -> list[Html]:
    """Items of all catalogues, with a search.

    Args:
        data: From `hub_items`.
        look: Who looks.
        asked: `text`, `kind`, `category`, `source` as they were asked for.
    """
    if not data["sources"]:
        return [first("No catalogue is known", "A hub is a folder, web server or repository with "
                      "functions that teams share.", _ADD)]  # fmt: skip
    here = place(look.project, "hub")
    search = element(
        "form",
        element("input", type="search", name="text", value=asked.get("text", ""),
                aria_label="search the hub", placeholder="what should it do?"),
        *[element("input", type="hidden", name=key, value=asked[key])
          for key in ("kind", "category", "source") if asked.get(key)],
        button("Search"), method="get", action=here, role="search", class_="toolbar",
    )  # fmt: skip
    kinds = tabs(
        [(label, _where(look, asked, kind=key), key == asked.get("kind", ""))
         for key, label in _KINDS],
        "kinds",
    )  # fmt: skip
    words = [
        element("a", f"{name} {count}", href=_where(look, asked, category=name), class_="chip",
                aria_current="true" if name == asked.get("category") else None)
        for name, count in list(data["categories"].items())[:30]
    ]  # fmt: skip
    if asked.get("category"):
        words.insert(0, element("a", "all categories", href=_where(look, asked, category=""),
                                class_="chip"))  # fmt: skip
    cards = [_card(one, look) for one in data["items"][:_MOST]]
    left = len(data["items"]) - len(cards)
    return [
        search,
        kinds,
        element("div", *words, class_="chips"),
        element("div", *cards, class_="grid") if cards else
        paragraph("Nothing is like this. ", link("Show everything", here)),
        paragraph(f"and {left} more: search for one") if left > 0 else Html(),
        _sources(data["sources"]),
    ]  # fmt: skip


def _where(look: Look, asked: Mapping[str, str], **changed: str) -> str:
    known = {key: asked.get(key, "") for key in ("text", "kind", "category", "source")}
    return place(look.project, "hub", **{**known, **changed})


def _card(one: Document, look: Look) -> Html:
    meta, spec = one["metadata"], one["spec"]
    where = _item(look, meta["source"], meta["name"])
    return element(
        "a",
        element("h2", meta["name"]),
        element("p", str(meta["description"])[:180] or "No description."),
        element("span", badge(spec["kind"] or meta["object_type"]), " ",
                element("small", f"{meta['version'] or meta['tag']} · {meta['source']}")),
        href=where, class_="panel",
    )  # fmt: skip


def _item(look: Look, source: str, name: str, tag: str = "") -> str:
    return place(look.project, "hub", source, name, tag=tag)


def _sources(rows: Sequence[Document]) -> Html:
    cells = []
    for row in rows:
        told: Any = badge("read", "ok")
        if row["error"]:
            told = joined(
                [
                    badge("not used", "bad"),
                    element("span", row["error"], " ", row["fix"], class_="sub"),
                ]
            )
        elif row["stale"]:
            told = badge("an old copy", "warn")
        problems = "; ".join(map(str, row["problems"]))[:300]
        cells.append(
            [
                row["name"],
                element("code", row["path"]),
                row["items"],
                told,
                f"{took(row['age'])} old" if row["age"] is not None else "—",
                problems,
            ]
        )
    headers = ("source", "where", "items", "state", "copy", "problems")
    return box("Sources", table(headers, cells, caption="sources"))


def item_page(data: Document, look: Look, projects: Sequence[str]) -> list[Html]:
    """One item: what it does, its parameters, example and code, and a form that takes it.

    Args:
        data: From `hub_item`.
        look: Who looks.
        projects: Projects that it can be taken into; one of a project's page: only that.
    """
    meta, spec = data["item"]["metadata"], data["item"]["spec"]
    function = data["function"] or {}
    entry = ((function.get("spec") or {}).get("entry_points") or {}).values()
    readme = markdown(data["readme"]) if data["readme"] else ""
    code, example = str(data["code"] or ""), str(data["example"] or "")
    use = data["use"]
    lines = use if isinstance(use, str) else "\n".join(map(str, use or []))
    tags = {row["version"] or row["tag"]: row["tag"] for row in data["versions"]}
    versions = [
        link(version, _item(look, meta["source"], meta["name"], tag))
        for version, tag in tags.items()
    ]
    return [
        element(
            "div",
            element("div", _use(data, look, projects), box("In code", copyable(lines))
                    if lines else ""),
            facts([
                ("what", meta["description"]),
                ("kind", spec["kind"] or meta["object_type"]),
                ("handler", element("code", spec["handler"]) if spec["handler"] else ""),
                ("class", element("code", spec["class_name"]) if spec["class_name"] else ""),
                ("image", element("code", spec["image"]) if spec["image"] else ""),
                ("packages", ", ".join(spec["requirements"])),
                ("categories", ", ".join(meta["categories"])),
                ("labels", labels_shown(meta["labels"])),
                ("versions", joined(versions, ", ")),
                ("tested", data["tested"]),
                ("needs version", spec["min_version"]),
                ("digest", element("code", data["digest"]) if data["digest"] else ""),
            ]),
            class_="halves",
        ),
        *[element("p", data[key], class_="notice warn")
          for key in ("function_error", "files_error") if data.get(key)],
        box("Entry points", *[_entry(one) for one in entry if isinstance(one, Mapping)]),
        box("Read me", element("div", readme, class_="prose") if readme else ""),
        fold("Example", element("pre", element("code", whole(example[:_CODE])), tabindex="0"),
             is_open=False) if example else Html(),
        fold("Code", element("pre", element("code", whole(code[:_CODE])), tabindex="0"),
             is_open=len(code) < 4000) if code else Html(),
    ]  # fmt: skip


def _entry(one: Mapping[str, Any]) -> Html:
    rows = [
        [element("code", row.get("name")), row.get("type"),
         element("code", repr(row["default"])) if row.get("default") not in (None, "") else "",
         row.get("doc")]
        for row in one.get("parameters") or [] if isinstance(row, Mapping)
    ]  # fmt: skip
    return joined(
        [
            element("h3", one.get("name")),
            paragraph(str(one.get("doc") or "")) if one.get("doc") else "",
            table(("parameter", "type", "default", "what"), rows, caption="parameters"),
        ]
    )


def _use(data: Document, look: Look, projects: Sequence[str]) -> Html:
    meta = data["item"]["metadata"]
    if data["item"]["spec"]["withdrawn"]:
        return paragraph("This version was withdrawn; take another one.")
    if not projects and not look.project:
        return paragraph("There is no project that you may take it into. ",
                         link("Projects", place("")))  # fmt: skip
    if not projects:
        return paragraph("Your role may look at it, but not take it into a project.")
    name = str(meta["name"]).replace("_", "-")
    fields = [line("Name there", "name", name, required="required", maxlength="63")]
    if len(projects) > 1 or not look.project:
        fields.insert(0, choice("Project", "project", [(one, one) for one in projects]))
    else:
        fields.append(element("input", type="hidden", name="project", value=projects[0]))
    return section(
        "Use it",
        form(look, _item(look, meta["source"], meta["name"]) + "/use",
             element("input", type="hidden", name="tag", value=meta["tag"]), *fields,
             button("Add to the project", "main"), label="use it"),
        note="It becomes a function of the project; nothing of it runs until you run it.",
    )  # fmt: skip
