"""Names of functions in Nuclio."""

from __future__ import annotations

import re

from mlrun_like.configuration import config
from mlrun_like.specs.function import FunctionDoc

__all__ = ["LONGEST", "nuclio_name", "project_of"]

LONGEST = 56
"""Characters of a function's name: Kubernetes allows 63 in `nuclio-<name>`, its service's name."""


def nuclio_name(name: str, project: str = "", tag: str = "") -> str:
    """`<project>-<name>[-<tag>]`, as MLRun names deployed functions.

    >>> nuclio_name("scorer", "shop", "v2"), nuclio_name("scorer", "shop", "latest")
    ('shop-scorer-v2', 'shop-scorer')
    """
    parts = [project, name, "" if tag == "latest" else tag]
    return re.sub(r"[_\s.]+", "-", "-".join(part for part in parts if part)).lower()


def project_of(doc: FunctionDoc) -> str:
    """The project that a function belongs to."""
    return doc.metadata.project or config.default_project
