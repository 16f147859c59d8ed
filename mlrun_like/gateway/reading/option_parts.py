"""Parts of a function's options: the HTTP trigger, variables and packages, applications."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.reading.option_values import Values
from mlrun_like.registry import resolve
from mlrun_like.runtimes.container.command import variables_of
from mlrun_like.specs.function import FunctionDoc

__all__ = ["application_options", "environment_options", "http_options", "named_triggers"]

_PIP = re.compile(r"^(?:python3? -m )?pip3? install ")
_TIMEOUT = "nginx.ingress.kubernetes.io/proxy-read-timeout"
_HTTP_READ = frozenset({"port", "ingresses", "cors", "maxRequestBodySize"})


def http_options(spec: Mapping[str, Any], values: Values) -> int:
    """What the HTTP trigger says; the number of its workers."""
    workers = 0
    for name, trigger in named_triggers(spec).items():
        if trigger.get("kind") != "http" or trigger.get("disabled"):
            continue
        where = f"spec.triggers.{name}"
        count = trigger.get("numWorkers") or trigger.get("maxWorkers") or 0
        if isinstance(count, int) and count > 0:
            workers = count
        waits = trigger.get("workerAvailabilityTimeoutMilliseconds")
        if isinstance(waits, (int, float)) and waits:
            values.put("queue_timeout", waits / 1000, where)
        notes = trigger.get("annotations") or {}
        if isinstance(notes, Mapping) and notes.get(_TIMEOUT):
            values.put("request_timeout", notes[_TIMEOUT], f"{where}.annotations")
        if (trigger.get("batch") or {}).get("mode") == "enable":
            values.note(f"{where}.batch: requests over HTTP are answered one by one here")
        attributes = trigger.get("attributes") or {}
        if not isinstance(attributes, Mapping):
            continue  # told by check_triggers
        for option, key in (("port", "port"), ("max_body", "maxRequestBodySize"), ("cors", "cors")):
            if attributes.get(key):
                values.put(option, attributes[key], f"{where}.attributes.{key}")
        _ingresses(attributes.get("ingresses") or {}, where, values)
        for key in sorted(set(attributes) - _HTTP_READ):
            values.note(f"{where}.attributes.{key}")
    return workers


def _ingresses(rows: Any, where: str, values: Values) -> None:
    hosts: list[str] = []
    paths: list[str] = []
    for row in rows.values() if isinstance(rows, Mapping) else ():
        if not isinstance(row, Mapping):
            values.tell(f"an ingress is a mapping, not {row!r:.60}", f"{where}.ingresses")
            continue
        hosts += [str(row["host"])] if row.get("host") else []
        paths += [str(path) for path in row.get("paths") or ()]
        if row.get("secretName") or row.get("secret"):
            values.note(f"{where}.ingresses: its TLS secret; the gateway has gateway_tls_cert")
    if hosts:
        values.put("hosts", list(dict.fromkeys(hosts)), f"{where}.ingresses")
    if paths:
        values.put("paths", list(dict.fromkeys(paths)), f"{where}.ingresses")


def named_triggers(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A function's triggers by name, those that are mappings."""
    rows = spec.get("triggers")
    if not isinstance(rows, Mapping):
        return {}
    return {str(name): dict(row) for name, row in rows.items() if isinstance(row, Mapping)}


def environment_options(doc: FunctionDoc, values: Values) -> None:
    """Variables with their values, requirements."""
    project = doc.metadata.project
    secrets: Mapping[str, str] = {}
    fields = {"metadata.name": doc.metadata.name, "metadata.namespace": project}
    try:
        if any(row.get("valueFrom") or row.get("value_from") for row in doc.spec.env):
            secrets = resolve("mlrun_like.projects.secrets:provider_of")().read(project)
        plain, private = variables_of(doc, secrets, fields)
    except MLRunLikeError as exc:
        values.tell(exc.what, exc.where or "spec.env", exc.fix)
    else:
        if plain or private:
            values.found["env"] = {**plain, **private}
    wanted = [str(line) for line in doc.spec.build.requirements]
    for command in doc.spec.build.commands:
        if _PIP.match(command.strip()):
            words = shlex.split(_PIP.sub("", command.strip()))
            if not any(word.startswith("-") for word in words):
                wanted += words
                continue
        values.note(f"spec.build.commands: {command:.60}: only pip install is done here")
    if wanted:
        values.put("requirements", list(dict.fromkeys(wanted)), "spec.build.requirements")


def application_options(doc: FunctionDoc, spec: Mapping[str, Any], values: Values) -> None:
    """What an application runs, and where it listens."""
    if doc.kind != "application":
        return
    car: Mapping[str, Any] = next(iter(spec.get("sidecars") or ()), {})
    try:
        command = shlex.split(doc.spec.command or "") or list(car.get("command") or ())
    except ValueError as exc:
        values.tell(f"{doc.spec.command!r:.200} is no command: {exc}", "spec.command")
        return
    command += [str(item) for item in (doc.spec.args or car.get("args") or ())]
    ports = car.get("ports") or [{}]
    port = doc.spec.internal_application_port or ports[0].get("containerPort") or 8050
    image = doc.spec.image or str(car.get("image") or "")
    values.put("internal_port", port, "spec.internal_application_port")
    if not image:  # an image runs in a container, with its own command or this one
        values.put("command", command, "spec.command")
    if not command and not image:
        values.tell(
            "the application has neither a command nor an image",
            "spec.command",
            'fn.spec.command = "python -m http.server {port}", or fn.from_image("repo/app:1")',
        )
    if doc.spec.workdir:
        values.put("workdir", doc.spec.workdir, "spec.workdir")
