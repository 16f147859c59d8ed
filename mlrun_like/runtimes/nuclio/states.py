"""States of a function that Nuclio deploys (pkg/functionconfig/types.go of Nuclio)."""

from __future__ import annotations

from mlrun_like.errors import nearest

__all__ = ["FAILED", "FINAL", "RUNNING", "STATES", "describe"]

STATES = (
    *("waitingForBuild", "building", "waitingForResourceConfiguration", "configuringResources"),
    *("waitingForScaleResourceFromZero", "waitingForScaleResourceToZero"),
    *("ready", "error", "unhealthy", "scaledToZero", "imported"),
)
"""All of them, in the order in which a deployment goes through them."""

RUNNING = frozenset({"ready", "scaledToZero"})
"""A function in one of these answers; `scaledToZero` starts with the first request."""

FAILED = frozenset({"error", "unhealthy"})
FINAL = RUNNING | FAILED | {"imported"}
"""States in which nothing happens by itself any more."""

_MEANING = {
    "imported": "it was imported and never built; deploy it",
    "unhealthy": "its image was built, but its replicas do not become or stay ready",
    "error": "its image was not built, or its resources could not be made",
    "scaledToZero": "it has no replica now; the first request starts one",
}


def describe(state: str) -> str:
    """What a state means, in words.

    >>> describe("imported")
    'imported: it was imported and never built; deploy it'
    """
    if state in _MEANING:
        return f"{state}: {_MEANING[state]}"
    return state if state in STATES else f"{state} (unknown here).{nearest(state, STATES)}"
