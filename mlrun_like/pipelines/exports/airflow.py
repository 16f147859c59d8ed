"""A plan as the Python file of an Airflow 3 DAG: Bash tasks, mapped for loops, branches for gates.

What happened is kept in a folder or URL that all workers share. The file needs Airflow and its
standard provider; mlrun-like is needed where tasks run, not where the file is read.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.pipelines.exports.jobs import Job, jobs_of, reachable_ids, without
from mlrun_like.pipelines.exports.package import header
from mlrun_like.pipelines.exports.problems import Problems
from mlrun_like.pipelines.exports.writing import (
    check_cron,
    check_parameters,
    check_schedulable,
    packed,
    retry_of,
    secret_names,
    timeout_of,
    write_text,
)
from mlrun_like.pipelines.nodes import REQUIRED, Parameter
from mlrun_like.pipelines.plan import Plan

__all__ = ["export"]

_TARGET = "Airflow 3"
_GRACE = 30
_SCHEMAS: Mapping[type, str] = {
    int: "integer", float: "number", bool: "boolean", str: "string", list: "array", dict: "object",
}  # fmt: skip


def export(
    plan: Plan,
    target: str = "",
    *,
    schedule: str = "",
    start: str = "2026-01-01",
    state: str = "",
    command: str = "mlrun-like",
) -> str:
    """The DAG file.

    Args:
        plan: The pipeline.
        target: File to write, in Airflow's DAG folder; empty: only give the text.
        schedule: When it runs by itself: a cron expression in UTC.
        start: The first day of the schedule; earlier runs are not caught up on.
        state: Folder or URL that all workers share; empty: `~/.mlrun-like/airflow` of the worker,
            which is enough if there is one.
        command: The program, such as `/opt/venv/bin/mlrun-like`.

    Raises:
        PipelineError: naming the step that Airflow cannot express.
        InvalidArgumentError: if an option is wrong.
    """
    cron = check_cron(schedule)
    days = start.split("-")
    if len(days) != 3 or not all(each.isdigit() for each in days):
        raise InvalidArgumentError(f"start {start!r} is no day", fix='start="2026-01-31"')
    for name, text in (("state", state), ("command", command)):
        if any(mark in text for mark in "'\"\n\\{}$`"):
            raise InvalidArgumentError(
                f"{name} {text!r:.80} cannot be put into a command", fix=f"give a plain {name}"
            )
    problems = Problems(plan.name, _TARGET)
    package = packed(plan, _TARGET, problems)
    check_parameters(plan, problems)
    check_schedulable(plan, cron, problems)
    # A branch skips what comes right after it; a list of rounds must be there, so it never does.
    jobs = without(
        jobs_of(plan, problems), lambda job, other: job.kind == "loop" and other.kind == "gate"
    )
    problems.check()
    ids = reachable_ids([job.name for job in jobs], "A-Za-z0-9_-", "step-", most=200)
    folder = f'"{state.rstrip("/")}"' if state else '"$HOME/.mlrun-like/airflow"'
    parts = [
        _HEAD.format(header=header(_TARGET), notes=_notes(plan)),
        f"PIPELINE = r'''{package}'''\n\n",
        _HELPERS.format(command=command, folder=folder, dag=plan.name),
        _dag(plan, cron, [int(each) for each in days]),
    ]
    variables = {job.name: f"task_{number}" for number, job in enumerate(jobs, 1)}
    parts += [_task(job, jobs, ids, variables) for job in _sorted(jobs)]
    parts += [_edges(job, variables) for job in jobs]
    text = "".join(parts)
    compile(text, f"{plan.name}.py", "exec")  # whatever names and values the plan has
    return write_text(text, target)


_HEAD = """\
# {header}
{notes}
import json
from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import DAG, Param

"""

_HELPERS = """\
COMMAND = r'''
value=$({command} run - --step "%s" %s --skip-code 99 \\
  --state {folder}/{dag}/'{{{{ run_id }}}}' \\
  --workflow '{dag}-{{{{ run_id }}}}' --arguments '{{{{ dict(params) | tojson }}}}' \\
  <<'MLRUN_LIKE_PIPELINE'
%s
MLRUN_LIKE_PIPELINE
)
code=$?
echo "$value"
exit $code
'''


class Decide(BashOperator, BranchMixIn):
    \"\"\"Follows only the arm of a branch that the command names.\"\"\"

    inherits_from_skipmixin = True

    def __init__(self, *, arms, **options):
        super().__init__(**options)
        self.arms = arms

    def execute(self, context):
        return self.do_branch(context, self.arms.get(super().execute(context), []))


def command(step, options=""):
    return COMMAND % (step, options, PIPELINE)


def rounds(value):
    return [{{"MLRUN_LIKE_ROUND": each}} for each in json.loads(value)]


"""


def _notes(plan: Plan) -> str:
    names = ", ".join(secret_names(plan))
    return f"# Workers need the environment variables: {names}\n" if names else ""


def _dag(plan: Plan, cron: str, start: list[int]) -> str:
    parameters = "".join(
        f"        {name!r}: {_parameter(name, item)},\n" for name, item in plan.parameters.items()
    )
    year, month, day = start
    return (
        "with DAG(\n"
        f"    dag_id={plan.name!r},\n"
        f"    description={plan.description!r},\n"
        f"    schedule={cron or None!r},\n"
        f"    start_date=datetime({year}, {month}, {day}, tzinfo=timezone.utc),\n"
        "    catchup=False,\n"
        '    tags=["mlrun-like"],\n'
        f"    params={{\n{parameters}    }},\n"
        "):\n"
    )


def _parameter(name: str, parameter: Parameter) -> str:
    kind = _SCHEMAS.get(parameter.type) if parameter.type else None
    schema = f", type={kind!r}" if kind else ""
    if parameter.default is REQUIRED:
        return f"Param({schema[2:]})"
    if parameter.default is None and kind:
        schema = f", type=['null', {kind!r}]"
    return f"Param({parameter.default!r}{schema})"


def _task(job: Job, jobs: list[Job], ids: Mapping[str, str], variables: Mapping[str, str]) -> str:
    options: dict[str, str] = {"task_id": repr(ids[job.name])}
    flags, own = _retries(job)
    options |= own
    node = f"{job.name}[$MLRUN_LIKE_ROUND]" if job.loop else job.name
    options["bash_command"] = f"command({node!r}{f', {flags!r}' if flags else ''})"
    options["trigger_rule"] = repr("all_done" if job.is_patient else "none_failed")
    if job.title:
        options["doc"] = repr(job.title)
    call = "BashOperator"
    if job.kind == "gate":
        call = "Decide"
        arms: dict[str, list[str]] = {}
        for each in jobs:
            if each.gate and each.gate[0] == job.name and each.kind != "loop":
                arms.setdefault(str(each.gate[1]), []).append(ids[each.name])
        options["arms"] = repr(arms)
    if job.kind == "loop":
        options["output_processor"] = "rounds"
    end = ""
    if job.loop:
        call += ".partial"
        options["append_env"] = "True"
        options |= {"max_active_tis_per_dagrun": str(job.most)} if job.most else {}
        end = f".expand(env={variables[job.loop]}.output)"
    body = "".join(f"        {key}={value},\n" for key, value in options.items())
    return f"    {variables[job.name]} = {call}(\n{body}    ){end}\n"


def _retries(job: Job) -> tuple[str, dict[str, str]]:
    """Airflow's own retries, where they wait as ours do; otherwise the run tries again itself."""
    retry, timeout = retry_of(job), timeout_of(job)
    found: dict[str, str] = {"retries": "0"}
    native = bool(retry.count) and retry.factor in (1.0, 2.0)
    if native:
        found["retries"] = str(retry.count)
        found["retry_delay"] = f"timedelta(seconds={retry.backoff!r})"
        found["retry_exponential_backoff"] = repr(retry.factor == 2.0)
        found["max_retry_delay"] = f"timedelta(seconds={retry.max_backoff!r})"
    if timeout and (native or not retry.count):
        found["execution_timeout"] = f"timedelta(seconds={timeout + _GRACE!r})"
    return "--once" if native else "", found


def _edges(job: Job, variables: Mapping[str, str]) -> str:
    needs = list(job.needs)
    if job.gate and job.kind != "loop":
        needs.append(job.gate[0])
    names = [variables[name] for name in dict.fromkeys(needs)]
    return f"    [{', '.join(names)}] >> {variables[job.name]}\n" if names else ""


def _sorted(jobs: list[Job]) -> list[Job]:
    """Loops before the tasks that are mapped over their rounds."""
    return sorted(jobs, key=lambda job: bool(job.loop))
