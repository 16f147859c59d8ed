"""What is wrong with a function that is to become a Nuclio function: everything at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, PreflightError, nearest
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.nuclio.config import build_config
from mlrun_like.runtimes.nuclio.dotted import parts_of_key
from mlrun_like.runtimes.nuclio.names import LONGEST, nuclio_name, project_of
from mlrun_like.runtimes.nuclio.placing import check_placing
from mlrun_like.runtimes.nuclio.source import HANDLER, SourceFile
from mlrun_like.runtimes.nuclio.trigger_checks import check_triggers, is_duration
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.pod_checks import check_quantity

__all__ = ["check_config", "checked_config", "require"]

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_RUNTIMES = ("python", "golang", "nodejs", "java", "dotnetcore", "ruby", "shell")
_PYTHONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12")
_SERVICES = ("ClusterIP", "NodePort", "LoadBalancer")
_LARGEST = 900 * 1024  # an object in Kubernetes may have 1.5 MB, of which a status takes a part
_WINDOWS = ("1m", "2m", "5m", "10m", "30m")


def checked_config(
    doc: FunctionDoc, *, also: Iterable[Finding] = (), **values: Any
) -> tuple[dict[str, Any], SourceFile]:
    """The configuration of a function, if nothing is wrong with it.

    Args:
        doc: The function.
        also: What was found before.
        values: See `build_config`.

    Raises:
        PreflightError: with all findings.
    """
    found = [*also, *_check_settings(doc), *check_placing(doc)]
    try:
        config, source = build_config(doc, **values)
    except InvalidArgumentError as exc:
        if exc.what not in {item.what for item in found}:
            found.append(Finding("code", exc.what, exc.where, exc.fix))
        require([*found, *_check_without_code(doc, values)], doc)
        raise
    require([*found, *check_config(config), *_check_mode(config, source)], doc)
    return config, source


def _check_mode(config: Mapping[str, Any], source: SourceFile) -> Iterator[Finding]:
    """Nuclio's asynchronous mode takes `async def` handlers only."""
    triggers = (config.get("spec") or {}).get("triggers") or {}
    modes = {n: t.get("mode") for n, t in triggers.items() if isinstance(t, Mapping)}
    wanted = [name for name, mode in modes.items() if mode == "async"]
    if wanted and source.text and f"async def {source.function}(" not in source.text:
        yield Finding(
            "handler",
            f"trigger {wanted[0]!r} has mode 'async', and handler {source.function!r} is not "
            "`async def`",
            "spec.triggers",
            'write the handler as `async def`, or use mode "sync"',
        )


def _check_without_code(doc: FunctionDoc, values: Mapping[str, Any]) -> Iterator[Finding]:
    """What else is wrong when the code cannot be exported."""
    rest = doc.model_copy(deep=True)
    build = rest.spec.build
    build.functionSourceCode, build.modules, build.source = "", {}, ""
    rest.spec.function_handler = ""
    try:
        config, _ = build_config(rest, **values)
    except InvalidArgumentError:
        return
    for item in check_config(config):
        if item.code not in ("code", "handler"):
            yield item


def require(findings: Iterable[Finding], doc: FunctionDoc) -> None:
    """Raise if there are findings.

    Raises:
        PreflightError: with all of them.
    """
    found = list(findings)
    if not found:
        return
    where = f"function {doc.metadata.name!r}, kind {doc.kind!r}"
    rows = [item._asdict() for item in found]
    first = found[0]
    if len(found) == 1:
        raise PreflightError(first.what, where=first.where or where, fix=first.fix, findings=rows)
    lines = [f"{doc.metadata.name!r} cannot be a Nuclio function; {len(found)} things are wrong:"]
    for number, item in enumerate(found, 1):
        lines.append(f"{number}. " + str(item).replace("\n", "\n   "))
    raise PreflightError("\n".join(lines), where=where, findings=rows)


def check_config(config: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with a configuration.

    >>> config = {"metadata": {"name": "My_fn"}, "spec": {"handler": "main:handler"}}
    >>> [item.code for item in check_config(config)]
    ['name', 'code']
    """
    spec = config.get("spec") or {}
    yield from _check_name(str((config.get("metadata") or {}).get("name", "")))
    yield from _check_code(spec)
    triggers = spec.get("triggers") or {}
    if isinstance(triggers, Mapping):
        yield from check_triggers(triggers)
    else:
        yield Finding("trigger", f"triggers must be a mapping, not {triggers!r:.60}")
    yield from _check_scale(spec)
    yield from _check_resources(spec)
    yield from _check_env(spec)
    timeout = spec.get("eventTimeout")
    if timeout is not None and not is_duration(timeout):
        what = f"eventTimeout must be a time with its unit, not {timeout!r:.60}"
        yield Finding("setting", what, "spec.eventTimeout", '"30s"')
    kind = spec.get("serviceType")
    if kind is not None and kind not in _SERVICES:
        yield Finding(
            "setting",
            f"there is no service type {kind!r:.60}.{nearest(str(kind), _SERVICES)}",
            "spec.serviceType",
            f"use one of: {', '.join(_SERVICES)}",
        )


def _check_settings(doc: FunctionDoc) -> Iterator[Finding]:
    for key in doc.spec.config:
        try:
            parts_of_key(key)
        except InvalidArgumentError as exc:
            yield Finding("setting", exc.what, "spec.config", exc.fix)
    project = project_of(doc)
    name = nuclio_name(doc.metadata.name, project, doc.metadata.tag)
    if not doc.metadata.name:
        yield Finding("name", "the function has no name", "metadata.name", 'name="my-function"')
    elif len(name) > LONGEST:
        yield Finding(
            "name",
            f"the name {name!r} has {len(name)} characters, and Nuclio's service name "
            f"nuclio-<name> leaves {LONGEST}",
            "<project>-<name>[-<tag>]",
            "shorten the function's name, tag or project",
        )


def _check_name(name: str) -> Iterator[Finding]:
    if name and len(name) <= LONGEST and not _LABEL.fullmatch(name):
        yield Finding(
            "name",
            f"{name!r:.80} is no name that Kubernetes accepts",
            "metadata.name",
            "small letters, digits and '-', starting and ending with a letter or digit",
        )


def _check_code(spec: Mapping[str, Any]) -> Iterator[Finding]:
    handler, runtime = str(spec.get("handler", "")), str(spec.get("runtime", "python"))
    family, _, version = runtime.partition(":")
    if family not in _RUNTIMES or (family == "python" and version and version not in _PYTHONS):
        known = [*_RUNTIMES, *(f"python:{each}" for each in _PYTHONS)]
        yield Finding(
            "runtime",
            f"Nuclio has no runtime {runtime!r:.60}.{nearest(runtime, known)}",
            "spec.nuclio_runtime",
            'fn.spec.nuclio_runtime = "python:3.11"',
        )
    if family == "python" and not HANDLER.fullmatch(handler):
        yield Finding(
            "handler",
            f"handler {handler!r:.80} is not module:function",
            "spec.function_handler",
            'fn.spec.function_handler = "main:handler"',
        )
    build = spec.get("build") or {}
    code = build.get("functionSourceCode", "")
    if len(code) > _LARGEST:
        yield Finding(
            "code",
            f"the code has {len(code) >> 10} KB in base64, and a Kubernetes object takes 1 MB",
            "spec.build.functionSourceCode",
            "put it into an image, or fn.with_source_archive(...)",
        )
    has_code = code or build.get("codeEntryType") or build.get("path") or spec.get("image")
    if not has_code:
        yield Finding(
            "code",
            "the function has no code, image or archive",
            "spec.build",
            "fn.with_code(...), fn.from_image(...) or fn.with_source_archive(...)",
        )


def _check_scale(spec: Mapping[str, Any]) -> Iterator[Finding]:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas")
    for key, value in (("minReplicas", least), ("maxReplicas", most)):
        if value is not None and (not isinstance(value, int) or value < 0):
            yield Finding(
                "scale", f"{key} must be a whole number from 0, not {value!r}", f"spec.{key}"
            )
            return
    if most == 0 or (least is not None and most is not None and least > most):
        yield Finding(
            "scale",
            f"minReplicas {least} and maxReplicas {most} leave no number of replicas",
            "spec.min_replicas, spec.max_replicas",
            "fn.spec.min_replicas = 0; fn.spec.max_replicas = 4",
        )
    rows = (spec.get("scaleToZero") or {}).get("scaleResources") or ()
    for row in rows:
        window = row.get("windowSize") if isinstance(row, Mapping) else row
        if window not in _WINDOWS:
            yield Finding(
                "scale",
                f"windowSize {window!r} is not measured",
                "spec.scaleToZero",
                f"use one of: {', '.join(_WINDOWS)}",
            )


def _check_resources(spec: Mapping[str, Any]) -> Iterator[Finding]:
    for part, values in (spec.get("resources") or {}).items():
        for name, value in values.items() if isinstance(values, Mapping) else ():
            try:
                check_quantity(name, value)
            except InvalidArgumentError as exc:
                yield Finding("resources", exc.what, f"spec.resources.{part}", exc.fix)


def _check_env(spec: Mapping[str, Any]) -> Iterator[Finding]:
    for row in spec.get("env") or ():
        name = row.get("name", "") if isinstance(row, Mapping) else row
        if not isinstance(name, str) or not _ENV_NAME.fullmatch(name):
            what = f"{name!r:.60} cannot name an environment variable"
            yield Finding("env", what, "spec.env", '"LEVEL"')
            continue
        if not isinstance(row, Mapping):
            yield Finding("env", f"{row!r:.60} has no name and value", "spec.env")
            continue
        source = row.get("valueFrom")
        reference = source.get("secretKeyRef") if isinstance(source, Mapping) else None
        if isinstance(reference, Mapping) and not (reference.get("name") and reference.get("key")):
            yield Finding(
                "secret",
                f"environment variable {name!r} names no secret and key: {dict(reference)!r:.80}",
                "spec.env",
                f'fn.set_env_from_secret("{name}", secret="my-secret", secret_key="{name}")',
            )
        value = row.get("value")
        if isinstance(value, str) and len(value) > 128 * 1024:
            yield Finding(
                "env",
                f"environment variable {name!r} has {len(value) >> 10} KB, and Linux takes 128",
                "spec.env",
                "mount it as a file",
            )
