"""`project.notifiers`: who is told about runs of the project's workflows, in MLRun's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import NotFoundError, nearest

if TYPE_CHECKING:
    from mlrun_like.projects.base import ProjectBase

__all__ = ["Notifiers"]

_ALWAYS = ("running", "completed", "error", "aborted")


class Notifiers:
    """Changes `project.notifications`.

    Args:
        project: The project.
    """

    def __init__(self, project: ProjectBase) -> None:
        self._project = project

    def add_notification(
        self, notification_type: str, params: Mapping[str, Any] | None = None
    ) -> None:
        """Tell the start and the end of each run of a workflow.

        Args:
            notification_type: `console`, `slack`, `git`, `webhook`, `ipython`, `mail`.
            params: Where it goes; a value `{"secret": NAME}` stands for a secret.
        """
        self._project.set_notification(notification_type, params, when=list(_ALWAYS))

    def edit_notification(
        self, notification_type: str, params: Mapping[str, Any] | None = None
    ) -> None:
        """Change where one goes.

        Raises:
            NotFoundError: if there is none of that kind.
        """
        self.remove_notification(notification_type)
        self.add_notification(notification_type, params)

    def remove_notification(self, notification_type: str) -> None:
        """Tell nobody that way any more.

        Raises:
            NotFoundError: if there is none of that kind.
        """
        spec = self._project.spec
        kept = [row for row in spec.notifications if row.get("kind") != notification_type]
        if len(kept) == len(spec.notifications):
            kinds = [str(row.get("kind")) for row in kept]
            raise NotFoundError(
                f"no notification of kind {notification_type!r} is set."
                f"{nearest(notification_type, kinds)}",
                where=f"project {self._project.name!r}",
                fix=f'project.notifiers.add_notification("{notification_type}", {{...}})',
            )
        spec.notifications = kept
