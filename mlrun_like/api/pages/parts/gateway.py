"""What the pages of the gateway show: deployed functions."""

from __future__ import annotations

from collections.abc import Sequence

from mlrun_like.api.pages.parts.look import (
    Look,
    first,
    place,
    took,
)
from mlrun_like.api.pages.words import state_badge, tabs
from mlrun_like.drawing.page import (
    Html,
    element,
    joined,
    link,
    number,
    paragraph,
    percent,
    table,
    tiles,
)
from mlrun_like.types import Document

__all__ = ["bounds_of", "deployed_tabs", "gateway_page", "main_version", "pool_of"]

_FIRST = """\
fn = project.set_function("scorer.py", name="scorer", kind="serving")
fn.set_topology("router").add_route("v1", class_name="SKLearnModelServer", model_path=uri)
fn.deploy()                                    # seconds later it answers, and it is here"""


def gateway_page(data: Document, look: Look) -> list[Html]:
    """Deployed functions of a project, as the gateway tells of them.

    Args:
        data: From `gateway_data`: `state`, `reason`, `info` and `functions`.
        look: Who looks.
    """
    rows = data.get("functions") or []
    if data.get("state") != "running":
        told = f"The gateway does not run: {data.get('reason') or 'nobody started it'}."
        notice = element("p", told, class_="notice warn", role="status")
        if not rows:
            return [
                notice,
                first(
                    "Nothing is deployed here",
                    "The gateway runs deployed functions "
                    "of this machine, and starts itself with the first one.",
                    _FIRST,
                ),
            ]
        return [notice, _functions(rows, look)]  # fmt: skip
    if not rows:
        return [first("Nothing is deployed here", "A deployed function answers requests: a model, "
                      "a graph, an application. It sleeps while nobody asks.", _FIRST)]  # fmt: skip
    replicas = sum(pool_of(one).get("ready") or 0 for one in rows)
    waiting = sum(pool_of(one).get("waiting") or 0 for one in rows)
    where = (data.get("info") or {}).get("address")
    broken = sum(one.get("state") == "error" for one in rows)
    return [
        tiles([
            ("functions", len(rows)),
            ("replicas ready", replicas),
            ("requests waiting", waiting, "warn" if waiting > 10 else "ok"),
            ("in error", broken, "bad" if broken else "ok"),
        ]),
        _functions(rows, look),
        paragraph("It listens on ", element("code", where)) if where else Html(),
    ]  # fmt: skip


def _functions(rows: Sequence[Document], look: Look) -> Html:
    cells = []
    for one in rows:
        pool, main = pool_of(one), main_version(one)
        rollout = one.get("rollout")
        cells.append(
            [
                link(one["name"], place(look.project, "gateway", one["name"])),
                joined([state_badge(str(one.get("state"))),
                        element("span", one["reason"], class_="sub") if one.get("reason") else ""]),
                one.get("kind"),
                joined([f"version {one.get('version')}",
                        element("span", rollout["waits_for"], class_="sub") if rollout else ""]),
                f"{pool.get('ready') or 0} of {bounds_of(one)}",
                pool.get("waiting") or 0,
                main.get("requests") or 0,
                percent(main.get("error_rate")),
                f"{number(main.get('p95_ms'), 3)} ms" if main.get("p95_ms") else "—",
                took(pool.get("cold_start")) if pool.get("cold_start") else "—",
            ]
        )  # fmt: skip
    headers = ("function", "state", "kind", "answers", "replicas", "waiting", "requests", "failed",
               "p95", "cold start")  # fmt: skip
    return table(headers, cells, ("replicas", "failed", "p95", "cold start"), caption="functions")


def deployed_tabs(look: Look, name: str, here: str) -> Html:
    """The views of a deployed function: how it does, its graph, what it was asked."""
    return tabs(
        [
            ("Deployment", place(look.project, "gateway", name), here == "gateway"),
            ("Graph", place(look.project, "graphs", name), here == "graph"),
            ("Try it", place(look.project, "graphs", name, "try"), here == "try"),
            ("Recorded events", place(look.project, "graphs", name, "events"), here == "events"),
        ],
        "views of this function",
    )


def main_version(one: Document) -> Document:
    """The version that answers most."""
    for version in one.get("versions") or []:
        if version.get("number") == one.get("version"):
            return dict(version)
    return {}


def pool_of(one: Document) -> Document:
    """The replicas of the version that answers most."""
    return dict(main_version(one).get("pool") or {})


def bounds_of(one: Document) -> str:
    """The least and the most replicas."""
    bounds = one.get("replicas") or {}
    return f"{bounds.get('min', 0)} to {bounds.get('max', '?')}"
