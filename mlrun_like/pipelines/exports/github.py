"""A plan as a workflow of GitHub Actions: one job for each step, a matrix for each loop.

What happened travels as artifacts of the workflow. Artifacts of the runs, such as models, travel by
reference: the jobs need a shared store and artifact path, by default from the repository's secrets.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.pipelines.exports.arguments import TEXTS
from mlrun_like.pipelines.exports.jobs import Job, jobs_of, reachable_ids
from mlrun_like.pipelines.exports.problems import Problems
from mlrun_like.pipelines.exports.writing import (
    check_cron,
    check_names,
    check_parameters,
    check_schedulable,
    default_text,
    packed,
    plain_option,
    requirements_of,
    secret_names,
    to_yaml,
    write_text,
)
from mlrun_like.pipelines.nodes import REQUIRED, Loop, Parameter
from mlrun_like.pipelines.plan import Plan

__all__ = ["SECRETS", "export"]

SECRETS = ("MLRUN_LIKE_DBPATH", "MLRUN_LIKE_ARTIFACT_PATH")
"""Secrets that jobs get as environment variables unless the export says otherwise."""

_TARGET = "GitHub Actions"
_STATE = ".mlrun-like/state"
_ROUNDS = 256
_INPUTS = 25
_TYPES: Mapping[type, str] = {int: "number", float: "number", bool: "boolean"}


def export(
    plan: Plan,
    target: str = "",
    *,
    schedule: str = "",
    python: str = "3.11",
    runs_on: str = "ubuntu-latest",
    packages: Sequence[str] | None = None,
    secrets: Sequence[str] = SECRETS,
    checkout: bool = True,
) -> str:
    """The workflow file.

    Args:
        plan: The pipeline.
        target: File to write, such as `.github/workflows/train.yml`; empty: only give the text.
        schedule: When it runs by itself: a cron expression in UTC; parameters have their defaults.
        python: The version of Python.
        runs_on: Label of the runners.
        packages: What jobs install; None: this version of mlrun_like and what functions require.
        secrets: Secrets of the repository that jobs get as environment variables, besides those
            that functions name.
        checkout: Whether jobs have the repository's files.

    Raises:
        PipelineError: naming the step that GitHub Actions cannot express.
        InvalidArgumentError: if an option is wrong.
    """
    cron = check_cron(schedule)
    problems = Problems(plan.name, _TARGET)
    package = packed(plan, _TARGET, problems)
    jobs = jobs_of(plan, problems)
    _check(plan, jobs, problems)
    check_schedulable(plan, cron, problems)
    problems.check()
    ids = reachable_ids([job.name for job in jobs], "A-Za-z0-9_-", "step-")
    requirements = " ".join(map(shlex.quote, requirements_of(plan, packages)))
    setup: list[dict[str, Any]] = [
        *([{"uses": "actions/checkout@v4"}] if checkout else []),
        {
            "uses": "actions/setup-python@v5",
            "with": {"python-version": plain_option(python, "python")},
        },
        {"run": plain_option(f"python -m pip install {requirements}", "packages")},
    ]
    names = dict.fromkeys([*check_names(secrets, "secrets"), *secret_names(plan)])
    given = {"inputs": {name: _input(name, item) for name, item in plan.parameters.items()}}
    environment = {
        "MLRUN_LIKE_PIPELINE": package,
        "MLRUN_LIKE_ARGUMENTS": '{"%s": ${{ toJSON(inputs) }}}' % TEXTS,  # noqa: UP031
        "MLRUN_LIKE_WORKFLOW": "github-${{ github.repository_id }}-${{ github.run_id }}",
        **{name: f"${{{{ secrets.{name} }}}}" for name in names},
    }
    workflow = {
        "name": plan.name,
        "on": {
            "workflow_dispatch": given if plan.parameters else {},
            **({"schedule": [{"cron": cron}]} if cron else {}),
        },
        "permissions": {"contents": "read"},
        "defaults": {"run": {"shell": "bash"}},
        "env": environment,
        "jobs": {
            ids[job.name]: _job(job, ids, plain_option(runs_on, "runs_on"), setup) for job in jobs
        },
    }
    return write_text(to_yaml(_TARGET, workflow), target)


def _job(job: Job, ids: Mapping[str, str], runs_on: str, setup: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": job.name, "runs-on": runs_on}
    needs = list(dict.fromkeys([*job.needs, *([job.gate[0]] if job.gate else [])]))
    if needs:
        found["needs"] = [ids[name] for name in needs]
    if needs or job.handler:
        found["if"] = f"${{{{ {_condition(job, ids)} }}}}"
    node, file, name = job.name, job.name, ids[job.name]
    environment: dict[str, str] = {}
    if job.loop:
        rounds = f"${{{{ fromJSON(needs.{ids[job.loop]}.outputs.value) }}}}"
        limit = {"max-parallel": job.most} if job.most else {}
        found["strategy"] = {"fail-fast": False, **limit, "matrix": {"round": rounds}}
        environment = {"MLRUN_LIKE_ROUND": "${{ matrix.round }}"}
        node, file = f"{job.name}[$MLRUN_LIKE_ROUND]", f"{job.name}@${{{{ matrix.round }}}}"
        name += "-${{ strategy.job-index }}"
    if job.kind != "step":
        found["outputs"] = {"value": "${{ steps.run.outputs.value }}"}
    run = {
        "id": "run",
        "name": job.title.replace("${{", "$ {{"),
        **({"env": environment} if environment else {}),
        "run": _script(node),
    }
    found["steps"] = [*setup, *([_DOWNLOAD] if needs else []), run]
    if job.kind == "step":
        upload = {
            "name": f"mlrun-like-{name}",
            "path": f"{_STATE}/{file}.json",
            "include-hidden-files": True,
            "if-no-files-found": "ignore",
            "overwrite": True,
        }
        found["steps"].append(
            {"if": "${{ always() }}", "uses": "actions/upload-artifact@v4", "with": upload}
        )
    return found


_DOWNLOAD = {
    "uses": "actions/download-artifact@v4",
    "with": {"pattern": "mlrun-like-*", "path": _STATE, "merge-multiple": True},
}


def _script(node: str) -> str:
    return (
        "value=$(printf '%s' \"$MLRUN_LIKE_PIPELINE\" | mlrun-like run - \\\n"
        f'  --step "{node}" --state {_STATE} \\\n'
        '  --workflow "$MLRUN_LIKE_WORKFLOW" --arguments "$MLRUN_LIKE_ARGUMENTS")\n'
        'echo "value=$value" >> "$GITHUB_OUTPUT"\n'
    )


def _condition(job: Job, ids: Mapping[str, str]) -> str:
    """When a job runs. A job before it that was skipped is no reason not to: it looks itself."""
    parts = ["always()" if job.handler else "!cancelled()"]
    if not job.is_patient:
        parts.append("!contains(needs.*.result, 'failure')")
    if job.gate:
        parts.append(f"needs.{ids[job.gate[0]]}.outputs.value == '{job.gate[1]}'")
    if job.loop:
        value = f"needs.{ids[job.loop]}.outputs.value"
        parts.append(f"{value} != '' && {value} != '[]'")
    return " && ".join(parts)


def _input(name: str, parameter: Parameter) -> dict[str, Any]:
    kind = _TYPES.get(parameter.type, "string") if parameter.type else "string"
    found: dict[str, Any] = {"type": kind, "required": parameter.default is REQUIRED}
    if parameter.default is not REQUIRED and parameter.default is not None:
        found["default"] = default_text(name, parameter) if kind == "string" else parameter.default
    return found


def _check(plan: Plan, jobs: list[Job], problems: Problems) -> None:
    if len(plan.parameters) > _INPUTS:
        problems.add(
            f"it has {len(plan.parameters)} parameters; a workflow takes at most {_INPUTS} inputs",
            fix="put some of them into one parameter of type dict",
        )
    check_parameters(plan, problems)
    for job in jobs:
        items = job.node.items if isinstance(job.node, Loop) else None
        if isinstance(items, (list, tuple)) and len(items) > _ROUNDS:
            problems.add(
                f"loop {job.name!r} has {len(items)} items, and a matrix at most {_ROUNDS}",
                fix="loop over parts of the list, and over the items of a part in a function",
            )
