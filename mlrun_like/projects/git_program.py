"""The program `git` as it is called here: without questions, with a login that nobody sees."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from mlrun_like.configuration import environment, environment_copy
from mlrun_like.errors import PackagingError
from mlrun_like.runs.secrets import mask

__all__ = ["hide_login", "login_values", "run_git"]

_SECONDS = 600
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")
_LOGIN = ("GIT_TOKEN", "GIT_PASSWORD", "GIT_USERNAME")


def run_git(arguments: Sequence[str], url: str, secrets: Mapping[str, str]) -> str:
    """Run git and give what it prints.

    Args:
        arguments: Its words.
        url: The remote it talks to, if it does: it gets the login.
        secrets: The login; see `login_values`.

    Raises:
        PackagingError: with git's last words, secrets hidden.
    """
    environ = {
        **environment_copy(),
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **_login(url, secrets),
    }
    where = hide_login(url) or next((a for a in arguments if os.sep in a), "")
    try:
        done = subprocess.run(
            ["git", "-c", "advice.detachedHead=false", *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except FileNotFoundError as exc:
        raise PackagingError("git is not installed", fix="install git") from exc
    except subprocess.TimeoutExpired:
        # its own message would show the address with the password
        raise PackagingError(f"git took more than {_SECONDS} seconds", where=where) from None
    if done.returncode:
        words = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        last = next((x for x in words if x.startswith(("fatal:", "error:", "!"))), "")
        text = last or " ".join(words[-1:]) or "git failed"
        raise PackagingError(
            f"git: {mask(hide_login(text), secrets)}",
            where=mask(where, secrets),
            fix="check the address and branch; a private one needs GIT_TOKEN, as variable or secret"
            if url
            else "",
        )
    return done.stdout


def login_values(secrets: Mapping[str, str] | None) -> dict[str, str]:
    """`GIT_TOKEN`, `GIT_PASSWORD` and `GIT_USERNAME`, given or the environment's."""
    given = secrets or {}
    found = {name: given.get(name) or environment(name) or "" for name in _LOGIN}
    return {name: value for name, value in found.items() if value}


def _login(url: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """git's settings for a login, as variables (git-config, "GIT_CONFIG_COUNT"): the words of a
    process can be read by all users of a machine."""
    password = secrets.get("GIT_TOKEN") or secrets.get("GIT_PASSWORD") or ""
    parts = urlsplit(url) if "://" in url else urlsplit("")
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


def hide_login(text: object) -> str:
    """A text with the logins of URLs in it hidden.

    >>> hide_login("https://me:secret@host/name.git#main")
    'https://***@host/name.git#main'
    """
    return _PASSWORD.sub("***@", str(text))
