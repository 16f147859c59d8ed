"""What a file is, by its name and first bytes, never by what a client said; and how it is sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

__all__ = ["FILE", "SANDBOX", "VIEWS", "disposition", "image_type", "language_of", "view_headers"]

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, no-cache",
}

FILE: Mapping[str, str] = MappingProxyType(
    {**_ALWAYS, "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}
)
"""Headers of a file that is downloaded: nothing in it may act, even if a browser shows it."""

SANDBOX = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)
"""The policy of an HTML artifact. Its scripts (of a plot) run in an origin of their own, without
cookies, network, forms, windows and downloads; so they cannot reach the service or anybody else."""

_STILL = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
)

VIEWS: Mapping[str, str] = MappingProxyType(
    {
        "image/png": _STILL,
        "image/jpeg": _STILL,
        "image/gif": _STILL,
        "image/webp": _STILL,
        "image/avif": _STILL,
        "image/bmp": _STILL,
        "image/svg+xml": _STILL,
        "text/html; charset=utf-8": SANDBOX,
    }
)
"""The types that may be shown in place, and the policy that each is sent with."""

_LANGUAGES = {
    "py": "python", "r": "r", "sh": "shell", "sql": "sql", "js": "javascript", "ts": "typescript",
    "java": "java", "go": "go", "c": "c", "cpp": "cpp", "h": "c", "rs": "rust", "yaml": "yaml",
    "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini", "xml": "xml", "css": "css",
    "json": "json", "md": "markdown", "dockerfile": "dockerfile", "diff": "diff",
}  # fmt: skip


def image_type(head: bytes) -> str:
    """The type of an image by its first bytes; empty if it is none that browsers show.

    >>> image_type(b"\\x89PNG\\r\\n\\x1a\\n..."), image_type(b"<script>")
    ('image/png', '')
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    if head.startswith(b"BM") and len(head) > 26:
        return "image/bmp"
    return ""


def language_of(name: str) -> str:
    """The language of a text file, for its colours; empty if none is known."""
    base = name.rpartition("/")[2].lower()
    return _LANGUAGES.get(base.rpartition(".")[2], "")


def disposition(name: str, *, inline: bool = False) -> str:
    """The header that says what a download is called; no name can break out of it.

    >>> disposition('a"b.csv')
    'attachment; filename="a_b.csv"; filename*=UTF-8\\'\\'a_b.csv'
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    base = "".join(c for c in base if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    base = re.sub(r'["<>:|?*;%]', "_", base).strip(". ")[:150] or "file"
    plain = re.sub(r"[^\x20-\x7e]", "_", base)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(base, safe='')}"


def view_headers(media: str) -> dict[str, str]:
    """Headers of something that is shown in place."""
    return {**_ALWAYS, "content-security-policy": VIEWS[media]}
