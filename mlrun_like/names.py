"""Identifiers: name rules, unique ids, and the URIs of artifacts, functions and runs.

The URI forms are MLRun's:

    store://<kind>/<project>/<key>[#<iteration>][:<tag>][@<tree>]
    [db://]<project>/<name>[:<tag>][@<hash>]
    <project>@<uid>[#<iteration>][:<tag>]
"""

from __future__ import annotations

import os
import re
import time
from typing import NamedTuple

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "ARTIFACT_CATEGORIES",
    "ArtifactURI",
    "FunctionURI",
    "RunURI",
    "check_key",
    "check_label",
    "check_place",
    "check_project",
    "check_run_name",
    "check_tag",
    "new_uid",
    "normalize_name",
    "parse_artifact_uri",
    "parse_function_uri",
    "parse_run_uri",
]

ARTIFACT_CATEGORIES = (
    "artifacts", "datasets", "models", "documents", "llm-prompts", "feature-sets",
    "feature-vectors",
)  # fmt: skip

_KEY = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_DNS = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z")
_RUN_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?\Z")
_LABEL_KEY = re.compile(r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_TREE = re.compile(r"[-A-Za-z0-9_.]+\Z")


class ArtifactURI(NamedTuple):
    """The parts of `store://<category>/<project>/<key>[#<iteration>][:<tag>][@<tree>]`."""

    category: str
    project: str
    key: str
    iteration: int | None = None
    tag: str = ""
    tree: str = ""

    def __str__(self) -> str:
        text = f"store://{self.category}/{self.project}/{self.key}"
        if self.iteration is not None:
            text += f"#{self.iteration}"
        if self.tag:
            text += f":{self.tag}"
        return f"{text}@{self.tree}" if self.tree else text


class FunctionURI(NamedTuple):
    """The parts of `<project>/<name>[:<tag>][@<hash>]`."""

    project: str
    name: str
    tag: str = ""
    hash: str = ""

    def __str__(self) -> str:
        text = f"{self.project}/{self.name}"
        if self.hash:
            text += f"@{self.hash}"
        return f"{text}:{self.tag}" if self.tag else text


class RunURI(NamedTuple):
    """The parts of `<project>@<uid>[#<iteration>][:<tag>]`."""

    project: str
    uid: str
    iteration: int = 0
    tag: str = ""

    def __str__(self) -> str:
        text = f"{self.project}@{self.uid}#{self.iteration}"
        return f"{text}:{self.tag}" if self.tag else text


def new_uid() -> str:
    """A new run id: 32 hexadecimal digits, the first 12 the time in ms, so ids sort by age."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def normalize_name(name: str) -> str:
    """A function name in the form all engines accept: lower case, dashes, at most 63 characters.

    >>> normalize_name("Train_Model v2")
    'train-model-v2'

    Raises:
        InvalidArgumentError: if nothing usable is left.
    """
    text = re.sub(r"[\s_]+", "-", str(name).strip()).lower()
    if not _DNS.match(text) or len(text) > 63:
        raise InvalidArgumentError(
            f"function name {name!r} is not usable",
            fix="use letters, digits and dashes, at most 63 characters, such as 'train-model'",
        )
    return text


_FIELDS = {"run name": "run.metadata.name", "project name": "project.metadata.name"}
"""What those look for who read such messages."""


def _check(pattern: re.Pattern[str], value: str, what: str, limit: int, example: str) -> str:
    if not isinstance(value, str) or not pattern.match(value) or len(value) > limit:
        field = _FIELDS.get(what)
        more = f": Field '{field}' is malformed. Does not match required pattern" if field else ""
        raise InvalidArgumentError(
            f"{what} {_short(value)} is not allowed{more}",
            fix=f"start and end with a letter or digit, at most {limit} characters, "
            f"such as {example!r}",
        )
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def check_key(key: str) -> str:
    """`key` if it may name an artifact or result, else InvalidArgumentError."""
    return _check(_KEY, key, "artifact key", 255, "model.v2")


def check_tag(tag: str) -> str:
    """`tag` if it may name a version, else InvalidArgumentError."""
    return _check(_KEY, tag, "tag", 255, "v1.2")


def check_run_name(name: str) -> str:
    """`name` if it may name a run, else InvalidArgumentError."""
    return _check(_RUN_NAME, name, "run name", 63, "train-v2")


def check_project(name: str) -> str:
    """`name` if it may name a project, else InvalidArgumentError."""
    return _check(_DNS, name, "project name", 63, "fraud-demo")


def check_place(name: str) -> str:
    """`name` if records may be kept under it as a project, else InvalidArgumentError.

    Nothing is called by it, so it may be more than the name of a project that is made.
    """
    return _check(_KEY, name, "project name", 63, "fraud-demo")


def check_label(key: str, value: str) -> tuple[str, str]:
    """The label if both sides follow Kubernetes' label rules, else InvalidArgumentError."""
    _check(_LABEL_KEY, key, "label name", 317, "owner")
    # only the prefix may be longer
    _check(_LABEL_KEY, key.rpartition("/")[2], "label name", 63, "owner")
    _check(_LABEL_VALUE, value, f"value of label {key!r}:", 63, "team-a")
    return key, value


def parse_artifact_uri(uri: str, default_project: str = "default") -> ArtifactURI:
    """Take a `store://` URI apart.

    >>> parse_artifact_uri("store://models/fraud/net#2:v1@abc").key
    'net'

    Raises:
        InvalidArgumentError: if it is not a `store://` URI or a part is malformed.
    """
    example = "store://<artifacts|datasets|models>/<project>/<key>[#iteration][:tag][@tree]"
    if not isinstance(uri, str) or not uri.startswith("store://"):
        raise InvalidArgumentError(f"{_short(uri)} is not an artifact URI", fix=f"write {example}")
    rest = uri[len("store://") :]
    category, project = "artifacts", default_project
    head, _, tail = rest.partition("/")
    if head in ARTIFACT_CATEGORIES:
        category, rest = head, tail
        if "/" in rest:
            project, _, rest = rest.partition("/")
            project = project or default_project
    elif tail:
        if "/" in tail:
            raise InvalidArgumentError(
                f"{_short(uri)} has no known kind: {head!r}", fix=f"write {example}"
            )
        project, rest = head or default_project, tail
    rest, _, tree = rest.partition("@")
    rest, _, tag = rest.partition(":")
    key, mark, number = rest.partition("#")
    if mark and not (number.isascii() and number.isdigit()):
        raise InvalidArgumentError(
            f"{_short(uri)}: iteration {number!r} is not a whole number", fix=f"write {example}"
        )
    try:
        check_key(key)
        check_place(project)
        if tag:
            check_key(tag)
        if tree:
            _check(_TREE, tree, "tree", 255, "a1b2c3")
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{_short(uri)}: {exc.what}", fix=f"write {example}") from exc
    return ArtifactURI(category, project, key, int(number) if mark else None, tag, tree)


def parse_function_uri(uri: str, default_project: str = "default") -> FunctionURI:
    """Take `[db://]<project>/<name>[:<tag>][@<hash>]` apart (tag and hash in either order).

    >>> parse_function_uri("db://fraud/train:v1@abc")
    FunctionURI(project='fraud', name='train', tag='v1', hash='abc')

    Raises:
        InvalidArgumentError: if a part is malformed.
    """
    match = re.fullmatch(
        r"(?:db://)?(?:(?P<project>[^/@:]*)/)?(?P<name>[^/@:]+)"
        r"(?::(?P<tag>[^/@:\s]+))?(?:@(?P<hash>[^/@:\s]+))?(?::(?P<tag2>[^/@:\s]+))?",
        uri if isinstance(uri, str) else "",
    )
    if match is None or (match["tag"] and match["tag2"]):
        raise InvalidArgumentError(
            f"{_short(uri)} is not a function URI", fix="write <project>/<name>[:<tag>][@<hash>]"
        )
    return FunctionURI(
        check_project(match["project"] or default_project),
        normalize_name(match["name"]),
        match["tag"] or match["tag2"] or "",
        match["hash"] or "",
    )


def parse_run_uri(uri: str, default_project: str = "default") -> RunURI:
    """Take `[<project>@]<uid>[#<iteration>][:<tag>]` apart.

    >>> parse_run_uri("fraud@a1b2#3")
    RunURI(project='fraud', uid='a1b2', iteration=3, tag='')

    Raises:
        InvalidArgumentError: if a part is malformed.
    """
    match = re.fullmatch(
        r"(?:(?P<project>[^@#:\s]+)@)?(?P<uid>[^@#:\s]+)(?:#(?P<iter>[0-9]{1,9}))?"
        r"(?::(?P<tag>[^@#:\s]+))?",
        uri if isinstance(uri, str) else "",
    )
    if match is None:
        raise InvalidArgumentError(
            f"{_short(uri)} is not a run URI", fix="write <project>@<uid>[#<iteration>]"
        )
    return RunURI(
        match["project"] or default_project,
        match["uid"],
        int(match["iter"] or 0),
        match["tag"] or "",
    )
