"""Why an action must not begin now; each reason is told in the incident."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.functions.creators import import_function
from mlrun_like.functions.strangers import check_for_strangers
from mlrun_like.monitoring.actions.action import Action
from mlrun_like.monitoring.actions.claims import ActionRecord
from mlrun_like.monitoring.actions.incident import Incident
from mlrun_like.names import parse_function_uri
from mlrun_like.schedules.define import iso

__all__ = ["ANCESTRY", "ancestry_of", "refusal", "unfit"]

ANCESTRY = "mlrun-like/action-ancestry"
"""Annotation of a run: the actions that led to it, separated by spaces."""


def unfit(action: Action, project: str) -> str:
    """Why a guarded process does not do an action: its code would run with the process's rights.

    Args:
        action: It.
        project: The incident's project.

    Returns:
        The reason; empty: it may be done.
    """
    if not config.guarded or action.kind == "rollback" or action.options.get("url"):
        return ""
    if not action.options.get("function"):
        return (
            f"an action of kind {action.kind!r} would run code on the service's own machine; let "
            "it call a function with an engine of its own, or an address"
        )
    try:
        uri = parse_function_uri(str(action.options["function"]).removeprefix("db://"), project)
        if uri.project != project:
            return f"function {str(uri)[:200]!r} is another project's"
        check_for_strangers(import_function(f"db://{uri}"), {}, project)
    except MLRunLikeError as exc:
        return str(exc)
    return ""


def refusal(
    action: Action,
    incident: Incident,
    earlier: Sequence[ActionRecord],
    now: float,
    ancestry: Sequence[str],
    chain: str,
) -> str:
    """Why the action must not begin; empty: it may.

    Args:
        action: It.
        incident: What asks for it.
        earlier: All its begins, oldest first, with their states as they are now.
        now: Seconds since 1970.
        ancestry: The actions that led to what the incident is about.
        chain: The action's own name among them.
    """
    if chain in ancestry:
        return f"loop: what raised the alert was started by this action ({' > '.join(ancestry)})"
    going = next((record for record in earlier if not record.over), None)
    if going is not None:
        return f"still running: {going.key} since {iso(going.time)}, run {going.uid}"
    if not earlier:
        return ""
    last = earlier[-1]
    if incident.until and last.state == "completed" and incident.until <= last.ended:
        return (
            f"echo: the data that raised the alert ended {iso(incident.until)}, before "
            f"{last.key} had its effect ({iso(last.ended)})"
        )
    wait = last.time + action.seconds("cooldown") - now
    if wait > 0:
        text = "for ever" if math.isinf(wait) else f"until {iso(now + wait)}"
        return f"cool-down: {last.key} began {iso(last.time)}; not again {text}"
    period = action.seconds("period")
    recent = [record for record in earlier if now - record.time < period]
    if len(recent) >= action.limit:
        return (
            f"limit: it began {len(recent)} times within {action.period}, "
            f"and {action.limit} are allowed"
        )
    return ""


def ancestry_of(store: Any, incident: Incident) -> tuple[str, ...]:
    """The actions that led to the runs that an incident is about; empty: people started them."""
    for uid in incident.runs:
        seen: set[str] = set()
        while uid and uid not in seen:
            seen.add(uid)
            try:
                meta = store.read_run(incident.project, uid)["metadata"]
            except NotFoundError:
                break
            found = str((meta.get("annotations") or {}).get(ANCESTRY) or "")
            if found:
                return tuple(found.split())
            # a step of a pipeline: its run is one of the pipeline's run
            uid = str((meta.get("labels") or {}).get("workflow") or "")
    return ()
