"""`project.run`: workflows of a project, here, in a run of their own, or on Kubeflow Pipelines.

local   in this process: traced into a plan, or eagerly if the body asks for values
remote  a run `workflow-runner-<name>` loads the project and runs the workflow; schedules do that
kfp     exported and submitted
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from mlrun_like.artifacts.stores import join_url
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MLRunLikeError,
    nearest,
)
from mlrun_like.names import new_uid
from mlrun_like.pipelines.eager import EagerEngine
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.workflow import (
    as_pipeline,
    controls_flow,
    give_functions,
    load_workflow,
    plan_of,
)
from mlrun_like.projects.current import WORKFLOW, WorkflowContext
from mlrun_like.projects.exported_workflows import run_exported
from mlrun_like.projects.git import Repository
from mlrun_like.projects.pipeline_runs import STATES, PipelineRunStatus
from mlrun_like.projects.remote_workflows import run_remotely
from mlrun_like.projects.workflow_context import ProjectFunctionsView
from mlrun_like.projects.workflow_spec import WorkflowSpec
from mlrun_like.specs.notification import Notification, read_notifications

__all__ = ["Asked", "find_pipeline", "run_workflow"]

_LOG = logging.getLogger(__name__)
_ENGINES = ("local", "kfp", "remote", "remote:local", "remote:kfp")


@dataclass
class Asked:
    """A workflow as it was asked for.

    Args:
        name: Its name.
        row: What the project's document says of it: path or code, handler, engine, schedule.
        arguments: Values of its parameters.
        handler: A function, or the name of one in the file.
        engine: `local`, `kfp` or `remote`.
        inner: With `remote`: the engine there.
        options: The other arguments of `project.run`.
    """

    name: str
    row: dict[str, Any]
    arguments: dict[str, Any]
    handler: Any = None
    engine: str = "local"
    inner: str = "local"
    options: dict[str, Any] = field(default_factory=dict)

    def spec(self) -> WorkflowSpec:
        """What is told of it when it runs."""
        row = self.row
        handler = self.handler or row.get("handler")
        ttl = self.options.get("cleanup_ttl") or row.get("ttl")
        return WorkflowSpec(
            engine=self.engine, code=row.get("code"), path=row.get("path"), args=self.arguments,
            name=self.name, handler=handler, args_schema=row.get("args_schema"),
            schedule=row.get("schedule"), cleanup_ttl=ttl, image=row.get("image"),
            run_local=bool(self.options.get("local")),
        )  # fmt: skip


def run_workflow(project: Any, **given: Any) -> PipelineRunStatus | None:
    """Do what `project.run` says.

    Args:
        project: The project.
        given: The arguments of `MlrunProject.run`.

    Returns:
        The run; None for one that was scheduled. A workflow that fails here does not raise: the
        state is `Failed`, and `exc` says why.

    Raises:
        InvalidArgumentError: if nothing is named, the engine is unknown or contradicts another
            argument, or an argument that its schema requires is missing.
        NotFoundError: if there is no such workflow.
        ConflictError: if files of the project's repository are not committed.
    """
    asked = _asked(project, given)
    if not given.get("dirty"):
        _check_clean(project)
    if given.get("sync"):
        project.sync_functions(always=True)
    schedule = _schedule(asked, given.get("schedule"))
    notes = _notifications(project, given.get("notifications"))
    if schedule is not None or asked.engine == "remote":
        run = run_remotely(project, vars(asked), notes, schedule)
    elif asked.engine == "kfp":
        path = str(asked.options.get("artifact_path") or "")
        run = run_exported(project, find_pipeline(project, asked), asked.arguments, path)
    else:
        run = _run_here(project, asked, notes)
    if run is not None:
        run.workflow = asked.spec()
    if run is not None and run.state != "Failed" and (given.get("watch") or given.get("timeout")):
        run.wait_for_completion(given.get("timeout"))
    return run


def find_pipeline(project: Any, asked: Asked) -> Pipeline:
    """The pipeline of a workflow, its file executed.

    Raises:
        MissingFileError: if there is no such file.
        NotFoundError: if it has no such handler.
    """
    if callable(asked.handler):
        return as_pipeline(asked.handler)
    functions = ProjectFunctionsView(project)

    def prepare(module: ModuleType) -> None:
        give_functions(module, functions, dict(project.secrets()))

    handler = str(asked.handler or asked.row.get("handler") or "")
    code = _code(str(asked.row.get("code") or ""))
    path = str(asked.row.get("path") or "")
    if code:
        return load_workflow(handler=handler, code=code, prepare=prepare)
    return load_workflow(Path(project.get_item_absolute_path(path)[0]), handler, prepare=prepare)


def _asked(project: Any, given: Mapping[str, Any]) -> Asked:
    name, path = given.get("name") or "", str(given.get("workflow_path") or "")
    handler, arguments = given.get("workflow_handler"), dict(given.get("arguments") or {})
    if not (name or path or handler):
        names = [str(row.get("name")) for row in project.spec.workflows]
        raise InvalidArgumentError(
            "which workflow? neither a name nor a path nor a handler is given",
            where=f"project {project.name!r}",
            fix=f'project.run("{names[0]}")'
            if names
            else 'project.run(workflow_path="workflow.py")',
        )
    if path or callable(handler):
        row: dict[str, Any] = {"path": path}
    else:
        row = dict(project.get_workflow(name))
        arguments = _merged(row, arguments)
    engine, inner = _engine(row, given)
    called = name or (getattr(handler, "__name__", "") if callable(handler) else Path(path).stem)
    options = {key: given.get(key) for key in ("artifact_path", "local", "source", "cleanup_ttl")}
    options["selector"] = given.get("workflow_runner_node_selector")
    return Asked(called, row, arguments, handler, engine, inner, options)


def _merged(row: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, completed from the workflow's own and its schema."""
    found = dict(row.get("args") or {})
    required = []
    for item in row.get("args_schema") or ():
        name = str(item.get("name"))
        if item.get("required"):
            required.append(name)
        if name not in found and ("default" in item or item.get("required")):
            found[name] = item.get("default")
    missing = [name for name in required if name not in given and found.get(name) is None]
    if missing:
        raise InvalidArgumentError(
            f"workflow argument(s) {', '.join(missing)} are required and were not specified",
            where=f"workflow {row.get('name')!r}",
            fix=f'project.run("{row.get("name")}", arguments={{"{missing[0]}": ...}})',
        )
    return {**found, **given}


def _engine(row: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, str]:
    elsewhere = "kfp" if given.get("local") is False else "local"  # what is insisted on
    asked = str(given.get("engine") or row.get("engine") or elsewhere).replace(" ", "")
    if asked not in _ENGINES:
        raise InvalidArgumentError(
            f"workflow engine {asked!r} is not supported.{nearest(asked, _ENGINES)}",
            fix=f"use one of: {', '.join(_ENGINES)}",
        )
    engine, _, inner = asked.partition(":")
    own = str(row.get("engine") or "local").partition(":")
    inner = inner or own[2] or (own[0] if own[0] != "remote" else "local")
    if given.get("local"):
        if engine == "remote" and not asked.partition(":")[2]:
            raise InvalidArgumentError(
                "a workflow cannot run remotely and locally: engine='remote' with local=True",
                fix='engine="remote:local" runs its functions in the remote runner\'s process',
            )
        engine = "remote" if engine == "remote" else "local"
    return engine, inner


def _check_clean(project: Any) -> None:
    if not project.spec.source or not str(project.spec.source).startswith("git"):
        return
    repository = Repository.at(project.spec.context)
    changed = repository.changed() if repository is not None else []
    if changed:
        raise ConflictError(
            f"files of the project are not committed: {', '.join(changed[:5])}"
            f"{' ...' if len(changed) > 5 else ''}",
            where=f"project {project.name!r}",
            fix="project.push(...), or project.run(..., dirty=True)",
        )


def _schedule(asked: Asked, given: Any) -> Any:
    if given is None or given is False:
        return None
    found = asked.row.get("schedule") if given is True else given
    if not found:
        raise InvalidArgumentError(
            f"workflow {asked.name!r} has no schedule of its own",
            fix='project.run(..., schedule="0 * * * *")',
        )
    return found


def _notifications(project: Any, given: Any) -> list[Notification]:
    """The run's own, and those of the project that it does not replace."""
    own = read_notifications(given)
    names = {item.name for item in own}
    kept = [item for item in read_notifications(project.notifications) if item.name not in names]
    return [*own, *kept]


def _run_here(project: Any, asked: Asked, notes: list[Notification]) -> PipelineRunStatus:
    flow = find_pipeline(project, asked)
    secrets = project.secrets()
    source, project_source = asked.options.get("source"), project.spec.source
    path = asked.options.get("artifact_path") or ""
    if not path and project.artifact_path:
        # what one run of the workflow made stands together
        path = join_url(project.artifact_path, "{{workflow.uid}}")
    mark = WORKFLOW.set(WorkflowContext("", project, asked.options.get("local"), path))
    if source:
        project.spec.source = source
    try:
        plan = None if _as_it_comes(flow, asked.options.get("local")) else plan_of(flow)
        if plan is None:
            eager = EagerEngine(_LOG.info, notes, secrets)
            done: Any = eager.run(flow, asked.arguments, project.name)
        else:
            engine = LocalEngine(notifications=notes, secrets=secrets)
            done = engine.run(plan, asked.arguments, project.name, origin=flow.origin)
        failure = _failure(done.check)
        return PipelineRunStatus(done.uid, project.name, STATES[done.state], failure)
    except MLRunLikeError as exc:  # MLRun's local engine does not raise
        _LOG.error("workflow %s: %s", asked.name, exc)
        return PipelineRunStatus(new_uid(), project.name, "Failed", exc)
    finally:
        WORKFLOW.reset(mark)
        project.spec.source = project_source


def _as_it_comes(flow: Pipeline, local: Any) -> bool:
    """Whether a plain workflow function that is run in this process, to look at it, calls its
    functions at once, as MLRun's local engine does: unless it uses words for control flow."""
    if not local or flow.options:
        return False
    return not controls_flow(flow._body)


def _failure(check: Callable[[], Any]) -> Exception | None:
    try:
        check()
    except MLRunLikeError as exc:
        return exc
    return None


def _code(text: str) -> str:
    """Embedded code: plain text as MLRun writes it, or base64."""
    if not text or "\n" in text.strip() or " " in text.strip():
        return text
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return text
