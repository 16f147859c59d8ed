"""Pictures of where something comes from and who uses it, and links to what addresses name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.api.pages.parts.look import Look, place
from mlrun_like.drawing.network import Link, Part, network
from mlrun_like.drawing.page import Html, element, link

__all__ = ["address_of", "lineage_picture", "uri_link"]

_MOST = 12
_HEX = re.compile(r"[0-9a-f]{16,64}")


def address_of(uri: str) -> tuple[str, str, str]:
    """What a URI names: a word, a name, and the page of it; empty if there is no page.

    >>> address_of("store://feature-sets/shop/payments:latest")
    ('feature set', 'payments', '/projects/shop/features/sets/payments')
    >>> address_of("shop/train@0123"), address_of("s3://bucket/x.csv")
    (('run', 'train', '/projects/shop/runs/0123'), ('', 's3://bucket/x.csv', ''))
    """
    if uri.startswith("store://"):
        kind, _, rest = uri.removeprefix("store://").partition("/")
        project, _, name = rest.partition("/")
        name = name.partition("@")[0].partition("#")[0].rpartition(":")[0] or name
        name = name.partition("@")[0]
        words = {
            "feature-sets": ("feature set", ("features", "sets")),
            "feature-vectors": ("feature vector", ("features", "vectors")),
            "models": ("model", ("models",)),
            "artifacts": ("artifact", ("artifacts",)),
            "datasets": ("dataset", ("artifacts",)),
        }
        if kind in words and project and name:
            word, parts = words[kind]
            return word, name, place(project, *parts, name)
        return "", uri, ""
    head, mark, uid = uri.partition("@")
    if mark and _HEX.fullmatch(uid) and "/" not in head:
        return "run", uid[:8], place(head, "runs", uid)
    project, slash, name = head.partition("/")
    if mark and slash and uid and "/" not in name and ":" not in project:
        return "run", name, place(project, "runs", uid.partition("#")[0])
    return "", uri, ""


def uri_link(uri: Any, look: Look) -> Html:
    """A link to what a URI names, with the URI as text if there is no page."""
    word, name, href = address_of(str(uri))
    if not href:
        return element("code", name)
    return element("span", link(name, href), element("span", word, class_="sub"), title=str(uri))


def lineage_picture(lineage: Mapping[str, Any], name: str, look: Look) -> Html:
    """Sources, writers, the thing, and who uses it, from left to right.

    Args:
        lineage: URIs by `sources`, `written_by`, `read_by`, `vectors`, `models`.
        name: The thing in the middle.
        look: Who looks.

    >>> lineage_picture({"sources": ["a.csv"], "models": []}, "set x", Look("p")).count("<path")
    3
    >>> lineage_picture({}, "x", Look("p"))
    ''
    """
    parts, links = [Part("", name, is_chosen=True)], []

    def add(key: str, *, before: str = "", after: str = "", note: str) -> list[str]:
        ids = []
        for uri in list(dict.fromkeys(lineage.get(key) or []))[-_MOST:]:
            told, called, href = address_of(str(uri))
            one = f"{key}:{uri}"
            parts.append(Part(one, called, told or note, "none", href, hint=str(uri)))
            ids.append(one)
            if before != "-":
                links.append(Link(one, before))
            if after != "-":
                links.append(Link(after, one))
        return ids

    runs = list(dict.fromkeys(lineage.get("written_by") or []))[-1:]
    if runs:  # the newest writer stands between the sources and the set
        told, called, href = address_of(str(runs[0]))
        parts.append(Part("writer", called, "newest run", "none", href, hint=str(runs[0])))
        links.append(Link("writer", ""))
    add("sources", before="writer" if runs else "", after="-", note="source")
    vectors = add("vectors", before="-", after="", note="feature vector")
    for uri in list(dict.fromkeys(lineage.get("models") or []))[-_MOST:]:
        told, called, href = address_of(str(uri))
        parts.append(Part(f"m:{uri}", called, told or "model", "none", href, hint=str(uri)))
        links += [Link(vector, f"m:{uri}") for vector in vectors[:1]] or [Link("", f"m:{uri}")]
    return network(parts, links, title=f"lineage of {name}") if len(parts) > 1 else Html()
