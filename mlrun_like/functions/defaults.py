"""What projects of this process say of runs that say nothing themselves."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakValueDictionary

from mlrun_like.tracking.meant import meant_session

__all__ = ["HasArtifactPath", "default_artifact_path", "register_project"]


class HasArtifactPath(Protocol):
    """A project, as far as runs ask it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def artifact_path(self) -> str:
        """Where its artifacts go; empty: it does not say."""


_projects: WeakValueDictionary[str, HasArtifactPath] = WeakValueDictionary()


def register_project(project: HasArtifactPath) -> None:
    """Ask this object, as long as it lives, for what the project of its name says."""
    _known()[project.name] = project


def default_artifact_path(project: str) -> str:
    """Where artifacts of a project go by its own word; empty: it does not say.

    >>> default_artifact_path("no-such-project")
    ''
    """
    found = _known().get(project)
    return found.artifact_path if found is not None else ""


def _known() -> WeakValueDictionary[str, HasArtifactPath]:
    """Two users of one process may have projects of the same name."""
    session = meant_session()
    if session is None:
        return _projects
    found: WeakValueDictionary[str, HasArtifactPath]
    found = session.kept.setdefault("projects", WeakValueDictionary())
    return found
