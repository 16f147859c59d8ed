"""Links between the outputs of one run: what a hint's `extra_data` and `metrics` name."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.hints import LogHint, parse_log_hint
from mlrun_like.artifacts.ports import OutputLog, PackingWarning
from mlrun_like.errors import InvalidArgumentError, NotFoundError

__all__ = ["find_link", "link_outputs", "report"]


def report(message: str, log: OutputLog) -> None:
    """Tell the user twice: in the run's log and as a warning."""
    logger = getattr(log, "logger", None)
    if logger is not None:
        logger.warning(message)
    warnings.warn(message, PackingWarning, stacklevel=4)


def link_outputs(hints: Any, log: OutputLog) -> None:
    """Fill the `extra_data` and `metrics` that hints name with outputs of the same run.

    Called when everything is logged, so that an output may link to a later one.

    Warns:
        PackingWarning: for a link to an output that does not exist; it becomes None.
    """
    for raw in [hints] if isinstance(hints, (str, Mapping, LogHint)) else list(hints):
        if isinstance(raw, (str, type(None))):  # text cannot name links
            continue
        try:
            hint = parse_log_hint(raw)
        except InvalidArgumentError:  # pack_outputs reported it
            continue
        if hint is None or not (hint.extra_data or hint.metrics):
            continue
        for key in _logged_keys(hint, log):
            _link(key, hint, log)


def _logged_keys(hint: LogHint, log: OutputLog) -> list[str]:
    if not hint.levels:
        return [hint.key]
    keys = [str(artifact["metadata"]["key"]) for artifact in log.artifacts]
    return [key for key in keys if key.startswith(hint.key)]


def _link(key: str, hint: LogHint, log: OutputLog) -> None:
    try:
        artifact = log.get_cached_artifact(key)
    except NotFoundError:
        report(
            f"output {key!r} is no artifact, so it has no extra_data or metrics\n"
            f'  fix: give it an artifact type, such as "{key}:file"',
            log,
        )
        return
    extra = {
        name: find_link(name, log, key) for name, link in hint.extra_data.items() if link is ...
    }
    metrics = {
        name: find_link(name, log, key, results_only=True) if link is ... else link
        for name, link in hint.metrics.items()
    }
    if extra:
        artifact.spec.extra_data = {**(artifact.spec.extra_data or {}), **extra}
    if metrics:
        artifact.spec.metrics = {**(artifact.spec.metrics or {}), **metrics}
    if extra or metrics:
        log.update_artifact(artifact)


def find_link(name: str, log: OutputLog, key: str, *, results_only: bool = False) -> Any:
    """The run's result, or else the address of its artifact, of that name; None with a warning."""
    found = log.results
    if name in found:
        return found[name]
    if not results_only:
        try:
            return log.get_cached_artifact(name).uri
        except NotFoundError:
            pass
    report(
        f"output {key!r} links to {name!r}, which this run did not log\n"
        "  fix: correct the name, or log it with that key",
        log,
    )
    return None
