"""From a handler's return value to results and artifacts of its run.

A value that cannot be logged as asked does not fail the run: it is reported by a
`PackingWarning` that names the key, the type and what to do, and by the run's logger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.artifacts import packer_table, results, typehints
from mlrun_like.artifacts.hints import ArtifactType, LogHint, parse_log_hint, takes_all_apart
from mlrun_like.artifacts.linking import find_link, report
from mlrun_like.artifacts.ports import OutputLog, Packed
from mlrun_like.artifacts.workspace import workspace
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError

__all__ = ["pack_output", "pack_outputs", "pack_unhinted"]

_PLAIN_COLLECTIONS = frozenset({list, dict, tuple, set, frozenset})
_COLLECTIONS = (list, tuple, set, frozenset, Mapping)
_METADATA = ("labels", "tag", "db_key", "artifact_path")


def pack_output(value: object, hint: LogHint, log: OutputLog) -> None:
    """Log one value as its hint says.

    Args:
        value: Anything, including None and other empty values.
        hint: From `parse_log_hint`.
        log: The run's context.

    Raises:
        InvalidArgumentError: if the value cannot be logged like that.
    """
    if hint.levels:
        _pack_items(value, hint, log)
        return
    if hint.artifact_type in ("", ArtifactType.RESULT) and _is_plain_result(value, hint):
        log.log_result(hint.key, value)
        return
    with workspace():
        _pack(value, hint, log)


def _is_plain_result(value: object, hint: LogHint) -> bool:
    """Whether no packer need be asked: plain data, and nobody registered one of their own."""
    if packer_table.has_registered() or hint.instructions:
        return False
    kind = type(value)
    if isinstance(value, str) and len(value) > results.MAX_RESULT_SIZE:
        return hint.artifact_type == ArtifactType.RESULT
    if kind in results.PLAIN:
        return True
    return kind in _PLAIN_COLLECTIONS and (
        hint.artifact_type == ArtifactType.RESULT or results.default_type(value) == "result"
    )


def _pack(value: object, hint: LogHint, log: OutputLog) -> None:
    instructions = dict(hint.instructions)
    metadata = {name: instructions.pop(name) for name in _METADATA if name in instructions}
    packer = packer_table.for_packing(value, hint.artifact_type, instructions)
    packed = packer.pack(value, hint.key, hint.artifact_type or None, instructions)
    if isinstance(packed, Mapping):
        for key, result in packed.items():
            log.log_result(key, result)
        return
    if not (isinstance(packed, tuple) and len(packed) == 2 and isinstance(packed[1], Mapping)):
        raise InvalidArgumentError(
            f"{type(packer).__name__} returned {type(packed).__name__}",
            fix="return a dict of results, or an artifact and its instructions",
        )
    artifact, notes = packed
    arguments: dict[str, Any] = {
        **metadata,
        "unpackaging_instructions": {
            "packager_name": type(packer).__name__,
            "object_type": typehints.describe(type(value)),
            "artifact_type": hint.artifact_type or packer.get_default_packing_artifact_type(value),
            "instructions": dict(notes),
        },
    }
    if not isinstance(artifact, Packed):
        artifact = _from_artifact(artifact, log)
    known = {key: link for key, link in hint.extra_data.items() if link is not ...}
    if known or artifact.arguments.get("extra_data"):
        arguments["extra_data"] = {**artifact.arguments.get("extra_data", {}), **known}
    if artifact.method == "log_model":
        metrics = {key: link for key, link in hint.metrics.items() if link is not ...}
        arguments["metrics"] = {**artifact.arguments.get("metrics", {}), **metrics}
    getattr(log, artifact.method)(artifact.first, **{**artifact.arguments, **arguments})


def _from_artifact(artifact: Any, log: OutputLog) -> Packed:
    """The call that logs an artifact object which a packer of the user's own returned."""
    spec = getattr(artifact, "spec", None)
    if spec is None:
        raise InvalidArgumentError(
            f"a packer returned {type(artifact).__name__} as artifact",
            fix="return Artifact(key, src_path=...) or file_artifact(key, path)",
        )
    for name in ("extra_data", "metrics"):
        links = getattr(spec, name, None) or {}
        for key in [key for key, link in links.items() if link is ...]:
            links[key] = find_link(key, log, artifact.key, results_only=name == "metrics")
    arguments = {"local_path": spec.src_path, "upload": True} if spec.src_path else {}
    return Packed("log_artifact", artifact, arguments)


def _pack_items(value: object, hint: LogHint, log: OutputLog) -> None:
    """Log each item; one that cannot be logged does not keep the others from it."""
    failed: list[str] = []
    fix = ""
    for key, item in _items(value, hint):
        try:
            ends = takes_all_apart(hint) and not isinstance(item, _COLLECTIONS)
            levels = 0 if ends else hint.levels - 1
            pack_output(item, _with_key(hint, key, levels), log)
        except InvalidArgumentError as exc:
            failed.append(f"{key}: {exc.what}")
            fix = fix or exc.fix
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise InvalidArgumentError(f"item {failed[0]}{more}", fix=fix)


def _items(value: object, hint: LogHint) -> Iterator[tuple[str, object]]:
    prefix = hint.key if hint.key.endswith("_") else f"{hint.key}_"
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield f"{prefix}{name}", item
        return
    is_text = isinstance(value, (str, bytes, bytearray))
    if hint.mapping or is_text or not hasattr(value, "__iter__"):
        raise InvalidArgumentError(
            f"the prefix {'**' if hint.mapping else '*'} of {hint.key!r} needs "
            f"{'a dict' if hint.mapping else 'a list, tuple, set or dict'}, not "
            f"{type(value).__name__}",
            fix=f"return one, or write the hint without the prefix: {hint.key!r}",
        )
    for index, item in enumerate(value):
        yield f"{prefix}{index}", item


def _with_key(hint: LogHint, key: str, levels: int) -> LogHint:
    return LogHint(
        key,
        hint.artifact_type,
        hint.instructions,
        hint.extra_data,
        hint.metrics,
        levels,
        hint.mapping,
    )


def pack_outputs(values: object, hints: Any, log: OutputLog) -> None:
    """Log what a handler returned.

    Args:
        values: Its return value. A tuple is several outputs, unless the setting `pack_tuples`
            is on.
        hints: One hint for each output, in order; None skips one.
        log: The run's context.

    Warns:
        PackingWarning: for a value that cannot be logged as asked, for values without a hint and
            for hints without a value. The other values are logged.
    """
    outputs = list(values) if isinstance(values, tuple) and not config.pack_tuples else [values]
    wanted = [hints] if isinstance(hints, (str, Mapping, LogHint)) else list(hints)
    if len(outputs) != len(wanted):
        _report_lengths(outputs, wanted, log)
    for value, raw in zip(outputs, wanted, strict=False):
        _pack_or_report(value, raw, log)


def _pack_or_report(value: object, raw: Any, log: OutputLog) -> None:
    try:
        hint = parse_log_hint(raw)
        if hint is not None:
            pack_output(value, hint, log)
    except InvalidArgumentError as exc:
        _report_failure(value, raw, exc, log)
    except MLRunLikeError:  # the store or its disk failed: not the value's fault
        raise
    except Exception as exc:  # noqa: BLE001 - packers are plug-ins and may raise anything
        _report_failure(value, raw, exc, log)


def _report_failure(value: object, raw: Any, exc: Exception, log: OutputLog) -> None:
    key = raw.get("key", raw) if isinstance(raw, Mapping) else getattr(raw, "key", raw)
    if isinstance(raw, str):
        key = raw.partition(":")[0].strip()
    cause = exc.what if isinstance(exc, MLRunLikeError) else f"{type(exc).__name__}: {exc}"
    fix = (exc.fix if isinstance(exc, MLRunLikeError) else "") or "correct the log hint"
    kind = typehints.describe(type(value))
    report(f"output {key!r} ({kind}) was not logged: {cause}\n  fix: {fix}", log)


def _report_lengths(outputs: list[object], wanted: list[Any], log: OutputLog) -> None:
    if len(outputs) > len(wanted):
        lost = ", ".join(typehints.describe(type(value)) for value in outputs[len(wanted) :][:5])
        more = len(outputs) - len(wanted)
        fix = "add a log hint for each (None to skip one)"
        if len(wanted) == 1:
            fix += ", or set pack_tuples to log the tuple as one value"
        report(
            f"{more} returned value(s) have no log hint and were not logged: {lost}\n  fix: {fix}",
            log,
        )
    else:
        unused = ", ".join(repr(hint) for hint in wanted[len(outputs) :])
        report(
            f"{len(outputs)} value(s) were returned, so nothing was logged for: {unused}\n"
            "  fix: return a tuple with one value for each log hint",
            log,
        )


def pack_unhinted(value: object, log: OutputLog) -> None:
    """Log what a handler without log hints returned.

    None is nothing. Any other value, empty ones too, gets the key `return`: plain data as a
    result, a frame, array, model or other object as an artifact. A tuple is one value here.

    Warns:
        PackingWarning: if it cannot be logged.
    """
    if value is not None:
        _pack_or_report(value, LogHint("return"), log)
