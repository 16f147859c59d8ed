"""Code that Nuclio fetches itself: git repositories, archives, S3 (code entry types of Nuclio)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mlrun_like.errors import InvalidArgumentError

__all__ = ["code_entry"]

_ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".jar", ".rar")
_GIT = {"GIT_USERNAME": "username", "GIT_PASSWORD": "password"}
_S3 = {
    "AWS_ACCESS_KEY_ID": "s3AccessKeyId",
    "AWS_SECRET_ACCESS_KEY": "s3SecretAccessKey",
    "AWS_SESSION_TOKEN": "s3SessionToken",
    "AWS_REGION": "s3Region",
}


def code_entry(source: str, workdir: str, builder_env: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `spec.build` that names where the code is.

    Args:
        source: `git://host/org/repo#branch` (or `#refs/tags/v1`), `s3://bucket/key`, or the URL of
            an archive.
        workdir: The folder in it where the handler is.
        builder_env: Credentials by MLRun's names: `GIT_USERNAME`, `GIT_PASSWORD`, `GIT_TOKEN`,
            `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `V3IO_ACCESS_KEY`.

    Raises:
        InvalidArgumentError: if Nuclio has no way to fetch it.

    >>> code_entry("git://github.com/org/repo#main", "fns", {})["codeEntryAttributes"]
    {'workDir': 'fns', 'branch': 'main'}
    """
    attributes: dict[str, Any] = {"workDir": workdir} if workdir else {}
    parts = urlsplit(source)
    if parts.scheme == "git":
        ref = parts.fragment
        if ref:
            attributes["reference" if ref.startswith("refs/") else "branch"] = ref
        _take(attributes, builder_env, _GIT)
        if builder_env.get("GIT_TOKEN"):
            attributes.setdefault("username", "x-access-token")
            attributes["password"] = str(builder_env["GIT_TOKEN"])
        path = urlunsplit(("https", parts.netloc, parts.path, "", ""))
        return {"codeEntryType": "git", "path": path, "codeEntryAttributes": attributes}
    if parts.scheme == "s3":
        attributes |= {"s3Bucket": parts.netloc, "s3ItemKey": parts.path.lstrip("/")}
        _take(attributes, builder_env, _S3)
        return {"codeEntryType": "s3", "path": "", "codeEntryAttributes": attributes}
    if parts.scheme in ("http", "https", "v3io", "v3ios"):
        if parts.scheme.startswith("http") and not parts.path.endswith(_ARCHIVES):
            raise InvalidArgumentError(
                f"{source!r:.120} is no archive that Nuclio can unpack",
                where="spec.build.source",
                fix=f"an archive ends with {', '.join(_ARCHIVES)}",
            )
        if builder_env.get("V3IO_ACCESS_KEY"):
            attributes["headers"] = {"X-V3io-Session-Key": str(builder_env["V3IO_ACCESS_KEY"])}
        return {"codeEntryType": "archive", "path": source, "codeEntryAttributes": attributes}
    raise InvalidArgumentError(
        f"Nuclio cannot fetch code from {source!r:.120}",
        where="spec.build.source",
        fix="git://host/org/repo#branch, s3://bucket/key or https://host/archive.tar.gz",
    )


def _take(attributes: dict[str, Any], values: Mapping[str, Any], names: Mapping[str, str]) -> None:
    for name, attribute in names.items():
        if values.get(name):
            attributes[attribute] = str(values[name])
