"""What the pages of feature sets and vectors show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.parts.lineage import lineage_picture, uri_link
from mlrun_like.api.pages.parts.look import (
    Look,
    box,
    facts,
    first,
    place,
    scrolled,
    took,
)
from mlrun_like.api.pages.parts.values import lookup_part, rows_part, statistics_part
from mlrun_like.api.pages.words import labels_shown, moment, since, state_badge, tabs
from mlrun_like.drawing.charts import histogram
from mlrun_like.drawing.page import (
    Html,
    badge,
    element,
    joined,
    link,
    paragraph,
    table,
)
from mlrun_like.types import Document

__all__ = ["features_page", "fresh", "set_page", "vector_page"]

_FIRST_SET = """\
import mlrun_like.feature_store as fstore

payments = fstore.FeatureSet("payments", entities=["customer"], timestamp_key="time")
payments.add_aggregation("amount", ["sum", "count"], ["1h", "24h"], period="10m")
payments.ingest(frame)"""
_FIRST_VECTOR = """\
vector = fstore.FeatureVector("fraud", ["payments.*", "users.age"])
vector.save()
fstore.get_offline_features(vector, rows, "time")          # for training, as of each row's time"""


def features_page(
    sets: Sequence[Document], vectors: Sequence[Document], look: Look, view: str = ""
) -> list[Html]:
    """Feature sets, or vectors.

    Args:
        sets: From `feature_set_rows`.
        vectors: From `feature_vector_rows`.
        look: Who looks.
        view: `vectors`, or empty: the sets.
    """
    choices = tabs(
        [
            (f"Feature sets {len(sets)}", place(look.project, "features"), view != "vectors"),
            (f"Vectors {len(vectors)}", place(look.project, "features", view="vectors"),
             view == "vectors"),
        ],
        "what is shown",
    )  # fmt: skip
    if view == "vectors":
        cells = [
            [
                link(one["name"], place(look.project, "features", "vectors", one["name"])),
                one["description"] or _few(one["features"]),
                one["feature_count"],
                labels_shown(one["labels"]),
                since(one["updated"], look.now),
            ]
            for one in vectors
        ]
        headers = ("vector", "what", "features", "labels", "changed")
        listed = table(headers, cells, caption="feature vectors") or first(
            "No feature vector yet", "A vector names features of sets that a model is trained "
            "on and asked with: the same offline and online.", _FIRST_VECTOR
        )  # fmt: skip
        return [choices, listed]
    cells = [
        [
            link(one["name"], place(look.project, "features", "sets", one["name"])),
            fresh(one["freshness"]),
            one["description"] or _few(one["features"]),
            ", ".join(one["entities"]),
            one["feature_count"],
            ", ".join(one["targets"]) or "—",
            since(one["updated"], look.now),
        ]
        for one in sets
    ]
    named = ("feature set", "data", "what", "entities", "features", "targets", "changed")
    listed = table(named, cells, caption="feature sets") or first(
        "No feature set yet", "A feature set is one definition that makes features from batches, "
        "streams and single requests alike.", _FIRST_SET
    )  # fmt: skip
    return [choices, listed]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (" …" if len(names) > 6 else "")


def fresh(freshness: Mapping[str, Any]) -> Html:
    """How old the newest values are.

    >>> fresh({"state": "stale", "age": 7200.0, "ttl": 3600.0})
    '<span class="badge bad">stale, 2 h old</span>'
    """
    state, age = freshness.get("state"), freshness.get("age")
    if state not in ("fresh", "stale"):
        return badge("no data yet")
    if not freshness.get("ttl"):  # nobody said how old is too old
        return badge(f"{took(age)} old")
    return badge(f"{state}, {took(age)} old", "ok" if state == "fresh" else "bad")


def set_page(data: Document, preview: Document, look: Look, tab: str = "") -> list[Html]:
    """One feature set: schema, statistics, rows, where its data comes from and goes.

    Args:
        data: From `feature_set_data`.
        preview: From `feature_preview`.
        look: Who looks.
        tab: `statistics`, `rows`, `lineage`, or empty: the schema.
    """
    row, name = data["row"], data["row"]["name"]
    here = ("features", "sets", name)
    spec = data["document"].get("spec") or {}
    choice = _tabs(look, here, tab, ["statistics", "rows", "lineage"], data.get("asked", ""))
    if tab == "statistics":
        return [choice, statistics_part(data["statistics"], data["schema"])]
    if tab == "rows":
        return [choice, rows_part(preview)]
    if tab == "lineage":
        return [choice, *_lineage(data["lineage"], f"set {name}", look)]
    columns = [
        [
            one["name"],
            badge(one["role"]) if one["role"] != "feature" else "",
            one["type"],
            one["description"],
            _validator(one["validator"]),
            _spark(data["statistics"].get(one["name"])),
        ]
        for one in data["schema"]
    ]
    headers = ("column", "role", "type", "description", "checked", "values")
    return [
        facts([
            ("data", joined([fresh(data["freshness"]), _newest(data["freshness"], look)])),
            ("must not be older than", took(data["freshness"]["ttl"])
             if data["freshness"].get("ttl") else ""),
            ("entities", ", ".join(row["entities"])),
            ("time", spec.get("timestamp_key")),
            ("owner", row["owner"]),
            ("labels", labels_shown(row["labels"])),
            ("state", state_badge(row["state"])),
        ]),
        choice,
        box("Schema", table(headers, columns, caption="schema")
            or paragraph("No columns are known yet: they are found when data is ingested.")),
        box("Targets", _targets(data["targets"], look)),
        box("Versions", _versions(data, look, here)),
    ]  # fmt: skip


def vector_page(
    data: Document, preview: Document, look: Look, tab: str = "", asked: Document | None = None
) -> list[Html]:
    """One feature vector: features and where they come from, statistics, values of an entity now.

    Args:
        data: From `feature_vector_data`.
        preview: From `feature_preview`.
        look: Who looks.
        tab: `statistics`, `rows`, `lineage`, `lookup`, or empty: the features.
        asked: Of a lookup: `text` that was entered, `answer` or `error`, and `example`.
    """
    row, name = data["row"], data["row"]["name"]
    here = ("features", "vectors", name)
    choice = _tabs(look, here, tab, ["statistics", "rows", "lineage", "lookup"],
                   data.get("asked", ""))  # fmt: skip
    if tab == "statistics":
        return [choice, statistics_part(data["statistics"], data["columns"])]
    if tab == "rows":
        return [choice, rows_part(preview)]
    if tab == "lineage":
        return [choice, *_lineage(data["lineage"], f"vector {name}", look)]
    if tab == "lookup":
        return [choice, lookup_part(asked or {}, look, here)]
    columns = [[one["name"], one["type"], one["origin"], one["description"]]
               for one in data["columns"]]  # fmt: skip
    wanted = [[element("code", one)] for one in data["features"]]
    spec = data["document"].get("spec") or {}
    return [
        facts([
            ("sets", joined([uri_link(uri, look) for uri in data["uses"]], ", ")),
            ("label", spec.get("label_feature")),
            ("owner", row["owner"]),
            ("labels", labels_shown(row["labels"])),
            ("changed", since(row["updated"], look.now)),
        ]),
        choice,
        box("Features", table(("column", "type", "from", "description"), columns, caption="columns")
            or table(("asked for",), wanted, caption="features")),
        box("Versions", _versions(data, look, here)),
    ]  # fmt: skip


def _tabs(look: Look, here: Sequence[str], tab: str, names: Sequence[str], uid: str) -> Html:
    words = {"": "Schema" if here[1] == "sets" else "Features", "lookup": "Look up online"}
    keys = ["", *names]
    return tabs(
        [
            (words.get(key, key.capitalize()), place(look.project, *here, tab=key, uid=uid),
             key == tab or (not key and tab not in names))
            for key in keys
        ],
        "parts",
    )  # fmt: skip


def _newest(freshness: Mapping[str, Any], look: Look) -> Html:
    if not freshness.get("newest"):
        return Html()
    return joined([" newest row ", since(freshness["newest"], look.now)])


def _validator(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    told = [f"{key} {item}" for key, item in value.items() if key != "kind" and item is not None]
    return ", ".join(told) or str(value.get("kind") or "yes")


def _spark(stats: Any) -> Html:
    known = (stats or {}).get("histogram")
    if not isinstance(known, Mapping):
        return Html()
    return histogram(known["edges"], known["counts"], width=120, height=24, title="values")


def _lineage(lineage: Document, name: str, look: Look) -> list[Html]:
    if lineage.get("error"):
        return [paragraph(lineage["error"])]
    rows = [
        [told.replace("_", " "), uri_link(uri, look)]
        for told in ("sources", "written_by", "read_by", "vectors", "models")
        for uri in lineage.get(told) or []
    ]
    return [
        box("Lineage", scrolled(lineage_picture(lineage, name, look), "lineage"),
            table(("what", "which"), rows, caption="lineage")
            or paragraph("Nothing is known yet: it appears with the first ingestion."))
    ]  # fmt: skip


def _targets(targets: Sequence[Mapping[str, Any]], look: Look) -> Html:
    rows = [
        [one.get("name"), badge(str(one.get("kind") or "")), element("code", one.get("path") or ""),
         one.get("rows") or one.get("num_rows"), since(one.get("updated"), look.now),
         since(one.get("last_written"), look.now)]
        for one in targets
    ]  # fmt: skip
    headers = ("target", "kind", "where", "rows", "written", "newest row")
    return table(headers, rows, caption="targets")


def _versions(data: Document, look: Look, here: Sequence[str]) -> Html:
    shown = (data["document"].get("metadata") or {}).get("uid")
    rows = [
        [
            joined(
                [
                    link(one["uid"][:10], place(look.project, *here, uid=one["uid"])),
                    element("span", "shown here", class_="sub") if one["uid"] == shown else "",
                ]
            ),
            joined([element("span", tag, class_="chip") for tag in one["tags"]], " "),
            moment(one["updated"]),
        ]
        for one in data["versions"]
    ]
    return table(("version", "tags", "changed"), rows, caption="versions")
