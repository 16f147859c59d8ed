"""`set_environment` and `set_env_from_file`: where this process records, and with whose name."""

from __future__ import annotations

import os
from pathlib import Path

from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.configuration import config, exchange_environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.projects.places import named
from mlrun_like.runs.secrets import read_env_file
from mlrun_like.tracking.connect import open_store, store_url

__all__ = ["set_env_from_file", "set_environment"]


def set_env_from_file(
    env_file: str | os.PathLike[str], return_dict: bool = False
) -> dict[str, str] | None:
    """Set the variables of a file of `KEY=value` lines in this process, and read settings anew.

    Args:
        env_file: The file; `~` is the user's folder.
        return_dict: Give the variables back.

    Raises:
        NotFoundError: if there is no such file.
        InvalidArgumentError: naming the first line that is not `KEY=value`.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp(), "my.env")
    >>> _ = file.write_text("# mine\\nMY_REGION=eu  # Frankfurt\\n")
    >>> set_env_from_file(file, return_dict=True)
    {'MY_REGION': 'eu'}
    """
    values = read_env_file(env_file)
    exchange_environment(dict(values))
    config.reload()
    return values if return_dict else None


def set_environment(
    api_path: str | None = None,
    artifact_path: str = "",
    access_key: str | None = None,
    username: str | None = None,
    env_file: str | os.PathLike[str] | None = None,
    mock_functions: bool | str | None = None,
    *,
    project: str = "",
    user_project: bool = False,
) -> tuple[str, str]:
    """Say where this process records, and check that it can.

    Args:
        api_path: The tracking store: a folder, a SQLite file or `postgresql://...`; by default
            the configured one.
        artifact_path: Where artifacts go: an absolute path, one that starts with `./`, or a URL.
        access_key: Becomes `V3IO_ACCESS_KEY`.
        username: Becomes `V3IO_USERNAME`.
        env_file: A file of `KEY=value` lines to set first; see `set_env_from_file`.
        mock_functions: True: functions run in this process and deployments are mocked; False:
            they are not; `"auto"`: where no engine is configured.
        project: The default project from now on.
        user_project: Add the user's name to it.

    Returns:
        The default project and the place of artifacts.

    Raises:
        InvalidArgumentError: if the store or the place of artifacts cannot be one.
        StoreUnavailableError: if the store cannot be reached.
    """
    place = _place(artifact_path)
    store_url(api_path or "")
    if env_file is not None:
        set_env_from_file(env_file)
    given = {
        "MLRUN_LIKE_DBPATH": api_path or None,
        "V3IO_ACCESS_KEY": access_key,
        "V3IO_USERNAME": username,
    }
    exchange_environment({name: value for name, value in given.items() if value is not None})
    default_project = config.default_project
    config.reload()
    if default_project != config.default_project:
        config.default_project = default_project
    open_store().list_projects()
    if mock_functions is not None:
        text = str(mock_functions).lower()
        config.force_run_local = config.mock_nuclio_deployment = text
    if place:
        config.artifact_path = place
    if project:
        config.default_project = named(project, user_project)
    return config.default_project, config.artifact_path or str(config.path("artifacts"))


def _place(path: str) -> str:
    if not path or scheme_of(path) or Path(path).is_absolute():
        return path
    if path == "." or path.startswith("./"):
        return str(Path(path).absolute())
    raise InvalidArgumentError(
        f"artifact_path {path!r} is neither an absolute path nor a URL",
        fix=f'artifact_path="./{path}" is below the working folder',
    )
