"""A process of its own for one action: `python -m ... <project> <chain> <number>`."""

from __future__ import annotations

import sys

from mlrun_like.monitoring.actions.claims import action_store, read_record
from mlrun_like.monitoring.actions.execute import carry_out

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Do the work of a record; 0 if it completed.

    Args:
        arguments: Project, chain and number.
    """
    project, chain, number = arguments
    store = action_store()
    done = carry_out(store, read_record(store, project, chain, int(number)))
    sys.stdout.write(f"{done.key}: {done.state} {done.reason}\n")
    return 0 if done.state == "completed" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
