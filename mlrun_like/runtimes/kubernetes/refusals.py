"""What the API server's refusals mean, and what to do about them."""

from __future__ import annotations

import json
import re

__all__ = ["explain_refusal", "message_of"]

_QUOTA = re.compile(r"exceeded quota: (?P<quota>[^,]+), requested: (?P<asked>.*), used: .*")
_ACCOUNT = re.compile(r'serviceaccount "?(?P<name>[^"\s]+)"? not found')
_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"'
)


def message_of(text: bytes) -> tuple[str, str]:
    """Reason and message of a `Status` object; ("", the text) if it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return "", text.decode("utf-8", "replace").strip()[:500]
    if not isinstance(found, dict):
        return "", str(found)[:500]
    return str(found.get("reason") or ""), str(found.get("message") or "")[:2000]


def explain_refusal(status: int, text: bytes, request: str) -> tuple[str, str]:
    """What happened and how to fix it.

    Args:
        status: HTTP status.
        text: The answer's body.
        request: Method and path.
    """
    reason, message = message_of(text)
    said = message or reason or f"HTTP {status}"
    if status == 401:
        return (
            "the cluster does not accept the credentials (401): they have expired or are wrong",
            "log in again, or renew the token in the kubeconfig; kubectl auth whoami tells more",
        )
    if status == 403:
        return _forbidden(said)
    if status == 404:
        return (
            f"not found: {said}",
            "check the name and the namespace (setting kubernetes_namespace)",
        )
    if status in (400, 422):
        fix = "correct the field that the message names"
        if "PodSecurity" in said:
            fix = "fn.with_security_context(...), or a namespace with another security standard"
        return f"the cluster refuses the object as invalid: {said}", fix
    if status == 409:
        return f"conflict: {said}", "another object has this name, or it was changed meanwhile"
    if status == 429:
        return f"the cluster's API server is busy (429): {said}", "try again later"
    return f"the cluster answered {status} to {request}: {said}", "try again later"


def _forbidden(said: str) -> tuple[str, str]:
    quota = _QUOTA.search(said)
    if quota is not None:
        return (
            f"the namespace's quota {quota['quota']!r} does not allow this: {said}",
            "ask for less with fn.with_requests and fn.with_limits, delete what is not needed, or "
            "have the quota raised",
        )
    account = _ACCOUNT.search(said)
    if account is not None:
        name = account["name"].rpartition("/")[2]
        return (
            f"service account {name!r} does not exist: {said}",
            f"kubectl create serviceaccount {name}, or set fn.spec.service_account",
        )
    if "PodSecurity" in said:
        return (
            f"the namespace's pod security standard forbids this pod: {said}",
            "fn.with_security_context(...) with what the message asks for",
        )
    if "priority class" in said.lower():
        return f"the priority class is not there: {said}", "kubectl get priorityclasses lists them"
    who = _FORBIDDEN.search(said)
    if who is not None:
        role = f"--verb={who['verb']} --resource={who['resource']}"
        return (
            f"{who['user']!r} may not {who['verb']} {who['resource']}: {said}",
            f"kubectl create role mlrun-like {role}, and bind it to this user",
        )
    return f"the cluster forbids this: {said}", "ask the cluster's administrator for the right"
