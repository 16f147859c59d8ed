"""Where things come from and where they went: runs and artifacts as boxes with arrows."""

from __future__ import annotations

from starlette.requests import Request

from mlrun_like.api.pages.words import STATES, empty
from mlrun_like.api.routes.lineage_data import lineage_graph
from mlrun_like.api.routing import caller_of, store_of
from mlrun_like.drawing.linked import Node, linked
from mlrun_like.drawing.markup import Html, element
from mlrun_like.drawing.page import section
from mlrun_like.errors import InvalidArgumentError

__all__ = ["lineage_part"]

_MOST = 120


def lineage_part(request: Request, project: str, *, uid: str = "", uri: str = "") -> Html:
    """The picture around a run or an artifact."""
    try:
        found = lineage_graph(
            store_of(request), caller_of(request), project, uid=uid, uri=uri, depth=4, limit=_MOST
        )
    except InvalidArgumentError:  # a key with letters that no address can have
        return empty(
            "Nothing can refer to it: its name has letters that an address cannot have.",
            "Log it under a name of letters, digits, dots, hyphens and underscores.",
        )
    if len(found["nodes"]) < 2:
        return empty(
            "Nothing is linked to it yet.",
            "Inputs that a run reads and artifacts that it logs are linked by themselves.",
        )
    nodes = []
    for row in found["nodes"]:
        kind, state = str(row.get("kind") or ""), str(row.get("state") or "")
        nodes.append(
            Node(
                str(row["id"]),
                str(row.get("label") or "not visible to you"),
                note=f"{kind}, {state}" if state else kind,
                address=str(row.get("url") or ""),
                level=STATES.get(state, "none"),
                is_round=kind == "run",
                is_here=not row.get("depth"),
            )
        )
    picture = linked(nodes, [(row["from"], row["to"]) for row in found["edges"]], "lineage")
    note = "Runs are round, artifacts are boxes; each leads to its page."
    if found.get("truncated"):
        note += " More is linked than is drawn."
    box = element(
        "div", picture, class_="scroll", tabindex="0", role="region", aria_label="lineage graph"
    )
    return section("Lineage", box, note=note)
