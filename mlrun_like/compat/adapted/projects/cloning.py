"""`clone_git`, `clone_tgz`, `clone_zip`: a project's source into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.projects.git import Repository
from mlrun_like.projects.places import bring

__all__ = ["clone_archive", "clone_git"]


def clone_git(
    url: str, context: str, secrets: Mapping[str, Any] | None = None, clone: bool = True
) -> tuple[str, Any]:
    """Put a repository into a folder.

    Args:
        url: The repository's address.
        context: The folder.
        secrets: `GIT_TOKEN` and the like.
        clone: Replace what the folder holds.

    Returns:
        The address, and the repository.
    """
    bring(url, Path(context), secrets, clone)
    return url, Repository.at(Path(context))


def clone_archive(
    source: str, target_dir: str, secrets: Mapping[str, Any] | None = None, clone: bool = True
) -> None:
    """Unpack an archive into a folder; the arguments are as for `clone_git`."""
    bring(source, Path(target_dir), secrets, clone)
