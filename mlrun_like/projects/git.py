"""The `git` program: clones with history, branches, commits and pushes of a project's folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlrun_like.errors import ConflictError, InvalidArgumentError, PackagingError
from mlrun_like.projects.git_program import hide_login, login_values, run_git

__all__ = [
    "Repository",
    "clone_repository",
    "hide_login",
    "is_repository_url",
    "remote_commit",
    "split_git_url",
]


_LOOKED_AT = 16 * 2**20
_SHORT = 4
"""A shorter value occurs in texts that have nothing to do with it."""


def is_repository_url(url: str) -> bool:
    """Whether a URL is a repository's: `git://...`, `git+...`, or one that ends with `.git`.

    >>> is_repository_url("https://host/name.git#refs/heads/main"), is_repository_url("x.zip")
    (True, False)
    """
    head = url.partition("#")[0]
    return head.startswith(("git://", "git+", "git@")) or (
        "://" in head and head.rstrip("/").endswith(".git")
    )


def split_git_url(url: str) -> tuple[str, str]:
    """The address that git takes, and the ref: a branch, tag or commit.

    MLRun's `git://` means `https://`; `git+git://` is git's own protocol.

    >>> split_git_url("git://host/name.git#refs/heads/main")
    ('https://host/name.git', 'main')
    """
    address, _, ref = url.partition("#")
    if address.startswith("git+"):
        address = address[4:]
    elif address.startswith("git://"):
        address = f"https://{address[6:]}"
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if address.startswith("-") or name.startswith("-") or not address:
        raise InvalidArgumentError(
            f"{hide_login(url)!r} is not the address of a repository",
            fix="write git://host/owner/name.git#refs/heads/main",
        )
    return address, name


class Repository:
    """A folder under git.

    Args:
        folder: Its top.
        secrets: `GIT_TOKEN`, or `GIT_USERNAME` and `GIT_PASSWORD`, for a private remote; by
            default the environment's.
    """

    def __init__(self, folder: str | Path, secrets: Mapping[str, str] | None = None) -> None:
        self.folder = Path(folder)
        self._secrets = login_values(secrets)
        self._values = dict(secrets or {})

    @classmethod
    def at(cls, folder: str | Path, secrets: Mapping[str, str] | None = None) -> Repository | None:
        """The repository whose top is this folder, or None."""
        return cls(folder, secrets) if (Path(folder) / ".git").exists() else None

    @classmethod
    def init(cls, folder: str | Path, secrets: Mapping[str, str] | None = None) -> Repository:
        """The repository at this folder, made if there is none."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        repository = cls(folder, secrets)
        if cls.at(folder) is None:
            repository.git("init", "--quiet")
        return repository

    def git(self, *arguments: str, url: str = "") -> str:
        """Run git in the folder and give what it prints.

        Raises:
            PackagingError: with git's last words, secrets hidden.
        """
        return run_git(["-C", str(self.folder), *arguments], url, self._secrets)

    def branch(self) -> str:
        """The branch that is checked out; empty: none is (a commit or tag is)."""
        return self._quiet("symbolic-ref", "--quiet", "--short", "HEAD")

    def commit_id(self) -> str:
        """The commit that is checked out; empty before the first one."""
        return self._quiet("rev-parse", "--verify", "--quiet", "HEAD")

    def remotes(self) -> dict[str, str]:
        """URLs by the names of the remotes."""
        names = self.git("remote").split()
        return {name: self.git("remote", "get-url", name).strip() for name in names}

    def changed(self) -> list[str]:
        """Files that differ from the last commit, or that git does not know."""
        rows = self.git("status", "--porcelain", "-z").split("\0")
        return sorted(row[3:] for row in rows if len(row) > 3)

    def set_remote(self, name: str, url: str, overwrite: bool) -> None:
        """Add a remote, or change its URL.

        Raises:
            ConflictError: if there is one of that name and it may not be changed.
        """
        address, _ = split_git_url(url)
        if name.startswith("-"):
            raise InvalidArgumentError(f"{name!r} is not the name of a remote", fix="origin")
        found = self.remotes()
        if name not in found:
            self.git("remote", "add", "--", name, address)
        elif overwrite:
            self.git("remote", "set-url", "--", name, address)
        else:
            raise ConflictError(
                f"there is a remote {name!r} already: {hide_login(found[name])}",
                where=str(self.folder),
                fix="overwrite=True changes it; another name adds one",
            )

    def remove_remote(self, name: str) -> None:
        """Forget a remote."""
        self.git("remote", "remove", "--", name)

    def pull(self, remote: str, branch: str) -> None:
        """Fetch, and move on to the remote's state; commits of one's own are not rewritten."""
        url = self.remotes().get(remote, "")
        if branch:
            self.git("fetch", "--quiet", "--", remote, branch, url=url)
            self._switch(remote, branch)
            self.git("merge", "--quiet", "--ff-only", "FETCH_HEAD")
            return
        self.git("pull", "--quiet", "--ff-only", "--", remote, url=url)

    def _switch(self, remote: str, branch: str) -> None:
        if self.branch() == branch:
            return
        if self._quiet("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"):
            self.git("checkout", "--quiet", branch)
        else:
            self.git("checkout", "--quiet", "-b", branch, "FETCH_HEAD")
            self._quiet("branch", "--quiet", f"--set-upstream-to={remote}/{branch}", branch)

    def commit(self, message: str, add: Sequence[str], update: bool, author: str) -> bool:
        """Commit changes of known files (`update`) and `add`; False if there are none.

        Raises:
            ConflictError: if one of them holds the value of a secret.
        """
        if update:
            self.git("add", "--update")
        if add:
            self.git("add", "--", *add)
        staged = self._quiet("diff", "--cached", "--name-only", "--diff-filter=d", "-z").split("\0")
        for name in filter(None, staged):
            secret = self._secret_in(self.folder / name)
            if secret:
                self._quiet("reset", "--quiet")
                raise ConflictError(
                    f"file {name!r} holds the value of the secret {secret!r}: it is not committed",
                    where=str(self.folder),
                    fix="add it to .gitignore, or take the value out",
                )
        if not self._quiet("diff", "--cached", "--name-only"):
            return False
        name, _, email = author.partition("<")
        who = {
            "user.name": name.strip() or self._quiet("config", "user.name") or "mlrun-like",
            "user.email": email.rstrip("> ")
            or self._quiet("config", "user.email")
            or "mlrun-like@localhost",
        }
        settings = [part for key, value in who.items() for part in ("-c", f"{key}={value}")]
        # variables such as GIT_AUTHOR_NAME would win over settings, but not over this
        by = [f"--author={who['user.name']} <{who['user.email']}>"] if author.strip(" <>") else []
        self.git(*settings, "commit", "--quiet", *by, "--message", message)
        return True

    def _secret_in(self, path: Path) -> str:
        """The name of a secret whose value stands in a file; of very large files the beginning."""
        try:
            with path.open("rb") as file:
                data = file.read(_LOOKED_AT)
        except OSError:
            return ""
        found = (k for k, v in self._values.items() if len(v) >= _SHORT and v.encode() in data)
        return next(found, "")

    def push(self, remote: str, branch: str) -> None:
        """Send the commits to a branch of a remote."""
        url = self.remotes().get(remote, "")
        if not url:
            raise InvalidArgumentError(
                f"there is no remote {remote!r}",
                where=str(self.folder),
                fix='project.create_remote("git://github.com/owner/name.git")',
            )
        self.git("push", "--quiet", "--", remote, f"HEAD:refs/heads/{branch}", url=url)

    def _quiet(self, *arguments: str) -> str:
        try:
            return self.git(*arguments).strip()
        except PackagingError:
            return ""


def clone_repository(
    url: str, folder: str | Path, secrets: Mapping[str, str] | None = None
) -> Repository:
    """Clone a repository with its history, and check its ref out; a failure leaves nothing.

    Args:
        url: See `split_git_url`.
        folder: Where it goes: a new or empty folder.
        secrets: See Repository.

    Raises:
        PackagingError: if it cannot be cloned, or has no such ref.
        InvalidArgumentError: if the folder holds something.
    """
    address, ref = split_git_url(url)
    target = Path(folder).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidArgumentError(
            f"folder {str(target)!r} already exists and is not an empty directory",
            where=hide_login(url),
            fix="choose a new folder, or clone=True, which replaces what is there",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".clone-", dir=target.parent))
    login = login_values(secrets)
    try:
        run_git(["clone", "--quiet", "--", address, str(temporary / "code")], address, login)
        if ref:
            try:
                run_git(["-C", str(temporary / "code"), "checkout", "--quiet", ref], "", login)
            except PackagingError as exc:
                raise PackagingError(
                    f"the repository has no branch, tag or commit {ref!r}: {exc.what}",
                    where=hide_login(url),
                    fix="#refs/heads/<branch>, #refs/tags/<tag> or #<commit>",
                ) from exc
        if target.exists():
            target.rmdir()
        os.rename(temporary / "code", target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Repository(target, secrets)


def remote_commit(url: str) -> str:
    """The commit at the ref of a repository's address; empty if it has no such ref."""
    address, ref = split_git_url(url)
    rows = run_git(["ls-remote", "--", address, ref or "HEAD"], address, login_values(None))
    return rows.split()[0] if rows.strip() else ""
