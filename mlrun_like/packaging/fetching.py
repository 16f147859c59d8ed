"""Code that lies elsewhere, brought into a folder: a repository, an archive, a folder.

The forms of an address are MLRun's: `git://host/owner/name.git#branch`, `https://host/code.zip`,
`s3://bucket/code.tar.gz`, `.` or any path.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import fsspec

from mlrun_like.artifacts.archives import archive_format_of, extract_archive
from mlrun_like.configuration import environment_copy
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError, PackagingError

__all__ = ["clone", "fetch_source", "fetch_version", "is_address"]

_GIT_SECONDS = 600
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")
_IGNORED = shutil.ignore_patterns(
    *(".git", "__pycache__", "*.pyc", ".venv", "venv", "node_modules", ".mypy_cache"),
    *(".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".env", "*.egg-info"),
)


def is_address(source: str) -> bool:
    """Whether a source is somewhere on a network, not a path here.

    >>> is_address("git://github.com/owner/name.git#main"), is_address("./code.zip")
    (True, False)
    """
    return "://" in source and not source.startswith("file://")


def fetch_source(
    source: str, target: str | os.PathLike[str], secrets: Mapping[str, str] | None = None
) -> Path:
    """Bring a source into the new folder `target`; a failure leaves nothing there.

    Args:
        source: `git://host/name.git#ref` (also `git+https://`, `git+file://`), a `.zip` or `.tar.*`
            archive at any path or URL, a folder here, or `/path/to/repository#ref`. A `ref` is a
            branch, tag, commit or `refs/heads/...`.
        target: The folder to make; its parent must exist.
        secrets: `GIT_TOKEN`, or `GIT_USERNAME` and `GIT_PASSWORD`, for a private repository.

    Returns:
        The folder that holds the code; an archive's single top folder is entered.

    Raises:
        NotFoundError: if the source does not exist.
        PackagingError: if it cannot be read.
        InvalidArgumentError: if it is none of these forms.
    """
    return fetch_version(source, target, secrets)[0]


def fetch_version(
    source: str, target: str | os.PathLike[str], secrets: Mapping[str, str] | None = None
) -> tuple[Path, str]:
    """What `fetch_source` does; gives the id of a repository's commit too, else an empty text."""
    folder = Path(target)
    shown = _shown(source)
    if not isinstance(source, str) or not source.strip():
        raise InvalidArgumentError("a source is empty", fix="git://..., code.zip or a folder")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidArgumentError(f"folder {str(folder)!r} is there already", where=shown)
    temporary = Path(tempfile.mkdtemp(prefix=".source-", dir=folder.parent))
    try:
        found, commit = _fetch(source.strip(), temporary, secrets or {}, shown)
        if folder.exists():
            folder.rmdir()
        os.rename(found, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder, commit


def _fetch(source: str, folder: Path, secrets: Mapping[str, str], shown: str) -> tuple[Path, str]:
    if source.startswith(("git://", "git+")) or _is_repository_here(source):
        address, _, ref = source.partition("#")
        try:
            commit = clone(address, ref, folder / "code", secrets)
        except (subprocess.SubprocessError, OSError) as exc:
            raise PackagingError(
                f"the repository cannot be cloned: {exc}",
                where=shown,
                fix="check the address and branch; a private one needs the secret GIT_TOKEN",
            ) from exc
        shutil.rmtree(folder / "code" / ".git", ignore_errors=True)
        return folder / "code", commit
    plain = urlsplit(source).path if is_address(source) else source.removeprefix("file://")
    if archive_format_of(plain):
        return _unpacked(source, plain, folder, shown), ""
    if is_address(source):
        raise InvalidArgumentError(
            f"{shown!r} is neither a repository nor an archive",
            fix="write git://host/name.git#branch, or a URL that ends with .zip or .tar.gz",
        )
    path = Path(plain).expanduser()
    if not path.is_dir():
        raise NotFoundError(
            f"there is no folder {str(path)!r}", where=str(Path.cwd()), fix="give one that exists"
        )
    shutil.copytree(path, folder / "code", ignore=_IGNORED, symlinks=False)
    return folder / "code", ""


def _is_repository_here(source: str) -> bool:
    """Whether a source is a branch of a repository on this machine, as a remote may be."""
    place, mark, _ = source.partition("#")
    if not mark or is_address(source) or Path(source).is_dir():
        return False
    return any(Path(place, name).exists() for name in (".git", "HEAD"))


def _unpacked(source: str, plain: str, folder: Path, shown: str) -> Path:
    local = folder / ("archive." + archive_format_of(plain))
    try:
        with fsspec.open(source, "rb") as stream, local.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
    except FileNotFoundError as exc:
        raise NotFoundError(f"there is no archive {shown!r}", fix="check the address") from exc
    except MLRunLikeError:
        raise
    except Exception as exc:  # any file system of any package may be behind this
        raise PackagingError(
            f"the archive cannot be read: {str(exc)[:200] or type(exc).__name__}", where=shown
        ) from exc
    extracted = extract_archive(local, folder / "out")
    inside = list(extracted.iterdir())
    # what services pack has one folder around everything
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else extracted


def clone(address: str, ref: str, target: Path, secrets: Mapping[str, str] | None = None) -> str:
    """Clone a repository without its history and check `ref` out; gives the commit's id.

    Args:
        address: Any address git takes; `git://` becomes `https://`, a leading `git+` is dropped.
        ref: Branch, tag, commit or `refs/...`; empty: the default branch.
        target: The folder to make.
        secrets: A login; see `fetch_source`. It is not among the words of a process, which all
            users of a machine can read.

    Raises:
        OSError: if git is not installed.
        subprocess.SubprocessError: with git's last words, if it failed.
    """
    url = address.removeprefix("git+")
    url = f"https://{url[6:]}" if url.startswith("git://") else url
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if url.startswith("-") or name.startswith("-"):
        raise subprocess.SubprocessError(f"{_shown(url)!r} at {ref!r} is not an address")
    login = _login(url, secrets or {})
    shallow = ["--depth", "1", *(("--branch", name) if name else ())]
    try:
        _git(login, "clone", "--quiet", *shallow, "--", url, str(target))
    except subprocess.SubprocessError:
        if not name:
            raise
        # a commit has no name that a shallow clone could follow
        shutil.rmtree(target, ignore_errors=True)
        _git(login, "clone", "--quiet", "--", url, str(target))
        _git({}, "-C", str(target), "checkout", "--quiet", "--detach", name)
    return _git({}, "-C", str(target), "rev-parse", "HEAD").strip()


def _git(login: Mapping[str, str], *arguments: str) -> str:
    environ = {**environment_copy(), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **login}
    try:
        done = subprocess.run(
            ["git", "-c", "advice.detachedHead=false", *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
        )
    except FileNotFoundError as exc:
        raise OSError("git is not installed") from exc
    except subprocess.TimeoutExpired:
        # its own message would show the address with the password
        raise subprocess.SubprocessError(f"git took more than {_GIT_SECONDS} seconds") from None
    if done.returncode:
        words = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        last = next((line for line in words if line.startswith(("fatal:", "error:"))), "")
        raise subprocess.SubprocessError(_shown(last or " ".join(words[-1:]) or "git failed"))
    return done.stdout


def _login(url: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """git's settings for a login, as variables (git-config, "GIT_CONFIG_COUNT")."""
    password = secrets.get("GIT_TOKEN") or secrets.get("GIT_PASSWORD") or ""
    parts = urlsplit(url)
    if not password or parts.scheme not in ("https", "http") or "@" in parts.netloc:
        return {}
    user = secrets.get("GIT_USERNAME") or "git"
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        # only for this host: a redirect or a submodule elsewhere must not get it
        "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {word}",
    }


def _shown(text: object) -> str:
    return _PASSWORD.sub("***@", str(text))
