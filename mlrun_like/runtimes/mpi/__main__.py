"""`python -m mlrun_like.runtimes.mpi`: one rank, as launchers start it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from mlrun_like.configuration import environment_copy, replace_environment
from mlrun_like.runtimes.limits import die_with_parent
from mlrun_like.runtimes.mpi.ranks import NO_SUBMITTER, begin
from mlrun_like.runtimes.mpi.who import introduce, who_am_i

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """Run this rank; gives the exit code. With `-` the first line of input has its variables."""
    die_with_parent(os.getppid())
    if "-" in arguments:
        replace_environment({**environment_copy(), **json.loads(sys.stdin.readline())})
    try:
        channel, who = introduce()
    except OSError as exc:
        rank = who_am_i()["rank"]
        sys.stderr.write(f"rank {rank}: the submitter cannot be reached: {exc}\n")
        return NO_SUBMITTER
    begin(channel, who)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
