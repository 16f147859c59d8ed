"""Parts of the page of a run, made of its document: facts, results, iterations, environment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.words import (
    address,
    copyable,
    duration,
    empty,
    labels_shown,
    moment,
    seconds_of,
    whole,
)
from mlrun_like.drawing.markup import Html, element, joined, number
from mlrun_like.drawing.page import fold, section, table
from mlrun_like.drawing.parallel import parallel
from mlrun_like.errors import NotFoundError
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = [
    "artifact_address",
    "best_of",
    "environment",
    "facts",
    "facts_of",
    "function_of",
    "iterations",
    "long_facts",
    "results",
    "snippet",
    "trouble",
    "uri_link",
    "value_shown",
]

_LONG = 120
_MANY = 25


def facts(rows: Sequence[tuple[str, Any]]) -> Html:
    """Names and values; rows without a value are left out.

    >>> facts([("a", 1), ("b", "")])
    '<dl class="facts"><dt>a</dt><dd>1</dd></dl>'
    """
    found = []
    for label, value in rows:
        if value not in (None, "", Html()):
            found += [element("dt", label), element("dd", value)]
    return element("dl", *found, class_="facts") if found else Html()


def long_facts(rows: Sequence[tuple[str, Any]], key: str) -> Html:
    """The same of very many: with a field that finds names among them.

    >>> 'data-sift="k"' in long_facts([(str(at), at) for at in range(40)], "k")
    True
    """
    if len(rows) < _MANY:
        return facts(rows)
    find = element("input", type="search", class_="sift", data_sift=key, data_script="",
                   hidden="hidden", placeholder=f"Find among {len(rows)}",
                   aria_label=f"find names among {len(rows)}")  # fmt: skip
    return joined([find, Html(facts(rows).replace("<dl ", f'<dl id="{key}" ', 1))])


def value_shown(value: Any) -> Html:
    """A parameter or a result: numbers for people, long and nested ones folded.

    >>> value_shown(0.123456), value_shown([1])
    ('0.1235', '<code>[1]</code>')
    """
    if isinstance(value, bool) or value is None:
        return element("code", json.dumps(value))
    if isinstance(value, (int, float)):
        return joined(["NaN" if value != value else number(value)])
    words = value if isinstance(value, str) else json.dumps(value, default=str)
    if len(words) > _LONG:
        return fold(f"{words[:80]}…", Html(f"<pre>{whole(words)}</pre>"))
    return joined([words]) if isinstance(value, str) else element("code", words)


def function_of(run: Document) -> tuple[str, str, str]:
    """The project, name and hash of the function of a run.

    >>> function_of({"spec": {"function": "p/f@abc"}})
    ('p', 'f', 'abc')
    """
    words = str((run.get("spec") or {}).get("function") or "")
    where, _, version = words.partition("@")
    project, _, name = where.rpartition("/")
    return project, name.partition(":")[0], version


def facts_of(run: Document, project: str) -> Html:
    """Who, when, how long, which code; parameters and inputs."""
    metadata, spec, status = run["metadata"], run.get("spec") or {}, run.get("status") or {}
    labels = dict(metadata.get("labels") or {})
    begin, end = seconds_of(status.get("start_time")), seconds_of(status.get("end_time"))
    if end is None and status.get("state") == "running":
        end = seconds_of(status.get("last_update"))
    took = duration(float(round(end - begin, 1))) if begin is not None and end is not None else ""
    _, name, version = function_of(run)
    code: Any = ""
    if name:
        link = element("a", name, href=project_path(project, "functions", name))
        short = element("code", version[:10]) if version else ""
        code = joined([link, short], " ")
    rows = [
        ("Started", moment(begin)),
        ("Took", took),
        ("Owner", labels.pop("owner", "")),
        ("Function", code),
        ("Handler", spec.get("handler")),
        ("Kind", labels.pop("kind", "")),
        ("Host", status.get("host")),
        ("Attempts", len(status.get("attempts") or ()) or ""),
        ("Labels", labels_shown(labels, 20)),
        ("Message", status.get("status_text")),
    ]
    parameters = [
        (key, value_shown(value)) for key, value in (spec.get("parameters") or {}).items()
    ]
    inputs = [(key, uri_link(value, project)) for key, value in (spec.get("inputs") or {}).items()]
    return element(
        "div", section("Run", facts(rows)),
        section("Parameters", long_facts(parameters, "parameters")) if parameters else "",
        section("Inputs", facts(inputs)) if inputs else "",
    )  # fmt: skip


def artifact_address(uri: str, project: str) -> tuple[str, str]:
    """The page of the artifact at an address, and its key.

    >>> artifact_address("store://models/p/m#0@t", "x")
    ('/projects/p/artifacts/m?tree=t', 'm')
    """
    rest = uri.removeprefix("store://").partition("/")[2]
    of, _, key = rest.partition("/")
    key, _, tree = key.partition("@")
    key = key.partition("#")[0].partition(":")[0]
    if not key:
        return "", uri
    return address(project_path(of or project, "artifacts", key), {"tree": tree}), key


def uri_link(uri: Any, project: str) -> Html:
    """An artifact's address as a link to its page; other addresses as text."""
    words = str(uri)
    if not words.startswith("store://"):
        return element("code", words)
    where, key = artifact_address(words, project)
    return element("a", key, href=where, title=words) if where else element("code", words)


def results(run: Document) -> Html:
    """What it found."""
    status, project = run.get("status") or {}, run["metadata"]["project"]
    rows = [(key, value_shown(value)) for key, value in (status.get("results") or {}).items()]
    made = [
        (key, uri_link(uri, project)) for key, uri in (status.get("artifact_uris") or {}).items()
    ]
    if not rows and not made:
        words = element("p", "None yet: context.log_result() adds one.", class_="note")
        return element("div", section("Results", words))
    return element(
        "div", section("Results", long_facts(rows, "results")) if rows else "",
        section("Outputs", facts(made)) if made else "",
    )  # fmt: skip


def trouble(run: Document, project: str) -> Html:
    """What went wrong, with the way to the log."""
    status = run.get("status") or {}
    error = status.get("error")
    if not error or status.get("state") not in ("error", "aborted"):
        return Html()
    where = address(project_path(project, "runs", run["metadata"]["uid"]), {"tab": "log"})
    trace = whole(str(status.get("traceback") or ""))
    block = Html(f'<pre tabindex="0">{trace}</pre>')
    return element(
        "section",
        element("h2", "What went wrong" if status["state"] == "error" else "Why it stopped"),
        element("p", whole(str(error)), class_="question"),
        fold("Traceback", block, is_open=True) if trace else "",
        element("p", element("a", "Read the log", href=where)),
        class_="trouble", aria_label="error",
    )  # fmt: skip


def best_of(run: Document) -> int:
    """The number of the best iteration; 0 if nobody said."""
    found = ((run.get("status") or {}).get("results") or {}).get("best_iteration", 0)
    return found if isinstance(found, int) else 0


def iterations(run: Document, project: str) -> Html:
    """The table of a sweep, the best marked, above it the lines of all."""
    rows = (run.get("status") or {}).get("iterations") or []
    if len(rows) < 2:
        return empty("This run has no iterations.")
    header, body = [str(name) for name in rows[0]], rows[1:501]
    base, best = project_path(project, "runs", run["metadata"]["uid"]), best_of(run)
    at = header.index("iter") if "iter" in header else -1
    shown = [place for place, name in enumerate(header) if name.startswith(("param.", "output."))]
    drawn = {
        str(row[at]): (f"iteration {row[at]}", [row[place] for place in shown if place < len(row)])
        for row in body
        if 0 <= at < len(row)
    }
    outputs = [place for place, one in enumerate(shown) if header[one].startswith("output.")]
    picture = parallel([header[place].partition(".")[2] for place in shown], drawn,
                       colour_by=outputs[0] if outputs else None, title="iterations")  # fmt: skip
    body_rows = []
    for row in body:
        cells = []
        number_ = row[at] if 0 <= at < len(row) else 0
        for place, value in enumerate(row[: len(header)]):
            kind = "n" if isinstance(value, (int, float)) and not isinstance(value, bool) else None
            content: Any = value_shown(value)
            if place == at:
                content = element("a", value, href=address(base, {"iteration": value}))
                if value == best:
                    content = joined([content, " ", element("span", "best", class_="badge ok")])
            cells.append(element("td", content, class_=kind))
        body_rows.append(element("tr", *cells, id=f"run-{number_}",
                                 class_="best" if number_ == best else None))  # fmt: skip
    numeric = {place for row in body for place, value in enumerate(row)
               if isinstance(value, (int, float)) and not isinstance(value, bool)}  # fmt: skip
    head = [element("th", name.partition(".")[2] or name, scope="col", title=name,
                    class_="n" if place in numeric else None)
            for place, name in enumerate(header)]  # fmt: skip
    whole_table = element("table", element("thead", element("tr", *head)),
                          element("tbody", *body_rows), data_sortable="")  # fmt: skip
    note = f"The first 500 of {len(rows) - 1}." if len(rows) > 501 else ""
    return joined([
        section("All iterations", element("div", picture, class_="scroll", tabindex="0",
                role="region", aria_label="parallel coordinates"),
                element("button", "Show all lines", type="button", data_unbrush="",
                        data_script="", hidden="hidden"),
                note="A line for each; drag along an axis to keep a range.") if picture else "",
        section("Table", element("div", whole_table, class_="scroll", tabindex="0", role="region",
                                 aria_label="iterations"), note=note),
    ])  # fmt: skip


def environment(store: SqlStore, run: Document) -> Html:
    """What the code ran in: packages, Python, image, inputs' digests."""
    project, name, version = function_of(run)
    function: Document = {}
    if name:
        try:
            function = store.read_function(project, name, hash=version)
        except NotFoundError:
            function = {}
    spec, status = function.get("spec") or {}, run.get("status") or {}
    known = spec.get("environment") or {}
    packages = table(["package", "version"], sorted((known.get("lock") or {}).items()),
                     caption="packages")  # fmt: skip
    rows = [
        ("Function version", element("code", version) if version else ""),
        ("Python", known.get("python")),
        ("Platform", known.get("platform")),
        ("Image", spec.get("image")),
        ("Host", status.get("host")),
        ("Process", status.get("pid")),
    ]
    digests = table(["input", "digest"], (status.get("input_digests") or {}).items())
    if not any(value for _, value in rows) and not packages:
        return empty("Nothing was recorded of the environment.")
    return joined([
        section("Environment", facts(rows)),
        section("Packages", packages) if packages else "",
        section("Inputs", digests) if digests else "",
    ])  # fmt: skip


def snippet(run: Document) -> Html:
    """The run in Python."""
    metadata = run["metadata"]
    uid, iteration = str(metadata["uid"]), metadata.get("iteration") or 0
    more = f", iter={iteration}" if iteration else ""
    return copyable(
        "import mlrun_like\n\n"
        f"run = mlrun_like.get_run_db().read_run({uid!r}, {metadata['project']!r}{more})"
    )
