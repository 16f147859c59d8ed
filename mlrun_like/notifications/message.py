"""What is told: a text, how serious it is, and the runs that it is about."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Message", "headline", "rows_of"]


@dataclass(frozen=True)
class Message:
    """A notification that is ready to be sent.

    Args:
        text: What is said.
        severity: `info`, `warning`, `error`, ...
        runs: The documents of the runs.
        name: The notification's name.
        facts: Names and values that are shown below the text.
        data: What programs get besides, plain data.
        key: By which a receiver knows a second delivery of the same message.
    """

    text: str
    severity: str = "info"
    runs: Sequence[Mapping[str, Any]] = ()
    name: str = ""
    facts: Sequence[tuple[str, str]] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""

    def plain(self) -> str:
        """The text and a line for each fact and run."""
        lines = [f"[{self.severity}] {self.text}"]
        lines += [f"  {name}: {value}" for name, value in self.facts]
        lines += [
            f"  {name}  {state}  {uid[:8]}  {results}".rstrip()
            for name, state, uid, results in rows_of(self.runs)
        ]
        return "\n".join(lines)

    def markdown(self) -> str:
        """The text, a list of the facts and a table of the runs."""
        lines = [f"**{self.severity}**: {self.text}"]
        if self.facts:
            lines += ["", *(f"- {name}: {_line(value)}" for name, value in self.facts)]
        if self.runs:
            lines += ["", "| run | state | uid | results |", "| --- | --- | --- | --- |"]
        for row in rows_of(self.runs):
            cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)

    def html(self) -> str:
        """The text, a list of the facts and a table of the runs."""
        facts = "".join(
            f"<li>{html.escape(name)}: {html.escape(value)}</li>" for name, value in self.facts
        )
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows_of(self.runs)
        )
        head = "<tr><th>run</th><th>state</th><th>uid</th><th>results</th></tr>"
        table = f"<table>{head}{rows}</table>" if rows else ""
        table = f"<ul>{facts}</ul>{table}" if facts else table
        return f"<p><b>{html.escape(self.severity)}</b>: {html.escape(self.text)}</p>{table}"


def _line(text: str) -> str:
    return text.replace("\n", " ")


def headline(run: Mapping[str, Any]) -> str:
    """What is said about a run if the notification has no text of its own.

    >>> headline({"metadata": {"name": "train"}, "status": {"state": "error", "error": "boom"}})
    'train: error: boom'
    """
    status = run.get("status", {})
    error = f": {status['error']}" if status.get("error") else ""
    return f"{run.get('metadata', {}).get('name', 'run')}: {status.get('state', '')}{error}"


def rows_of(runs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Name, state, uid and results (or the error) of runs."""
    rows = []
    for run in runs:
        meta, status = run.get("metadata", {}), run.get("status", {})
        results = ", ".join(f"{k}={v}" for k, v in (status.get("results") or {}).items())
        if status.get("error"):
            results = str(status["error"])
        shown = results if len(results) <= 300 else results[:297] + "..."
        rows.append(
            (
                str(meta.get("name", "")),
                str(status.get("state", "")),
                str(meta.get("uid", "")),
                shown,
            )
        )
    return rows
