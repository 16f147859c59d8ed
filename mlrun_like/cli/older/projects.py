"""`mlrun project`: load a project, and run one of its workflows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.older.values import mapping_of, prepare, sources_of, values_of
from mlrun_like.cli.project import workflow_end
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, RunTimeoutError
from mlrun_like.notifications.sending import due, send
from mlrun_like.projects.loading import load_project
from mlrun_like.projects.project import MlrunProject
from mlrun_like.runs.secrets import mask
from mlrun_like.specs.notification import read_notifications

__all__ = ["project"]

Words = list[str] | None
_COMMIT = ("GITHUB_SHA", "CI_COMMIT_SHA")
_REQUEST = ("GITHUB_EVENT_PATH", "CI_MERGE_REQUEST_IID")
_YES = ("1", "yes", "y", "t", "true")


def project(  # noqa: PLR0913 - MLRun's options
    context: Annotated[str, typer.Argument(help="The project's folder.")] = "./",
    name: Annotated[str, typer.Option("--name", "-n", help="Its name.")] = "",
    url: Annotated[str, typer.Option("--url", "-u", help="A repository or archive.")] = "",
    run: Annotated[str, typer.Option("--run", "-r", help="A workflow, or a .py file.")] = "",
    arguments: Annotated[Words, typer.Option("--arguments", "-a", help="Of it, k=v.")] = None,
    artifact_path: Annotated[
        str, typer.Option("--artifact-path", "-p", help="Where artifacts go.")
    ] = "",
    param: Annotated[Words, typer.Option("--param", "-x", help="Of the project, k=v.")] = None,
    secrets: Annotated[
        Words, typer.Option("--secrets", "-s", help="file=PATH, env=A,B, inline={...}.")
    ] = None,
    namespace: Annotated[str, typer.Option("--namespace", help="Of a cluster.")] = "",
    db: Annotated[str, typer.Option("--db", help="Where runs are recorded.")] = "",
    init_git: Annotated[bool, typer.Option("--init-git", help="Make a repository.")] = False,
    clone: Annotated[bool, typer.Option("--clone", "-c", help="Replace the folder.")] = False,
    sync: Annotated[bool, typer.Option("--sync", help="Record its functions.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Wait for the end.")] = False,
    dirty: Annotated[bool, typer.Option("--dirty", "-d", help="Git may know of changes.")] = False,
    git_repo: Annotated[str, typer.Option("--git-repo", help="Told about it: org/repo.")] = "",
    git_issue: Annotated[int, typer.Option("--git-issue", help="Told about it.")] = 0,
    handler: Annotated[str, typer.Option("--handler", help="In the workflow's file.")] = "",
    engine: Annotated[str, typer.Option("--engine", help="local, remote or kfp.")] = "",
    local: Annotated[bool, typer.Option("--local", help="Run it in this process.")] = False,
    timeout: Annotated[int, typer.Option("--timeout", help="Seconds to wait.")] = 0,
    env_file: Annotated[str, typer.Option("--env-file", help="File of K=V lines.")] = "",
    save: Annotated[bool, typer.Option("--save/--no-save", help="Record it.")] = True,
    schedule: Annotated[str, typer.Option("--schedule", help="Cron; true: its own.")] = "",
    save_secrets: Annotated[bool, typer.Option("--save-secrets", help="Keep them.")] = False,
    notifications: Annotated[
        Words,
        typer.Option("--notifications", "--notification", "-nt", help="file=PATH, or JSON."),
    ] = None,
    allow_cross_project: Annotated[
        bool, typer.Option("--allow-cross-project", help="Take a project of another name.")
    ] = False,
) -> int:
    """Load a project, and run one of its workflows.

    mlrun project ./ -r main -a model=xgb -w

    mlrun project ./fraud -u git://github.com/owner/fraud.git#refs/heads/main
    """
    prepare(env_file, db)
    issue = {"git_repo": git_repo, "git_issue": git_issue, "commit_id": _first(_COMMIT)}
    parameters = {**{k: v for k, v in issue.items() if v}, **values_of(param)}
    loaded = load_project(
        context or "./", url or None, name or None, init_git=init_git, clone=clone, save=save,
        parameters=parameters, allow_cross_project=allow_cross_project or None,
    )  # fmt: skip
    typer.echo(f"Loading project {loaded.name}{f' from {url}' if url else ''} into {context}:\n")
    for kind, source in sources_of(secrets):
        loaded.with_secrets(kind, source)
    if save_secrets and secrets:
        loaded.set_secrets(loaded.secrets())
    typer.echo(loaded.to_yaml())
    if not run:
        if sync:
            loaded.sync_functions(save=True)
        return 0
    if git_issue or _first(_REQUEST):
        where = {"repo": git_repo, "issue": git_issue, "token": loaded.get_param("GIT_TOKEN")}
        loaded.notifiers.add_notification("git", where)
    _told(loaded, notifications)
    file = run.endswith(".py")
    options: dict[str, Any] = {
        "name": None if file else run,
        "workflow_path": run if file else None,
    }
    options.update(
        arguments=values_of(arguments) or None, namespace=namespace or None, sync=sync,
        watch=watch, dirty=dirty, workflow_handler=handler or None, engine=engine or None,
        local=local or None, timeout=timeout or None,
        schedule=True if schedule.lower() in _YES else schedule or None,
        artifact_path=_absolute(artifact_path),
    )  # fmt: skip
    try:
        status = loaded.run(**options)
    except RunTimeoutError:
        raise  # it goes on
    except Exception as exc:  # the boundary of the process: those who wait for its end are told
        try:
            _tell_failure(loaded, run, exc)
        except Exception as second:  # noqa: BLE001 - the caller must see what went wrong first
            typer.echo(f"nobody could be told: {second}", err=True)
        raise
    return workflow_end(run, status)


def _first(names: tuple[str, ...]) -> str:
    return next((value for value in map(environment, names) if value), "")


def _absolute(path: str) -> str | None:
    return path if not path or "://" in path else str(Path(path).absolute())


def _tell_failure(loaded: MlrunProject, workflow: str, reason: Exception) -> None:
    """Tell those who are told of the project's workflows that one did not run at all."""
    secrets = loaded.secrets()
    text = mask(f"workflow {workflow} of project {loaded.name} failed: {reason}", secrets)
    for item in due(read_notifications(loaded.spec.notifications), "error"):
        send(item, [], secrets, text)


def _told(loaded: MlrunProject, texts: Words) -> None:
    """Tell the workflow's end to what the texts name: `{"slack": {"webhook": url}}`."""
    for text in texts or ():
        if text.startswith("file="):
            try:
                found = json.loads(Path(text[5:]).read_text(encoding="utf-8"))
            except (OSError, ValueError) as exc:
                raise InvalidArgumentError(
                    f"the notifications cannot be read: {exc}", where=text
                ) from exc
        else:
            found = mapping_of(text, "notification")
        if not isinstance(found, dict):
            raise InvalidArgumentError(
                "notifications are an object", where=text, fix='{"slack": {"webhook": "..."}}'
            )
        for kind, params in found.items():
            loaded.notifiers.add_notification(kind, params)
