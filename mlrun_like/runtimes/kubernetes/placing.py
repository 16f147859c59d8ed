"""Which nodes a pod may go to: selector, affinity, tolerations, priority, preemptible nodes."""

from __future__ import annotations

import base64
import binascii
import copy
import json
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Placing", "place", "placing_of", "structured_setting"]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class Placing(NamedTuple):
    """What limits the choice of a node, in the forms of a pod's spec."""

    node_name: str = ""
    node_selector: dict[str, Any] = {}  # noqa: RUF012 - never changed in place
    affinity: dict[str, Any] = {}  # noqa: RUF012
    tolerations: tuple[dict[str, Any], ...] = ()
    priority_class_name: str = ""
    preemption_mode: str = ""


def placing_of(document: FunctionDoc) -> Placing:
    """What a function asks for."""
    spec = document.spec
    return Placing(
        spec.node_name,
        spec.node_selector,
        spec.affinity,
        tuple(spec.tolerations),
        spec.priority_class_name,
        spec.preemption_mode,
    )


def place(wanted: Placing) -> dict[str, Any]:
    """The keys of a pod's spec for it, defaults of the settings and preemption mode included.

    Raises:
        ConfigError: if a setting about nodes cannot be read.

    >>> place(Placing(node_name="n1"))
    {'nodeName': 'n1'}
    """
    defaults = structured_setting("default_function_node_selector", dict)
    chosen = {**defaults, **wanted.node_selector}
    labels = {str(key): str(value) for key, value in chosen.items() if value not in ("", None)}
    affinity, tolerations = (
        copy.deepcopy(wanted.affinity),
        [dict(row) for row in wanted.tolerations],
    )
    mode = wanted.preemption_mode or config.function_preemption_mode
    _preempt(mode, labels, affinity, tolerations)
    parts = {
        "nodeName": wanted.node_name,
        "nodeSelector": labels,
        "affinity": affinity,
        "tolerations": tolerations,
        "priorityClassName": wanted.priority_class_name
        or config.default_function_priority_class_name,
    }
    return {key: value for key, value in parts.items() if value}


def _preempt(
    mode: str,
    labels: dict[str, str],
    affinity: dict[str, Any],
    tolerations: list[dict[str, Any]],
) -> None:
    """Let a pod on, bind it to, or keep it off the preemptible nodes of the settings."""
    nodes = structured_setting("preemptible_node_selector", dict)
    spots = structured_setting("preemptible_node_tolerations", list)
    if mode == "none" or not (nodes or spots):
        return
    inside = [{"key": k, "operator": "In", "values": [v]} for k, v in nodes.items()]
    outside = [{"key": k, "operator": "NotIn", "values": [v]} for k, v in nodes.items()]
    if mode == "constrain":
        tolerations.extend(row for row in spots if row not in tolerations)
        if inside:  # a term for each label: one of them is enough
            _require(affinity, [{"matchExpressions": [row]} for row in inside])
        return
    for key, value in nodes.items():
        if labels.get(key) == value:
            del labels[key]
    _drop(affinity, inside + (outside if mode == "allow" else []))
    if mode == "allow":
        tolerations.extend(row for row in spots if row not in tolerations)
    else:
        tolerations[:] = [row for row in tolerations if row not in spots]
        if not spots and outside:  # without taints only the labels keep the pod away
            _require(affinity, [{"matchExpressions": outside}])


def _require(affinity: dict[str, Any], terms: list[dict[str, Any]]) -> None:
    affinity.setdefault("nodeAffinity", {})[_REQUIRED] = {"nodeSelectorTerms": terms}


def _drop(affinity: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    node = affinity.get("nodeAffinity", {})
    terms = []
    for term in node.get(_REQUIRED, {}).get("nodeSelectorTerms", []):
        kept = [row for row in term.get("matchExpressions", []) if row not in rows]
        rest = {**term, "matchExpressions": kept}
        if not kept:
            del rest["matchExpressions"]
        if rest:
            terms.append(rest)
    node.pop(_REQUIRED, None)
    if terms:
        node[_REQUIRED] = {"nodeSelectorTerms": terms}
    if not node.get(_PREFERRED) and not terms:
        affinity.pop("nodeAffinity", None)


def structured_setting(name: str, kind: type[Any]) -> Any:
    """A setting that holds JSON, plain or in base64 (MLRun's form); empty: nothing.

    Raises:
        ConfigError: if it holds something else.
    """
    text = str(getattr(config, name)).strip()
    if not text:
        return kind()
    try:
        if text[0] not in "[{":
            text = base64.b64decode(text, validate=True).decode()
        value = json.loads(text)
    except (ValueError, binascii.Error) as exc:
        raise _not_json(name, kind) from exc
    if not isinstance(value, kind):
        raise _not_json(name, kind)
    return value


def _not_json(name: str, kind: type[Any]) -> ConfigError:
    example = '{"spot": "true"}' if kind is dict else '[{"key": "spot", "operator": "Exists"}]'
    return ConfigError(
        f"setting {name!r} is no JSON {'object' if kind is dict else 'list'}, plain or in base64",
        where=config.explain(name)[1],
        fix=f"for example {example}",
    )
