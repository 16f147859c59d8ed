"""The places that projects come from: folders, repositories, archives, templates, the store."""

from __future__ import annotations

import getpass
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.archives import archive_format_of
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.names import check_project, normalize_name
from mlrun_like.packaging.fetching import fetch_source
from mlrun_like.projects.documents import read_project_file
from mlrun_like.projects.git import Repository, clone_repository, hide_login, is_repository_url
from mlrun_like.projects.project import MlrunProject
from mlrun_like.specs.project import ProjectDoc
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.meant import meant_session

__all__ = [
    "DOCUMENTS",
    "PROJECT_FILES",
    "bring",
    "check_name",
    "make_from_template",
    "named",
    "note_origin",
    "read_folder",
    "read_stored",
    "user_name",
    "with_branch",
]

_LOG = logging.getLogger("mlrun_like.projects")
PROJECT_FILES = ("project.yaml", "project.yml")
_FUNCTION_FILES = ("function.yaml", "function.yml")
_SETUP = "project_setup.py"
DOCUMENTS = (".yaml", ".yml", ".json")


def named(name: str, user_project: bool) -> str:
    """A checked name; empty stays empty."""
    if name and user_project and meant_session() is not None:
        raise InvalidArgumentError(
            "user_project=True cannot be used inside of a client's session: the user of this "
            "process is not the session's",
            fix="give the whole name of the project",
        )
    if name and user_project:
        name = f"{name}-{user_name()}"
    return check_project(name) if name else ""


def user_name() -> str:
    """This user, as a part of a name."""
    found = environment("V3IO_USERNAME")
    if not found:
        try:
            found = getpass.getuser()
        except (KeyError, OSError):  # the user has no name on this machine
            found = "user"
    return normalize_name(found.replace(".", "-"))


def make_from_template(
    template: str, folder: Path, name: str, secrets: Mapping[str, Any] | None
) -> MlrunProject:
    """A project that starts as a copy of another one; see `new_project`."""
    if template.lower().endswith(DOCUMENTS):
        return MlrunProject.of(read_project_file(template), folder)
    if is_repository_url(template):
        clone_repository(template, folder, _texts(secrets))
        shutil.rmtree(folder / ".git", ignore_errors=True)
    elif archive_format_of(template):
        fetch_source(template, folder, _texts(secrets))
    else:
        raise InvalidArgumentError(
            f"template {hide_login(template)!r} is of an unknown kind",
            fix="give a project.yaml, a .zip or a git:// repository",
        )
    return read_folder(folder, name, None, True)


def bring(url: str, folder: Path, secrets: Mapping[str, Any] | None, clone: bool) -> None:
    """Put a repository or archive into the folder, unless it is there already."""
    if folder.is_dir() and any(folder.iterdir()):
        if not clone:
            repository = Repository.at(folder)
            known = any((folder / f).exists() for f in (*PROJECT_FILES, _SETUP))
            if known or repository is not None:
                return
            if not is_repository_url(url):
                _add(url, folder, secrets)
                return
            raise InvalidArgumentError(
                "Failed to load project from git, context directory is not empty. "
                "Set clone param to True to remove the contents of the context directory.",
                where=str(folder),
            )
        _clear(folder)
    if is_repository_url(url):
        clone_repository(url, folder, _texts(secrets))
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fetch_source(url, folder, _texts(secrets))


def _add(url: str, folder: Path, secrets: Mapping[str, Any] | None) -> None:
    """Put an archive's files beside those that are in the folder."""
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "source")
        fetch_source(url, source, _texts(secrets))
        shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)


def _clear(folder: Path) -> None:
    """Empty a folder, unless it cannot be a project's."""
    real = folder.resolve()
    if real in (Path.home().resolve(), Path(real.anchor)):
        raise InvalidArgumentError(
            f"clone=True would delete all of {str(real)!r}", fix="choose a folder of its own"
        )
    for entry in real.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def read_stored(name: str, folder: Path) -> MlrunProject:
    """The project as the store has it. Raises NotFoundError."""
    document = open_store().read_project(name)
    document.pop("context", None)
    return MlrunProject.from_dict(document, folder, f"project {name!r} in the store")


def read_folder(
    folder: Path, name: str, subpath: str | None, allow_cross_project: bool | None
) -> MlrunProject:
    """The project in a folder: its `project.yaml`, else a function, else its setup.

    Raises:
        NotFoundError: if there is none.
    """
    place = folder / (subpath or "")
    found = next((place / file for file in PROJECT_FILES if (place / file).is_file()), None)
    if found is not None:
        project = MlrunProject.of(read_project_file(found), folder)
        check_name(project, name, allow_cross_project)
        return project
    project = MlrunProject.of(ProjectDoc(), folder)
    project.metadata.name = name
    project.spec.subpath = subpath or ""
    found = next((place / file for file in _FUNCTION_FILES if (place / file).is_file()), None)
    if found is not None:
        function = project.set_function(found.name)
        project.metadata.name = name or function.metadata.project or function.name
        return project
    if (place / _SETUP).is_file():
        return project
    raise NotFoundError(
        f"there is no project in {str(place)!r}",
        where=f"looked for {', '.join((*PROJECT_FILES, *_FUNCTION_FILES, _SETUP))}",
        fix='new_project("my-project", context=...) makes one',
    )


def check_name(project: MlrunProject, name: str, allow: bool | None) -> None:
    """Give the project its name here; see `load_project`."""
    own = project.name
    if name and own and name != own:
        if allow is False:
            raise InvalidArgumentError(
                f"Project name mismatch: the project is called {own!r}, not {name!r}",
                where=project.context,
                fix="allow_cross_project=True takes it under the new name",
            )
        if allow is None:
            _LOG.warning(
                "project %r is loaded as %r; allow_cross_project=True says that this is meant",
                own,
                name,
            )
    project.metadata.name = name or own


def note_origin(project: MlrunProject, folder: Path) -> None:
    """Remember the remote of a folder that is a repository already."""
    repository = Repository.at(folder)
    if repository is None or project.spec.source:
        return
    url = repository.remotes().get("origin", "")
    if url:
        branch = repository.branch()
        project.spec.source = hide_login(f"{url}#refs/heads/{branch}" if branch else url)
        project.spec.origin_url = project.spec.source


def with_branch(url: str, folder: Path) -> str:
    """The address of a repository with the branch that was checked out, if it names none."""
    repository = Repository.at(folder) if is_repository_url(url) and "#" not in url else None
    branch = repository.branch() if repository is not None else ""
    return f"{url}#refs/heads/{branch}" if branch else url


def _texts(secrets: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (secrets or {}).items()}
