"""A function's document to the options that it runs with on one machine.

What Nuclio's configuration says (docs/reference/function-configuration and the triggers' pages of
Nuclio) is taken as it is meant there; what only a cluster has is told as a note.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, PreflightError
from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.reading.option_parts import (
    application_options,
    environment_options,
    http_options,
    named_triggers,
)
from mlrun_like.gateway.reading.option_values import Values
from mlrun_like.gateway.triggers.checks import check_triggers
from mlrun_like.runtimes.nuclio.dotted import merge_settings
from mlrun_like.specs.function import FunctionDoc

__all__ = ["ANNOTATION", "options_of", "read_options"]

ANNOTATION = "mlrun-like/gateway"
"""Of a function: a JSON mapping of further options (`fn.with_gateway(...)`)."""

_ELSEWHERE = (
    *("affinity", "tolerations", "node_selector", "node_name", "service_account"),
    *("security_context", "priority_class_name", "preemption_mode", "image_pull_policy"),
    *("image_pull_secret", "volumes", "volume_mounts"),
)
"""Fields of a function for its pod."""
_READ = frozenset(
    {"triggers", "minReplicas", "maxReplicas", "replicas", "eventTimeout", "resources", "env"}
    | {"build", "handler", "runtime", "readinessTimeoutSeconds", "description", "sidecars"}
    | {"disableDefaultHTTPTrigger", "loggerSinks", "image"}
)


def options_of(document: Any, extra: Mapping[str, Any] | None = None) -> Options:
    """The options of a function; see `read_options`."""
    return read_options(document, extra)[0]


def read_options(
    document: Any, extra: Mapping[str, Any] | None = None
) -> tuple[Options, list[str]]:
    """The options of a function, and what it asks for that one machine does not have.

    Args:
        document: A FunctionDoc, or one as plain data.
        extra: Options by name that win over the document's.

    Raises:
        PreflightError: naming everything that is wrong.

    >>> doc = {"kind": "nuclio", "metadata": {"name": "f"}, "spec": {"min_replicas": 1}}
    >>> read_options(doc)[0].min_replicas
    1
    """
    doc = document if isinstance(document, FunctionDoc) else FunctionDoc.from_dict(document)
    values = Values()
    spec = _merged(doc, values)
    workers = http_options(spec, values)
    _disabled(doc, spec, values)
    _triggers(spec, values)
    _replicas(doc, spec, workers, values)
    _times(doc, spec, values)
    _limits(doc, spec, values)
    environment_options(doc, values)
    application_options(doc, spec, values)
    _elsewhere(doc, spec, values)
    for name, value in {**_annotated(doc, values), **(extra or {})}.items():
        where = "fn.deploy()" if name in (extra or {}) else f"annotation {ANNOTATION}"
        if name == "env" and isinstance(value, Mapping):
            value = {**values.found.get("env", {}), **value}
        values.put(name, value, where)
    _fit(values)
    if values.wrong:
        raise _everything(doc, values)
    return Options(**values.found), values.notes


def _everything(doc: FunctionDoc, values: Values) -> PreflightError:
    rows = [item._asdict() for item in values.wrong]
    where = f"function {doc.metadata.name!r}"
    first = values.wrong[0]
    if len(rows) == 1:
        return PreflightError(first.what, where=first.where or where, fix=first.fix, findings=rows)
    lines = [f"{doc.metadata.name!r} cannot be deployed; {len(rows)} things are wrong:"]
    for number, item in enumerate(values.wrong, 1):
        lines.append(f"{number}. " + str(item).replace("\n", "\n   "))
    return PreflightError("\n".join(lines), where=where, findings=rows)


def _merged(doc: FunctionDoc, values: Values) -> dict[str, Any]:
    """Nuclio's `spec` with the function's dotted settings in it."""
    base = doc.spec.base_spec.get("spec")
    whole: dict[str, Any] = {"metadata": {}, "spec": copy.deepcopy(dict(base or {}))}
    for key, value in doc.spec.config.items():
        try:
            merge_settings(whole, {key: value})
        except InvalidArgumentError as exc:
            values.tell(exc.what, f"spec.config[{key!r}]", exc.fix)
    found: dict[str, Any] = whole["spec"]
    return found


def _disabled(doc: FunctionDoc, spec: Mapping[str, Any], values: Values) -> None:
    """Whether nobody but triggers shall reach it."""
    disabled = doc.spec.disable_default_http_trigger
    disabled = spec.get("disableDefaultHTTPTrigger") if disabled is None else disabled
    if disabled is True and all(
        row.get("kind") != "http" or row.get("disabled") for row in named_triggers(spec).values()
    ):
        values.found["no_http"] = 1


def _triggers(spec: Mapping[str, Any], values: Values) -> None:
    rows = spec.get("triggers") or {}
    if not isinstance(rows, Mapping):
        values.tell(f"triggers must be a mapping, not {rows!r:.60}", "spec.triggers")
        return
    values.wrong += check_triggers(rows)
    kept = {
        str(name): dict(row)
        for name, row in named_triggers(spec).items()
        if row.get("kind") != "http" and not row.get("disabled")
    }
    if kept:
        values.found["triggers"] = kept


def _replicas(doc: FunctionDoc, spec: Mapping[str, Any], workers: int, values: Values) -> None:
    low = doc.spec.min_replicas if doc.spec.min_replicas is not None else spec.get("minReplicas")
    high = doc.spec.max_replicas if doc.spec.max_replicas is not None else spec.get("maxReplicas")
    fixed = doc.spec.replicas if doc.spec.replicas is not None else spec.get("replicas")
    if fixed is not None and low is None and high is None:
        low = high = fixed
    if doc.kind == "application":  # nobody knows whether two of it get on with each other
        low = 1 if low is None else low
        if high is None:
            high = low if isinstance(low, int) and low > 1 else 1
    for name, number in (("min_replicas", low), ("max_replicas", high)):
        if isinstance(number, int) and workers:
            number *= workers
        if number is not None:
            values.put(name, number, f"spec.{name}")
    if high is None and workers:
        values.found["max_replicas"] = max(workers, values.found.get("min_replicas", 0))


def _fit(values: Values) -> None:
    """Limits that must fit to each other."""
    low = values.found.get("min_replicas", 0)
    high = values.found.get("max_replicas")
    if high is None:
        if low > Options.max_replicas:
            values.found["max_replicas"] = low
    elif high < 1:
        values.tell("max_replicas must be 1 at least", "spec.max_replicas", "max_replicas=1")
    elif low > high:
        values.tell(
            f"min_replicas ({low}) is more than max_replicas ({high})",
            "spec.min_replicas",
            f"min_replicas={high}",
        )


def _times(doc: FunctionDoc, spec: Mapping[str, Any], values: Values) -> None:
    if spec.get("eventTimeout"):
        values.put("request_timeout", spec["eventTimeout"], "spec.eventTimeout")
    ready = doc.spec.readiness_timeout or spec.get("readinessTimeoutSeconds")
    if ready:
        values.put("start_timeout", ready, "spec.readiness_timeout")


def _limits(doc: FunctionDoc, spec: Mapping[str, Any], values: Values) -> None:
    resources = doc.spec.resources or spec.get("resources") or {}
    limits = resources.get("limits") or {} if isinstance(resources, Mapping) else None
    if not isinstance(limits, Mapping):
        values.tell(
            f"resources.limits must hold 'name: quantity', not {limits!r:.60}",
            "spec.resources",
            'resources={"limits": {"memory": "1Gi"}}',
        )
        return
    for key, amount in limits.items():
        if key in ("memory", "mem"):
            values.put("memory", amount, "spec.resources.limits.memory")
        elif key == "cpu":
            values.put("cpu", amount, "spec.resources.limits.cpu")
        else:
            values.note(f"spec.resources.limits.{key}: nothing is reserved on this machine")
    if resources.get("requests"):
        values.note("spec.resources.requests: nothing is reserved on this machine")


def _elsewhere(doc: FunctionDoc, spec: Mapping[str, Any], values: Values) -> None:
    """What only a cluster has."""
    runtime = (doc.spec.nuclio_runtime or str(spec.get("runtime") or "python")).partition(":")[0]
    if runtime != "python":
        values.tell(
            f"the gateway runs Python; the function's runtime is {runtime!r:.40}",
            "spec.nuclio_runtime",
            'fn.deploy(target="nuclio")',
        )
    for name in _ELSEWHERE:
        if getattr(doc.spec, name):
            values.note(f"spec.{name}")
    if doc.kind != "application" and (doc.spec.image or doc.spec.build.base_image):
        values.note("spec.image: functions run in environments of this machine")
    for key in sorted(set(spec) - _READ):
        values.note(f"spec.config: spec.{key}")


def _annotated(doc: FunctionDoc, values: Values) -> dict[str, Any]:
    text = doc.metadata.annotations.get(ANNOTATION)
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        values.tell(
            "the gateway's options are no JSON mapping",
            f"annotation {ANNOTATION}",
            "fn.with_gateway(idle_timeout=60)",
        )
        return {}
    return found
