"""What somebody wants deployed, and what may be shown of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.deployment import Options, Share, Version

__all__ = ["digest_of", "shares_of", "shown_options", "version_of"]


def digest_of(kind: str, document: Mapping[str, Any], options: Options) -> str:
    """What tells versions apart: code and options, not when or by whom they were made."""
    meta = dict(document.get("metadata") or {})
    for name in ("hash", "updated"):
        meta.pop(name, None)
    rest = {name: value for name, value in document.items() if name != "status"}
    whole = {"kind": kind, "document": {**rest, "metadata": meta}, "options": options.to_dict()}
    text = json.dumps(whole, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def version_of(wanted: Mapping[str, Any]) -> Version:
    """The version that a request to deploy describes.

    Raises:
        InvalidArgumentError: if it makes no sense.
    """
    kind, document, given = wanted.get("kind"), wanted.get("document"), wanted.get("options") or {}
    if not isinstance(kind, str) or not kind or len(kind) > 40:
        raise InvalidArgumentError(f"{kind!r:.60} is no kind of function")
    if not isinstance(document, dict) or not isinstance(given, dict):
        raise InvalidArgumentError("a document and options are wanted, as mappings")
    try:
        options = Options.from_dict(given)
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(f"the options cannot be used: {exc}") from exc
    by = str(wanted.get("by") or "")[:100]
    return Version(0, kind, document, options, by=by, digest=digest_of(kind, document, options))


def shares_of(values: Mapping[str, Any]) -> list[Share]:
    """The shares that a request to shift traffic names.

    Raises:
        InvalidArgumentError: if they are none.
    """
    try:
        return [Share(**dict(row)) for row in values.get("shares") or ()]
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(f"shares cannot be used: {exc}") from exc


def shown_options(options: Options) -> dict[str, Any]:
    """Options without what may be secret."""
    shown = options.to_dict()
    if "env" in shown:
        shown["env"] = sorted(shown["env"])
    if "auth" in shown:
        auth = shown["auth"]
        names = [str(row.get("name")) for row in auth.get("callers") or ()]
        shown["auth"] = {"kind": auth.get("kind"), "callers": names}
    shown["triggers"] = {
        name: {"kind": row.get("kind")} for name, row in (shown.get("triggers") or {}).items()
    }
    return shown
