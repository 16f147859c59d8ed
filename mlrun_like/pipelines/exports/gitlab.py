"""A plan as a pipeline of GitLab CI: one job for each step.

GitLab decides which jobs there are before the first of them runs. So the steps of a branch are jobs
that look themselves whether they are wanted, and a loop over a list that only the run knows is one
job that runs all its rounds; a loop over a known list has a job for each round. What happened
travels as artifacts of the jobs.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.exports.jobs import Job, jobs_of, reachable_ids, without
from mlrun_like.pipelines.exports.problems import Problems
from mlrun_like.pipelines.exports.writing import (
    check_cron,
    check_parameters,
    default_text,
    packed,
    plain_option,
    requirements_of,
    secret_names,
    to_yaml,
    write_text,
)
from mlrun_like.pipelines.nodes import REQUIRED, Loop, Parameter, shown
from mlrun_like.pipelines.plan import Place, Plan

__all__ = ["export"]

_TARGET = "GitLab CI"
_STATE = ".mlrun-like/state"
_ROUNDS = 200
_NEEDS = 50
_RESERVED = (
    "image", "services", "stages", "types", "before_script", "after_script", "variables", "cache",
    "include", "default", "workflow", "spec", "pages", "true", "false", "nil", "null",
)  # fmt: skip


def export(
    plan: Plan,
    target: str = "",
    *,
    schedule: str = "",
    image: str = "python:3.11",
    packages: Sequence[str] | None = None,
    tags: Sequence[str] = (),
    runtime_loops: str = "one-job",
) -> str:
    """The pipeline file. The store's address comes from the project's CI/CD variables.

    Args:
        plan: The pipeline.
        target: File to write, such as `.gitlab-ci.yml`; empty: only give the text.
        schedule: Refused: GitLab keeps schedules in the project's settings, not in the file.
        image: The image of jobs, with Python and pip.
        packages: What jobs install; None: this version of mlrun_like and what functions require.
        tags: Of the runners.
        runtime_loops: `one-job` runs all rounds of a loop over a list that only the run knows in
            one job; `refuse` raises.

    Raises:
        PipelineError: naming the step that GitLab CI cannot express.
        InvalidArgumentError: if an option is wrong.
    """
    problems = Problems(plan.name, _TARGET)
    if check_cron(schedule):
        problems.add(
            f"GitLab CI keeps schedules outside of the file, so {schedule!r} cannot be written",
            fix="export without schedule, and add it in the project: Build > Pipeline schedules",
        )
    package = packed(plan, _TARGET, problems)
    check_parameters(plan, problems)
    jobs = without(jobs_of(plan, problems), lambda _, other: other.kind != "step")
    jobs = [job for job in jobs if job.kind == "step"]
    all_rounds = {}
    for job in jobs:
        with problems.caught():
            all_rounds[job.name] = _rounds(plan.places[job.name], plan)
            _check(job, all_rounds[job.name], plan, runtime_loops)
    problems.check()
    ids = reachable_ids([*_RESERVED, *(job.name for job in jobs)], "A-Za-z0-9_-", "step-")
    requirements = " ".join(map(shlex.quote, requirements_of(plan, packages)))
    base: dict[str, Any] = {"image": plain_option(image, "image")}
    base["before_script"] = [plain_option(f"python -m pip install {requirements}", "packages")]
    secrets = ", ".join(secret_names(plan))
    notes = [f"Set as CI/CD variables of the project: {secrets}"] if secrets else []
    rows, limits = {}, {}
    for job in jobs:
        rounds = all_rounds[job.name]
        if rounds is None and job.loop:
            items = _items(job, plan)
            notes.append(f"{job.name}: all rounds of the loop over {items} run in one job.")
        elif job.most == 1:
            group = f"mlrun-like-$CI_PIPELINE_ID-{ids[job.name]}"
            limits[ids[job.name]] = {"resource_group": group}
        elif job.most:
            notes.append(f"{job.name}: as many rounds at a time as there are runners.")
        rows[ids[job.name]] = _job(job, ids, rounds, list(plan.parameters))
        rows[ids[job.name]] |= limits.get(ids[job.name], {})
        if tags:
            rows[ids[job.name]]["tags"] = [plain_option(tag, "tags") for tag in tags]
    pipeline = {
        "stages": ["run"],
        "default": base,
        "variables": {
            "MLRUN_LIKE_PIPELINE": {"value": package, "expand": False},
            **{_variable(name): _value(name, item) for name, item in plan.parameters.items()},
        },
        **rows,
    }
    return write_text(to_yaml(_TARGET, pipeline, notes), target)


def _job(
    job: Job, ids: Mapping[str, str], rounds: list[str] | None, parameters: list[str]
) -> dict[str, Any]:
    node = job.name
    found: dict[str, Any] = {"stage": "run", "needs": [ids[name] for name in job.needs]}
    if job.is_patient:
        found["when"] = "always"
    if rounds is not None and job.loop:
        found["parallel"] = {"matrix": [{"MLRUN_LIKE_ROUND": rounds}]}
        node += "[$MLRUN_LIKE_ROUND]"
    elif job.loop:
        node += "[*]"
    given = " ".join(f'-p "{name}=${_variable(name)}"' for name in parameters)
    found["script"] = [
        "printf '%s' \"$MLRUN_LIKE_PIPELINE\" > .mlrun-like.json",
        f'mlrun-like run .mlrun-like.json --step "{node}" --state {_STATE} '
        f'--workflow "gitlab-$CI_PROJECT_ID-$CI_PIPELINE_ID" {given}'.rstrip(),
    ]
    found["artifacts"] = {"when": "always", "paths": [f"{_STATE}/"], "expire_in": "1 week"}
    return found


def _rounds(place: Place, plan: Plan) -> list[str] | None:
    """The rounds of the loops around a step; None: only the run knows them."""
    counts = []
    for name in place.loops:
        loop = plan.places[name].node
        items = loop.items if isinstance(loop, Loop) else ()
        if isinstance(items, (list, tuple)):
            counts.append(len(items))
        elif isinstance(items, int) and not isinstance(items, bool):
            counts.append(items)
        else:
            return None
    found = [",".join(map(str, each)) for each in itertools.product(*map(range, counts))]
    if len(found) > _ROUNDS:
        raise PipelineError(
            f"step {place.name!r} runs {len(found)} times; GitLab CI takes at most {_ROUNDS} jobs "
            "of a kind",
            where=f"pipeline {plan.name!r}",
            fix="loop over a list that a step gives: its rounds share a job",
        )
    return found or None  # no rounds: one job that finds out that there are none


def _items(job: Job, plan: Plan) -> str:
    loop = plan.places[job.loop].node
    return shown(loop.items) if isinstance(loop, Loop) else ""


def _check(job: Job, rounds: list[str] | None, plan: Plan, runtime_loops: str) -> None:
    if len(job.needs) > _NEEDS:
        raise PipelineError(
            f"step {job.name!r} waits for {len(job.needs)} jobs; GitLab CI takes at most {_NEEDS}",
            where=f"pipeline {plan.name!r}",
            fix="collect in between: let some steps wait for others",
        )
    if rounds is None and job.loop and runtime_loops != "one-job":
        raise PipelineError(
            f"step {job.name!r} is in a loop over {_items(job, plan)}, which GitLab CI does not "
            "know before the pipeline runs",
            where=f"pipeline {plan.name!r}",
            fix='loop over a list in the code, or export with runtime_loops="one-job"',
        )


def _variable(name: str) -> str:
    return f"PARAM_{name}"


def _value(name: str, parameter: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {"value": "", "description": f"Parameter {name}"}
    if parameter.default is not REQUIRED and parameter.default is not None:
        found["value"] = default_text(name, parameter)
    return {**found, "expand": False}
