"""Names and labels of what a run is made of in a cluster, valid under Kubernetes' rules."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from mlrun_like.configuration import config
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = [
    "MANAGED_BY",
    "annotations_of",
    "attempt_name",
    "label_value",
    "labels_of",
    "object_name",
    "selector",
]

MANAGED_BY = "app.kubernetes.io/managed-by"
_LONGEST = 63


def label_value(text: str) -> str:
    """Any text as the value of a label: other characters become dashes, 63 characters at most.

    >>> label_value("Jane Doe <jane@x.org>")
    'Jane-Doe-jane-x.org'
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:_LONGEST].strip("-_.")


def object_name(name: str, *ends: str, longest: int = _LONGEST) -> str:
    """A name that Kubernetes takes (RFC 1123 label), which keeps its ends when it is shortened.

    >>> object_name("Train_Model", "0193a4b2")
    'train-model-0193a4b2'
    >>> len(object_name("x" * 80, "code"))
    63
    """
    tail = "".join(f"-{end}" for end in ends if end)
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "run"
    if plain[0].isdigit():  # some objects (services) want a letter first
        plain = f"r{plain}"
    room = longest - len(tail)
    if len(plain) > room:  # two long names that begin alike must not become the same
        mark = hashlib.sha256(plain.encode()).hexdigest()[:5]
        plain = f"{plain[: room - 6].rstrip('-')}-{mark}"
    return plain + tail


def attempt_name(run: RunDoc, attempt: int) -> str:
    """The name of the objects of one attempt of a run; the same whenever it is asked for."""
    meta = run.metadata
    ends = [meta.uid[-10:].lower()]
    if meta.iteration:
        ends.append(f"i{meta.iteration}")
    if attempt > 1:
        ends.append(f"a{attempt}")
    return object_name(meta.name or "run", *ends)


def labels_of(document: FunctionDoc, run: RunDoc | None = None) -> dict[str, str]:
    """The labels of everything that belongs to a function or one of its runs (MLRun's names).

    Args:
        document: The function; its own labels come along.
        run: The run; None: labels that are the same for every run.
    """
    meta = document.metadata
    found = {key: label_value(value) for key, value in meta.labels.items()}
    project = (run.metadata.project if run else "") or meta.project or config.default_project
    rows = {
        MANAGED_BY: "mlrun-like",
        "mlrun/class": document.kind or "job",
        "mlrun/project": project,
        "mlrun/function": meta.name,
        "mlrun/tag": meta.tag or "latest",
    }
    if run is not None:
        rows["mlrun/uid"] = run.metadata.uid
        rows["mlrun/name"] = run.metadata.name
        rows["mlrun/owner"] = run.metadata.labels.get("owner", "")
        if run.metadata.iteration:
            rows["mlrun/iteration"] = str(run.metadata.iteration)
    found.update({key: label_value(value) for key, value in rows.items() if value})
    return dict(sorted(found.items()))


def annotations_of(document: FunctionDoc) -> dict[str, str]:
    """The function's annotations, for its pods."""
    return {key: str(value) for key, value in sorted(document.metadata.annotations.items())}


def selector(labels: Mapping[str, str]) -> str:
    """Labels as the text of a label selector.

    >>> selector({"mlrun/uid": "a1"})
    'mlrun/uid=a1'
    """
    return ",".join(f"{key}={value}" for key, value in labels.items())
