"""A plan as a Workflow of Argo: a DAG with one task for each step, gate and loop.

What happened is kept in a volume of the workflow, or at a URL. An exit handler around the whole
pipeline is Argo's own (`onExit`); one around a part is a task that waits however that part ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.exports.jobs import Job, jobs_of, reachable_ids
from mlrun_like.pipelines.exports.package import secrets_of
from mlrun_like.pipelines.exports.problems import Problems
from mlrun_like.pipelines.exports.writing import (
    check_cron,
    check_names,
    check_parameters,
    check_schedulable,
    default_text,
    packed,
    plain_option,
    retry_of,
    timeout_of,
    to_yaml,
    write_text,
)
from mlrun_like.pipelines.nodes import REQUIRED, Parameter, Step
from mlrun_like.pipelines.plan import Plan

__all__ = ["export"]

_TARGET = "Argo Workflows"
_VALUE = "/tmp/mlrun-like-value"
_VOLUME = "/mlrun-like"
_PACKAGE = "mlrun-like-pipeline"
_GRACE = 30


def export(
    plan: Plan,
    target: str = "",
    *,
    image: str = "",
    schedule: str = "",
    state: str = "",
    volume_size: str = "1Gi",
    secrets: Mapping[str, str] | None = None,
    service_account: str = "",
) -> str:
    """The manifest of a Workflow, or with a schedule of a CronWorkflow.

    Args:
        plan: The pipeline.
        target: File to write; empty: only give the text.
        image: Of steps whose function has none: with Python and mlrun-like.
        schedule: When it runs by itself: a cron expression.
        state: URL where what happened is kept, such as `s3://bucket/state`; empty: a volume that
            many nodes can write (ReadWriteMany).
        volume_size: Of that volume.
        secrets: Environment variables of steps from a Secret's keys: `{"NAME": "secret/key"}`.
        service_account: Name of the account that pods run as.

    Raises:
        PipelineError: naming the step that Argo cannot express.
        InvalidArgumentError: if an option is wrong.
    """
    cron = check_cron(schedule)
    problems = Problems(plan.name, _TARGET)
    package = packed(plan, _TARGET, problems)
    jobs = jobs_of(plan, problems)
    check_parameters(plan, problems)
    check_schedulable(plan, cron, problems)
    for name, item in plan.parameters.items():
        with problems.caught():
            _parameter(name, item)
    for job in jobs:
        if not _image(job, image):
            problems.add(
                f"no image is known in which {job.name!r} can run",
                fix='export(plan, image="registry/image:tag"), with Python and mlrun-like in it',
            )
    problems.check()
    exits = _whole_handler(plan, jobs)
    ids = reachable_ids(["pipeline", *(job.name for job in jobs)], "a-zA-Z0-9-", "step-")
    limited = {job.name: f"{ids[job.name]}-rounds" for job in jobs if job.loop and job.most}
    environment = _environment(plan, secrets or {})
    folder = f"{plain_option(state, 'state').rstrip('/')}" if state else _VOLUME
    tasks = [_task(job, ids, limited) for job in jobs if job.name != exits]
    templates: list[dict[str, Any]] = [
        {"name": "pipeline", "dag": {"failFast": False, "tasks": tasks}}
    ]
    for job in jobs:
        templates.append(_template(job, plan, ids, environment, image, folder))
        if job.name in limited:
            templates.append(_rounds(job, ids, limited[job.name]))
    parameters = [_parameter(name, item) for name, item in plan.parameters.items()]
    parameters.append({"name": _PACKAGE, "value": package})
    spec: dict[str, Any] = {
        "entrypoint": "pipeline",
        **({"onExit": ids[exits]} if exits else {}),
        **({"serviceAccountName": service_account} if service_account else {}),
        "arguments": {"parameters": parameters},
        **({} if state else {"volumeClaimTemplates": [_claim(volume_size)]}),
        "templates": templates,
    }
    whole: dict[str, Any] = {"apiVersion": "argoproj.io/v1alpha1"}
    if cron:
        whole |= {"kind": "CronWorkflow", "metadata": {"name": plan.name}}
        whole["spec"] = {"schedules": [cron], "workflowSpec": spec}
    else:
        whole |= {"kind": "Workflow", "metadata": {"generateName": f"{plan.name}-"}, "spec": spec}
    return write_text(to_yaml(_TARGET, whole), target)


def _task(job: Job, ids: Mapping[str, str], limited: Mapping[str, str]) -> dict[str, Any]:
    needs = list(dict.fromkeys([*job.needs, *([job.gate[0]] if job.gate else [])]))
    found: dict[str, Any] = {"name": ids[job.name], "template": ids[job.name]}
    if needs:
        found["depends"] = " && ".join(_end(ids[name], job, name == job.loop) for name in needs)
    if job.loop:
        found["template"] = limited.get(job.name, ids[job.name])
        rounds = f"{{{{tasks.{ids[job.loop]}.outputs.parameters.value}}}}"
        if job.name in limited:
            found["arguments"] = {"parameters": [{"name": "rounds", "value": rounds}]}
        else:
            found |= _each(rounds)
    elif job.gate and job.kind == "step" and not job.is_patient:
        value = f"{{{{tasks.{ids[job.gate[0]]}.outputs.parameters.value}}}}"
        found["when"] = f"'{value}' == '{job.gate[1]}'"
    return found


def _end(task: str, job: Job, is_loop: bool) -> str:
    """What must be true of a task before a job; a patient one waits for any end."""
    if not job.is_patient or is_loop:  # without the list of rounds there is nothing to repeat
        return task
    ends = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")
    return "(" + " || ".join(f"{task}.{end}" for end in ends) + ")"


def _each(rounds: str) -> dict[str, Any]:
    given = {"parameters": [{"name": "round", "value": "{{item}}"}]}
    return {"arguments": given, "withParam": rounds}


def _rounds(job: Job, ids: Mapping[str, str], name: str) -> dict[str, Any]:
    """A DAG of its own: the place where Argo takes how many rounds run at a time."""
    task = {"name": "round", "template": ids[job.name], **_each("{{inputs.parameters.rounds}}")}
    return {
        "name": name,
        "inputs": {"parameters": [{"name": "rounds"}]},
        "parallelism": job.most,
        "dag": {"failFast": False, "tasks": [task]},
    }


def _template(
    job: Job, plan: Plan, ids: Mapping[str, str], environment: list[Any], image: str, folder: str
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": ids[job.name]}
    node, own = job.name, list(environment)
    if job.loop:
        found["inputs"] = {"parameters": [{"name": "round"}]}
        own.append({"name": "MLRUN_LIKE_ROUND", "value": "{{inputs.parameters.round}}"})
        node += "[$MLRUN_LIKE_ROUND]"
    backoff = _backoff(job)
    if backoff:
        found["retryStrategy"] = backoff
    if timeout_of(job) and (backoff or not retry_of(job).count):
        found["activeDeadlineSeconds"] = int(timeout_of(job)) + _GRACE
    function: Any = job.node.function if isinstance(job.node, Step) else None
    for name, (secret, key) in secrets_of(job.node).items() if isinstance(job.node, Step) else ():
        if name not in {row["name"] for row in own}:
            source = {"secretKeyRef": {"name": secret, "key": key}}
            own.append({"name": name, "valueFrom": source})
    given = "".join(f'-p "{name}=$PARAM_{name}" ' for name in plan.parameters)
    script = (
        "printf '%s' \"$MLRUN_LIKE_PIPELINE\" | mlrun-like run - "
        f'--step "{node}" --state "{folder}/$MLRUN_LIKE_WORKFLOW" --local '
        f"{'--once ' if backoff else ''}"
        f'--workflow "$MLRUN_LIKE_WORKFLOW" {given}> {_VALUE}'
    )
    found["container"] = {
        "image": plain_option(_image(job, image), "image"),
        "command": ["sh", "-c"],
        "args": [script],
        "env": own,
    }
    if function is not None and function.spec.resources:
        found["container"]["resources"] = dict(function.spec.resources)
    if folder == _VOLUME:
        found["container"]["volumeMounts"] = [{"name": "state", "mountPath": _VOLUME}]
    if job.kind != "step":
        output = {"name": "value", "valueFrom": {"path": _VALUE}}
        found["outputs"] = {"parameters": [output]}
    return found


def _image(job: Job, image: str) -> str:
    spec = getattr(job.node.function, "spec", None) if isinstance(job.node, Step) else None
    return str((spec.image if spec is not None else "") or image)


def _backoff(job: Job) -> dict[str, Any]:
    """Argo's own retries, where they wait as ours do; otherwise the run tries again itself."""
    retry = retry_of(job)
    whole = float(retry.factor).is_integer()
    capped = retry.count and retry.backoff * retry.factor ** (retry.count - 1) > retry.max_backoff
    if not retry.count or not whole or capped:
        return {}
    backoff = {"duration": f"{round(retry.backoff * 1000)}ms", "factor": str(int(retry.factor))}
    return {"limit": str(retry.count), "retryPolicy": "OnFailure", "backoff": backoff}


def _whole_handler(plan: Plan, jobs: list[Job]) -> str:
    """The handler of a guard that is the whole pipeline; empty: there is none."""
    guard: Any = plan.body[0] if len(plan.body) == 1 else None
    handler = getattr(getattr(guard, "handler", None), "name", "")
    return handler if any(job.name == handler and not job.loop for job in jobs) else ""


def _environment(plan: Plan, secrets: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "MLRUN_LIKE_PIPELINE", "value": f"{{{{workflow.parameters.{_PACKAGE}}}}}"},
        {"name": "MLRUN_LIKE_WORKFLOW", "value": "{{workflow.uid}}"},
    ]
    for name in plan.parameters:
        found.append({"name": f"PARAM_{name}", "value": f"{{{{workflow.parameters.{name}}}}}"})
    for name in check_names(list(secrets), "secrets"):
        secret, _, key = secrets[name].partition("/")
        if not secret or not key:
            raise PipelineError(
                f"secret {name!r} is taken from {secrets[name]!r}, which names no key",
                fix='secrets={"MLRUN_LIKE_DBPATH": "mlrun-like/dbpath"}: the Secret and its key',
            )
        found.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    return found


def _parameter(name: str, parameter: Parameter) -> dict[str, Any]:
    if parameter.default is REQUIRED:
        return {"name": name}
    text = "" if parameter.default is None else default_text(name, parameter)
    if "{{" in text:
        raise PipelineError(
            f"the default of parameter {name!r} has '{{{{' in it, which Argo would replace",
            fix="leave the default out and give the value when the workflow is submitted",
        )
    return {"name": name, "value": text}


def _claim(size: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "state"},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": plain_option(size, "volume_size")}},
        },
    }
