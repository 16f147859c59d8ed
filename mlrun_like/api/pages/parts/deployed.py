"""What the page of a deployed function shows: who answers, replicas, versions, logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.api.pages.forms import button
from mlrun_like.api.pages.parts.gateway import bounds_of, main_version, pool_of
from mlrun_like.api.pages.parts.look import (
    Look,
    box,
    form,
    line,
    place,
    scrolled,
    took,
)
from mlrun_like.api.pages.words import bytes_shown, moment, since, state_badge, whole
from mlrun_like.drawing.page import (
    Html,
    badge,
    element,
    joined,
    number,
    paragraph,
    percent,
    section,
    table,
    tiles,
)
from mlrun_like.drawing.spans import Bar, Row, spans
from mlrun_like.drawing.strips import shares
from mlrun_like.types import Document

__all__ = ["deployed_page", "log_part", "numbers_part", "split_form", "working_part"]


def numbers_part(data: Document, look: Look) -> Html:
    """What stands above, and changes: what is wrong, numbers, the rollout."""
    one = data["status"]
    pool, main = pool_of(one), main_version(one)
    slow = f"{number(round(main.get('p95_ms') or 0, 1))} ms" if main.get("requests") else "—"
    parts = [
        _trouble(one, pool),
        tiles([
            ("ready", pool.get("ready") or 0),
            ("starting", pool.get("starting") or 0),
            ("least to most", bounds_of(one)),
            ("in flight", pool.get("in_flight") or 0),
            ("waiting", pool.get("waiting") or 0, "warn" if pool.get("waiting") else "ok"),
            _failed(one),
            ("p95", slow),
        ]),
        _rollout(one, look),
    ]  # fmt: skip
    return joined([part for part in parts if part])


def working_part(data: Document, logs: str, look: Look) -> Html:
    """What changes while it works: versions, replicas, cold starts, why it scales, its log."""
    one = data["status"]
    pool = pool_of(one)
    parts = [
        section("Versions", _versions(one, look)),
        section("Replicas", table(("version", "replica", "state", "requests", "busy", "memory",
                                   "age", "notes"), _replicas(one), caption="replicas")
                or "None runs. The next request starts one."),
        box("Cold starts", scrolled(_cold(pool), "phases of the last cold starts"),
            note=f"From asking for a replica until it answers; in the mean "
                 f"{took(pool.get('cold_start'))}." if pool.get("cold_start") else ""),
        section("Log", log_part(logs, look, one["name"])),
    ]  # fmt: skip
    return joined([part for part in parts if part])


def deployed_page(data: Document, numbers: Html, working: Html, look: Look) -> list[Html]:
    """One deployed function: who answers, replicas, why it scales, versions, logs.

    Args:
        data: `status`, `why`, `triggers`.
        numbers: From `numbers_part`.
        working: From `working_part`.
        look: Who looks.
    """
    one = data["status"]
    parts = [
        numbers,
        section("Who answers", shares(_named(one), width=330) or "No version gets requests.",
                split_form(one, look), _more(one, look),
                note="Per cent of the requests for each version."),
        working,
        box("Limits of replicas", _scale(one, look)),
        box("Why it scales", table(("when", "version", "replicas", "why"),
                                   [[since(row.get("time"), look.now), row.get("version"),
                                     f"{row.get('from')} → {row.get('to')}",
                                     str(row.get("why") or "").partition(": ")[2] or row.get("why")]
                                    for row in reversed(data.get("why") or [])],
                                   caption="decisions about replicas")),
        box("Triggers", table(("trigger", "kind", "state", "error"),
                              [[row.get("trigger"), row.get("kind"),
                                state_badge(str(row.get("state"))), row.get("last_error")]
                               for row in data.get("triggers") or []], caption="triggers")),
        box("History", table(("when", "what", "of", "shares then", "by", "why"), [
            [moment(row.get("when")), row.get("what"), f"version {row.get('version')}",
             ", ".join(f"{key}: {number(share)} %"
                       for key, share in (row.get("traffic") or {}).items()) or "—",
             row.get("by"), row.get("why") or ""]
            for row in reversed(one.get("history") or [])], caption="history")),
    ]  # fmt: skip
    return [part for part in parts if part]


def _trouble(one: Document, pool: Document) -> Html:
    told = one.get("reason") or (pool.get("last_error") if one.get("state") == "error" else "")
    if not told or one.get("state") not in ("error", "stopped"):
        return Html()
    return element("section", element("h2", f"It is {one['state']}"),
                   element("pre", whole(str(told)), tabindex="0"), class_="trouble",
                   aria_label="what is wrong")  # fmt: skip


def _named(one: Document) -> list[tuple[str, float]]:
    return [
        (f"version {share['version']}", float(share.get("weight") or 0.0))
        for share in one.get("traffic") or []
    ]


def _rollout(one: Document, look: Look) -> Html:
    rollout = one.get("rollout")
    if not isinstance(rollout, Mapping):
        return Html()
    made: list[Any] = [element("p", rollout.get("waits_for") or "A new version takes over.")]
    if rollout.get("warning"):
        made.append(element("p", rollout["warning"], class_="notice warn"))
    rows = [
        [word, numbers.get("requests"),
         badge(percent(numbers.get("error_rate")), "bad") if (numbers.get("error_rate") or 0) > 0.05
         else percent(numbers.get("error_rate")),
         f"{number(numbers.get('p95_ms'), 3)} ms" if numbers.get("requests") else "—"]
        for word, numbers in (("new", rollout.get("new") or {}), ("old", rollout.get("old") or {}))
    ]  # fmt: skip
    made.append(
        table(("version", "requests", "failed", "p95"), rows, ("failed", "p95"), caption="rollout")
    )
    return section(f"Rollout of version {rollout.get('version')}", *made)


def split_form(one: Document, look: Look) -> Html:
    """Shares of the traffic: a number for each version; sliders where scripts run.

    Args:
        one: The function's status.
        look: Who looks.
    """
    versions = [row for row in one.get("versions") or []]
    if not look.may("gateway", "update") or len(versions) < 2:
        return Html()
    rows = []
    for row in versions[-8:]:
        weight = row.get("weight") or 0
        label = f"Version {row['number']}"
        rows.append(
            element(
                "p",
                element("label", element("span", label),
                        element("input", type="number", name=f"weight-{row['number']}",
                                value=number(weight), min="0", max="100", step="0.1",
                                required="required", inputmode="decimal", data_share="")),
                element("input", type="range", min="0", max="100", step="1", value=number(weight),
                        aria_label=f"{label}, share of the traffic in per cent",
                        data_share_range="", hidden="hidden"),
                class_="field share",
            )
        )  # fmt: skip
    total = sum(float(row.get("weight") or 0) for row in versions[-8:])
    return form(
        look, place(look.project, "gateway", one["name"], "split"), *rows,
        element("p", "Together ", element("output", f"{number(total)} %", data_share_sum=""),
                "; it must be 100 %.", class_="note"),
        button("Change the shares", "main"), label="shares of the traffic",
    )  # fmt: skip


def _more(one: Document, look: Look) -> Html:
    if not look.may("gateway", "update"):
        return Html()
    made = []
    if one.get("rollout"):
        made.append(form(look, place(look.project, "gateway", one["name"], "promote"),
                         button("Give all traffic to the new version"), kind="inline"))  # fmt: skip
    if one.get("previous"):
        where = place(look.project, "gateway", one["name"], "rollback")
        made.append(element("a", "Roll back…", class_="button danger", href=where))
    return element("div", *made, class_="toolbar") if made else Html()


def _versions(one: Document, look: Look) -> Html:
    rows = [
        [
            joined([f"version {row['number']} ",
                    badge("answers", "ok") if row.get("weight") else ""]),
            f"{number(row.get('weight') or 0)} %",
            row.get("kind"),
            since(row.get("created"), look.now),
            row.get("by"),
            row.get("requests"),
            percent(row.get("error_rate")) if row.get("live") else "asleep",
            f"{number(row.get('p50_ms'), 3)} / {number(row.get('p95_ms'), 3)} ms"
            if row.get("live") and row.get("requests") else "—",
            element("code", str(row.get("digest") or "")[:8]),
        ]
        for row in reversed(one.get("versions") or [])
    ]  # fmt: skip
    headers = ("version", "share", "kind", "made", "by", "requests", "failed", "p50 / p95", "code")
    return table(headers, rows, ("share", "failed", "p50 / p95"), caption="versions")


def _replicas(one: Document) -> list[list[Any]]:
    """Those of all versions: a new one that gets a share has its own."""
    return [
        [
            version.get("number"),
            f"{row.get('number')} (process {row.get('pid')})",
            state_badge(str(row.get("state"))),
            row.get("served"),
            row.get("busy"),
            bytes_shown(row.get("memory")),
            took(row.get("seconds")),
            row.get("why") or ", ".join(map(str, row.get("notes") or [])),
        ]
        for version in reversed(one.get("versions") or [])
        for row in (version.get("pool") or {}).get("replicas") or []
    ]


def _failed(one: Document) -> tuple[str, Any, str]:
    """The share of failed requests, of the version that fails most among those that answer."""
    rates = [
        (float(row.get("error_rate") or 0.0), row.get("number"))
        for row in one.get("versions") or []
        if row.get("weight") and row.get("requests")
    ]
    rate, version = max(rates, default=(0.0, None))
    label = f"failed, v{version}" if len(rates) > 1 and rate else "failed"
    return label, percent(rate), "bad" if rate > 0.1 else "warn" if rate > 0.01 else "ok"


def _scale(one: Document, look: Look) -> Html:
    if not look.may("gateway", "update"):
        return Html()
    bounds = one.get("replicas") or {}
    limits: dict[str, Any] = {"type": "number", "min": "0", "max": "1000", "required": "required"}
    return form(
        look, place(look.project, "gateway", one["name"], "scale"),
        line("Least replicas", "min", bounds.get("min", 0), **limits),
        line("Most replicas", "max", bounds.get("max", 1), **limits),
        button("Change the limits"), kind="inline", label="limits of replicas",
    )  # fmt: skip


def _cold(pool: Document) -> Html:
    starts = list(pool.get("cold_starts") or [])[-8:]
    names = list(dict.fromkeys(key for start in starts for key in start if key != "total"))
    rows = []
    for at, start in enumerate(starts):
        x, bars = 0.0, []
        for key, seconds in start.items():
            if key == "total" or not isinstance(seconds, (int, float)):
                continue
            words = f"{key}: {took(seconds)}"
            bars.append(Bar(x * 1e3, (x + seconds) * 1e3, words, str(names.index(key))))
            x += seconds
        ago = len(starts) - at - 1
        rows.append(Row(f"{ago} before" if ago else "the last", bars, note=took(x)))
    picture = spans(rows, start=0, x_is_time=False, width=760, title="cold starts, ms")
    if not picture:
        return Html()
    legend = [
        element("span", element("i", style=f"background:var(--c{at % 6})"), f" {name}")
        for at, name in enumerate(names)
    ]
    return joined([picture, element("p", *legend, class_="legend note")])


def log_part(logs: str, look: Look, name: str) -> Html:
    """The end of what a function printed."""
    if not logs:
        return paragraph("It has printed nothing.")
    block = element("pre", whole(logs))
    return element("div", block, class_="log tail", tabindex="0", role="group",
                   aria_label=f"end of the log of {name}")  # fmt: skip
