"""`new_project`, `load_project`, `get_or_create_project`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.archives import archive_format_of
from mlrun_like.errors import AccessDeniedError, InvalidArgumentError, MLRunLikeError
from mlrun_like.names import check_project
from mlrun_like.projects.current import set_current_project
from mlrun_like.projects.deleting import delete_project
from mlrun_like.projects.documents import read_project_file
from mlrun_like.projects.git import Repository, hide_login, is_repository_url
from mlrun_like.projects.places import (
    DOCUMENTS,
    PROJECT_FILES,
    bring,
    check_name,
    make_from_template,
    named,
    note_origin,
    read_folder,
    read_stored,
    user_name,
    with_branch,
)
from mlrun_like.projects.project import MlrunProject
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.meant import meant_session

__all__ = ["get_or_create_project", "load_project", "new_project"]


def new_project(  # noqa: PLR0913 - MLRun's signature
    name: str,
    context: str | os.PathLike[str] = "./",
    init_git: bool = False,
    user_project: bool = False,
    remote: str | None = None,
    from_template: str | None = None,
    secrets: Mapping[str, Any] | None = None,
    description: str | None = None,
    subpath: str | None = None,
    save: bool = True,
    overwrite: bool = False,
    parameters: Mapping[str, Any] | None = None,
    default_function_node_selector: Mapping[str, str] | None = None,
) -> MlrunProject:
    """Make a project and make it the current one.

    Args:
        name: Its name: lower-case letters, digits and dashes, at most 63.
        context: Its folder.
        init_git: Make the folder a git repository.
        user_project: Add `-<user>` to the name.
        remote: The URL of the repository's remote `origin`.
        from_template: A `project.yaml`, `.zip` or `git://` repository to start from.
        secrets: `GIT_TOKEN` and the like, for the template.
        description: One line about it.
        subpath: The part of the folder that holds the project's files.
        save: Write `project.yaml` and put the project into the store.
        overwrite: If there is one of this name, delete it first with all its records.
        parameters: Parameters of the project.
        default_function_node_selector: Node labels of its functions.

    Raises:
        ConflictError: if there is one of this name and it may not be overwritten.
        InvalidArgumentError: if the name is not allowed, the template is of an unknown kind, or
            both a template and a subpath are given.
    """
    name = named(name, user_project)
    if not name:
        raise InvalidArgumentError("a project needs a name", fix='new_project("fraud-demo")')
    folder = Path(context or "./")
    if from_template:
        if subpath:
            raise InvalidArgumentError(
                f"subpath {subpath!r} cannot be used with a template", fix="leave subpath out"
            )
        project = make_from_template(str(from_template), folder, name, secrets)
    else:
        project = MlrunProject.from_dict({"metadata": {"name": name}}, folder)
    project.metadata.name = name
    spec = project.spec
    spec.owner = user_name() if meant_session() is None else None  # the process is not the user
    spec.subpath = subpath or spec.subpath
    spec.description = description or spec.description
    spec.params = {**spec.params, **(parameters or {})}
    if default_function_node_selector:
        spec.default_function_node_selector = dict(default_function_node_selector)
    folder.mkdir(parents=True, exist_ok=True)
    if init_git or remote:
        Repository.init(folder)
    if remote:
        project.create_remote(remote, overwrite=True)
    else:
        note_origin(project, folder)
    if save and overwrite:
        delete_project(name, "cascade", missing_ok=True)
    if save:
        project.save(store=False)
    spec.context = context or "./"
    set_current_project(project)
    try:
        project = project.setup(save)
    except BaseException:
        # the hook's mistake can be mended and the project made again
        set_current_project(None)
        if save:
            with suppress(MLRunLikeError):
                delete_project(name, "cascade", missing_ok=True)
        raise
    set_current_project(project)
    return project


def load_project(  # noqa: PLR0913 - MLRun's signature
    context: str | os.PathLike[str] = "./",
    url: str | os.PathLike[str] | None = None,
    name: str | None = None,
    secrets: Mapping[str, Any] | None = None,
    init_git: bool = False,
    subpath: str | None = None,
    clone: bool = False,
    user_project: bool = False,
    save: bool = True,
    sync_functions: bool = False,
    parameters: Mapping[str, Any] | None = None,
    allow_cross_project: bool | None = None,
) -> MlrunProject:
    """Read a project, run its `project_setup.py` and make it the current one.

    Args:
        context: Its folder; a repository or archive is unpacked there.
        url: `git://host/owner/name.git#refs/heads/main` (any address that ends with `.git` too), a
            `.zip` or `.tar.gz`, a `project.yaml`, `db://name` or a plain name in the store. None:
            the folder itself.
        name: Its name here.
        secrets: `GIT_TOKEN`, or `GIT_USERNAME` and `GIT_PASSWORD`, for a private repository.
        init_git: Make the folder a git repository.
        subpath: The part of the folder that holds the project's files.
        clone: Replace what the folder holds. False: a folder that holds this project is used as it
            is.
        user_project: Add `-<user>` to the name.
        save: Put the project into the store.
        sync_functions: Make its function objects at once.
        parameters: Parameters of the project, which its setup sees.
        allow_cross_project: What to do with a project of another name: None: warn, False: refuse,
            True: take it under the new name.

    Raises:
        NotFoundError: if there is no project at that place.
        InvalidArgumentError: if the URL is of an unknown kind, or the name is another one; inside
            of a client's session, if the project is not named in the store.
    """
    if not str(context or ""):
        raise InvalidArgumentError("load_project needs a folder", fix='load_project("./", url=...)')
    folder, address = Path(context), os.fspath(url) if url else ""
    wanted = named(name or "", user_project)
    project: MlrunProject | None = None
    from_store, stored = False, _is_stored(address)
    if meant_session() is not None and not stored:
        raise InvalidArgumentError(
            "a project's files, repository or archive cannot be loaded inside of a client's "
            "session, whose users share the folders of this process",
            where=hide_login(address),
            fix="name the project in the store: load_project(url='db://my-project')",
        )
    if is_repository_url(address) or archive_format_of(address.partition("?")[0]):
        bring(address, folder, secrets, clone)
    elif address.lower().endswith(DOCUMENTS):
        project = MlrunProject.of(read_project_file(address), folder)
        check_name(project, wanted, allow_cross_project)
    elif stored:
        project = read_stored(named(address.removeprefix("db://").strip("/"), user_project), folder)
        from_store = True
    elif address:
        raise InvalidArgumentError(
            "Unsupported url scheme, supported schemes are: git://, db:// or "
            ".zip/.tar.gz/.yaml file path (could be local or remote) or project name which will "
            "be loaded from DB",
            where=hide_login(address),
            fix="a repository's address ends with .git, or begins with git:// or git+ssh://",
        )
    if project is None:
        project = read_folder(folder, wanted, subpath, allow_cross_project)
    if not project.name:
        raise InvalidArgumentError(
            "the project has no name", where=str(folder), fix='load_project(..., name="fraud-demo")'
        )
    check_project(project.name)
    spec = project.spec
    spec.subpath = subpath or spec.subpath
    spec.params = {**spec.params, **(parameters or {})}
    spec.context = context
    folder.mkdir(parents=True, exist_ok=True)
    if init_git:
        Repository.init(folder)
    if not from_store:  # whoever wrote the file is not whose project this is
        spec.owner = user_name() if save else None
    if address and not from_store and not address.lower().endswith(DOCUMENTS):
        spec.source = spec.origin_url = hide_login(with_branch(address, folder))
    elif not from_store:
        note_origin(project, folder)
    set_current_project(project)
    save = save and _saved(project, from_store)
    project = project.setup(save=False)
    set_current_project(project)
    if save:
        project.save_to_db()
        project.register_artifacts()
        project.sync_model_monitoring()
    if sync_functions:
        project.sync_functions(save=save)
    return project


def _is_stored(address: str) -> bool:
    """Whether it names a project in the store, and no file, archive or repository."""
    if not address or is_repository_url(address) or archive_format_of(address.partition("?")[0]):
        return False
    named_file = address.lower().endswith(DOCUMENTS)
    return not named_file and (address.startswith("db://") or "://" not in address)


def _saved(project: MlrunProject, from_store: bool) -> bool:
    """Put it into the store; False: who may only read it has it as it is there."""
    try:
        project.save_to_db()
    except AccessDeniedError:
        if not from_store:
            raise
        return False
    return True


def get_or_create_project(  # noqa: PLR0913 - MLRun's signature
    name: str,
    context: str | os.PathLike[str] = "./",
    url: str | os.PathLike[str] | None = None,
    secrets: Mapping[str, Any] | None = None,
    init_git: bool = False,
    subpath: str | None = None,
    clone: bool = False,
    user_project: bool = False,
    from_template: str | None = None,
    save: bool = True,
    parameters: Mapping[str, Any] | None = None,
    allow_cross_project: bool | None = None,
) -> MlrunProject:
    """The project of this name: from the store, else from the URL or folder, else a new one.

    Args:
        name: Its name.
        context: Its folder.
        url: As for `load_project`.
        secrets: As for `load_project`.
        init_git: Make the folder a git repository.
        subpath: The part of the folder that holds the project's files.
        clone: Replace what the folder holds.
        user_project: Add `-<user>` to the name.
        from_template: As for `new_project`.
        save: Put the project into the store.
        parameters: Parameters of the project, which its setup sees.
        allow_cross_project: As for `load_project`.

    Raises:
        InvalidArgumentError: if the name is not allowed, or the folder holds another project.
    """
    full = named(name, user_project)
    folder = Path(context or "./")
    common: dict[str, Any] = {
        "secrets": secrets,
        "init_git": init_git,
        "subpath": subpath,
        "parameters": parameters,
        "save": save,
    }
    if open_store().list_projects(full):
        return load_project(folder, full, full, **common)
    place = folder / (subpath or "")
    if url or (meant_session() is None and any((place / file).is_file() for file in PROJECT_FILES)):
        return load_project(
            folder, url, full, clone=clone, allow_cross_project=allow_cross_project, **common
        )
    return new_project(full, folder, from_template=from_template, **common)
