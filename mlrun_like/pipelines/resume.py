"""Pipelines that go on: from the file they came from, or as they were recorded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import NotFoundError, PipelineError, nearest
from mlrun_like.functions.creators import import_function
from mlrun_like.names import parse_function_uri
from mlrun_like.packaging.loader import module_from_path
from mlrun_like.packaging.stale import forget_edited
from mlrun_like.pipelines.document import plan_from_document
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.engine.recording import KIND, ORIGIN
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.pipelines.workflow import load_workflow, plan_of
from mlrun_like.registry import resolve
from mlrun_like.tracking.connect import open_store

__all__ = ["pipeline_in", "plan_of_run", "resume"]


def resume(
    uid: str,
    project: str = "",
    plan: Plan | Pipeline | None = None,
    engine: LocalEngine | None = None,
) -> PipelineRun:
    """Let a pipeline's run go on that failed, was stopped, or whose engine was killed.

    Steps that finished are kept with what they gave, also when code was changed since; all others
    run, with the code as it is now. The body of a dynamic pipeline runs again; a call that is
    equal to a finished one takes its run.

    Args:
        uid: The run.
        project: Its project; by default the default project.
        plan: The pipeline; by default it is read from its file, else from the record.
        engine: What runs it.

    Raises:
        NotFoundError: if there is no such run.
        StateError: if it has not ended.
        PipelineError: if it is no pipeline's, or the pipeline cannot be found.
    """
    name, runner = project or config.default_project, engine or LocalEngine()
    found = plan if plan is not None else _pipeline_of_run(uid, name)
    record = open_store().read_run(name, uid)
    if found.name != record["metadata"]["name"]:
        raise PipelineError(
            f"{uid!r} is a run of pipeline {record['metadata']['name']!r}, not of {found.name!r}",
            where=f"{name}@{uid}",
        )
    own = plan_of(found) if isinstance(found, Pipeline) else found
    if own is not None:
        return runner.resume(own, uid, name)
    report = _say if runner.report == "auto" else runner.report
    eager = resolve("mlrun_like.pipelines.eager:EagerEngine")(
        report, runner.notifications, runner.secrets
    )
    arguments = record["spec"].get("parameters", {})
    done: PipelineRun = eager.run(found, arguments, name, resume=uid)
    return done


def plan_of_run(uid: str, project: str) -> Plan:
    """The plan of a recorded run: of its file, if it is still there, else as it was recorded.

    Raises:
        NotFoundError: if there is no such run.
        PipelineError: if it is no pipeline's, or it is dynamic.
    """
    found = _pipeline_of_run(uid, project)
    plan = plan_of(found) if isinstance(found, Pipeline) else found
    if plan is None:
        raise PipelineError(
            "it is dynamic: its body runs anew each time, so there is no plan",
            where=f"{project}@{uid}",
        )
    return plan


def _pipeline_of_run(uid: str, project: str) -> Pipeline | Plan:
    store = open_store()
    document = store.read_run(project, uid)
    meta = document["metadata"]
    if meta.get("labels", {}).get("kind") != KIND:
        raise PipelineError(
            f"run {uid!r} is not the run of a pipeline",
            where=f"{project}@{uid}",
            fix="mlrun-like pipeline list   shows those",
        )
    file, _, name = str(meta.get("annotations", {}).get(ORIGIN, "")).rpartition(":")
    if file and Path(file).is_file():
        return _in_file(file, name)
    uri = parse_function_uri(document["spec"]["function"])
    recorded = store.read_function(uri.project, uri.name, tag=uri.tag, hash=uri.hash)
    if not recorded["spec"].get("plan"):
        raise PipelineError(
            f"pipeline {uri.name!r} is dynamic, and its file is not here",
            where=file or f"{project}@{uid}",
            fix="resume(uid, plan=the_pipeline)",
        )
    return plan_from_document(recorded["spec"]["plan"], _function)


def _in_file(file: str, name: str) -> Pipeline:
    """A pipeline of a file as that is now, also a plain function of a workflow file."""
    forget_edited(Path(file))
    try:
        return pipeline_in(file, name)
    except NotFoundError:
        for handler in (name, name.replace("-", "_")):
            with suppress(NotFoundError):
                return load_workflow(file, handler, name=name)
        raise


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _function(uri: str) -> Any:
    return import_function(f"db://{uri}")


def pipeline_in(file: str, name: str = "") -> Pipeline:
    """A pipeline of a Python file or notebook.

    Args:
        file: Its path.
        name: The pipeline's name, or that of its variable; can be left out if there is one.

    Raises:
        NotFoundError: if there is none of that name; it lists those that are there.
    """
    module = module_from_path(file)
    found: Mapping[str, Pipeline] = {
        key: value for key, value in vars(module).items() if isinstance(value, Pipeline)
    }
    named = {value.name: value for value in found.values()}
    if not name and len(named) == 1:
        return next(iter(named.values()))
    if name in named or name in found:
        return named.get(name) or found[name]
    known = sorted(named)
    what = f"there is no pipeline {name!r}.{nearest(name, known)}" if name else "which pipeline?"
    raise NotFoundError(
        what if known else "there is no pipeline",
        where=file,
        fix=f"pipelines: {', '.join(known)}" if known else "decorate a function with @pipeline",
    )
