"""Where a project's code lives: its source, and git."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, PackagingError
from mlrun_like.packaging.fetching import is_address
from mlrun_like.projects.finding import ProjectFinding
from mlrun_like.projects.git import Repository, is_repository_url

__all__ = ["ProjectSource"]

_LOG = logging.getLogger("mlrun_like.projects")


class ProjectSource(ProjectFinding):
    """The part of a project that is in git."""

    def set_source(
        self, source: str = "", pull_at_runtime: bool = False, workdir: str | None = None
    ) -> None:
        """Say where the code of functions comes from that are set `with_repo=True`.

        Args:
            source: `git://host/owner/name.git#refs/heads/main`, a URL of a `.zip` or `.tar.gz`, or
                `./` for the project's folder in an image.
            pull_at_runtime: Fetch it when a run starts, not when an image is built.
            workdir: Working folder of functions, relative to the source's top.

        Raises:
            InvalidArgumentError: if the source is fetched at run time and lies on this machine.
        """
        if source and pull_at_runtime and not (is_address(source) or is_repository_url(source)):
            raise InvalidArgumentError(
                f"source {source!r} is on this machine, so a run elsewhere cannot fetch it",
                where=f"project {self.name!r}",
                fix="give a repository or archive URL, or pull_at_runtime=False",
            )
        self.spec.load_source_on_run = pull_at_runtime
        self.spec.source = source or self.spec.source
        if workdir is not None:
            self.spec.workdir = workdir

    def repository(self, secrets: Mapping[str, str] | None = None) -> Repository:
        """The git repository at the project's folder.

        Raises:
            PackagingError: if there is none.
        """
        found = Repository.at(self.spec.context, self._login(secrets))
        if found is None:
            raise PackagingError(
                "the project's folder is not a git repository",
                where=self.spec.context,
                fix="new_project(..., init_git=True), or `git init` there",
            )
        return found

    def _login(self, secrets: Mapping[str, Any] | None) -> dict[str, str]:
        given = {str(key): str(value) for key, value in (secrets or {}).items()}
        return {**self._known_secrets(), **given}

    def create_remote(
        self, url: str, name: str = "origin", branch: str | None = None, overwrite: bool = False
    ) -> None:
        """Add a remote to the project's repository, which is made if there is none.

        Args:
            url: `git://host/owner/name.git`, or any address that git takes.
            name: The remote's name.
            branch: The branch that the source then names; by default the one checked out.
            overwrite: Change the URL of a remote that is there.

        Raises:
            ConflictError: if there is one of that name and it may not be changed.
        """
        repository = Repository.init(self.spec.context, self._login(None))
        repository.set_remote(name, url, overwrite)
        address = url.partition("#")[0]
        branch = branch or repository.branch()
        self.spec.source = f"{address}#refs/heads/{branch}" if branch else address
        self.spec.origin_url = self.spec.source

    def set_remote(
        self, url: str, name: str = "origin", branch: str | None = None, overwrite: bool = True
    ) -> None:
        """As `create_remote`; a remote of that name gets the new URL."""
        self.create_remote(url, name, branch, overwrite)

    def remove_remote(self, name: str) -> None:
        """Forget a remote; of one that is not there only a warning says so."""
        repository = self.repository()
        if name in repository.remotes():
            repository.remove_remote(name)
        else:
            _LOG.warning("project %r has no remote %r", self.name, name)

    def pull(
        self,
        branch: str | None = None,
        remote: str | None = None,
        secrets: Mapping[str, Any] | None = None,
    ) -> None:
        """Bring the project's folder to the state of its remote; `reload` then reads it.

        Args:
            branch: The branch; by default the one checked out, with what it follows.
            remote: The remote; by default `origin`.
            secrets: `GIT_TOKEN`, or `GIT_USERNAME` and `GIT_PASSWORD`.

        Raises:
            PackagingError: if the folder is no repository, or git refuses.
        """
        self.repository(secrets).pull(remote or "origin", branch or "")

    def push(
        self,
        branch: str = "",
        message: str | None = None,
        update: bool = True,
        remote: str | None = None,
        add: Sequence[str] | None = None,
        author_name: str | None = None,
        author_email: str | None = None,
        secrets: Mapping[str, Any] | None = None,
    ) -> None:
        """Save the project, commit and send it to its remote.

        Args:
            branch: The remote's branch; by default the one checked out.
            message: What the commit says.
            update: Commit changes of files that git knows.
            remote: The remote; by default `origin`.
            add: Further files or folders to commit, such as `["."]`.
            author_name: Who commits; by default git's setting.
            author_email: Their address.
            secrets: `GIT_TOKEN`, or `GIT_USERNAME` and `GIT_PASSWORD`.

        Raises:
            PackagingError: if the folder is no repository, or git refuses.
            ConflictError: if a file to commit holds the value of one of the project's secrets.
        """
        repository = self.repository(secrets)
        self.export()
        author = f"{author_name or ''} <{author_email or ''}>"
        files = ["project.yaml"] if not self.spec.subpath else [f"{self.spec.subpath}/project.yaml"]
        repository.commit(
            message or f"Update project {self.name}", [*files, *(add or ())], update, author
        )
        target = branch or repository.branch()
        if not target:
            raise InvalidArgumentError(
                "no branch is checked out, so it is not clear where to push",
                where=self.spec.context,
                fix='project.push("main")',
            )
        repository.push(remote or "origin", target)
