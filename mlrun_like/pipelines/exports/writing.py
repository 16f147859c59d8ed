"""Exported files: options that are checked, YAML with a header, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mlrun_like import __version__
from mlrun_like.errors import InvalidArgumentError, PipelineError
from mlrun_like.pipelines.exports.jobs import Job
from mlrun_like.pipelines.exports.package import (
    MOST,
    header,
    secrets_of,
    shortened,
    to_package,
)
from mlrun_like.pipelines.exports.problems import Problems
from mlrun_like.pipelines.nodes import REQUIRED, Parameter, Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.specs.values import Retry

__all__ = [
    "PlainDumper",
    "check_cron",
    "check_names",
    "check_parameters",
    "check_schedulable",
    "default_text",
    "packed",
    "plain_option",
    "requirements_of",
    "retry_of",
    "secret_names",
    "timeout_of",
    "to_yaml",
    "write_text",
]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_CRON = re.compile(r"[0-9A-Za-z*/,#?L-]+( [0-9A-Za-z*/,#?L-]+){4}\Z")


class PlainDumper(yaml.SafeDumper):
    """Plain YAML without anchors; texts of several lines are blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


PlainDumper.add_representer(str, _text)
# Other packages quote these, which YAML 1.1 calls boolean, and do so for all of PyYAML: what is
# written shall not depend on what was imported.
PlainDumper.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:y|Y|n|N)$"), list("yYnN")
)


def to_yaml(target: str, document: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """A document as YAML below a header that says what made it."""
    lines = [header(target), *notes]
    head = "".join(f"# {re.sub(r'[^ -~]', '?', line)}\n" for line in lines)
    body = yaml.dump(dict(document), Dumper=PlainDumper, sort_keys=False, width=100)
    return head + str(body)


def write_text(text: str, target: str) -> str:
    """The text, also written to a file if one is named; a reader sees the old one or the new one.

    Raises:
        PipelineError: if it cannot be written.
    """
    if not target:
        return text
    path = Path(target)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as exc:
        raise PipelineError(f"the export cannot be written: {exc}", where=target) from exc
    return text


def packed(plan: Plan, target: str, problems: Problems) -> str:
    """The package of a plan, packed if it is long; what does not fit or travel is noted."""
    text = to_package(plan, problems)
    if len(text) > MOST:
        text = shortened(text)
    if len(text) > MOST:
        problems.add(
            f"the plan and the code of its functions are {len(text)} bytes when packed, and a job "
            f"of {target} takes at most {MOST} in its environment",
            fix="pass long values as files, and put large modules into a package that is installed",
        )
    return text


def requirements_of(plan: Plan, packages: Sequence[str] | None) -> list[str]:
    """What jobs install: these, or this version of mlrun_like and what the functions require."""
    if packages is not None:
        return list(packages)
    found = {f"mlrun-like=={__version__}": None}
    for step in plan.steps:
        function: Any = step.function
        spec = getattr(function, "spec", None)
        found.update(dict.fromkeys(map(str, spec.build.requirements if spec is not None else ())))
    return list(found)


def secret_names(plan: Plan) -> list[str]:
    """Variables that jobs must have in their environment, since their values are secret."""
    return sorted({name for step in plan.steps for name in secrets_of(step)})


def check_schedulable(plan: Plan, cron: str, problems: Problems) -> None:
    """Note the parameters that a run by a schedule would lack."""
    for name, item in plan.parameters.items() if cron else ():
        if item.default is REQUIRED:
            problems.add(
                f"parameter {name!r} has no default, so it cannot run on a schedule",
                fix=f"give {name!r} a default",
            )


def check_parameters(plan: Plan, problems: Problems) -> None:
    """Note parameters whose names or defaults cannot be written."""
    for name, item in plan.parameters.items():
        if not _NAME.match(name):
            problems.add(
                f"parameter {name!r} is no name of an environment variable",
                fix="name parameters with letters, digits and underscores",
            )
        if item.default is not REQUIRED:
            with problems.caught():
                default_text(name, item)


def check_cron(text: str) -> str:
    """A cron expression of five fields.

    Raises:
        InvalidArgumentError: if it is none.

    >>> check_cron("0 3 * * MON-FRI")
    '0 3 * * MON-FRI'
    """
    if not isinstance(text, str) or (text and not _CRON.match(text)):
        raise InvalidArgumentError(
            f"schedule {text!r} is no cron expression of five fields", fix='schedule="0 3 * * *"'
        )
    return text


def check_names(names: Sequence[str], what: str) -> list[str]:
    """Names of environment variables.

    Raises:
        InvalidArgumentError: if one cannot be such a name.
    """
    wrong = [name for name in names if not isinstance(name, str) or not _NAME.match(name)]
    if isinstance(names, str):
        wrong = [names]
    if wrong:
        raise InvalidArgumentError(
            f"{what} {wrong[0]!r} is no name of an environment variable",
            fix=f'{what}=["MLRUN_LIKE_DBPATH"]',
        )
    return list(names)


def default_text(name: str, parameter: Parameter) -> str:
    """The default of a parameter as a person would type it.

    Raises:
        PipelineError: if it is not plain data.
    """
    if isinstance(parameter.default, str):
        return parameter.default
    try:
        return json.dumps(parameter.default)
    except (TypeError, ValueError) as exc:
        raise PipelineError(
            f"the default of parameter {name!r} is {parameter.default!r:.80}, which is not plain "
            "data and cannot be written into a file",
            fix="use numbers, texts, lists and mappings",
        ) from exc


def plain_option(text: str, name: str) -> str:
    """An option that is put into the file as it is.

    Raises:
        InvalidArgumentError: if it is empty or holds what the file's language would replace.
    """
    if not isinstance(text, str) or not text.strip() or re.search(r"[\n\r\0]|\$?\{\{", text):
        raise InvalidArgumentError(
            f"{name} {text!r:.80} cannot be put into the file", fix=f"give {name} as plain text"
        )
    return text


def retry_of(job: Job) -> Retry:
    """How often and when a step is tried again; a retry of zero for what is no step."""
    if not isinstance(job.node, Step):
        return Retry()
    function: Any = job.node.function
    given = job.node.options.get("retry")
    given = function.spec.retry if given is None else given
    if isinstance(given, Retry):
        return given
    if isinstance(given, Mapping):
        return Retry(**given)
    return Retry(count=given or 0) if isinstance(given, int) or given is None else Retry()


def timeout_of(job: Job) -> float:
    """Seconds after which a step is stopped; 0: never, or only the run knows."""
    if not isinstance(job.node, Step):
        return 0.0
    function: Any = job.node.function
    given = job.node.options.get("timeout")
    given = function.spec.timeout if given is None else given
    return float(given) if isinstance(given, (int, float)) else 0.0
