"""Why a container's run failed: what podman and docker say, their exit codes, their state."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlrun_like.runtimes.container.start import COMPLAINT
from mlrun_like.runtimes.explain import Clue, cause_of
from mlrun_like.runtimes.finding import Finding

__all__ = ["TOOL_FAILED", "explain_container", "tool_cause"]

TOOL_FAILED = 125
"""Exit code of podman and docker when they themselves failed."""
_WORDS: tuple[tuple[str, str, str, str], ...] = (
    (
        r"short-name|no unqualified-search registries",
        "image-missing",
        "the image {image!r} is not on this machine, and its name says no registry",
        "write it in full, such as docker.io/library/python:3.11-slim, or build it: fn.deploy()",
    ),
    (
        r"unauthorized|authentication required|access.*denied|pull access denied|\b403\b"
        r"|requested access to the resource is denied",
        "pull-denied",
        "the registry refused to give the image {image!r}: no login, or there is no such image",
        "{tool} login REGISTRY, and check the image's name",
    ),
    (
        r"manifest unknown|manifest for .* not found|name unknown|image not known|No such image"
        r"|not found: manifest|reading manifest|repository .* not found",
        "image-missing",
        "there is no image {image!r}",
        "check its name and tag, or build it: fn.deploy()",
    ),
    (
        r"no such host|dial tcp|i/o timeout|connection refused.*registry|pinging container registry"
        r"|Temporary failure in name resolution|TLS handshake|http: server gave HTTP response",
        "registry-unreachable",
        "the registry of {image!r} cannot be reached from this machine",
        "check its name and the network; for a registry without TLS, {tool} must be told so "
        "(insecure in registries.conf, insecure-registries in daemon.json)",
    ),
    (
        r"Cannot connect to the Docker daemon|Is the docker daemon running|docker\.sock",
        "daemon-absent",
        "docker's daemon does not answer",
        "start it, or install podman, which needs none",
    ),
    (
        r"CDI|nvidia|could not select device driver",
        "gpu-missing",
        "the GPUs that the function asks for cannot be given to a container here",
        "install the NVIDIA container toolkit and run `nvidia-ctk cdi generate`, or leave gpus out",
    ),
    (
        r"unable to set memory limit|[Mm]inimum memory limit|memory limit.*too small",
        "memory-too-small",
        "the memory limit of {memory} is too small to start any program",
        'fn.with_limits(mem="512Mi")',
    ),
    (
        r"statfs (?P<name>\S+): no such file|source path does not exist: (?P<name2>\S+)",
        "mount-missing",
        "a path that should be mounted does not exist: {name}",
        "create it, or correct the volume or input",
    ),
    (
        r"no space left on device",
        "disk-full",
        "the disk is full: the image or the container finds no room",
        "{tool} system prune removes what nobody uses",
    ),
    (
        r"name .* is already in use|name is in use",
        "name-in-use",
        "a container of this run is there already",
        "{tool} rm -f it, and run again",
    ),
    (
        r"network .* not found|unable to find network",
        "network-missing",
        "the container network {network!r} does not exist",
        "{tool} network create it, or change the setting container_network",
    ),
)


def tool_cause(tool: str, tail: str, known: Mapping[str, str]) -> Finding | None:
    """The cause that the tool's own message names, if it is one of the usual ones.

    Args:
        tool: `podman` or `docker`.
        tail: The last lines of its output.
        known: What to name in the text: image, memory, network.

    >>> tool_cause("podman", "Error: statfs /data: no such file or directory", {}).what
    'a path that should be mounted does not exist: /data'
    """
    errors = [line for line in tail.splitlines() if re.search(r"error|denied|docker:", line, re.I)]
    text = "\n".join(errors or tail.splitlines()[-3:])
    values = {"image": "", "memory": "", "network": "", "tool": tool, **known}
    for pattern, code, what, fix in _WORDS:
        match = re.search(pattern, text)
        if match:
            groups = match.groupdict()
            values["name"] = next(filter(None, groups.values()), "").rstrip(":")
            return Finding(code, what.format(**values), "", fix.format(**values))
    return None


def explain_container(code: int | None, tail: str, clue: Clue, known: Mapping[str, str]) -> Finding:
    """The cause of a container's end that was not recorded.

    Args:
        code: The exit code of the tool.
        tail: The last lines of the output.
        clue: What is known of the run.
        known: Names for the text: tool, image, memory, network.
    """
    for line in reversed(tail.splitlines()):
        if COMPLAINT in line:
            what, _, fix = line.partition(COMPLAINT)[2].partition(" | ")
            return Finding("image-unfit", what, clue.where, fix)
    if code in (126, 127) and re.search(r"python3", tail):
        return Finding(
            "python-missing",
            f"the image {clue.image!r} has no python3 on its PATH",
            clue.where,
            "use an image with Python, such as docker.io/library/python:3.11-slim",
        )
    if code in (TOOL_FAILED, 126, 127) or (code and "runtime error" in tail):
        found = tool_cause(known.get("tool", ""), tail, known)
        if found is not None:
            return found
    if code == TOOL_FAILED:
        last = next((line for line in reversed(tail.splitlines()) if line.strip()), "no message")
        return Finding(
            "tool-failed",
            f"{known.get('tool', 'the container tool')} could not start the container: {last}",
            clue.where,
            "try the same by hand: podman run IMAGE true",
        )
    return cause_of(code, tail, clue)
