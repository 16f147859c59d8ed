"""Why a program ended: exit codes and last lines, turned into a cause and a fix.

Codes above 128 are 128 + the number of the signal that ended the program, as shells and container
tools report them; 125 to 127 are what container tools and shells use for "could not be started".
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import NamedTuple

from mlrun_like.packaging.providers import provider_of
from mlrun_like.runtimes.finding import Finding

__all__ = ["Clue", "cause_of", "explain_code", "explain_end", "find_in_log", "needs_package"]

_MEANINGS = {
    1: "an unhandled error",
    2: "wrong arguments, or a shell's own error",
    126: "the command was found but could not be executed",
    127: "the command was not found",
    129: "its terminal was closed (SIGHUP)",
    130: "it was interrupted (SIGINT)",
    132: "an illegal instruction (SIGILL): it was built for another processor",
    134: "it gave up (SIGABRT): native code failed",
    135: "a bus error (SIGBUS): often /dev/shm or a mapped file is full",
    136: "an arithmetic error in native code (SIGFPE)",
    137: "it was killed (SIGKILL)",
    139: "a segmentation fault in native code (SIGSEGV)",
    141: "nobody read its output any more (SIGPIPE)",
    143: "it was asked to end (SIGTERM)",
}
_FIXES = {
    132: "use an image for this machine's processor, or a package built without newer instructions",
    134: "look for the native library's own message in the log",
    135: "give more shared memory: an emptyDir volume with medium Memory, mounted at /dev/shm",
    139: "update or pin the native package that crashed; PYTHONFAULTHANDLER=1 shows where it was",
    143: "run it again; a node that was drained or a program that was restarted ends its runs so",
}


class Clue(NamedTuple):
    """What is known of an end besides its code.

    Args:
        memory: The memory limit as it was written; empty: none.
        out_of_memory: Whether the kernel or the engine said so.
        image: The image it ran in; empty: none.
        where: The run or function, for the finding.
    """

    memory: str = ""
    out_of_memory: bool | None = None
    image: str = ""
    where: str = ""


def explain_code(code: int) -> str:
    """What an exit code means.

    Args:
        code: As a shell reports it; a negative one is a signal's number, as Python reports it.

    >>> explain_code(139)
    'exit code 139: a segmentation fault in native code (SIGSEGV)'
    >>> explain_code(-9)
    'exit code 137: it was killed (SIGKILL)'
    """
    code = 128 - code if code < 0 else code
    text = _MEANINGS.get(code, "")
    if not text and 128 < code < 193:
        try:
            text = f"ended by signal {signal.Signals(code - 128).name}"
        except ValueError:
            text = f"ended by signal {code - 128}"
    return f"exit code {code}: {text}" if text else f"exit code {code}"


def cause_of(code: int | None, tail: str, clue: Clue | None = None) -> Finding:
    """The most likely cause of an end that was not recorded, with a fix.

    Args:
        code: The exit code; None: unknown.
        tail: The last lines of the program's output.
        clue: What is known besides.

    >>> print(cause_of(137, "", Clue(memory="256Mi", out_of_memory=True)))
    out of memory: it was killed at its memory limit of 256Mi
      fix: raise the limit: fn.with_limits(mem="512Mi"), or read the data in parts
    """
    clue = clue or Clue()
    code = 128 - code if code is not None and code < 0 else code
    if clue.out_of_memory or code == 137:
        return _killed(clue)
    found = find_in_log(tail, clue)
    if found is not None:
        return found
    if code is None:
        return Finding("lost", "it ended without a word", clue.where, "run it again, with retries")
    what = explain_code(code)
    if code == 0:
        what = "it ended without an error before the run was recorded"
    return Finding(f"exit-{code}", what, clue.where, _FIXES.get(code, "see the run's log"))


def explain_end(code: int | None, tail: str, clue: Clue | None = None) -> str:
    """`cause_of` as a run's error: one line, and one with the fix."""
    found = cause_of(code, tail, clue)
    text = found.what
    if code and not found.code.startswith("exit-"):
        text += f" ({explain_code(code)})"
    return f"{text}\n  fix: {found.fix}" if found.fix else text


def find_in_log(tail: str, clue: Clue | None = None) -> Finding | None:
    """The cause that the last lines of a log name, if they name one; later lines count more.

    >>> find_in_log("ModuleNotFoundError: No module named 'sklearn'").fix
    'add it: fn.with_requirements(["scikit-learn"]) and build the image again'
    """
    clue = clue or Clue()
    for line in reversed(tail.splitlines()):
        for pattern, make in _PATTERNS:
            match = pattern.search(line)
            if match:
                return make(match, clue)
    return None


def needs_package(module: str, where: str = "") -> Finding:
    """The finding for a module that cannot be imported where the code runs."""
    return Finding(
        "module-missing",
        f"the module {module!r} is not installed where the code ran",
        where,
        f'add it: fn.with_requirements(["{provider_of(module)}"]) and build the image again',
    )


def _killed(clue: Clue) -> Finding:
    if clue.memory and clue.out_of_memory is not False:
        sure = clue.out_of_memory is True
        return Finding(
            "out-of-memory",
            f"out of memory: it was killed at its memory limit of {clue.memory}"
            if sure
            else f"it was killed: at its memory limit of {clue.memory}, or from outside",
            clue.where,
            f'raise the limit: fn.with_limits(mem="{_twice(clue.memory)}"), '
            "or read the data in parts",
        )
    if clue.out_of_memory:
        return Finding(
            "out-of-memory",
            "out of memory: the machine had none left, and it was killed",
            clue.where,
            "read the data in parts, or run it on a machine with more memory",
        )
    outside = "it was killed from outside"
    if clue.out_of_memory is None:
        outside += ", or the machine ran out of memory"
    return Finding("killed", outside, clue.where, "run it again, with retries: retry=2")


def _twice(memory: str) -> str:
    match = re.match(r"([0-9]+(?:\.[0-9]+)?)(.*)\Z", memory)
    return f"{2 * float(match[1]):g}{match[2]}" if match else memory


def _library(match: re.Match[str], clue: Clue) -> Finding:
    return Finding(
        "library-missing",
        f"the system library {match[1]} is not in the image",
        clue.where,
        'install its package when the image is built: fn.with_commands(["apt-get update", '
        '"apt-get install -y PACKAGE"])',
    )


def _permission(match: re.Match[str], clue: Clue) -> Finding:
    path = match[1]
    return Finding(
        "permission-denied",
        f"permission denied: {path!r} cannot be used by the user that the code runs as",
        clue.where,
        f"write below context.artifact_path or a temporary folder, or give that user {path!r}",
    )


def _not_started(match: re.Match[str], clue: Clue) -> Finding:
    image = f" in image {clue.image!r}" if clue.image else ""
    return Finding(
        "command-missing",
        f"the command {match[1]!r} was not found{image}",
        clue.where,
        "use an image that has it, or install it with fn.with_commands([...])",
    )


def _simple(code: str, what: str, fix: str) -> Callable[[re.Match[str], Clue], Finding]:
    def make(match: re.Match[str], clue: Clue) -> Finding:
        found = match.groupdict().get("name") or ""
        return Finding(code, what.format(name=found), clue.where, fix)

    return make


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Clue], Finding]], ...] = (
    (
        re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'"),
        lambda match, clue: needs_package(match[1], clue.where),
    ),
    (re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file"), _library),
    (
        re.compile(r"version [`'](?P<name>GLIBC\w*_[\d.]+)' not found"),
        _simple(
            "library-old",
            "the image's C library is too old: {name} is not in it",
            "use a newer base image, or packages built for this one",
        ),
    ),
    (
        re.compile(r"No space left on device|ENOSPC|disk quota exceeded", re.I),
        _simple(
            "disk-full",
            "the disk is full",
            "free space, write elsewhere (artifact_path), or mount a larger volume",
        ),
    ),
    (
        re.compile(r"CUDA out of memory|CUDA error: out of memory|OutOfMemoryError: CUDA"),
        _simple(
            "gpu-memory", "the GPU's memory is full", "use smaller batches, or a GPU with more"
        ),
    ),
    (
        re.compile(r"no NVIDIA driver|CUDA driver version is insufficient|no CUDA-capable device"),
        _simple(
            "gpu-missing",
            "no usable GPU was found where the code ran",
            "fn.with_limits(gpus=1), and a driver that fits the image's CUDA version",
        ),
    ),
    (
        re.compile(r"\bMemoryError\b|std::bad_alloc|Cannot allocate memory"),
        _simple(
            "out-of-memory",
            "out of memory: an allocation failed",
            "raise the limit with fn.with_limits(mem=...), or read the data in parts",
        ),
    ),
    (
        re.compile(r"exec format error", re.I),
        _simple(
            "wrong-platform",
            "the image is built for another processor",
            "use an image for this platform (linux/amd64, linux/arm64)",
        ),
    ),
    (
        re.compile(
            r"exec(?:utable file|:)? [`\"':]*([\w./-]+)[`\"']*:? (?:executable file )?not found"
        ),
        _not_started,
    ),
    (re.compile(r"(?:^|: )([\w./-]+): (?:command )?not found"), _not_started),
    (re.compile(r"PermissionError: \[Errno 13\] [^:]*: '([^']*)'"), _permission),
    (
        re.compile(r"Name or service not known|Temporary failure in name resolution|getaddrinfo"),
        _simple(
            "name-unknown",
            "a host name could not be resolved from where the code ran",
            "check the address; inside a container or cluster other names are known than here",
        ),
    ),
    (
        re.compile(r"ConnectionRefusedError|Connection refused"),
        _simple(
            "connection-refused",
            "a connection was refused: nothing listens at that address where the code ran",
            "check host and port; inside a pod, localhost is the pod itself",
        ),
    ),
    (
        re.compile(r"SyntaxError: (?P<name>.+)"),
        _simple(
            "syntax",
            "the code is not valid for the Python it ran with: {name}",
            "check the line above it in the log, and the image's Python version",
        ),
    ),
)
