"""What Kubernetes accepts in the parts of a pod that users write: quantities, names, tolerations.

Rules as in "Kubernetes API conventions" and the API reference of core/v1; the same functions check
what a method is given and what a document holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.names import check_label

__all__ = [
    "PULL_POLICIES",
    "SECURITY_OF_CONTAINERS",
    "SECURITY_OF_PODS",
    "check_affinity",
    "check_annotations",
    "check_choice",
    "check_count",
    "check_name",
    "check_node_selector",
    "check_quantity",
    "check_security_context",
    "check_tolerations",
    "plain",
]

PULL_POLICIES = ("Always", "IfNotPresent", "Never")

_QUANTITY = re.compile(
    r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?[0-9]+)?\Z"
)
_SPOKEN = re.compile(r"([0-9.]+)\s*([kmgtp])i?b?\Z", re.IGNORECASE)
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
_ANNOTATION = re.compile(
    r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z"
)
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_TOLERATION = ("key", "operator", "value", "effect", "tolerationSeconds")
_AFFINITY = ("nodeAffinity", "podAffinity", "podAntiAffinity")
_RULES = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_NODE_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
SECURITY_OF_PODS = (
    "appArmorProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxChangePolicy",
    "seLinuxOptions",
    "seccompProfile",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
    "windowsOptions",
)
SECURITY_OF_CONTAINERS = (
    "allowPrivilegeEscalation",
    "capabilities",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
)


def plain(value: Any) -> Any:
    """An object of the `kubernetes` package as the plain data that goes over the wire.

    Objects know their wire names (`attribute_map`); plain data passes through.

    >>> plain({"key": ["a"]})
    {'key': ['a']}
    """
    names = getattr(type(value), "attribute_map", None)
    if names is None and hasattr(type(value), "model_fields") and hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if isinstance(names, Mapping):
        found = {wire: getattr(value, name, None) for name, wire in names.items()}
        return {wire: plain(item) for wire, item in found.items() if item is not None}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def check_quantity(what: str, value: Any) -> str | int | float:
    """A quantity in Kubernetes' notation, above 0.

    >>> check_quantity("mem", "1Gi")
    '1Gi'

    Raises:
        InvalidArgumentError: if it is none; the fix is the nearest correct notation.
    """
    match = None if isinstance(value, bool) else _QUANTITY.match(str(value))
    if match is not None and re.search("[1-9]", str(value).partition("e")[0]):
        return value if isinstance(value, (int, float)) else str(value)
    cpu = what.rpartition(" ")[2] == "cpu"
    fix = f'{what}="500m" or "2"' if cpu else f'{what}="512Mi" or "2G"'
    spoken = _SPOKEN.match(str(value).strip())
    if spoken is not None and not cpu:
        unit = spoken[2].upper()
        fix = f'{what}="{spoken[1]}{unit}i"'
    raise InvalidArgumentError(f"{what} {value!r} is not a quantity", fix=fix)


def check_count(what: str, value: Any) -> int:
    """A whole number, 0 or more."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise InvalidArgumentError(
            f"{what} {value!r} must be a whole number, 0 or more", fix=f"{what}=1"
        )
    return number


def check_choice(what: str, value: Any, choices: Sequence[str]) -> str:
    """One of some words."""
    text = str(getattr(value, "value", value))
    if text not in choices:
        raise InvalidArgumentError(
            f"{what} {value!r} is unknown.{nearest(text, choices)}",
            fix=f"use one of: {', '.join(choices)}",
        )
    return text


def check_name(what: str, value: Any) -> str:
    """The name of an object in a cluster (an RFC 1123 subdomain).

    >>> check_name("secret", "my-secret")
    'my-secret'
    """
    if not isinstance(value, str) or len(value) > 253 or not _SUBDOMAIN.match(value):
        raise InvalidArgumentError(
            f"{what} {value!r} cannot be a name in Kubernetes",
            fix="use small letters, digits, '-' and '.', such as 'my-name'",
        )
    return value


def check_node_selector(value: Any) -> dict[str, str]:
    """Labels of nodes; an empty value takes away a default with that key."""
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(
            f"node_selector must map labels to values, not {value!r}",
            fix='node_selector={"disk": "ssd"}',
        )
    return dict(
        check_label(str(key), "" if item is None else str(item)) for key, item in value.items()
    )


def check_annotations(value: Any) -> dict[str, str]:
    """Annotations: names as labels have them, any text as value, at most 256 KiB together."""
    found = {str(key): str(item) for key, item in dict(value).items()}
    for key in found:
        if not _ANNOTATION.match(key):
            raise InvalidArgumentError(
                f"annotation name {key!r} is not allowed", fix="such as 'team.org/owner'"
            )
    if sum(len(key.encode()) + len(item.encode()) for key, item in found.items()) > 1 << 18:
        raise InvalidArgumentError(
            "the annotations are larger than 256 KiB", fix="put the data into a file or artifact"
        )
    return found


def check_tolerations(value: Any) -> list[dict[str, Any]]:
    """Tolerations, as plain data or V1Toleration.

    >>> check_tolerations([{"key": "gpu", "operator": "Exists"}])
    [{'key': 'gpu', 'operator': 'Exists'}]
    """
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise InvalidArgumentError(
            f"tolerations must be a list, not {value!r}",
            fix='tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]',
        )
    return [_toleration(plain(item)) for item in value]


def _toleration(item: Any) -> dict[str, Any]:
    row: dict[str, Any] = _known("toleration", item, _TOLERATION)
    if "operator" in row:
        check_choice("toleration operator", row["operator"], ("Equal", "Exists", "Lt", "Gt"))
    if row.get("effect"):
        check_choice("toleration effect", row["effect"], _EFFECTS)
    exists = row.get("operator") == "Exists"
    problem = ""
    if not row.get("key") and not exists:
        problem = "without a key needs operator 'Exists'"
    elif exists and row.get("value"):
        problem = "with operator 'Exists' takes no value"
    elif "tolerationSeconds" in row and row.get("effect") != "NoExecute":
        problem = "with tolerationSeconds needs effect 'NoExecute'"
    if problem:
        raise InvalidArgumentError(
            f"toleration {row!r} {problem}",
            fix='{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}',
        )
    if row.get("key"):
        check_label(row["key"], str(row.get("value") or ""))
    return row


def check_affinity(value: Any) -> dict[str, Any]:
    """An affinity, as plain data or V1Affinity; names and operators are checked."""
    found = _known("affinity", plain(value), _AFFINITY)
    for kind, rules in found.items():
        _known(kind, rules, _RULES)
    required = found.get("nodeAffinity", {}).get(_RULES[0])
    if required is not None:
        terms = _known(_RULES[0], required, ("nodeSelectorTerms",)).get("nodeSelectorTerms")
        if not isinstance(terms, list) or not terms:
            raise InvalidArgumentError(
                "a required node affinity needs at least one of nodeSelectorTerms",
                fix='{"nodeSelectorTerms": [{"matchExpressions": [...]}]}',
            )
        for term in terms:
            _known("node selector term", term, ("matchExpressions", "matchFields"))
            for row in [*term.get("matchExpressions", []), *term.get("matchFields", [])]:
                _known("node selector requirement", row, ("key", "operator", "values"))
                check_choice("operator", row.get("operator"), _NODE_OPERATORS)
    return found


def check_security_context(value: Any) -> dict[str, Any]:
    """A security context, as plain data, V1SecurityContext or V1PodSecurityContext."""
    row = _known("security context", plain(value), SECURITY_OF_PODS + SECURITY_OF_CONTAINERS)
    if row.get("runAsNonRoot") and row.get("runAsUser") == 0:
        raise InvalidArgumentError(
            "a security context with runAsNonRoot cannot have runAsUser 0", fix="run_as_user=1000"
        )
    return row


def _known(what: str, value: Any, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(f"{what} must be a mapping, not {value!r}")
    for key in value:
        if key not in names:
            camel = re.sub(r"_([a-z])", lambda found: found[1].upper(), str(key))
            hint = f" Did you mean {camel!r}?" if camel in names else nearest(str(key), names)
            raise InvalidArgumentError(
                f"{what} has no key {key!r}.{hint}", fix=f"keys: {', '.join(names)}"
            )
    return dict(value)
