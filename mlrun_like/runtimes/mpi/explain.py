"""Why ranks or their launcher ended, in words that name the rank and the host."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

from mlrun_like.runtimes.mpi.control import Failure
from mlrun_like.runtimes.processes import Ending

__all__ = ["describe", "explain_launcher"]

_SIGNAL = (  # what launchers say of a rank that a signal ended
    re.compile(r"process rank (?P<rank>\d+) .*?exited on\s+signal (?P<number>\d+)", re.DOTALL),
    re.compile(r"spawn: rank (?P<rank>\d+) ended with signal (?P<number>\d+)"),
    re.compile(r"(?P<rank>)KILLED BY SIGNAL:? (?P<number>\d+)"),
    re.compile(r"(?P<rank>)EXIT STRING: .*?\(signal (?P<number>\d+)\)"),
)
_CODE = (
    re.compile(r"Process name: \[\[\d+,\d+\],(?P<rank>\d+)\]\s+Exit code:\s+(?P<number>\d+)"),
    re.compile(r"spawn: rank (?P<rank>\d+) ended with exit code (?P<number>\d+)"),
    re.compile(r"(?P<rank>)EXIT CODE: (?P<number>\d+)"),
    re.compile(r"(?P<rank>\d+)\D{0,20}non-zero (?:exit )?status:? (?P<number>\d+)"),
)
_CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE")

_KNOWN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r"not enough slots available"),
        lambda m: (
            "there are fewer slots than ranks; give the hosts more, as in node1:4, or add "
            "--oversubscribe with fn.set_mpi_args"
        ),
    ),
    (
        re.compile(
            r"lost communication with a remote daemon.*?Remote daemon\s*:.*?on node (\S+)",
            re.DOTALL,
        ),
        lambda m: f"host {m[1]} does not answer any more",
    ),
    (
        re.compile(r"(?:ssh: )?Could not resolve hostname ([^\s:]+)"),
        lambda m: f"host {m[1]} has no address: its name cannot be resolved",
    ),
    (
        re.compile(r"connect to host (\S+) port \d+: (.+)"),
        lambda m: f"host {m[1]} cannot be reached through ssh: {m[2].strip()}",
    ),
    (
        re.compile(r"(\S+): Permission denied \(([^)]*)\)"),
        lambda m: f"ssh was refused by {m[1]} ({m[2]}); it needs a key without a passphrase",
    ),
    (
        re.compile(r"(?:orted|prted|hydra_pmi_proxy): (?:command )?not found"),
        lambda m: "a host has no MPI where this machine has it; install the same version there",
    ),
    (
        re.compile(r"(?:launch agent|rsh agent)[^\n]*not found|agent specification", re.I),
        lambda m: "the launch agent was not found; see the setting mpi_launch_agent",
    ),
    (
        re.compile(r"unable to (?:find|locate) .*?executable[^\n]*?:?\s*(?:Node: (\S+))?", re.S),
        lambda m: "the interpreter was not found on a host; see the setting mpi_python",
    ),
    (
        re.compile(r"No module named '?(mlrun_like\S*?)'?\s"),
        lambda m: f"the interpreter of a host has no {m[1]}; install mlrun_like there",
    ),
    (
        re.compile(r"ORTE was unable to reliably start one or more daemons"),
        lambda m: (
            "a host's daemon could not be started; check the launch agent and the hosts' names"
        ),
    ),
)


def describe(failure: Failure, size: int, lost_after: float, text: str) -> str:
    """A failure as the run's error.

    Args:
        failure: What went wrong first.
        size: Number of ranks.
        lost_after: Seconds without an answer after which a host counts as cut off.
        text: What the launcher printed.
    """
    ranks = _ranks(failure.ranks)
    where = f"{ranks} on host {failure.host}"
    if failure.kind == "error" and len(failure.ranks) == size:
        return failure.error
    if failure.kind == "error":
        return f"{where} failed: {failure.error}"
    if failure.kind == "timeout":
        return f"{failure.error}; still at work: {where}"
    if failure.kind == "silent":
        return (
            f"host {failure.host} does not answer any more: {ranks} there was cut off and gave no "
            f"sign of life for {lost_after:g} s"
        )
    if failure.kind == "absent":
        planned = f" (planned on: {failure.host})" if failure.host else ""
        return f"{ranks} of {size} did not start in time{planned}{_because(text)}"
    return f"{where} {_fate(failure.ranks[0], text)}"


def _ranks(numbers: tuple[int, ...]) -> str:
    """`rank 2`, or `ranks 1, 2`.

    >>> _ranks((1, 2))
    'ranks 1, 2'
    """
    return f"rank{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _fate(rank: int, text: str) -> str:
    number = _number(_SIGNAL, rank, text)
    if number:
        name = _name_of(number)
        told = f"was ended by signal {number} ({name})"
        if name == "SIGKILL":
            told += ": its machine ran out of memory, or somebody killed it from outside"
        elif name in _CRASHES:
            told += ": native code crashed"
        return told
    number = _number(_CODE, rank, text)
    if number is not None:
        return f"ended with exit code {number} before its end was recorded"
    return "ended without a word: it was killed, or its machine failed"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _number(patterns: tuple[re.Pattern[str], ...], rank: int, text: str) -> int | None:
    for pattern in patterns:
        for match in pattern.finditer(text):
            if match["rank"] in ("", str(rank)):
                return int(match["number"])
    return None


def explain_launcher(ending: Ending, text: str, unfinished: list[int]) -> str:
    """Why a launcher ended although no rank reported a failure.

    Args:
        ending: How it ended.
        text: What it printed.
        unfinished: The ranks that had not ended.
    """
    reason = _because(text)
    left = f"; {_ranks(tuple(unfinished))} had not ended" if unfinished else ""
    if ending.code is None:
        return f"the launcher was lost: {ending.reason}{left}"
    if ending.code < 0:
        ended = f"was ended by signal {-ending.code} ({_name_of(-ending.code)})"
        return f"the launcher {ended}{left}{reason}"
    return f"the launcher ended with exit code {ending.code}{left}{reason}"


def _because(text: str) -> str:
    for pattern, say in _KNOWN:
        match = pattern.search(text)
        if match is not None:
            return f": {say(match)}"
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and set(line) - set("-=*|")]
    return f": {' / '.join(said[:4])[:500]}" if said else ""
