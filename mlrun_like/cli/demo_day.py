"""A day of a clinic's model, for the demo of monitoring and its notebook.

Patients are sent to a served model over HTTP, one a minute of simulated time. At noon the
laboratory gets a new microscope, whose lengths are 40 % larger. The truth about a patient is known
two hours after the model's answer. Needs scikit-learn.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from mlrun_like.cli.demo_day_steps import (
    GATES,
    LABEL,
    MODEL,
    LateAccuracy,
    alerts,
    new_microscope,
    patients,
    train,
)
from mlrun_like.configuration import config
from mlrun_like.errors import StepError
from mlrun_like.functions.creators import new_function
from mlrun_like.monitoring import clock as clocks
from mlrun_like.monitoring.alerts.incidents import list_activations
from mlrun_like.monitoring.alerts.passing import alert_pass
from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.monitoring.recording.recorder import flush_recorders
from mlrun_like.projects.loading import get_or_create_project
from mlrun_like.promotion.promote import promote
from mlrun_like.promotion.registry import alias_holder, history
from mlrun_like.serving.web.serve import serve
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.connect import open_store

__all__ = ["LATE", "MIDNIGHT", "NOON", "PAST", "PROJECT", "Clinic", "Hour"]

PROJECT = "clinic"
MIDNIGHT = datetime(2026, 3, 2, tzinfo=timezone.utc).timestamp()
NOON, LATE = 12, 2
"""The hour of the new microscope, and how many hours later the truth is known."""
PAST = 300
"""Seconds past the hour at which monitoring looks; the service looks every minute."""


@dataclass
class Hour:
    """What an hour of the day brought.

    Args:
        hour: Which one; 12 is from 12:00 to 13:00.
        requests: How many patients came.
        accuracy: Of this hour's answers, once all labels are known; what the clinic cannot see yet.
        labels: How many labels came in, of answers from two hours before.
        version: The model version that answers at the end of the hour.
        incidents: Incidents that are open at its end.
        told: The first lines of notifications that were sent.
    """

    hour: int
    requests: int
    accuracy: float
    labels: int
    version: int
    incidents: list[Any] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def clock(self) -> str:
        """When monitoring looked: `13:05`."""
        return f"{self.hour:02d}:{PAST // 60:02d}"


class Clinic:
    """The clinic: a project with a served, monitored model, and patients who come.

    Use it in a `with`; time is simulated in the block, and stands until an hour is lived.

    Args:
        per_hour: Patients an hour; their requests are spread evenly over it.
        seed: Which patients come when.
        gates: What a retrained model must pass; None: `GATES`.

    >>> Clinic(per_hour=30).seconds
    120.0
    """

    def __init__(self, per_hour: int = 60, seed: int = 0, gates: Any = None) -> None:
        self.per_hour = per_hour
        self._gates = GATES if gates is None else gates
        self.seconds = 3600 / per_hour
        self.first, self._people = patients()
        self._draw = np.random.default_rng(seed)
        self._hour = 0
        self._truth: dict[int, dict[str, int]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Clinic:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open(self) -> None:
        """Stop the time, train the first model, say what is watched, and serve."""
        with ExitStack() as stack:
            self.clock = stack.enter_context(clocks.simulated(MIDNIGHT))
            stack.enter_context(config.override(default_project=PROJECT))
            folder = config.path("demo", PROJECT)
            folder.mkdir(parents=True, exist_ok=True)
            self.project = get_or_create_project(PROJECT, folder)
            self._train_first(folder)
            self._watch()
            self._server = stack.enter_context(serve(self.function()))
            self.url = self._server.url
            place = urlsplit(self.url)
            self._line = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
            stack.callback(self._line.close)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End the service; the time goes on by itself again."""
        self._stack.close()

    def function(self) -> Any:
        """The serving function: its model follows the alias `champion`, its requests are kept."""
        made: Any = new_function("triage", project=PROJECT, kind="serving")
        made.set_topology("router")
        made.add_model(
            MODEL,
            class_name="mlrun_like.promotion.following.FollowingModelServer",
            model_path=f"store://models/{PROJECT}/{MODEL}:champion",
            refresh=0.1,
        )
        made.set_tracking()
        return made

    def _train_first(self, folder: Path) -> None:
        path = folder / "patients.parquet"
        self.first.to_parquet(path)
        run: Any = train.run(inputs={"train_set": str(path)}, watch=False)
        promote(run.outputs["model"], why="the first model")

    def _watch(self) -> None:
        """What is watched, and what is done about it."""
        self.project.enable_model_monitoring(base_period=60, deploy_histogram_data_drift_app=False)
        for application in ("DataDrift", LateAccuracy(hours=LATE)):
            made = self.project.set_model_monitoring_function(application_class=application)
            self.project.deploy_function(made)
        for alert in alerts(PROJECT, self._gates):
            self.project.store_alert_config(alert)

    def hours(self) -> Iterator[Hour]:
        """Live through the day, hour by hour."""
        while self._hour < 24:
            yield self.live()

    def live(self) -> Hour:
        """An hour: labels arrive, patients come, and monitoring looks five minutes past."""
        hour = self._hour
        rows = self._people.sample(self.per_hour, random_state=int(self._draw.integers(1 << 31)))
        if hour >= NOON:
            rows = new_microscope(rows)
        known = self._truth.get(hour - LATE - 1, {})
        if known:
            self._ask("feedback", {"labels": known})
        truth = {f"{hour:02d}-{number:03d}": int(row) for number, row in enumerate(rows[LABEL])}
        self._truth[hour] = truth
        told = io.StringIO()
        right, looked = 0, False
        inputs = rows.drop(columns=LABEL).to_numpy().tolist()
        for (name, label), values in zip(truth.items(), inputs, strict=True):
            self.clock.advance(self.seconds)
            right += self._ask("infer", {"id": name, "inputs": [values]})["outputs"][0] == label
            if not looked and self.clock.now() >= MIDNIGHT + hour * 3600 + PAST:
                looked = True
                with contextlib.redirect_stdout(told):
                    self.look()
                self._followed()
        self._hour += 1
        return Hour(
            hour,
            len(truth),
            right / len(truth),
            len(known),
            self.version,
            list_activations(PROJECT, state="open"),
            [line for line in told.getvalue().splitlines() if line.startswith("[")],
        )

    def look(self) -> None:
        """What the monitoring service does every minute: applications, then alerts.

        Raises:
            StepError: if an application failed.
        """
        flush_recorders()
        report = controller_pass(PROJECT)
        if report.errors:
            raise StepError(f"a monitoring application failed: {report.errors}")
        alert_pass(PROJECT)

    def _followed(self) -> None:
        """Wait until the service has loaded what is champion now: that takes real time, and the
        simulated clock would run away from it."""
        for _ in range(600):
            held = alias_holder(PROJECT, MODEL, "champion")
            if held is None or self.endpoint.spec.model_uid == held.uid:
                return
            time.sleep(0.05)
        raise StepError("the service did not load the version that was promoted")

    @property
    def version(self) -> int:
        """The version that is champion."""
        found = alias_holder(PROJECT, MODEL, "champion")
        return found.number if found else 0

    @property
    def endpoint(self) -> Any:
        """The model's endpoint."""
        (found,) = self.project.list_model_endpoints(model=MODEL)
        return found

    def gates(self) -> list[dict[str, Any]]:
        """What each gate said of the newest candidate."""
        for event in history(PROJECT, MODEL):
            if event.action in ("promote", "reject"):
                return list(event.body["gates"])
        return []

    def report(self) -> str:
        """The newest drift report's file; empty: there is none."""
        query = ArtifactQuery(project=PROJECT, tag="latest")
        found = [
            document
            for document in open_store().list_artifacts(query)
            if "drift_report" in document["metadata"]["key"]
        ]
        return str(found[-1]["spec"]["target_path"]) if found else ""

    def drifted(self, end: float) -> list[str]:
        """The features that drifted in the window that ended then, the worst first."""
        rows = open_store().list_results(
            PROJECT, self.endpoint.metadata.uid, "data-drift", start=end - 3600, end=end + 1
        )
        prefix = "data_drift_of_"
        found = [row for row in rows if row.name.startswith(prefix) and row.status == 2]
        found.sort(key=lambda row: -row.value)
        return [row.name.removeprefix(prefix) for row in found]

    def numbers(self, name: str) -> list[tuple[float, float]]:
        """A result or metric over the day: ends of windows (seconds since 1970) and values."""
        rows = open_store().list_results(PROJECT, self.endpoint.metadata.uid, name=name)
        return [(row.end, row.value) for row in rows]

    def _ask(self, what: str, body: dict[str, Any]) -> Any:
        self._line.request(
            "POST",
            f"/v2/models/{MODEL}/{what}",
            json.dumps(body),
            {"Content-Type": "application/json"},
        )
        with self._line.getresponse() as answer:
            found = json.loads(answer.read())
            if answer.status >= 300:
                raise StepError(f"the service answered {answer.status}: {found!r:.300}")
            return found
