"""A resolver's complaint as one sentence: which line cannot be met, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlrun_like.errors import BuildError
from mlrun_like.images.target import Target
from mlrun_like.packaging.requirements import distribution_name, normalize_dist

__all__ = ["explain", "without_passwords"]

_PASSWORD = re.compile(r"(?<=://)[^/@\s:]*(?::[^/@\s]*)?@")
_DRAWING = re.compile(r"[│├└╰┌─▶\u00d7╭╮╯]+")
_UNREACHABLE = re.compile(
    r"failed to fetch|could not connect|connection (?:refused|reset|error)|timed? ?out|dns error|"
    r"name or service not known|temporary failure|error sending request|Max retries",
    re.IGNORECASE,
)
_BUILD_FAILED = re.compile(
    r"failed to build|build backend returned an error|failed-wheel-build|subprocess-exited",
    re.IGNORECASE,
)
_LIMIT = 500


def without_passwords(text: str) -> str:
    """A text whose URLs name no user and password.

    >>> without_passwords("see https://me:secret@host/simple")
    'see https://***@host/simple'
    """
    return _PASSWORD.sub("***@", text)


def explain(output: str, lines: Sequence[str], target: Target | None, tool: str) -> BuildError:
    """The error for what a resolver printed.

    Args:
        output: The resolver's error output.
        lines: The requirements it was given.
        target: For whom; None where that does not matter.
        tool: The resolver's name.
    """
    reason = _reason(output)
    blamed = [repr(without_passwords(line)) for line in _blamed(reason, lines)]
    shown = f"requirement{'s' if blamed[1:] else ''} {' and '.join(blamed)}"
    shown = shown if blamed else "the requirements"
    whom = f" for Python {target.python} on {target.platform}" if target else ""
    if _UNREACHABLE.search(output):
        what = f"the package index cannot be reached: {reason}"
        fix = "check the network, or name an index: builder_env={'PIP_INDEX_URL': ...}"
    elif _BUILD_FAILED.search(output):
        what = f"{shown} has no wheel{whom} and cannot be built here: {reason}"
        fix = "choose a version with a wheel, or build it in the image: with_commands([...])"
    else:
        what = f"{shown} cannot be met{whom}: {reason}"
        fix = "change the requirement, or the base image's Python"
    return BuildError(what, where=tool, fix=fix)


def _reason(output: str) -> str:
    """The complaint without drawing, colour, hints and line ends."""
    text = _DRAWING.sub(" ", re.sub(r"\x1b\[[0-9;]*m", "", output))
    kept: list[str] = []
    for raw in text.splitlines():
        line = " ".join(raw.split())
        if line.startswith(("hint:", "warning:", "WARNING:", "DEPRECATION", "[notice]")):
            if kept and line.startswith("hint:"):
                break
            continue
        if line:
            kept.append(line.removeprefix("error: ").removeprefix("ERROR: "))
    joined = without_passwords(" ".join(kept)) or "it gave no reason"
    joined = re.sub(r"^No solution found when resolving [a-z ]*:\s*(?:cause: )?", "", joined)
    if len(joined) > _LIMIT:  # the end says what the long way there comes to
        joined = re.split(r"(?<=\.) (?=And because|Because)", joined)[-1].removeprefix("And ")
    matching = re.search(r"No matching distribution found for [^\n]*", joined)
    joined = matching[0] if matching else joined
    return joined if len(joined) <= _LIMIT else "…" + joined[1 - _LIMIT :]


def _blamed(reason: str, lines: Sequence[str]) -> list[str]:
    """The requirements that the complaint mentions; those of "you require" alone if it has some."""
    words = {normalize_dist(word.strip(".-_")) for word in re.findall(r"[A-Za-z0-9._-]+", reason)}
    mentioned = [line for line in lines if distribution_name(line) in words - {""}]
    required = re.findall(r"(?:you require|\band(?! you)) ([A-Za-z0-9._-]+)(?=[<>=!~,\[ ])", reason)
    names = {normalize_dist(word.strip(".-_")) for word in required}
    found = [line for line in mentioned if distribution_name(line) in names]
    exact = [
        line for line in found if re.search(r"[<>=~!]", line) and "".join(line.split()) in reason
    ]
    if found or mentioned:
        return (exact or found or mentioned)[:3]
    return [line for line in lines if line and line in reason][:1]
