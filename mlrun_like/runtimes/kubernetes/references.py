"""The objects of the cluster that a function refers to: secrets, claims, accounts, classes."""

from __future__ import annotations

from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.runtimes.kubernetes.variables import environment_of
from mlrun_like.specs.function import FunctionDoc

__all__ = ["References", "references_of"]


class References(NamedTuple):
    """One object, the keys that are taken from it, and how to make it."""

    api: str
    kind: str
    name: str
    what: str
    fix: str
    keys: tuple[str, ...] = ()


def references_of(document: FunctionDoc) -> list[References]:
    """What must be in the namespace for a function's pod; optional references are left out."""
    spec = document.spec
    secrets: dict[str, set[str]] = {}
    maps: dict[str, set[str]] = {}
    claims: set[str] = set()
    own = ""  # secret variables go into a Secret that is made with the run
    for row in environment_of(document, own):
        source = row.get("valueFrom") or {}
        for kind, holders in (("secretKeyRef", secrets), ("configMapKeyRef", maps)):
            chosen = source.get(kind) or {}
            if chosen.get("name") and not chosen.get("optional"):
                holders.setdefault(chosen["name"], set()).add(str(chosen.get("key")))
    for volume in spec.volumes:
        _volume(volume, secrets, maps, claims)
    pull = spec.image_pull_secret or config.default_image_pull_secret
    if pull:
        secrets.setdefault(pull, set())
    found = [
        References(
            "v1", "Secret", name, "secret", f"kubectl create secret generic {name} ...",
            tuple(sorted(keys)),
        )
        for name, keys in secrets.items()
    ]  # fmt: skip
    found += [
        References(
            "v1", "ConfigMap", name, "config map", f"kubectl create configmap {name} ...",
            tuple(sorted(keys)),
        )
        for name, keys in maps.items()
    ]  # fmt: skip
    found += [
        References(
            "v1", "PersistentVolumeClaim", name, "volume claim",
            "create the claim, or correct mount_pvc(...)",
        )
        for name in sorted(claims)
    ]  # fmt: skip
    account = spec.service_account or config.default_service_account
    if account:
        fix = f"kubectl create serviceaccount {account}"
        found.append(References("v1", "ServiceAccount", account, "service account", fix))
    priority = spec.priority_class_name or config.default_function_priority_class_name
    if priority:
        found.append(
            References(
                "scheduling.k8s.io/v1", "PriorityClass", priority, "priority class",
                "kubectl get priorityclasses lists them; fn.with_priority_class(...)",
            )
        )  # fmt: skip
    return found


def _volume(
    volume: dict[str, Any],
    secrets: dict[str, set[str]],
    maps: dict[str, set[str]],
    claims: set[str],
) -> None:
    secret = volume.get("secret") or {}
    if secret.get("secretName") and not secret.get("optional"):
        keys = {str(row.get("key")) for row in secret.get("items") or ()}
        secrets.setdefault(secret["secretName"], set()).update(keys)
    chosen = volume.get("configMap") or {}
    if chosen.get("name") and not chosen.get("optional"):
        keys = {str(row.get("key")) for row in chosen.get("items") or ()}
        maps.setdefault(chosen["name"], set()).update(keys)
    claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
    if claim:
        claims.add(str(claim))
