"""Where a run goes: the runtime of its function's kind, or what stands in for it here."""

from __future__ import annotations

from collections.abc import Iterable

from mlrun_like.configuration import config
from mlrun_like.errors import (
    EngineError,
    FunctionError,
    InvalidArgumentError,
    PreflightError,
    nearest,
)
from mlrun_like.functions.kinds import FOREIGN_KINDS
from mlrun_like.registry import known, load
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc

__all__ = ["choose_runtime", "provided_names", "raise_findings"]

_SERVED = {
    "serving": "fn.to_mock_server() answers in this process, `mlrun-like serve` over HTTP, "
    "fn.deploy() in a cluster",
    "application": "fn.deploy() starts it",
}
_FORCE = {"auto": None, "": None, "true": True, "1": True, "false": False, "0": False}


def choose_runtime(document: FunctionDoc, local: bool | None = None) -> tuple[Runtime, list[str]]:
    """The runtime of a run, and lines for the user if it is not the one of the kind.

    Args:
        document: The function.
        local: True: this process, whatever the kind; False: the kind's own engine and no other;
            None (and False without the setting `strict_arguments`, as it is the default of old
            code): the setting `force_run_local` decides whether something stands in for an engine
            that is not configured.

    Raises:
        FunctionError: if there is no runtime for the kind.
        EngineError: if its engine cannot be used and nothing may stand in.
    """
    kind = document.kind
    if local or kind in ("", "handler"):
        kind = "local"
    runtime = _load(document, kind)
    if not runtime.local_form:
        reason = runtime.unavailable(document)
        if reason:
            raise _unavailable(document, reason)
        return runtime, []
    forced = False if local is False and config.strict_arguments else _forced()
    if forced:
        return _stand_in(document, runtime, "the setting force_run_local is on")
    reason = runtime.unavailable(document)
    if not reason:
        return runtime, []
    if forced is False:
        raise _unavailable(document, reason)
    chosen, notices = _stand_in(document, runtime, reason)
    return chosen, notices if runtime.meant(document) else []


def _forced() -> bool | None:
    value = str(config.force_run_local).lower()
    if value not in _FORCE:
        raise InvalidArgumentError(
            f"force_run_local {value!r} is not known",
            where="setting 'force_run_local'",
            fix="use auto, true or false",
        )
    return _FORCE[value]


def _stand_in(document: FunctionDoc, runtime: Runtime, reason: str) -> tuple[Runtime, list[str]]:
    notice = (
        f"{reason}; {document.metadata.name!r} (kind {document.kind!r}) runs with kind "
        f"{runtime.local_form!r} on this machine"
    )
    return _load(document, runtime.local_form), [notice]


def _unavailable(document: FunctionDoc, reason: str) -> EngineError:
    return EngineError(
        f"{document.metadata.name!r} has kind {document.kind!r}, which cannot be used: {reason}",
        fix="fn.run(local=True) or --local runs it in this process; `mlrun-like doctor` checks "
        "the engines",
    )


def _load(document: FunctionDoc, kind: str) -> Runtime:
    try:
        runtime: Runtime = load("runtimes", kind)()
    except LookupError as exc:
        name = document.metadata.name
        if kind in _SERVED:
            raise FunctionError(
                f"{name!r} has kind {kind!r}: it is deployed and answers requests, it does not run",
                fix=_SERVED[kind],
            ) from exc
        fix = "fn.run(local=True) or --local runs it in this process"
        if kind not in FOREIGN_KINDS:
            fix = str(getattr(exc, "fix", ""))
        raise FunctionError(
            f"{name!r} has kind {kind!r}, for which no runtime is installed."
            f"{nearest(kind, known('runtimes'))} {getattr(exc, 'fix', '')}".rstrip(),
            fix=fix,
        ) from exc
    return runtime


def provided_names(document: FunctionDoc, runtime: Runtime) -> frozenset[str]:
    """Arguments that need no value: the runtime fills them, in this process as the kind's own does.

    Args:
        document: The function.
        runtime: What runs it.
    """
    if runtime.kind != "local" or document.kind in ("", "handler", "local"):
        return runtime.provides
    try:
        own: type[Runtime] = load("runtimes", document.kind)
    except LookupError:  # a kind that exists elsewhere only
        return runtime.provides
    return own.provides


def raise_findings(document: FunctionDoc, findings: Iterable[Finding]) -> None:
    """Raise if a check found something.

    Raises:
        PreflightError: with all findings.
    """
    found = list(findings)
    if not found:
        return
    name = document.metadata.name
    where = f"function {name!r}, kind {document.kind!r}"
    rows = [item._asdict() for item in found]
    if len(found) == 1:
        first = found[0]
        raise PreflightError(first.what, where=first.where or where, fix=first.fix, findings=rows)
    lines = [f"{name!r} cannot run; {len(found)} things are wrong:"]
    for number, item in enumerate(found, 1):
        text = str(item).replace("\n", "\n   ")
        lines.append(f"{number}. {text}")
    raise PreflightError("\n".join(lines), where=where, findings=rows)
