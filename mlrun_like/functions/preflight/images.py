"""Where an image will go: whether it can be written there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlrun_like.images.plan import Destination
from mlrun_like.images.reference import ImageName
from mlrun_like.images.registry import Registry
from mlrun_like.runtimes.finding import Finding

__all__ = ["check_destination"]

_PATIENCE = 1.5
"""Seconds for a registry to answer."""


def check_destination(destination: Destination) -> Iterator[Finding]:
    """A registry that cannot be reached or refuses, found by starting an upload and cancelling it.

    Args:
        destination: Where the image will go; only a registry is asked, and not for long.
    """
    if not destination.push or destination.archive:
        return
    name = ImageName.parse(destination.name)
    with Registry(name.registry) as registry:
        answer = registry.can_push(name.repository, _PATIENCE)
    if answer.error is not None:
        error = answer.error
        slow = answer.state == "unreachable" and re.search("did not answer|timed out", error.what)
        severity = "warning" if slow else "error"  # the build itself waits longer
        yield Finding(f"registry-{answer.state}", error.what, error.where, error.fix, severity)
