"""Records of a project as they are elsewhere: another project's name, other places of bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.errors import InvalidArgumentError

__all__ = ["Names"]

_URI = re.compile(r"(store://(?:[a-z-]+/)?)([a-z0-9][-a-z0-9]*)(/)")


class Names:
    """Old and new names.

    Args:
        old: The project's name in the records.
        new: Its name here.

    >>> Names("a", "b").of({"project": "a", "model": "store://models/a/m:latest"})
    {'project': 'b', 'model': 'store://models/b/m:latest'}
    """

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new
        self._places: dict[str, str] = {}
        self.hashes: dict[str, str] = {}
        """Hashes of functions, before and after."""

    def place(self, row: dict[str, Any], folder: Path) -> None:
        """Note where the bytes of an artifact are now; they get their names back.

        Args:
            row: `document` and `files` (relative name and member of each).
            folder: Where the members lie.
        """
        files = row.get("files") or []
        target = str((row["document"].get("spec") or {}).get("target_path") or "")
        if not files or not target:
            return
        base = folder / (Path(target.rstrip("/")).name or "content")
        for file in files:
            name, member = str(file["name"]), str(file["member"]).rpartition("/")[2]
            place = base / name if name else base
            inside = place.resolve().is_relative_to(folder.resolve())
            if not inside or not member.isdigit() or base.name == member:
                raise InvalidArgumentError(
                    f"file {name!r} of an artifact would be written outside of its folder",
                    fix="do not use this archive",
                )
            place.parent.mkdir(parents=True, exist_ok=True)
            (folder / member).rename(place)
        self._places[target.rstrip("/")] = str(base)

    def of(self, value: Any) -> Any:
        """Plain data with everything renamed."""
        if isinstance(value, dict):
            changed = {key: self.of(item) for key, item in value.items()}
            if changed.get("project") == self._old:
                changed["project"] = self._new
            if changed.get("kind") == "project":  # who made an artifact; whose secrets
                found = [name for name in ("name", "uri", "source") if name in changed]
                changed |= {name: self._new for name in found if changed[name] == self._old}
            return changed
        if isinstance(value, list):
            return [self.of(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        if "store://" in text:
            text = _URI.sub(self._uri, text)
        elif text.startswith((f"{self._old}/", f"{self._old}@")):
            text = self._new + text[len(self._old) :]
            head, mark, digest = text.rpartition("@")
            if mark and digest in self.hashes:
                text = f"{head}@{self.hashes[digest]}"
        elif scheme_of(text) or text.startswith("/"):
            return self._moved(text)
        return text

    def _uri(self, match: re.Match[str]) -> str:
        project = self._new if match[2] == self._old else match[2]
        return f"{match[1]}{project}{match[3]}"

    def _moved(self, text: str) -> str:
        """A path at or below a place whose bytes have moved."""
        plain = text.rstrip("/")
        head, tail = plain, text[len(plain) :]
        while head:
            if head in self._places:
                return self._places[head] + tail
            head, mark, last = head.rpartition("/")
            if not mark:
                return text
            tail = f"/{last}{tail}"
        return text
