"""Pods that the cluster does not let be created, and quotas: waiting or hopeless."""

from __future__ import annotations

import re

from mlrun_like.runtimes.kubernetes.causes import Cause
from mlrun_like.runtimes.kubernetes.refusals import explain_refusal

__all__ = ["exceeds", "failed_create"]


def failed_create(message: str) -> Cause:
    """A pod that may not be created: a quota, a security standard, an admission webhook."""
    what, fix = explain_refusal(403, message.encode(), "create the pod")
    quota = re.search(r"requested: (?P<asked>.*), used: .*, limited: (?P<limit>.*)$", message)
    if "quota" not in message:
        temporary = "timeout" in message.lower() or "unavailable" in message.lower()
        return Cause("pod-refused", what, fix, not temporary)
    # more than the whole quota is never granted; less than that may be, when others are done
    hopeless = quota is not None and exceeds(quota["asked"], quota["limit"])
    return Cause("quota", what, fix, hopeless)


def exceeds(asked: str, limit: str) -> bool:
    """Whether an amount is larger than all there is of it.

    >>> exceeds("requests.cpu=8", "requests.cpu=4"), exceeds("pods=1", "pods=1")
    (True, False)
    """
    from_text = {k: v for k, _, v in (row.partition("=") for row in limit.split(","))}
    for row in asked.split(","):
        name, _, amount = row.partition("=")
        bound = from_text.get(name)
        if bound is not None and _amount(amount) > _amount(bound):
            return True
    return False


def _amount(text: str) -> float:
    match = re.fullmatch(r"([0-9.]+)(m|[kKMGTPE]i?)?", text.strip())
    if match is None:
        return 0.0
    unit = match[2] or ""
    power = "kMGTPE".find(unit[:1].replace("K", "k")) + 1 if unit not in ("", "m") else 0
    return float(match[1]) * (0.001 if unit == "m" else (1024 if unit[1:] else 1000) ** power)
