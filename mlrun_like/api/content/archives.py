"""What is in an archive, by its list of names: nothing is unpacked; runs in the worker."""

from __future__ import annotations

import tarfile
import zipfile
from typing import Any

__all__ = ["list_archive", "unsafe_name"]

_MOST = 1000


def list_archive(job: dict[str, Any]) -> dict[str, Any]:
    """Names and sizes.

    Args:
        job: `path`, and `format`: `zip` or `tar`.
    """
    entries: list[dict[str, Any]] = []
    total: int | None
    if job["format"] == "zip":
        with zipfile.ZipFile(job["path"]) as archive:
            infos = archive.infolist()
            total = len(infos)
            for info in infos[:_MOST]:
                entries.append(_entry(info.filename, info.file_size, info.is_dir()))
    else:
        total = 0
        try:
            with tarfile.open(job["path"], "r:*") as packed:
                for member in packed:
                    total += 1
                    if len(entries) == _MOST:
                        total = None
                        break
                    link = not (member.isfile() or member.isdir())
                    entries.append(_entry(member.name, member.size, member.isdir(), link))
        except tarfile.TarError as exc:
            raise ValueError(str(exc)) from exc
    return {"entries": entries, "total": total}


def _entry(name: str, size: int, is_dir: bool, link: bool = False) -> dict[str, Any]:
    shown = name.encode("utf-8", "replace").decode()
    return {
        "name": shown if len(shown) <= 500 else f"{shown[:500]}…",
        "size": size,
        "is_dir": is_dir,
        "unsafe": link or unsafe_name(name),
    }


def unsafe_name(name: str) -> bool:
    """Whether a name would lead out of the folder that somebody unpacks into.

    >>> unsafe_name("../etc/passwd"), unsafe_name("data/a.csv")
    (True, False)
    """
    plain = name.replace("\\", "/")
    return plain.startswith("/") or ":" in plain[:3] or ".." in plain.split("/") or "\0" in name
