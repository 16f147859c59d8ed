"""The table of runs: what its address asks for, its columns, its rows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from starlette.datastructures import QueryParams

from mlrun_like.api.http.paging import decode_cursor
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.runs_values import NEWEST, PARTS, Condition, conditions_of, value_of
from mlrun_like.api.pages.words import (
    address,
    duration,
    labels_shown,
    seconds_of,
    since,
    state_badge,
)
from mlrun_like.drawing.markup import Html, element, number
from mlrun_like.tracking.base import RunQuery
from mlrun_like.types import Document

__all__ = ["RunsAsked", "columns_of", "key_of", "runs_table"]

SIZE = 50
SORTS = {"name": "name", "state": "state", "started": "-started", "duration": "-duration"}
TIMES = (
    ("", "any time"),
    ("1h", "last hour"),
    ("24h", "last day"),
    ("7d", "last 7 days"),
    ("30d", "last 30 days"),
)
_SECONDS = {"1h": 3600, "24h": 86400, "7d": 7 * 86400, "30d": 30 * 86400}
_HIDDEN_LABELS = ("owner", "kind", "host", "v3io_user")


@dataclass(frozen=True)
class RunsAsked:
    """What the address of the table asks for.

    Args:
        name: Part of a name.
        label: Labels as typed: `a=b, c`.
        state: Only this state; empty: all.
        since: A key of `TIMES`, or an ISO time.
        where: Comparisons as typed: `accuracy > 0.9, kind = gbm`.
        sort: A value of `SORTS`, or a result or parameter (`result.auc`), or its reverse.
        columns: Chosen columns: `result.auc`, `param.lr`, `label.git`.
        token: The cursor of the page.
    """

    name: str = ""
    label: str = ""
    state: str = ""
    since: str = ""
    where: str = ""
    sort: str = "-started"
    columns: tuple[str, ...] = field(default_factory=tuple)
    token: str = ""

    @classmethod
    def of(cls, query: QueryParams) -> RunsAsked:
        """Read an address; what cannot be used is left out."""
        sort = query.get("sort", "-started")[:200]
        is_known = sort.removeprefix("-") in SORTS or _is_value(sort)
        return cls(
            name=query.get("name", "")[:200].strip(),
            label=", ".join(query.getlist("label"))[:500].strip(),
            state=query.get("state", "")[:40],
            since=query.get("since", "")[:40],
            where=query.get("where", "")[:500].strip(),
            sort=sort if is_known else "-started",
            columns=tuple(dict.fromkeys(query.getlist("column")))[:20],
            token=query.get("page-token", ""),
        )

    @property
    def is_filtered(self) -> bool:
        """Whether some runs are left out."""
        return bool(self.name or self.label or self.state or self.since or self.where)

    @property
    def is_by_value(self) -> bool:
        """Whether results or parameters must be looked at, which the store cannot do."""
        return bool(self.where) or _is_value(self.sort)

    @property
    def conditions(self) -> list[Condition]:
        """What values must be like; raises InvalidArgumentError if that cannot be read."""
        return conditions_of(self.where)

    @property
    def labels(self) -> dict[str, str | None]:
        """The labels that must match."""
        found: dict[str, str | None] = {}
        for part in self.label.split(","):
            name, equal, value = part.strip().partition("=")
            if name:
                found[name.strip()] = value.strip() if equal else None
        return found

    def query(self, project: str) -> RunQuery:
        """The same as the store's question."""
        begin = self.since
        if begin in _SECONDS:
            moment = time.time() - _SECONDS[begin]
            begin = datetime.fromtimestamp(moment, tz=timezone.utc).isoformat()
        elif seconds_of(begin) is None:
            begin = ""
        return RunQuery(
            project=project,
            name=f"~{self.name}" if self.name else "",
            labels=self.labels,
            states=(self.state,) if self.state else (),
            since=begin,
            limit=NEWEST if self.is_by_value else SIZE,
            sort="-started" if _is_value(self.sort) else self.sort,
            after=decode_cursor(self.token, self.sort) if self.token else (),
        )

    def pairs(self, **changes: Any) -> list[tuple[str, Any]]:
        """The query of an address that asks for the same but for the changes."""
        now: dict[str, Any] = {
            "name": self.name, "label": self.label, "state": self.state, "since": self.since,
            "where": self.where,
            "sort": "" if self.sort == "-started" else self.sort, "page-token": "",
        }  # fmt: skip
        columns = changes.pop("columns", self.columns)
        now.update({key.replace("_", "-"): value for key, value in changes.items()})
        return [*now.items(), *(("column", one) for one in columns)]


def _is_value(sort: str) -> bool:
    return sort.removeprefix("-").startswith(("result.", "param."))


def columns_of(runs: Iterable[Document]) -> tuple[list[str], tuple[str, ...]]:
    """All columns that runs have, and those that are shown if nobody has chosen any."""
    counts: Counter[str] = Counter()
    for run in runs:
        for kind, (one, two) in PARTS.items():
            for name, value in ((run.get(one) or {}).get(two) or {}).items():
                if isinstance(value, (str, int, float, bool)) or value is None:
                    counts[f"{kind}.{name}"] += 1
    order = sorted(counts, key=lambda name: (list(PARTS).index(name.partition(".")[0]),
                                             -counts[name], name))  # fmt: skip
    usual = [name for name in order if name.startswith("result.")][:3]
    usual += [name for name in order if name.startswith("param.")][:2]
    return order[:200], tuple(usual)


def key_of(run: Document) -> str:
    """How a run is named in addresses: its uid, with `:n` for an iteration."""
    metadata = run["metadata"]
    iteration = metadata.get("iteration") or 0
    return f"{metadata['uid']}:{iteration}" if iteration else str(metadata["uid"])


def runs_table(
    runs: Sequence[Document], asked: RunsAsked, columns: Sequence[str], project: str
) -> Html:
    """The rows, with boxes to select them and headings to sort by."""
    base = project_path(project, "runs")
    head = [
        element("th", element("input", type="checkbox", data_select_all="",
                              aria_label="select all"), class_="sel", scope="col"),
        _sorted("Name", "name", asked, base),
        _sorted("State", "state", asked, base),
        _sorted("Started", "started", asked, base),
        _sorted("Took", "duration", asked, base, kind="n"),
        element("th", "Owner", scope="col"),
        *(_sorted(name.partition(".")[2], name, asked, base, title=name,
                  kind="n" if _is_numeric(runs, name) else None) for name in columns),
        element("th", "Labels", scope="col"),
    ]  # fmt: skip
    body = [_row(run, columns, project) for run in runs]
    table = element(
        "table", element("caption", "runs", class_="hidden"),
        element("thead", element("tr", *head)), element("tbody", *body),
    )  # fmt: skip
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label="runs")


def _sorted(
    label: str, name: str, asked: RunsAsked, base: str, *, kind: str | None = None,
    title: str | None = None,
) -> Html:  # fmt: skip
    if name not in SORTS and not _is_value(name):
        return element("th", label, scope="col", class_=kind, title=title)
    usual = SORTS.get(name, f"-{name}")
    is_here = asked.sort.removeprefix("-") == name
    other = asked.sort[1:] if asked.sort.startswith("-") else f"-{asked.sort}"
    order = other if is_here else usual
    direction = ("descending" if asked.sort.startswith("-") else "ascending") if is_here else None
    link = element("a", label, href=address(base, asked.pairs(sort=order)))
    return element("th", link, scope="col", aria_sort=direction, class_=kind, title=title)


def _row(run: Document, columns: Sequence[str], project: str) -> Html:
    metadata, status = run["metadata"], run.get("status") or {}
    uid, labels = metadata["uid"], metadata.get("labels") or {}
    name = metadata.get("name") or uid
    link = element("a", name, href=project_path(project, "runs", uid), title=f"{name}, {uid}")
    begin, end = seconds_of(status.get("start_time")), seconds_of(status.get("end_time"))
    state = status.get("state", "")
    if end is None and state == "running":
        end = time.time()
    took = end - begin if begin is not None and end is not None else None
    error = status.get("error") if state == "error" else ""
    more = element("span", error, class_="sub", title=error) if error else ""
    if status.get("iterations"):
        more = element("span", f"{len(status['iterations']) - 1} iterations", class_="sub")
    picked = element("input", type="checkbox", name="uid", value=key_of(run), data_select="",
                     aria_label=f"select {name}")  # fmt: skip
    rest = {key: value for key, value in labels.items() if key not in _HIDDEN_LABELS}
    cells = [
        element("td", picked, class_="sel"),
        element("td", link, more, class_="name"),
        element("td", state_badge(state)),
        element("td", since(begin), style="white-space:nowrap"),
        element("td", duration(_short(took)) if took is not None else "—", class_="n"),
        element("td", labels.get("owner", "")),
        *(_cell(value_of(run, column)) for column in columns),
        element("td", labels_shown(rest, 3)),
    ]
    return element("tr", *cells, id=f"row-{uid}")


def _short(seconds: float) -> float:
    return float(round(seconds)) if seconds >= 10 else round(seconds, 2)


def _cell(value: Any) -> Html:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return element("td", "NaN" if value != value else number(value), class_="n")
    return element("td", "" if isinstance(value, (Mapping, list)) else value)


def _is_numeric(runs: Sequence[Document], column: str) -> bool:
    found = [value_of(run, column) for run in runs]
    known = [value for value in found if value is not None]
    return bool(known) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in known
    )
