"""A plan with the code of its functions as one JSON text, which jobs of other engines carry.

The text is safe inside shells' quotes, YAML, GitHub's `${{ }}`, Argo's and Jinja's `{{ }}`: what
these would replace is written as JSON escapes. A long one is packed. Variables of functions whose
values look secret are in it by name only: jobs take them from their own environment.
"""

from __future__ import annotations

import base64
import bz2
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like import __version__
from mlrun_like.errors import MLRunLikeError, PipelineError
from mlrun_like.functions.documents import from_document, public, require_code
from mlrun_like.functions.function import Function
from mlrun_like.pipelines.document import plan_from_document, to_document
from mlrun_like.pipelines.exports.problems import Problems
from mlrun_like.pipelines.nodes import Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.registry import resolve
from mlrun_like.specs.function import FunctionDoc

__all__ = [
    "FORM",
    "MOST",
    "header",
    "read_package",
    "safe_json",
    "secrets_of",
    "shortened",
    "to_package",
    "unpacked",
]

FORM = "mlrun-like/pipeline"
"""What a package says it is."""

MOST = 120_000
"""Bytes: what fits into one environment variable of a job on Linux, which is 128 KiB."""

_PACKED = "mlrun-like/packed:"
_ESCAPES = {"$": "\\u0024", "'": "\\u0027", "`": "\\u0060", "\x7f": "\\u007f"}
_OPENERS = ("{", "%", "#")


def header(target: str) -> str:
    """The first lines of an exported file, without the marks of a comment.

    >>> header("GitHub Actions").startswith("Made by mlrun_like ")
    True
    """
    return (
        f"Made by mlrun_like {__version__} for {target}. "
        "Do not edit: change the pipeline and export it again."
    )


def safe_json(value: Any) -> str:
    r"""JSON that no shell or template language finds anything to replace in.

    >>> safe_json({"a": "${{ x }}'"})
    '{"a": "\\u0024{\\u007b x }}\\u0027"}'
    """
    text = json.dumps(value)  # in its own order: that of a mapping's keys has a meaning
    for plain, escaped in _ESCAPES.items():
        text = text.replace(plain, escaped)  # none of them is part of JSON's own syntax
    for opener in _OPENERS:
        escaped = "{" + f"\\u{ord(opener):04x}"
        while "{" + opener in text:  # only inside texts: JSON has no such sequence
            text = text.replace("{" + opener, escaped)
    return text


def to_package(plan: Plan, problems: Problems | None = None) -> str:
    """The plan and its functions as text; the same plan gives the same text.

    Args:
        plan: The pipeline.
        problems: Where to note what cannot travel; None: it is raised.

    Raises:
        PipelineError: naming all steps that cannot travel, and why.
    """
    document = to_document(plan)
    rows = {row["name"]: row for row in _step_rows(document["body"])}
    functions: dict[str, Any] = {}
    keys: dict[str, str] = {}
    noted = problems or Problems(plan.name, "a package")
    for step in plan.steps:
        with noted.caught():
            _check_plain(rows[step.name], f"step {step.name!r}")
        with noted.caught():
            found = _function(step)
            text = step.function.name + json.dumps(found, sort_keys=True)
            if text not in keys:
                keys[text] = _key(step.function.name, functions)
                functions[keys[text]] = found
            rows[step.name]["function"] = keys[text]
    for part in ("parameters", "outputs"):
        with noted.caught():
            _check_plain(document.get(part), f"pipeline {plan.name!r}")
    for name, row in _loops_and_branches(document["body"]):
        with noted.caught():
            _check_plain(row, repr(name))
    if problems is None:
        noted.check()
    whole = {"kind": FORM, "made_by": __version__, "plan": document, "functions": functions}
    return safe_json(whole)


def shortened(text: str) -> str:
    """A package that is too long for a job's environment, packed; the same text gives the same.

    >>> json.loads(unpacked(shortened('{"a": 1}')))
    {'a': 1}
    """
    return _PACKED + base64.b64encode(bz2.compress(text.encode())).decode()


def unpacked(text: str) -> str:
    """A package as it was before it was packed, if it was.

    Raises:
        ValueError: if it is damaged.
    """
    if not text.startswith(_PACKED):
        return text
    try:
        return bz2.decompress(base64.b64decode(text[len(_PACKED) :], validate=True)).decode()
    except (OSError, EOFError) as exc:
        raise ValueError(str(exc)) from exc


def secrets_of(step: Step) -> dict[str, tuple[str, str]]:
    """Variables of a step's function that are secret: by name the Kubernetes Secret and its key."""
    function: Any = step.function
    rows = _environment(function._doc()) if isinstance(function, Function) else []
    found = {}
    for row in rows:
        given = (row.get("valueFrom") or {}).get("secretKeyRef")
        if given:
            found[str(row["name"])] = str(given.get("name", "")), str(given.get("key", ""))
    return found


def read_package(text: str, where: str = "") -> Plan:
    """The plan of a package, its functions ready to run.

    Raises:
        PipelineError: if it is none, or damaged.
    """
    try:
        found = json.loads(unpacked(text.strip()))
        if not isinstance(found, Mapping) or found.get("kind") != FORM:
            raise ValueError(f"its kind is not {FORM!r}")
        functions: dict[str, Any] = {
            key: from_document(item, where) for key, item in found["functions"].items()
        }
        return plan_from_document(found["plan"], functions.__getitem__)
    except MLRunLikeError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise PipelineError(
            f"this is not a package of a pipeline: {exc}",
            where=where,
            fix="export the pipeline again",
        ) from exc


def _function(step: Step) -> dict[str, Any]:
    function: Any = step.function
    if step.action != "run":
        raise PipelineError(
            f"step {step.name!r} does {step.action!r} with its function, which jobs of other "
            "engines cannot",
            fix=f"{step.action} {function.name!r} before, and export the pipeline without the step",
        )
    if not isinstance(function, Function):
        raise PipelineError(
            f"step {step.name!r} runs {function!r:.80}, which has no document",
            fix="run a function of @function, code_to_function or import_function",
        )
    document = function._doc()
    try:
        require_code(document)
    except MLRunLikeError as exc:
        raise PipelineError(
            f"the code of step {step.name!r} cannot travel: {exc.what}",
            where=exc.where,
            fix=exc.fix,
        ) from exc
    found: dict[str, Any] = json.loads(json.dumps(public(document).to_dict(), default=str))
    found.pop("status", None)
    for name in ("updated", "hash"):  # of when it was stored last, if it was
        found["metadata"].pop(name, None)
    found["spec"].pop("environment", None)  # a job has its own
    if found["spec"].get("env"):
        found["spec"]["env"] = _environment(document)
    for name in ("code_origin", "origin_filename"):  # paths of this machine
        found["spec"].get("build", {}).pop(name, None)
    return found


def _environment(document: FunctionDoc) -> list[dict[str, Any]]:
    secret = resolve("mlrun_like.runtimes.kubernetes.pod:env_secret_name")(document)
    find = resolve("mlrun_like.runtimes.kubernetes.variables:environment_of")
    rows: list[dict[str, Any]] = find(document, secret)
    return rows


def _key(name: str, known: Mapping[str, Any]) -> str:
    count, key = 2, name
    while key in known:
        key, count = f"{name}-{count}", count + 1
    return key


def _step_rows(body: Any) -> list[dict[str, Any]]:
    found = []
    for item in body:
        ((kind, row),) = item.items()
        if kind == "step":
            found.append(row)
        found += [] if kind != "guard" else [row["handler"]]
        found += _step_rows(row.get("body", ()))
        for arm in row.get("arms", ()):
            found += _step_rows(arm["body"])
    return found


def _loops_and_branches(body: Any) -> Iterator[tuple[str, Any]]:
    """The rows of loops and branches, without what is in them."""
    for item in body:
        ((kind, row),) = item.items()
        if kind == "step":
            continue
        own = {key: value for key, value in row.items() if key not in ("body", "arms", "handler")}
        own["conditions"] = [{**arm, "body": None} for arm in row.get("arms", ())]
        yield row["name"], own
        for each in (row, *row.get("arms", ())):
            yield from _loops_and_branches(each.get("body", ()))


def _check_plain(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        if set(value) == {"$live"}:
            raise PipelineError(
                f"{where} uses {value['$live']}, which is not plain data and cannot be written "
                "into a file",
                fix="pass plain data or the URL of a file",
            )
        for item in value.values():
            _check_plain(item, where)
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, where)
