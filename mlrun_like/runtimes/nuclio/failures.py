"""Why a function was not built or does not become ready: log lines to a cause and a fix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.runtimes.explain import Clue, find_in_log
from mlrun_like.runtimes.finding import Finding

__all__ = ["cause_of", "lines_of"]

_RULES: tuple[tuple[str, str, str, str], ...] = (
    (
        r"No matching distribution found for ([^\s\"']+)",
        "requirement",
        "pip finds no version of {0} for the function's Python",
        "correct the requirement, or give an index: "
        'fn.with_commands(["pip config set global.index-url ..."])',
    ),
    (
        r"(?:Module|module) ['\"]?([\w.]+)['\"]? has no attribute ['\"](\w+)['\"]",
        "handler",
        "the code has no handler {1!r}",
        'fn.spec.function_handler = "module:function"',
    ),
    (r"Handler not found", "handler", "the handler is not in the code",
     'fn.spec.function_handler = "module:function"'),
    (
        r"Malformed handler",
        "handler",
        "the handler is not module:function",
        'fn.spec.function_handler = "main:handler"',
    ),
    (
        r"(?:ErrImagePull|ImagePullBackOff|manifest unknown|pull access denied|"
        r"repository does not exist)",
        "image",
        "an image cannot be pulled",
        "check fn.spec.build.base_image or spec.image, and the image pull secret: "
        "fn.set_image_pull_configuration(image_pull_secret_name=...)",
    ),
    (
        r"(?:unauthorized|authentication required|denied: requested access)",
        "registry",
        "the registry refuses the image",
        "give Nuclio's builder the registry's credentials (its secret registry-credentials)",
    ),
    (
        r"(?:Insufficient (?P<what>cpu|memory|[\w./]+)|\d+/\d+ nodes are available)",
        "unschedulable",
        "no node of the cluster has room for the function's pods",
        "lower fn.with_requests(...), or check fn.with_node_selection(...) and tolerations",
    ),
    (r"OOMKilled", "out-of-memory", "the function's pod was killed at its memory limit",
     'fn.with_limits(mem="1Gi")'),
    (
        r"(?:Timed out waiting for function|Function wasn't ready in time|readiness)",
        "readiness",
        "the function was built but did not become ready in time",
        "init_context may take long: fn.spec.readiness_timeout = 300 (seconds)",
    ),
    (r"Exception raised while running init_context", "init", "init_context failed",
     "its traceback is in the log above; fn.deploy(mock=True) runs it here"),
    (r"CrashLoopBackOff", "crash", "the function's pods end again and again",
     "see their log: `kubectl logs -l nuclio.io/function-name=<name>`"),
)  # fmt: skip


def cause_of(status: Mapping[str, Any], replica_log: str = "") -> Finding:
    """The most likely cause of a failed deployment, with a fix.

    Args:
        status: The function's status as the dashboard gives it.
        replica_log: The end of a replica's log.

    >>> cause_of({"message": "ERROR: No matching distribution found for nosuch==1"}).what
    "pip finds no version of nosuch==1 for the function's Python"
    """
    message = str(status.get("message") or "")
    text = "\n".join([*lines_of(status), message, replica_log])
    found = find_in_log(text, Clue())
    for pattern, code, what, fix in _RULES:
        match = re.search(pattern, text)
        if match is None:
            continue
        if found is not None and code in ("readiness", "crash", "init"):
            break  # the log says more
        groups = [group or "" for group in match.groups()]
        return Finding(code, what.format(*groups), "", fix)
    if found is not None:
        return found
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    return Finding("deploy", last.strip()[:300] or "Nuclio gave no reason", "", "see the build log")


def lines_of(status: Mapping[str, Any]) -> Iterable[str]:
    """The messages of a build log, in the order of their time."""
    logs = [row for row in status.get("logs") or () if isinstance(row, Mapping)]
    for row in sorted(logs, key=lambda row: row.get("time") or 0):
        extra = [str(row[key]) for key in ("err", "error", "errorStack", "output") if row.get(key)]
        yield " ".join([str(row.get("message", "")), *extra])
