"""One cause at a time: images, containers, nodes, exit codes, each with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = [
    "Cause",
    "container_config",
    "exit_of",
    "image_pull",
    "sentence",
    "start_error",
    "unschedulable",
]


class Cause(NamedTuple):
    """Why something waits or has failed.

    Args:
        code: A short stable name.
        what: In words, with the values.
        fix: What to do about it.
        fatal: Whether waiting cannot help.
    """

    code: str
    what: str
    fix: str
    fatal: bool = False

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}"


def sentence(cause: Cause) -> str:
    """A cause as the error of a run; what came from outside begins like every lost run."""
    lost = cause.code in ("evicted", "disrupted", "node-lost", "deleted", "killed")
    start = "the run was lost: " if lost and not cause.what.startswith("the run was lost") else ""
    return f"{start}{cause.what}" + (f". To fix it: {cause.fix}" if cause.fix else "")


_PULLS = (
    (
        r"not found|manifest unknown|does not exist|name unknown|NotFound",
        "there is no such image in the registry",
        "check the name and tag of fn.spec.image, or build it: fn.deploy()",
        True,
    ),
    (
        r"unauthorized|denied|authentication required|no basic auth|forbidden|401|403",
        "the registry refuses access",
        "kubectl create secret docker-registry ..., then "
        "fn.set_image_pull_configuration(image_pull_secret_name=...)",
        True,
    ),
    (
        r"no match for platform|exec format|no matching manifest",
        "the image is not for this kind of machine",
        "build it for the node's platform, or select nodes: "
        'fn.with_node_selection(node_selector={"kubernetes.io/arch": "amd64"})',
        True,
    ),
    (
        r"x509|tls:|HTTP response to HTTPS|certificate",
        "the registry's certificate is not trusted by the node",
        "have the node's container engine trust the registry, or use another one",
        True,
    ),
    (
        r"toomanyrequests|rate limit|429",
        "the registry limits how often one may pull",
        "it is tried again; a pull secret or a registry of your own avoids it",
        False,
    ),
    (
        r"no such host|timeout|refused|unreachable|EOF|reset by peer|lookup ",
        "the node cannot reach the registry",
        "check the registry's address; it is tried again",
        False,
    ),
)


def image_pull(reason: str, message: str, image: str) -> Cause:
    """An image that cannot be pulled."""
    said = re.sub(r"\s+", " ", message).strip()[:600]
    if reason == "InvalidImageName":
        return Cause(
            "image-name",
            f"{image!r} is not the name of an image: {said}",
            'fn.spec.image = "registry/name:tag"',
            True,
        )
    if reason == "ErrImageNeverPull":
        return Cause(
            "image-never-pull",
            f"image {image!r} is not on the node, and the pull policy is Never",
            'fn.set_image_pull_configuration(image_pull_policy="IfNotPresent")',
            True,
        )
    for pattern, what, fix, fatal in _PULLS:
        if re.search(pattern, message, re.IGNORECASE):
            # the first refusal may be a moment's trouble; the second one comes as a back-off
            return Cause(
                "image-pull",
                f"image {image!r} cannot be pulled, {what}: {said}",
                fix,
                fatal and reason == "ImagePullBackOff",
            )
    return Cause(
        "image-pull",
        f"image {image!r} cannot be pulled: {said or reason}",
        "check fn.spec.image and the pull secret; kubectl describe pod tells more",
    )


def container_config(reason: str, message: str) -> Cause:
    """A container whose configuration cannot be put together."""
    key = re.search(r"couldn't find key (\S+) in (Secret|ConfigMap) (?:\S+/)?(\S+)", message)
    if key is not None:
        kind = key[2].lower()
        return Cause(
            "key-missing",
            f"{kind} {key[3]!r} has no key {key[1]!r}, which a variable is taken from",
            f"add the key to the {kind}, or correct fn.set_env_from_secret(...)",
            True,
        )
    lost = re.search(r'(secret|configmap) "([^"]+)" not found', message)
    if lost is not None:
        return Cause(
            f"{lost[1]}-missing",
            f"{lost[1]} {lost[2]!r}, which a variable is taken from, does not "
            "exist in the namespace",
            f"kubectl create {'secret generic' if lost[1] == 'secret' else lost[1]} {lost[2]} "
            "--from-literal=KEY=...",
            True,
        )
    if "runAsNonRoot" in message or "non-numeric user" in message:
        return Cause(
            "runs-as-root",
            f"the image wants to run as root, or as a user without number: {message}",
            "fn.with_security_context(...) with run_as_user=1000, or an image with a numeric user",
            True,
        )
    if "executable file not found" in message or "no such file" in message:
        return start_error(message)
    return Cause(
        "container-config",
        f"the container cannot be created ({reason}): {message[:600]}",
        "correct what the message names; kubectl describe pod tells more",
        True,
    )


def start_error(message: str) -> Cause:
    """A container whose program cannot be started."""
    program = re.search(r'exec: "([^"]+)"|exec ([^\s:]+):', message)
    name = (program[1] or program[2]) if program is not None else ""
    if name and "permission denied" not in message:
        return Cause(
            "command-missing",
            f"the image has no program {name!r}: {message[:300]}",
            "use an image with Python and this package: fn.deploy() builds one",
            True,
        )
    return Cause(
        "container-start",
        f"the container cannot be started: {message[:600]}",
        "check command, volumes and rights; kubectl describe pod tells more",
        True,
    )


_PREDICATES = (
    (r"Insufficient ([\w./-]+)", "no node has enough {0} free",
     "fn.with_requests(...) with less, or larger nodes"),
    (r"didn't match Pod's node affinity/selector|didn't match node selector",
     "no node has the labels that are asked for",
     "kubectl get nodes --show-labels; correct fn.with_node_selection(...)"),
    (r"untolerated taint \{([^}]*)\}", "nodes have the taint {0}, which is not tolerated",
     'fn.with_node_selection(tolerations=[{{"key": ..., "operator": "Exists"}}])'),
    (r'persistentvolumeclaim "([^"]+)" not found', "volume claim {0!r} does not exist",
     "create the claim, or correct mount_pvc(...)"),
    (r"unbound immediate PersistentVolumeClaims", "a volume claim has no volume yet",
     "kubectl get pvc; its storage class must be able to make one"),
    (r"volume node affinity conflict", "the volume is in another zone than the free nodes",
     "a claim that can be used on these nodes"),
    (r"didn't match pod (?:anti-)?affinity rules", "the pod affinity rules leave no node",
     "correct fn.with_node_selection(affinity=...)"),
    (r"Too many pods", "the nodes hold as many pods as they may", "wait, or add nodes"),
    (r"were unschedulable|node\(s\) were not ready|not-ready", "nodes are closed or not ready",
     "kubectl get nodes; wait, or open them again"),
    (r"no nodes available|0/0 nodes", "the cluster has no node", "add nodes, or wait for them"),
)  # fmt: skip


def unschedulable(message: str) -> Cause:
    """A pod for which there is no node; nodes may come, so waiting can help."""
    if "SchedulingGated" in message or "scheduling gates" in message:
        return Cause(
            "gated",
            f"the pod is held by a scheduling gate: {message[:300]}",
            "whoever set the gate (a queue, a quota system) lets it go",
        )
    found, fixes = [], []
    for pattern, what, fix in _PREDICATES:
        for match in re.finditer(pattern, message):
            text = what.format(*match.groups())
            if text not in found:
                found.append(text)
                fixes.append(fix.format())
    return Cause(
        "unschedulable",
        f"there is no node for the pod: {'; '.join(found) or 'see the message'} ({message[:500]})",
        "; ".join(dict.fromkeys(fixes)) or "kubectl describe pod tells more",
    )


_CODES = {
    126: ("the command cannot be executed", "check its rights and the image"),
    127: ("the command was not found in the image", "use an image that fn.deploy() built"),
    134: ("native code aborted (SIGABRT)", "see the log; often a library of another version"),
    139: ("native code crashed (SIGSEGV)", "see the log; often a library of another version"),
    143: ("it was told to end (SIGTERM)", "kubectl get events tells who; retry=Retry(count=2)"),
}


def exit_of(ended: Mapping[str, Any], tail: str) -> Cause:
    """A container that has ended.

    Args:
        ended: The `terminated` state.
        tail: The last lines that it printed.
    """
    code, reason = int(ended.get("exitCode") or 0), str(ended.get("reason") or "")
    message = str(ended.get("message") or "").strip()
    if reason == "OOMKilled":
        return Cause(
            "oom",
            "the container was killed because it used more memory than its limit (OOMKilled)",
            'fn.with_limits(mem="...") with more, or less data at a time',
        )
    if reason == "ContainerStatusUnknown":
        return Cause(
            "node-lost", "the node lost the container", "retry=Retry(count=2) starts it again"
        )
    if reason in ("StartError", "ContainerCannotRun"):
        return start_error(message)
    missing = re.findall(r"(?:ModuleNotFoundError|ImportError): No module named '([^']+)'", tail)
    if missing:
        top = missing[-1].partition(".")[0]
        if top == "mlrun_like":
            return Cause(
                "package-missing",
                "the image does not hold this package (mlrun_like)",
                "fn.deploy() builds an image that does, or add mlrun-like to yours",
            )
        return Cause(
            "module-missing",
            f"the image has no module {missing[-1]!r}",
            f'fn.with_requirements(["{top}"]); fn.deploy()',
        )
    if re.search(r"/python3?: No module named mlrun_like", tail):
        return Cause(
            "package-missing",
            "the image does not hold this package (mlrun_like)",
            "fn.deploy() builds an image that does, or add mlrun-like to yours",
        )
    if code == 137:
        return Cause(
            "killed",
            "the container was killed (exit code 137): the node ran out of memory, or "
            "somebody ended it",
            "fn.with_requests(mem=...) with what the run needs; kubectl get events tells more",
        )
    what, fix = _CODES.get(code, ("", "see the run's log"))
    text = f"the container ended with exit code {code} before the run was recorded"
    return Cause("exit", f"{text}: {what or message or reason}".rstrip(": "), fix)
