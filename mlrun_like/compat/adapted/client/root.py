"""What `mlrun` itself had, and nothing here is called."""

from __future__ import annotations

from typing import Any

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.stores import Secrets, join_url
from mlrun_like.compat.known import MLRUN_VERSION
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.registry import resolve

__all__ = [
    "Version",
    "get_model_monitoring_url",
    "get_object",
    "get_sample_path",
    "get_version",
    "sync_secret_tokens",
]


def get_version() -> str:
    """The version of MLRun that old code finds here; `mlrun_like.__version__` is the product's.

    >>> get_version()
    '1.12.1'
    """
    return MLRUN_VERSION


class Version:
    """The version that old code finds here."""

    def get(self) -> dict[str, str]:
        """`version` and, unknown here, `git_commit`."""
        return {"version": MLRUN_VERSION, "git_commit": ""}

    def get_python_version(self) -> Any:
        """Python's."""
        return resolve("sys:version_info")


def get_object(
    url: str, secrets: Secrets = None, size: int | None = None, offset: int = 0, db: Any = None
) -> bytes:
    """The bytes at a URL.

    Args:
        url: A path, a URL or the `store://` URI of an artifact.
        secrets: Looked into first for credentials.
        size: At most so many bytes.
        offset: From here on.
        db: MLRun's; the configured store is asked.

    >>> from mlrun_like.artifacts.memory import set_in_memory_item
    >>> get_object(set_in_memory_item("a.txt", b"hello"), size=4)
    b'hell'
    """
    del db
    found: bytes = get_dataitem(url, secrets=secrets).get(size=size, offset=offset)
    return found


def get_sample_path(subpath: str = "") -> str:
    """Where the sample data of tutorials is: the setting `sample_data_prefix`.

    >>> get_sample_path("data/iris.csv")
    'https://s3.wasabisys.com/iguazio/data/iris.csv'
    """
    base = str(config.sample_data_prefix)
    return join_url(base, subpath.lstrip("/")) if subpath else base


def sync_secret_tokens() -> None:
    """MLRun's login to its commercial platform; here `mlrun-like login` is all there is."""


def get_model_monitoring_url(project: str | None = None) -> str | None:
    """Where the pages of monitoring are, if a service is configured."""
    address = str(config.dbpath)
    if not address.startswith(("http://", "https://")):
        return None
    try:
        name = project or resolve("mlrun_like.projects.current:get_current_project")().name
    except MLRunLikeError:
        name = str(config.default_project)
    return join_url(address, "projects", name, "monitoring")
