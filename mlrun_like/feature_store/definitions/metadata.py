"""Name, project, tag, version and labels of a definition."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.fields import Fields

__all__ = ["Metadata", "check_name", "work_name"]

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_LONGEST = 255
_LONGEST_RUN = 63  # what names of functions may have


def check_name(name: str, noun: str) -> str:
    """`name` if it may name a feature set or vector: letters, digits, `-`, `_` and `.`; a letter
    or a digit first and last.

    Raises:
        InvalidArgumentError: if not.
    """
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > _LONGEST:
        raise InvalidArgumentError(
            f"{name!r:.80} cannot name a {noun}",
            fix=f"use letters, digits, dashes, underscores and dots, at most {_LONGEST}, such as "
            "'stock-quotes'",
        )
    return name


def work_name(name: str, verb: str) -> str:
    """What a function or run is called that does something for a definition.

    >>> work_name("Stock_quotes.v2", "ingest")
    'stock-quotes-v2-ingest'
    """
    kept = re.sub(r"[^a-z0-9]+", "-", str(name).lower())[: _LONGEST_RUN - len(verb) - 1]
    return f"{kept.strip('-') or 'set'}-{verb}"


class Metadata(Fields):
    """MLRun's metadata of versioned objects.

    Args:
        name: The name.
        tag: The tag of the version.
        uid: The version, a hash of its content.
        project: The project; empty: the default one.
        labels: Labels.
        updated: When it was saved last, ISO time.
    """

    _fields = ("name", "tag", "uid", "project", "labels", "annotations", "updated")
    _texts = ("name", "tag", "uid", "project", "updated")
    _mappings = ("labels", "annotations")

    def __init__(
        self,
        name: str | None = None,
        tag: str | None = None,
        uid: str | None = None,
        project: str | None = None,
        labels: Mapping[str, str] | None = None,
        updated: str | None = None,
    ) -> None:
        self.name = name or ""
        self.tag = tag or ""
        self.uid = uid or ""
        self.project = project or ""
        self.labels = dict(labels or {})
        self.annotations: dict[str, str] = {}
        self.updated = updated
