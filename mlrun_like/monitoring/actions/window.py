"""The newest window of recorded events, joined with ground truth, as a data set artifact."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from mlrun_like.artifacts.manager import ArtifactManager
from mlrun_like.artifacts.paths import Producer
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.monitoring.actions.action import Action, normal
from mlrun_like.monitoring.actions.incident import Incident
from mlrun_like.monitoring.clock import now
from mlrun_like.names import new_uid
from mlrun_like.registry import resolve
from mlrun_like.schedules.define import iso
from mlrun_like.specs.durations import parse_duration

__all__ = ["Window", "newest_window", "window_frame"]

_WINDOW = "1d"
_RECORDING = "mlrun_like.monitoring.recording"


@dataclass(frozen=True)
class Window:
    """A data set of what an endpoint was asked.

    Args:
        uri: Of the artifact.
        endpoint: The endpoint's uid.
        start: Of the window, as an ISO time.
        end: Of the window, as an ISO time.
        rows: How many there are.
        labelled: How many of them have ground truth.
    """

    uri: str
    endpoint: str
    start: str
    end: str
    rows: int
    labelled: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def newest_window(action: Action, incident: Incident, store: Any) -> Window:
    """Write the newest window of the endpoint's events as a data set.

    Args:
        action: `endpoint` (uid or name; by default the incident's), `window` (how long, by default
            `"1d"`), `labelled` (False: rows without ground truth too).
        incident: What asks for it.
        store: The tracking store.

    Raises:
        NotFoundError: if there is no such endpoint, or no event in the window.
    """
    wanted = str(action.options.get("endpoint") or incident.endpoint)
    if not wanted:
        raise InvalidArgumentError(
            f"the incident {incident.id!r} is about no model endpoint, so there is no window of it",
            fix='"endpoint": "<name or uid>" in the action',
        )
    endpoint = _endpoint(incident.project, wanted)
    end = now()
    start = end - parse_duration(str(action.options.get("window") or _WINDOW))
    labelled = bool(action.options.get("labelled", True))
    uid, name = endpoint.metadata.uid, endpoint.metadata.name or endpoint.spec.model_name
    frame = window_frame(endpoint, start, end, labelled=labelled)
    labels = _labels(endpoint)
    known = int(frame[labels].notna().all(axis=1).sum()) if set(labels) <= set(frame) else 0
    if frame.empty:
        raise NotFoundError(
            f"endpoint {name!r} has no {'labelled ' if labelled else ''}event from {iso(start)} "
            f"to {iso(end)}",
            fix='a longer "window", later, or "labelled": false in the action',
        )
    project = incident.project
    producer = Producer("project", project, project, project, new_uid())
    dataset = ArtifactManager(store, producer).log_dataset(
        f"{normal(name)}-window",
        frame,
        db_key=f"{normal(name)}-window",
        label_column=labels[0] if len(labels) == 1 else None,
        labels={"mlrun-like/endpoint": uid, "mlrun-like/incident": normal(incident.id)},
    )
    return Window(dataset.uri, uid, str(iso(start)), str(iso(end)), len(frame), known)


def window_frame(endpoint: Any, start: float, end: float, *, labelled: bool = True) -> pd.DataFrame:
    """Features and true labels of the events of a window, by time.

    Args:
        endpoint: The ModelEndpoint.
        start: Seconds since 1970.
        end: Seconds since 1970; not included.
        labelled: Only events whose ground truth is known.
    """
    meta = endpoint.metadata
    events = resolve(f"{_RECORDING}.reading:read_events")(meta.project, meta.uid, start, end)
    if events.empty:
        return pd.DataFrame(columns=[*endpoint.spec.feature_names, *_labels(endpoint)])
    join = resolve(f"{_RECORDING}.ground_truth:join_ground_truth")
    joined = join(meta.project, meta.uid, events)
    truths = list(joined.attrs.get("labels", ()))
    if not labelled:
        keys = ["event_id", "row"]
        joined = events.merge(joined[[*keys, *truths]], on=keys, how="left")
    wanted = endpoint.spec.feature_names or events.attrs.get("features", ())
    kept = pd.DataFrame(
        {name: joined[f"f:{name}" if f"f:{name}" in joined else name] for name in wanted}
    )
    labels = _labels(endpoint)
    for truth in truths:
        # one label without a name of its own is the model's only output
        name = truth.removeprefix("label.") if truth.startswith("label.") else labels[0]
        if name in labels:
            kept[name] = joined[truth]
    present = [name for name in labels if name in kept]
    if labelled and present:
        kept = kept[kept[present].notna().all(axis=1)]
    return kept.reset_index(drop=True)


def _labels(endpoint: Any) -> list[str]:
    return list(endpoint.spec.label_names) or ["label"]


def _endpoint(project: str, wanted: str) -> Any:
    read = resolve("mlrun_like.monitoring.endpoints.records:get_model_endpoint")
    errors: list[NotFoundError] = []
    for given in ({"uid": wanted}, {"name": wanted}):
        try:
            return read(project, **given)
        except NotFoundError as exc:
            errors.append(exc)
    raise errors[-1]
