"""Changes of a schedule, as MLRun's `ScheduleUpdate` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import plain
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.notifying import check_public
from mlrun_like.names import parse_function_uri
from mlrun_like.registry import resolve
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.specs.schedule import ScheduleDoc
from mlrun_like.tracking.full import FullStore

__all__ = ["change_schedule"]


def change_schedule(store: FullStore, schedule: ScheduleDoc, given: Mapping[str, Any]) -> None:
    """Change what is given of a schedule, in place; its state is not touched.

    Args:
        store: Where its function is recorded.
        schedule: The schedule.
        given: `cron_trigger`, `scheduled_object`, `concurrency_limit`, `labels`.

    Raises:
        InvalidArgumentError: if one of them cannot be read, or holds a secret value.
        NotFoundError: if the function is not recorded.
    """
    spec = schedule.spec
    if given.get("cron_trigger"):
        spec.cron, spec.time_zone = _times(given["cron_trigger"], spec.time_zone)
    if given.get("scheduled_object"):
        spec.run = _run(store, schedule, given["scheduled_object"])
        spec.function = spec.run.spec.function
    limit = given.get("concurrency_limit")
    if limit is not None:
        spec.concurrency = _concurrency(limit, spec.concurrency)
    if given.get("labels") is not None:
        if not isinstance(given["labels"], Mapping):
            raise InvalidArgumentError("labels of a schedule are a mapping", fix='{"team": "a"}')
        schedule.labels = {str(key): str(value) for key, value in given["labels"].items()}


def _times(trigger: Any, time_zone: str) -> tuple[str, str]:
    cron = trigger
    if not isinstance(trigger, str):
        cron, zone = resolve("mlrun_like.schedules.fields:cron_of")(plain(trigger))
        time_zone = zone or time_zone
    options = {"cron": cron, "time_zone": time_zone}
    chosen = resolve("mlrun_like.schedules.define:to_schedule")(options)
    return chosen.cron, chosen.time_zone


def _run(store: FullStore, schedule: ScheduleDoc, given: Any) -> RunDoc:
    held = plain(given)
    if isinstance(held.get("function"), Mapping):
        raise InvalidArgumentError(
            "the function of scheduled_object is a document",
            fix='store it, and name it: {"task": {"spec": {"function": "project/name@hash"}}}',
        )
    run = parse(RunDoc, held.get("task", held), "scheduled_object.task")
    check_public(run.spec.notifications)
    run.metadata.project, run.metadata.uid = schedule.project, ""
    run.metadata.name = run.metadata.name or schedule.spec.run.metadata.name
    before = schedule.spec.run.metadata.labels
    kept = {key: text for key, text in before.items() if key in ("owner", "kind")}
    run.metadata.labels = {**kept, **run.metadata.labels}
    function = str(run.spec.function or held.get("function") or schedule.spec.function)
    uri = parse_function_uri(function, schedule.project)
    store.read_function(uri.project, uri.name, tag=uri.tag, hash=uri.hash)
    run.spec.function = function
    return run


def _concurrency(limit: Any, present: str) -> str:
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidArgumentError(
            f"concurrency_limit {limit!r:.60} is no number of runs",
            fix="1: one at a time; more: as many as are due",
        )
    if limit > 1:
        return "allow"
    return "forbid" if present == "allow" else present
