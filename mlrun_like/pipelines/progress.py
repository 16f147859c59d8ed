"""What people see of a pipeline that runs: a picture in a notebook, a table in a terminal, lines.

The engine tells a `Listener`; `watching(plan)` gives the one that fits the place.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mlrun_like.pipelines.pictures import bundle
from mlrun_like.pipelines.run import StepRun
from mlrun_like.pipelines.svg import Drawing
from mlrun_like.pipelines.tallies import ICONS, Tallies, Tally, duration
from mlrun_like.registry import require

if TYPE_CHECKING:
    from mlrun_like.pipelines.plan import Plan

__all__ = ["Lines", "Listener", "NotebookPicture", "TerminalTable", "watching"]

_STYLES = {
    "completed": "green",
    "reused": "cyan",
    "running": "yellow",
    "error": "red",
    "aborted": "red",
    "skipped": "dim",
    "waiting": "dim",
}
_FIRST = 5  # rounds of a loop that get lines of their own
_EVERY = 100  # then one line for so many
_REDRAW = 0.5  # seconds between two pictures in a notebook


class Listener:
    """Is told what happens in a run, in the thread that drives it; this one shows nothing."""

    def begin(self, uid: str) -> None:
        """The run begins."""

    def rounds(self, loop: str, count: int) -> None:
        """A loop begins, with so many items."""

    def started(self, path: str) -> None:
        """A step begins, such as `train` or `train[3]`."""

    def ended(self, path: str, run: StepRun) -> None:
        """A step is over, or will not run."""

    def end(self) -> None:
        """Nothing more will come, whatever the reason."""


class Lines(Listener):
    """A line at each start and end.

    Args:
        name: Of the pipeline; it begins each line.
        write: Receives the lines.
        every: Whether each round of a loop has lines; else the first few, failures, and then one
            line for a hundred.
    """

    def __init__(self, name: str, write: Callable[[str], None], every: bool = True) -> None:
        self._name = name
        self._write = write
        self._every = every
        self._seen: Counter[str] = Counter()

    def started(self, path: str) -> None:
        """See Listener."""
        step, mark, _ = path.partition("[")
        if self._every or not mark or self._seen[step] < _FIRST:
            self._write(f"{self._name}: {path} started")

    def ended(self, path: str, run: StepRun) -> None:
        """See Listener."""
        step, mark, _ = path.partition("[")
        self._seen[step] += 1
        count = self._seen[step]
        if self._every or not mark or count <= _FIRST or run.state == "error":
            after = f" in {run.seconds:.1f} s" if run.uid and not run.reused else ""
            reason = f": {run.reason}" if run.reason else ""
            self._write(f"{self._name}: {path} {run.state}{after}{reason}")
        elif count % _EVERY == 0:
            self._write(f"{self._name}: {step}: {count} rounds ended")


class TerminalTable(Listener):
    """A table that changes in place: one line for each step, a bar for those in loops.

    Args:
        plan: What runs.
        console: Where; by default stderr.
    """

    def __init__(self, plan: Plan, console: Console | None = None) -> None:
        self._plan = plan
        self._names = plan.order()
        self._tallies = Tallies(plan)
        self._since: dict[str, float] = {}
        self._console = console or Console(stderr=True)
        self._start = time.monotonic()
        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def begin(self, uid: str) -> None:
        """See Listener."""
        self._start = time.monotonic()
        self._live.start(refresh=True)

    def rounds(self, loop: str, count: int) -> None:
        """See Listener."""
        self._tallies.rounds(loop, count)

    def started(self, path: str) -> None:
        """See Listener."""
        self._tallies.started(path)
        self._since.setdefault(path.partition("[")[0], time.monotonic())

    def ended(self, path: str, run: StepRun) -> None:
        """See Listener."""
        self._tallies.ended(path, run)

    def end(self) -> None:
        """See Listener."""
        self._live.stop()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        now = time.monotonic()
        table.add_row("", Text(f"pipeline {self._plan.name}", style="bold"), "", _clock(now, self))
        for name in self._shown():
            tally = self._tallies.steps[name]
            state = tally.state
            style = _STYLES[state]
            seconds = tally.seconds
            if state == "running" and not tally.looped:
                seconds = now - self._since.get(name, now)
            icon = Text(ICONS[state], style=style)
            took = Text(duration(seconds) if seconds else "", style="dim")
            table.add_row(icon, _safe(name), _progress(tally, style), took)
        hidden = len(self._names) - table.row_count + 1
        if hidden > 0:
            table.add_row("", Text(f"and {hidden} more steps", style="dim"), "", "")
        return table

    def _shown(self) -> list[str]:
        """The names that fit on the screen; what runs or failed goes first."""
        room = max(5, self._console.height - 3)
        if len(self._names) <= room:
            return self._names
        weights = {"running": 0, "error": 0, "aborted": 0, "waiting": 1}
        by_weight = sorted(
            self._names, key=lambda name: weights.get(self._tallies.steps[name].state, 2)
        )
        kept = set(by_weight[:room])
        return [name for name in self._names if name in kept]


def _clock(now: float, table: TerminalTable) -> Text:
    return Text(duration(now - table._start), style="dim")


def _progress(tally: Tally, style: str) -> Any:
    """A bar for rounds of loops, else the state and why."""
    if tally.looped and tally.total:
        inner = Table.grid(padding=(0, 1))
        text = Text(", ".join(tally.counts), style=style)
        inner.add_row(ProgressBar(tally.total, tally.done, width=20), text)
        return inner
    reason = f": {tally.reason}" if tally.reason and tally.state != "completed" else ""
    return Text(_line(f"{tally.state}{reason}"), style=style, overflow="ellipsis", no_wrap=True)


def _safe(name: str) -> Text:
    return Text(_line(name), overflow="ellipsis", no_wrap=True)


def _line(text: str) -> str:
    """A text without what could move the cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class NotebookPicture(Listener):
    """The plan's picture in a notebook's output, drawn again in its place as steps end.

    Args:
        plan: What runs.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._drawing = Drawing(plan, live=True)
        self._tallies = Tallies(plan)
        self._changed = threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._handle: Any = None
        self._thread = threading.Thread(target=self._redraw, name="mlrun-like-picture", daemon=True)

    def begin(self, uid: str) -> None:
        """See Listener."""
        display = require("IPython.display", feature="a picture in a notebook")
        self._handle = display.display(self._bundle(), raw=True, display_id=True)
        self._thread.start()

    def rounds(self, loop: str, count: int) -> None:
        """See Listener."""
        with self._lock:
            self._tallies.rounds(loop, count)

    def started(self, path: str) -> None:
        """See Listener."""
        with self._lock:
            self._tallies.started(path)
        self._changed.set()

    def ended(self, path: str, run: StepRun) -> None:
        """See Listener."""
        with self._lock:
            self._tallies.ended(path, run)
        self._changed.set()

    def end(self) -> None:
        """See Listener."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._show()

    def _redraw(self) -> None:
        while not self._over.wait(_REDRAW):
            if self._changed.is_set():
                self._changed.clear()
                self._show()

    def _show(self) -> None:
        if self._handle is not None:
            self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        with self._lock:
            return bundle(self._drawing.svg(self._tallies), str(self._plan))


def watching(plan: Plan) -> Listener:
    """The listener for this place: a notebook, a terminal, or anything else."""
    if _in_notebook():
        return NotebookPicture(plan)
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        return TerminalTable(plan, console)
    return Lines(plan.name, _print, every=False)


def _in_notebook() -> bool:
    """Whether a kernel that can show pictures runs this."""
    module = sys.modules.get("IPython")
    find = getattr(module, "get_ipython", None)
    shell = find() if find is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


def _print(line: str) -> None:
    Console(stderr=True).print(_line(line), markup=False, highlight=False, soft_wrap=True)
