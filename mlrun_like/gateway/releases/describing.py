"""What `ps` shows of a function: versions, replicas, and what a rollout waits for."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from mlrun_like.gateway.deployment import Deployment
from mlrun_like.gateway.releases.lanes import Lane, Lanes
from mlrun_like.gateway.releases.rollout import Rollout
from mlrun_like.gateway.releases.watchdog import Watchdog

__all__ = ["describe", "describe_rollout", "waits_for"]

_HISTORY = 20


def describe(deployment: Deployment, lanes: Lanes) -> dict[str, Any]:
    """Everything but the shadow's numbers and the rollout's.

    Args:
        deployment: What is deployed.
        lanes: Its versions that have replicas, or may have.
    """
    weights = {share.version: 0.0 for share in deployment.traffic}
    for share in deployment.traffic:
        weights[share.version] += share.weight
    main = max(weights, key=lambda number: (weights[number], number), default=deployment.newest)
    version = deployment.versions.get(main)
    least, most = 0, 0
    if version is not None:
        by_hand = deployment.replicas
        least = by_hand.get("min", version.options.min_replicas)
        most = by_hand.get("max", version.options.max_replicas)
    state, reason = _state(deployment, lanes.live.get(main))
    return {
        "key": deployment.key,
        "project": deployment.project,
        "name": deployment.name,
        "kind": version.kind if version is not None else "",
        "state": state,
        "reason": reason,
        "version": main,
        "replicas": {"min": least, "max": most},
        "traffic": [dataclasses.asdict(share) for share in deployment.traffic],
        "previous": [dataclasses.asdict(share) for share in deployment.previous],
        "sticky": deployment.sticky,
        "versions": [
            {
                "number": one.number,
                "kind": one.kind,
                "created": one.created,
                "by": one.by,
                "digest": one.digest,
                "weight": weights.get(one.number, 0.0),
                **_live(lanes.live.get(one.number)),
            }
            for one in deployment.versions.values()
        ],
        "history": deployment.history[-_HISTORY:],
    }


def _live(lane: Lane | None) -> dict[str, Any]:
    if lane is None:
        return {"live": False}
    numbers = lane.pool.numbers()
    plain = dataclasses.asdict(numbers)
    decisions = [_plain(row) for row in list(getattr(lane.pool, "decisions", ()))[-_HISTORY:]]
    return {"live": True, **lane.tally.numbers(), "pool": plain, "decisions": decisions}


def _plain(row: Any) -> Any:
    return dataclasses.asdict(row) if dataclasses.is_dataclass(row) else row  # type: ignore[arg-type]


def _state(deployment: Deployment, lane: Lane | None) -> tuple[str, str]:
    """A word and why."""
    if deployment.replicas.get("stopped"):
        return "stopped", "stopped by hand"
    watch = deployment.watch
    if watch is not None and watch["state"] == "starting" and not deployment.traffic:
        return "starting", ""
    if not deployment.traffic:
        last = deployment.history[-1] if deployment.history else {}
        return "error", str(last.get("why") or "no version could be started")
    if lane is None:
        return "idle", ""
    numbers = lane.pool.numbers()
    if numbers.backoff and not numbers.ready:
        return "error", numbers.last_error
    return ("ready" if numbers.alive else "idle"), ""


def describe_rollout(watch: dict[str, Any], plan: Rollout, dog: Watchdog | None) -> dict[str, Any]:
    """A rollout under way.

    Args:
        watch: Where it is; of the deployment.
        plan: What is wanted.
        dog: Who looks at it; None: no traffic has moved.
    """
    left = dog.left(time.monotonic()) if dog is not None else (plan.requests, plan.seconds)
    return {
        "version": watch["version"],
        "strategy": plan.strategy,
        "state": watch["state"],
        "step": watch["step"],
        "steps": list(plan.steps),
        "since": watch["since"],
        "by": watch["by"],
        "warning": watch.get("warning", ""),
        "limits": dataclasses.asdict(plan.limits),
        "requests_left": left[0],
        "seconds_left": round(left[1], 1),
        "waits_for": waits_for(watch, plan, left),
        "new": dog.new.numbers() if dog is not None else {},
        "old": dog.old.numbers() if dog is not None else {},
    }


def waits_for(watch: dict[str, Any], plan: Rollout, left: tuple[int, float]) -> str:
    """What a rollout waits for, in one sentence.

    >>> watch = {"version": 2, "state": "moving", "step": 0}
    >>> waits_for(watch, Rollout("canary", steps=(5.0, 100.0)), (12, 3.2))
    'version 2 gets 5 %; 100 % after 12 more requests and 4 more seconds without a fault'
    """
    new, state = watch["version"], watch["state"]
    if state == "starting":
        return f"version {new} starts and answers its smoke requests; no traffic has moved"
    if warning := watch.get("warning"):
        return f"version {new} passed a limit ({warning}); somebody must promote or roll back"
    if plan.strategy == "shadow":
        return f"version {new} gets copies of {plan.share:g} % until somebody promotes it"
    rest = []
    if left[0] and plan.strategy == "canary":
        rest.append(f"{left[0]} more requests")
    if left[1]:
        rest.append(f"{int(left[1]) + 1} more seconds")
    waits = " and ".join(rest)
    if plan.strategy != "canary":
        return f"version {new} gets all traffic and is watched for {waits or 'a moment'}"
    step = watch["step"]
    what = f"{plan.steps[step]:g} %" if plan.steps else f"requests with header {plan.header}"
    if step + 1 < len(plan.steps):
        after = f"{plan.steps[step + 1]:g} % after"
    elif plan.steps and plan.steps[-1] >= 100:
        after = "done after"
    else:
        return f"version {new} gets {what} until somebody promotes it"
    return f"version {new} gets {what}; {after} {waits or 'a moment'} without a fault"
