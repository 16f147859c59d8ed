"""The project at hand, and the workflow whose body runs now."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.defaults import register_project
from mlrun_like.tracking.meant import meant_session

if TYPE_CHECKING:
    from mlrun_like.projects.project import MlrunProject

__all__ = [
    "WORKFLOW",
    "WorkflowContext",
    "get_current_project",
    "get_project_param",
    "set_current_project",
]


@dataclass(frozen=True)
class WorkflowContext:
    """What calls of functions in the body of a workflow take part in.

    Args:
        uid: The id of the workflow's run, if it is known.
        project: Its project.
        local: Whether all functions run in this process.
        artifact_path: Where its artifacts go.
    """

    uid: str
    project: MlrunProject
    local: bool | None = None
    artifact_path: str = ""


WORKFLOW: ContextVar[WorkflowContext | None] = ContextVar("mlrun_like_workflow", default=None)
"""Set while the body of a workflow is traced, or runs call by call."""

_current: list[MlrunProject] = []


def set_current_project(project: MlrunProject | None = None) -> None:
    """Make a project the one that functions and runs of this process, or of the session around
    (`using_session`), belong to; None: none is.

    Its name becomes the setting `default_project`.
    """
    current = _at_hand()
    current.clear()
    if project is not None:
        current.append(project)
        register_project(project)
        config.default_project = project.name


@overload
def get_current_project(silent: Literal[False] = False) -> MlrunProject: ...


@overload
def get_current_project(silent: bool) -> MlrunProject | None: ...


def get_current_project(silent: bool = False) -> MlrunProject | None:
    """The project that was created or loaded last; in a workflow's body the workflow's.

    Args:
        silent: Return None if there is none.

    Raises:
        InvalidArgumentError: if there is none.
    """
    workflow = WORKFLOW.get()
    if workflow is not None:
        return workflow.project
    current = _at_hand()
    if current:
        return current[-1]
    if silent:
        return None
    raise InvalidArgumentError(
        "there is no current project: none was created or loaded in this process",
        fix='get_or_create_project("my-project", context="./")',
    )


def _at_hand() -> list[MlrunProject]:
    session = meant_session()
    return _current if session is None else session.kept.setdefault("current", [])


def get_project_param(key: str, default: Any = None) -> Any:
    """A parameter of the current project, or the default.

    Raises:
        InvalidArgumentError: if there is no current project.
    """
    return get_current_project().get_param(key, default)
