"""A function's document to the configuration that Nuclio deploys (`function.yaml` of Nuclio).

Source of the layout: docs/reference/function-configuration of Nuclio.
"""

from __future__ import annotations

import base64
import copy
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like import __version__
from mlrun_like.configuration import config as settings
from mlrun_like.runtimes.nuclio.dotted import merge_settings
from mlrun_like.runtimes.nuclio.entries import code_entry
from mlrun_like.runtimes.nuclio.names import nuclio_name, project_of
from mlrun_like.runtimes.nuclio.placing import pod_settings, volumes_of
from mlrun_like.runtimes.nuclio.source import SourceFile, form_of, source_file
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import merge_foreign

__all__ = ["PROJECT_LABEL", "SPEC_LIMIT", "build_config", "parts_of"]

PROJECT_LABEL = "nuclio.io/project-name"
SPEC_LIMIT = 96 * 1024
"""Characters of a serving spec in an environment variable (Linux takes 128 KB); longer ones stand
in the code."""

_SCALING = [
    {
        "metricName": "nuclio_processor_handled_events_total",
        "windowSize": "10m",
        "threshold": 0,
    }
]
_OWN_IMPORT = re.compile(r"^\s*(?:import|from)\s+mlrun_like\b", re.MULTILINE)


def build_config(
    doc: FunctionDoc,
    *,
    serving_spec: str = "",
    env: Mapping[str, str] | None = None,
    builder_env: Mapping[str, Any] | None = None,
    extras: Iterable[str] = (),
) -> tuple[dict[str, Any], SourceFile]:
    """The configuration of a function, and its file of code.

    Args:
        doc: The function.
        serving_spec: For graphs: the JSON that tells the server what to serve.
        env: Further environment variables.
        builder_env: Credentials for code that Nuclio fetches; see `entries.code_entry`.
        extras: Extras of this package that the code needs, such as `kafka`.

    Raises:
        PackagingError: if the code or its handler is not there.
        InvalidArgumentError: if a setting cannot be used.
    """
    project = project_of(doc)
    form = form_of(doc)
    long = len(serving_spec) > SPEC_LIMIT
    source = source_file(doc, serving_spec if long else "")
    config = _start(doc)
    name = nuclio_name(doc.metadata.name, project, doc.metadata.tag)
    _describe(config, doc, name, project)
    spec: dict[str, Any] = config["spec"]
    is_image = spec.get("build", {}).get("codeEntryType") == "image"
    spec["handler"] = source.handler
    given = doc.spec.nuclio_runtime or (spec.get("runtime") if "runtime" in spec else "")
    spec["runtime"] = given if given not in ("", "python") else settings.nuclio_runtime
    added = dict(env or {})
    if form != "handler":
        added.setdefault("MLRUN_DEFAULT_PROJECT", project)
    if serving_spec and not long:
        added["SERVING_SPEC_ENV"] = serving_spec
    spec["env"] = _env(spec.get("env") or (), doc.spec.env, added)
    if not is_image:
        build = spec.setdefault("build", {})
        _fill_build(build, doc, source, builder_env or {})
        lines = _requirements(doc, source, form != "handler", extras)
        if lines:
            build["commands"].append(f"python -m pip install {' '.join(map(_quoted, lines))}")
    spec.update(pod_settings(doc))
    volumes = [*_nuclio_volumes(spec), *volumes_of(doc)]
    if volumes:
        spec["volumes"] = volumes
    merge_settings(config, doc.spec.config)
    _scale_to_zero(config["spec"])
    _name_triggers(config["spec"])
    return _without_empty(config), source


def parts_of(spec: Mapping[str, Any], *names: str) -> Any:
    """A value in nested mappings, or None."""
    place: Any = spec
    for name in names:
        place = place.get(name) if isinstance(place, Mapping) else None
    return place


def _start(doc: FunctionDoc) -> dict[str, Any]:
    """What the function was imported with, and what a notebook's magics said."""
    config: dict[str, Any] = copy.deepcopy(doc.spec.base_spec)
    config.pop("status", None)
    foreign = {key: doc.foreign[key] for key in ("metadata", "spec") if key in doc.foreign}
    for key, part in copy.deepcopy(foreign).items():
        config[key] = merge_foreign(part, config.get(key, {}))
    first = {"apiVersion": "nuclio.io/v1", "kind": "NuclioFunction", "metadata": {}, "spec": {}}
    return {**first, **config}


def _describe(config: dict[str, Any], doc: FunctionDoc, name: str, project: str) -> None:
    metadata = config["metadata"]
    metadata["name"] = name
    labels = {**(metadata.get("labels") or {}), **doc.metadata.labels, PROJECT_LABEL: project}
    if doc.metadata.tag:
        labels["nuclio.io/tag"] = doc.metadata.tag
    labels["mlrun/class"] = doc.kind.partition(":")[0]
    metadata["labels"] = labels
    notes = {**(metadata.get("annotations") or {}), **doc.metadata.annotations}
    notes.pop("nuclio.io/extra_files", None)
    metadata["annotations"] = notes
    if doc.spec.description:
        config["spec"]["description"] = doc.spec.description


def _env(
    base: Iterable[Mapping[str, Any]], own: Iterable[Mapping[str, Any]], added: Mapping[str, str]
) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for row in (*base, *own):
        rows[str(row.get("name"))] = dict(row)
    for name, value in added.items():
        rows.setdefault(name, {"name": name, "value": value})
        if name == "SERVING_SPEC_ENV":
            rows[name] = {"name": name, "value": value}
    return list(rows.values())


def _fill_build(
    build: dict[str, Any],
    doc: FunctionDoc,
    source: SourceFile,
    builder_env: Mapping[str, Any],
) -> None:
    own = doc.spec.build
    if source.text:
        build["functionSourceCode"] = base64.b64encode(source.text.encode()).decode()
    elif own.source:
        build.pop("functionSourceCode", None)
        build.update(code_entry(own.source, doc.spec.workdir, builder_env))
    image = own.base_image or doc.spec.image
    if image and doc.kind != "application":
        build["baseImage"] = image
    if doc.spec.no_cache:
        build["noCache"] = True
    if doc.spec.base_image_pull is not None:
        build["noBaseImagesPull"] = not doc.spec.base_image_pull
    build["commands"] = list(dict.fromkeys([*(build.get("commands") or []), *own.commands]))


def _requirements(
    doc: FunctionDoc, source: SourceFile, is_entry: bool, extras: Iterable[str]
) -> list[str]:
    """What pip installs: the function's requirements, and this package if the code needs it."""
    wanted = list(doc.spec.build.requirements)
    needed = is_entry or _OWN_IMPORT.search(source.text) is not None
    named = any(re.match(r"mlrun[-_]like\b", line) for line in wanted)
    if needed and not named and doc.spec.build.with_mlrun is not False:
        extra = f"[{','.join(sorted(extras))}]" if extras else ""
        wanted.append(settings.nuclio_requirement or f"mlrun-like{extra}=={__version__}")
    return wanted


def _quoted(requirement: str) -> str:
    """A requirement as words of a shell; `-r FILE` stays two of them."""
    flag, _, rest = requirement.partition(" ")
    if flag in ("-r", "--requirement", "-c", "--constraint") and rest:
        return f"{flag} {shlex.quote(rest.strip())}"
    return shlex.quote(requirement)


def _nuclio_volumes(spec: Mapping[str, Any]) -> list[Any]:
    return [row for row in spec.get("volumes") or () if isinstance(row, Mapping)]


def _scale_to_zero(spec: dict[str, Any]) -> None:
    if spec.get("minReplicas") == 0 and not parts_of(spec, "scaleToZero", "scaleResources"):
        spec["scaleToZero"] = {**(spec.get("scaleToZero") or {}), "scaleResources": _SCALING}


def _name_triggers(spec: dict[str, Any]) -> None:
    for name, trigger in (spec.get("triggers") or {}).items():
        if isinstance(trigger, dict):
            trigger.setdefault("name", name)


def _without_empty(config: dict[str, Any]) -> dict[str, Any]:
    """Empty lists and mappings of the first levels left out: Nuclio has its own defaults."""
    for part in (config["metadata"], config["spec"], config["spec"].get("build", {})):
        for key in [key for key, value in part.items() if value in (None, "", [], {})]:
            del part[key]
    return config
