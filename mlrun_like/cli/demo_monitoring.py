"""`mlrun-like demo monitoring`: a day of a served model, told hour by hour.

Deployed over HTTP, watched, drifting from noon on, retrained behind gates, promoted, well again;
every stage is checked, and the first that did not happen fails the demo.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import Annotated, Any

import typer
from rich.console import Console

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, RunError
from mlrun_like.names import new_uid
from mlrun_like.registry import require, resolve

__all__ = ["monitoring", "run_monitoring_demo"]

_WIDTH = 24


def monitoring(
    per_hour: Annotated[
        int, typer.Option("--per-hour", min=30, max=600, help="Patients an hour.")
    ] = 60,
) -> int:
    """See a served model drift, and keep itself alive: a day on real data, in half a minute.

    mlrun-like demo monitoring

    Needs scikit-learn: pip install "mlrun-like[frameworks]"
    """
    return run_monitoring_demo(per_hour)


def run_monitoring_demo(per_hour: int = 60, gates: Any = None) -> int:
    """Live through the day; 0 only if every stage of the story happened.

    Args:
        per_hour: Patients an hour.
        gates: Other gates for the retrained model.

    Raises:
        MissingDependencyError: if scikit-learn is not installed.
    """
    require("sklearn.datasets", extra="frameworks", feature="the demo of monitoring")
    console = Console(highlight=False)
    began = time.monotonic()
    story = _Story(console)
    # a day begins with an empty store: what was seen of a former one would count as seen
    home = config.path("demo", f"monitoring-{time.strftime('%Y%m%d-%H%M%S')}-{new_uid()[:4]}")
    try:
        with config.override(home=str(home)):
            story.tell(per_hour, gates)
    except MLRunLikeError as exc:
        console.print("[red]The demo failed.[/red]")
        console.print(str(exc), markup=False)
        return 1
    console.print(f"\nThat was a day in {time.monotonic() - began:.0f} s.")
    story.next(str(home))
    return 0


class _Story:
    """What is told, and what must have happened."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: set[str] = set()

    def tell(self, per_hour: int, gates: Any) -> None:
        """The day.

        Raises:
            RunError: naming the stage that did not happen.
        """
        day = resolve("mlrun_like.cli.demo_day:Clinic")(per_hour, gates=gates)
        with day:
            self._say("00:00", f"[bold]deployed[/bold]  {day.url}  model version {day.version}")
            self._note("Every request is recorded; there is no further service to run.")
            quiet, wrong = 0.0, 1.0
            for hour in day.hours():
                drift = _last(day.numbers("data_drift"))
                known = _last(day.numbers("accuracy"))
                quiet += hour.incidents != [] if hour.hour < 12 else 0
                wrong = min(wrong, hour.accuracy)
                self._hour(hour, drift, known)
                self._happenings(day, hour)
            self._check(quiet == 0, "a quiet morning: an alert was raised before noon")
            self._end(day, hour, wrong)

    def _hour(self, hour: Any, drift: float | None, known: float | None) -> None:
        if hour.hour == 12:
            self._say("12:00", "[bold]a new microscope[/bold] measures lengths 40 % larger")
        shown = "-" if known is None else f"{known:.0%}"
        level = min(1.0, (drift or 0.0) / 8)
        bar = "█" * round(level * _WIDTH)
        colour = "red" if (drift or 0) >= 1 else "green"
        self._say(
            hour.clock,
            f"{hour.requests} patients   accuracy, as far as known {shown:>4}   "
            f"drift [{colour}]{(drift or 0.0):4.1f} {bar}[/{colour}]",
        )

    def _happenings(self, day: Any, hour: Any) -> None:
        for line in hour.told:
            self._note(f"[yellow]alert[/yellow]   {line.partition('] ')[2]}")
        for incident in hour.incidents:
            if incident.name in self._seen:
                continue
            self._seen.add(incident.name)
            if incident.name == "inputs-drift":
                moved = [
                    name.replace("_", " ") for name in day.drifted(incident.events[-1]["time"])
                ]
                self._check(bool(moved), "a drift report that names features")
                self._note(f"why     {len(moved)} features moved, first {', '.join(moved[:4])}")
                self._check(bool(day.report()), "a drift report")
                self._note(f"report  {day.report()}")
            if incident.name == "model-worse":
                self._note(f"why     {incident.reason}; labels come two hours late")
                self._retraining(day, incident)

    def _retraining(self, day: Any, incident: Any) -> None:
        (row,) = resolve("mlrun_like.monitoring.actions.lineage:what_came_of")(
            incident.project, str(incident.id)
        )
        window = row["links"].get("window", {})
        self._check(row["state"] == "completed", f"retraining: {row['state']}, {row['reason']}")
        self._note(
            f"[yellow]action[/yellow]  retraining with {window.get('rows', 0)} labelled rows of "
            f"{window.get('start', '')[11:16]} to {window.get('end', '')[11:16]}, run {row['uid']}"
        )
        for gate in day.gates():
            mark = "[green]passed[/green]" if gate["passed"] else "[red]failed[/red]"
            self._note(f"gate    {mark}  {gate['gate']}: {gate['message']}")
        self._check(day.version == 2, "a promotion: the retrained model did not pass the gates")
        made = ", ".join(f"{one['key']} version {one['version']}" for one in row["models"])
        self._note(f"[green]promoted[/green]  {made}; the service follows it without a deployment")

    def _end(self, day: Any, last: Any, wrong: float) -> None:
        self._check("inputs-drift" in self._seen, "an alert about the drift")
        self._check(wrong < 0.85, "a loss of quality")
        self._check("model-worse" in self._seen, "an alert about the quality")
        self._check(last.accuracy >= 0.9, f"a recovery: accuracy {last.accuracy:.0%}")
        self._check(last.version == 2 and not last.incidents, "an end of all incidents")
        known = _last(day.numbers("accuracy")) or 0.0
        self._say(
            "24:00",
            f"[bold]well again[/bold]  accuracy {known:.0%}, {wrong:.0%} at its worst; "
            "no incident is open",
        )

    def next(self, home: str) -> None:
        """What to look at now.

        Args:
            home: Where the demo keeps everything.
        """
        # a fresh environment may not be on the path yet: commands that are shown must work
        command = "mlrun-like" if shutil.which("mlrun-like") else f"{sys.executable} -m mlrun_like"
        self._console.print(f"Everything lies in {home}; to look at it:", soft_wrap=True)
        for line in ("get runs --project clinic", "models history tumour --project clinic"):
            self._console.print(f"  MLRUN_LIKE_HOME={home} {command} {line}", soft_wrap=True)

    def _say(self, clock: str, text: str) -> None:
        self._console.print(f"{clock}  {text}", soft_wrap=True)

    def _note(self, text: str) -> None:
        self._console.print(f"         {text}", soft_wrap=True)

    def _check(self, happened: bool, what: str) -> None:
        if not happened:
            raise RunError(f"there was not: {what}", fix="mlrun-like doctor")


def _last(numbers: list[tuple[float, float]]) -> float | None:
    return numbers[-1][1] if numbers else None
