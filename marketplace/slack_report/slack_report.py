"""Posts what became of runs, or of a project in the last hours, to a channel of Slack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.notifications.chat import send_slack
from mlrun_like.notifications.message import Message
from mlrun_like.tracking.base import RunQuery

__all__ = ["SlackError", "slack_report"]

_MOST = 1000  # runs that are counted
_BAD = ("error", "aborted")


class SlackError(MLRunLikeError, RuntimeError):
    """The channel did not take the report."""

    code = "slack"


def slack_report(  # noqa: PLR0913 - parameters of a run stand side by side
    context: ml.MLClientCtx,
    webhook: str = "",
    text: str = "",
    runs: Sequence[str] | str = (),
    project: str = "",
    hours: float = 24.0,
    only_failed: bool = False,
    show: int = 20,
    severity: str = "",
    must_send: bool = True,
) -> None:
    """Post a report, in the form of the notification `slack`.

    Args:
        context: The run's.
        webhook: The channel's incoming webhook; by default the secret or variable `SLACK_WEBHOOK`.
        text: The headline; empty: what happened, in a sentence.
        runs: Uids or names of runs that it is about; empty: those of the project that began in the
            last hours.
        project: The project; empty: the run's own.
        hours: Which runs of the project.
        only_failed: Show only those that failed, and post nothing if none did.
        show: How many runs are shown, failed ones first, then the newest; at most 40.
        severity: `info`, `warning` or `error`; empty: `error` if a run failed, else `info`.
        must_send: Whether the run fails if the channel does not take it; else that is a warning.

    Raises:
        InvalidArgumentError: if there is no webhook, or a parameter cannot be used.
        NotFoundError: if there is no such run.
        SlackError: if the channel does not take the report.
    """
    if not isinstance(hours, (int, float)) or not hours > 0:
        raise InvalidArgumentError(f"hours={hours!r:.40} is no number above zero")
    webhook = webhook or context.get_secret("SLACK_WEBHOOK") or ""
    if not webhook:
        raise InvalidArgumentError(
            "there is no webhook", fix='webhook="https://...", or the secret SLACK_WEBHOOK'
        )
    project = project or context.project
    found = _chosen(context, runs, project, hours)
    failed = [one for one in found if _state(one) in _BAD]
    states = Counter(_state(one) for one in found)
    shown = failed if only_failed else [*failed, *(one for one in found if one not in failed)]
    if only_failed and not failed:
        _log(context, states, 0, False)
        return
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common()) or "none"
    span = "of these runs" if runs else f"runs of the last {hours:g} hours"
    message = Message(
        text or f"{project}: {counts}",
        severity or ("error" if failed else "info"),
        shown[: max(0, min(show, 40))],
        facts=_facts(project, f"{counts} ({span})", found),
    )
    try:
        send_slack(message, {"webhook": webhook})
    except MLRunLikeError as exc:
        if must_send:
            raise SlackError(f"the channel did not take the report: {exc.what}") from exc
        context.logger.warning(f"the channel did not take the report: {exc.what}")
        _log(context, states, 0, False)
        return
    _log(context, states, len(message.runs), True)


def _chosen(
    context: ml.MLClientCtx, runs: Sequence[str] | str, project: str, hours: float
) -> list[Mapping[str, Any]]:
    store = context.store
    found: list[Mapping[str, Any]] = []
    for name in [runs] if isinstance(runs, str) and runs else runs:
        plain = name.rpartition("/")[2].partition("#")[0].rpartition("@")[2]
        made = store.list_runs(RunQuery(project=project, uid=plain, limit=1))
        made = made or store.list_runs(RunQuery(project=project, name=plain, limit=1))
        if not made:
            raise ml.errors.NotFoundError(f"there is no run {name!r}", where=f"project {project}")
        found += made
    if not runs:
        since = (datetime.now(timezone.utc) - timedelta(hours=hours)).isoformat()
        found += store.list_runs(RunQuery(project=project, since=since, limit=_MOST))
    return [one for one in found if one["metadata"]["uid"] != context.uid]


def _state(run: Mapping[str, Any]) -> str:
    return str(run.get("status", {}).get("state") or "unknown")


def _facts(project: str, counts: str, runs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    facts = [("project", project), ("runs", counts)]
    errors = Counter(
        str(one.get("status", {}).get("error") or "no reason given").splitlines()[0][:120]
        for one in runs
        if _state(one) in _BAD
    )
    facts += [("most frequent error", f"{n} x {said}") for said, n in errors.most_common(1)]
    return facts


def _log(context: ml.MLClientCtx, states: Mapping[str, int], shown: int, sent: bool) -> None:
    failed = sum(states.get(state, 0) for state in _BAD)
    results = {"runs": sum(states.values()), "failed": failed, "shown": shown, "sent": sent}
    context.log_results({**results, "states": dict(states)})
