"""Artifacts as they look: tables, text, images, pages in a sandbox, model cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from mlrun_like.api.content.previewing import PreviewRequest, artifact_target, preview
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.run_parts import facts, value_shown
from mlrun_like.api.pages.words import address, bytes_shown, empty, whole
from mlrun_like.drawing.markup import Html, element, joined, number
from mlrun_like.drawing.page import fold, table
from mlrun_like.errors import MLRunLikeError
from mlrun_like.types import Document

__all__ = ["preview_part"]

_ROWS = 50
_CELLS = 40
_TEXT = 60_000


def preview_part(
    request: Request, project: str, document: Document, *, rows: int = _ROWS, offset: int = 0
) -> Html:
    """What is seen of an artifact; what cannot be shown says why.

    Args:
        request: The request.
        project: The project whose page it is.
        document: The artifact.
        rows: Rows of a table.
        offset: The first of them.
    """
    try:
        found = preview(
            artifact_target(document, project=project), PreviewRequest(offset=offset, rows=rows)
        )
    except MLRunLikeError as exc:
        return empty("It cannot be shown.", f"{exc.what} {exc.fix}".strip())
    show = _KINDS.get(found.kind, _other)
    data = {**found.data, "title": found.title, "size": found.size, "note": found.note}
    body = show(data)
    words = found.note if found.kind not in ("refused", "missing", "binary") else ""
    note = element("p", words, class_="note") if words else ""
    pages = _pages(project, document, data, rows) if found.kind == "table" else ""
    return element("div", note, body, pages, class_="preview")


def _table(data: Mapping[str, Any]) -> Html:
    every = list(data.get("columns") or ())
    columns = [_name(one) for one in every[:_CELLS]]
    rows = [[_cell(value) for value in list(row)[:_CELLS]] for row in data.get("rows") or ()]
    if not rows:
        names = ", ".join(str(one.get("name")) if isinstance(one, Mapping) else str(one)
                          for one in every[:_CELLS])  # fmt: skip
        return empty("The table has no rows here.", f"Its columns: {names}" if names else "")
    more = len(every) + int(data.get("hidden_columns") or 0) - len(columns)
    words = f"The first {len(columns)} of {len(columns) + more} columns; the download has all."
    note = element("p", words, class_="note") if more > 0 else ""
    return joined([note, table(columns, rows, caption="rows")])


def _name(column: Any) -> Any:
    if isinstance(column, Mapping):
        return element("span", column.get("name", ""), title=str(column.get("type") or "") or None)
    return str(column)


def _cell(value: Any) -> Any:
    return str(value) if isinstance(value, (dict, list, bool)) else value


def _pages(project: str, document: Document, data: Mapping[str, Any], rows: int) -> Html:
    """Links through the rows of a table."""
    total, offset = data.get("total"), int(data.get("offset") or 0)
    shown = len(data.get("rows") or ())
    metadata, spec = document["metadata"], document.get("spec") or {}
    base = project_path(project, "artifacts", spec.get("db_key") or metadata["key"])
    links = []
    if offset:
        links.append(element("a", "Rows before", class_="button", href=address(
            base, {"tree": metadata.get("tree"), "offset": max(0, offset - _ROWS)})))  # fmt: skip
    # of a text file nobody knows how many there are: a full page may have another one
    if offset + shown < total if isinstance(total, int) else shown >= _ROWS:
        links.append(element("a", "More rows", class_="button", href=address(
            base, {"tree": metadata.get("tree"), "offset": offset + shown})))  # fmt: skip
    words = f"rows {number(offset + 1)} to {number(offset + shown)}" if shown else "no more rows"
    if isinstance(total, int):
        words += f" of {number(total)}"
    return element("p", element("span", words, class_="note"), " ", *links)


def _text(data: Mapping[str, Any]) -> Html:
    words = str(data.get("text") or "")
    cut = f"{words[:_TEXT]}\n…" if len(words) > _TEXT else words
    if not words.strip():
        return empty("It is empty.")
    lines = "".join(f"<div>{whole(line) or ' '}</div>" for line in cut.split("\n"))
    return Html(
        f'<div class="source plain" tabindex="0" role="region" aria-label="text">{lines}</div>'
    )


def _markdown(data: Mapping[str, Any]) -> Html:
    found = data.get("html")
    return element("div", found if isinstance(found, Html) else Html(found or ""), class_="panel")


def _image(data: Mapping[str, Any]) -> Html:
    return element("img", src=data["url"], alt=data["title"], loading="lazy")


def _page(data: Mapping[str, Any]) -> Html:
    frame = element(
        "iframe",
        src=data["url"],
        sandbox="allow-scripts",
        loading="lazy",
        title=f"{data['title']}, in a sandbox",
        referrerpolicy="no-referrer",
    )
    note = "It runs in a sandbox: no network, no cookies, no access to this page."
    return joined([frame, element("p", note, class_="note")])


def _notebook(data: Mapping[str, Any]) -> Html:
    parts = []
    for cell in list(data.get("cells") or ())[:200]:
        if cell.get("type") == "markdown":
            parts.append(element("div", Html(cell.get("html") or ""), class_="panel"))
            continue
        count = cell.get("count")
        if count:
            parts.append(element("p", f"In [{count}]", class_="note"))
        parts.append(_text({"text": cell.get("source") or " \n"}))
        for output in cell.get("outputs") or ():
            if output.get("kind") == "image" and str(output.get("data_uri", "")).startswith(
                "data:image/"
            ):
                parts.append(element("img", src=output["data_uri"],
                                     alt="output"))  # fmt: skip
            else:
                parts.append(_pre(str(output.get("text") or "")))
    return joined(parts)


def _pre(words: str) -> Html:
    return Html(f'<pre tabindex="0" aria-label="output">{whole(words)}</pre>')


def _archive(data: Mapping[str, Any]) -> Html:
    rows = [
        (joined([one["name"], element("span", "unsafe name", class_="badge bad")], " ")
         if one.get("unsafe") else one["name"],
         "folder" if one.get("is_dir") else bytes_shown(one.get("size")))
        for one in list(data.get("entries") or ())[:300]
    ]  # fmt: skip
    return table(["file", "size"], rows, ["size"], caption="files") or empty("It holds no file.")


def _model(data: Mapping[str, Any]) -> Html:
    metrics = [(key, value_shown(value)) for key, value in (data.get("metrics") or {}).items()]
    given = [(key, value_shown(value)) for key, value in (data.get("parameters") or {}).items()]
    rest = [(key.replace("_", " "), data.get(key)) for key in ("framework", "algorithm")]
    schema = [
        (way, one.get("name", ""), one.get("value_type") or one.get("type") or "")
        for way in ("inputs", "outputs")
        for one in data.get(way) or ()
        if isinstance(one, Mapping)
    ]
    columns = table(["", "name", "type"], schema, caption="inputs and outputs")
    card, files = data.get("card") or {}, [str(one) for one in data.get("files") or ()]
    written = card.get("html")
    return joined([
        element("div", written, class_="panel card") if isinstance(written, Html) else "",
        facts(rest),
        element("div", _part("Metrics", metrics), _part("Parameters", given),
                class_="halves"),
        fold("Inputs and outputs", columns) if columns else "",
        fold(f"Files ({len(files)})", element("ul", *[element("li", one) for one in files[:100]]))
        if files else "",
    ])  # fmt: skip


def _part(heading: str, rows: Sequence[tuple[str, Any]]) -> Html:
    # no section: several models on one page would each bring a landmark of this name
    return element("div", element("h2", heading), facts(rows)) if rows else Html()


def _other(data: Mapping[str, Any]) -> Html:
    words = data.get("note") or "It has no picture: download it to look into it."
    return empty(words, bytes_shown(data.get("size")) if data.get("size") else "")


_KINDS: dict[str, Callable[[Mapping[str, Any]], Html]] = {
    "table": _table,
    "text": _text,
    "json": _text,
    "markdown": _markdown,
    "image": _image,
    "svg": _image,
    "html": _page,
    "plot": _page,
    "notebook": _notebook,
    "archive": _archive,
    "folder": _archive,
    "model": _model,
}
