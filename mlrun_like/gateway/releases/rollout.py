"""How a new version takes over: at once, step by step, by header, or first in the shadow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.gateway.deployment import Share

__all__ = ["STRATEGIES", "Limits", "Rollout", "shares_of_step"]

STRATEGIES = ("direct", "blue-green", "canary", "shadow")


@dataclass(frozen=True)
class Limits:
    """What a new version may not exceed; 0: there is no such limit. `watchdog.py` says how sure
    it must be.

    Args:
        errors: Share of answers of 500 and above, 0 to 1.
        error_increase: By how much that share may be above the old version's.
        latency_mean: Seconds from a request's arrival to the end of its answer, on average.
        latency_p95: The same of 95 of 100 requests.
        latency_factor: How many times the old version's mean its mean may be.
        latency_p95_factor: The same of the 95th percentile.
    """

    errors: float = 0.0
    error_increase: float = 0.05
    latency_mean: float = 0.0
    latency_p95: float = 0.0
    latency_factor: float = 0.0
    latency_p95_factor: float = 0.0


@dataclass(frozen=True)
class Rollout:
    """A plan.

    Args:
        strategy: `direct`: all traffic at once. `blue-green`: the same, then watched for `seconds`.
            `canary`: by `steps`, or by header only. `shadow`: answers of copies are compared.
        steps: Percent of the traffic, rising. If the last one is below 100, it stays there until
            somebody promotes.
        header: Requests with this header get the new version from the beginning.
        value: The header's value; empty: any.
        requests: That the new version must have answered in each step.
        seconds: How long each step lasts at least.
        samples: Requests from which on the limits are looked at.
        limits: What rolls back.
        automatic: Whether passing a limit rolls back; else it is only told.
        sticky: Empty, `caller`, or the name of a header that tells callers apart.
        share: Of a shadow: percent of the requests that are copied.
        ignore: Of a shadow: names of JSON fields that may differ.
        smoke: Requests to answer before traffic moves, besides those of the version's options.
    """

    strategy: str = "direct"
    steps: tuple[float, ...] = ()
    header: str = ""
    value: str = ""
    requests: int = 50
    seconds: float = 30.0
    samples: int = 20
    limits: Limits = field(default_factory=Limits)
    automatic: bool = True
    sticky: str = ""
    share: float = 100.0
    ignore: tuple[str, ...] = ("id", "timestamp", "model_version")
    smoke: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data.

        >>> Rollout.from_dict(Rollout("canary", steps=(5, 100)).to_dict()).steps
        (5.0, 100.0)
        """
        found = dataclasses.asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Rollout:
        """A plan from what a user wrote; `weight=10` is `steps=[10]`, and `canary` without steps
        and header goes 5, 25, 50, 100.

        Raises:
            InvalidArgumentError: if a name is not known or a value is out of range.

        >>> Rollout.from_dict({"strategy": "canary"}).steps
        (5.0, 25.0, 50.0, 100.0)
        >>> Rollout.from_dict({"weight": 10}).strategy
        'canary'
        """
        if not isinstance(data or {}, Mapping):
            raise InvalidArgumentError(
                f"a rollout is a mapping, not {data!r:.80}", fix='{"strategy": "canary"}'
            )
        data = dict(data or {})
        if "weight" in data:
            data["steps"] = [data.pop("weight")]
        if "strategy" not in data and ("steps" in data or "header" in data):
            data["strategy"] = "canary"
        _known(data, cls, "a rollout")
        limits = data.pop("limits", None)
        if not isinstance(limits, Limits):
            if not isinstance(limits or {}, Mapping):
                raise InvalidArgumentError(f"limits {limits!r:.80} are no mapping")
            limits = dict(limits or {})
            _known(limits, Limits, "limits of a rollout")
            limits = Limits(**{name: _number(name, limits[name], 0) for name in limits})
        plan = cls(limits=limits, **{name: _typed(name, data[name]) for name in data})
        if plan.strategy not in STRATEGIES:
            raise InvalidArgumentError(
                f"strategy {plan.strategy!r:.40} is not known."
                + nearest(str(plan.strategy), STRATEGIES),
                fix=f"one of {', '.join(STRATEGIES)}",
            )
        if plan.strategy == "canary" and not plan.steps and not plan.header:
            plan = dataclasses.replace(plan, steps=(5.0, 25.0, 50.0, 100.0))
        if list(plan.steps) != sorted(set(plan.steps)) or any(
            not 0 < step <= 100 for step in plan.steps
        ):
            raise InvalidArgumentError(
                f"steps {list(plan.steps)} must rise, each above 0 and at most 100",
                fix="steps=[5, 25, 50, 100]",
            )
        return plan

    @property
    def stages(self) -> int:
        """How many times traffic moves; a canary by header alone has one."""
        return max(1, len(self.steps)) if self.strategy == "canary" else 1


def shares_of_step(plan: Rollout, step: int, new: int, base: list[Share]) -> list[Share]:
    """The traffic in a step of a rollout.

    Args:
        plan: Of the rollout.
        step: 0, 1, ...
        new: The new version.
        base: Who had the traffic before; they keep the rest in the same proportion.

    >>> shares_of_step(Rollout("canary", steps=(5.0, 100.0)), 0, 2, [Share(1, 100.0)])
    [Share(version=1, weight=95.0, header='', value=''), Share(version=2, weight=5.0, header='', \
value='')]
    """
    if plan.strategy == "shadow":
        return list(base)
    weight = 100.0
    if plan.strategy == "canary":
        weight = plan.steps[min(step, len(plan.steps) - 1)] if plan.steps else 0.0
    rest = [share for share in base if share.version != new]
    total = sum(share.weight for share in rest)
    if weight >= 100 or not total:
        return [Share(new, 100.0)]
    kept = [
        dataclasses.replace(share, weight=share.weight / total * (100 - weight)) for share in rest
    ]
    found = [*kept, Share(new, weight, plan.header, plan.value)]
    return [share for share in found if share.weight or share.header]


def _known(data: Mapping[str, Any], cls: type, what: str) -> None:
    names = [item.name for item in dataclasses.fields(cls)]
    for name in data:
        if name not in names:
            raise InvalidArgumentError(
                f"{what} has no {name!r:.40}.{nearest(str(name), names)}",
                fix=f"one of {', '.join(names)}",
            )


def _typed(name: str, value: Any) -> Any:
    if name in ("requests", "samples"):
        return int(_number(name, value, 0))
    if name in ("seconds", "share"):
        return _number(name, value, 0, 100 if name == "share" else None)
    if name in ("steps", "ignore", "smoke"):
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
            raise InvalidArgumentError(f"{name} {value!r:.80} must be a list")
        rows = tuple(value)
        if name == "steps":
            return tuple(_number("a step", row, 0, 100) for row in rows)
        wanted: type = str if name == "ignore" else dict
        if bad := [row for row in rows if not isinstance(row, wanted)]:
            raise InvalidArgumentError(
                f"{name} holds {bad[0]!r:.80}, which is no {wanted.__name__}"
            )
        return rows
    kind = bool if name == "automatic" else str
    if not isinstance(value, kind):
        raise InvalidArgumentError(f"{name} {value!r:.80} must be of type {kind.__name__}")
    return value


def _number(name: str, value: Any, least: float, most: float | None = None) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not value >= least or (most is not None and value > most):
        raise InvalidArgumentError(
            f"{name} {value!r:.40} must be a number of {least:g} or more"
            + (f", at most {most:g}" if most is not None else "")
        )
    return float(value)
