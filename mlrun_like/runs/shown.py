"""A run as people read it: a few lines, and a table in a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.runs.object import RunObject

__all__ = ["display_run", "in_notebook", "print_run", "summary"]


def summary(run: RunObject) -> list[tuple[str, str]]:
    """A run in a few lines: label and text."""
    status, spec = run.status, run.spec
    rows = [
        ("run", f"{run.metadata.name}  {run.uri}"),
        ("state", status.state + (f"  {status.status_text}" if status.status_text else "")),
        ("function", " ".join(filter(None, [spec.function, spec.handler]))),
        ("started", status.start_time or ""),
        ("parameters", "\n".join(f"{k} = {_short(v)}" for k, v in spec.parameters.items())),
        ("inputs", "\n".join(f"{k} = {v}" for k, v in spec.inputs.items())),
        ("results", "\n".join(f"{k} = {_short(v)}" for k, v in status.results.items())),
        ("artifacts", "\n".join(f"{k} = {v}" for k, v in status.artifact_uris.items())),
        ("iterations", str(len(status.iterations) - 1) if status.iterations else ""),
        ("error", run.error + (f"\n{status.traceback}" if status.traceback else "")),
    ]
    return [(label, text) for label, text in rows if text]


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML."""
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


def display_run(run: RunObject) -> None:
    """Show a run below the cell that started it; elsewhere nothing."""
    if in_notebook():
        sys.modules["IPython"].display.display(run)


def print_run(run: RunObject) -> None:
    """Print a run as a two-column table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    colours = {"completed": "green", "error": "red", "aborted": "red", "running": "yellow"}
    for label, text in summary(run):
        style = colours.get(run.status.state, "") if label == "state" else ""
        table.add_row(Text(label, style="bold"), Text(text, style=style))
    Console().print(table)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
