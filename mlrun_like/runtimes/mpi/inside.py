"""What the launcher's pod of an MPIJob executes: the ranks are started through the operator's
host file and agent, and their run is recorded as everywhere.

`python3 -m mlrun_like.runtimes.mpi.inside FOLDER`; the folder holds the run's documents.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.runs.entry import payload_settings
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes.inside import read_payload
from mlrun_like.runtimes.mpi.planning import OPERATOR
from mlrun_like.runtimes.mpi.runtime import MpiRuntime
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.relay import RELAY, RelayStore

__all__ = ["main", "run_ranks"]


def run_ranks(payload: dict[str, Any]) -> RunDoc:
    """Run the payload's function on the operator's workers and record it."""
    with config.override(**payload_settings(payload)):
        relayed = payload.get("store") == RELAY
        relay = RelayStore(payload.get("objects", [])) if relayed else None
        document = FunctionDoc.from_dict(payload["function"])
        document.spec.launcher = OPERATOR
        job = Job(
            function=document,
            run=parse(RunDoc, payload["run"], "payload"),
            store=relay or open_store(payload.get("store", "")),
            attempt=payload.get("attempt", 1),
            last_attempt=payload.get("last_attempt", True),
            secrets=payload.get("secrets", {}),
        )
        done = MpiRuntime().attempt(job)
        if relay is not None:
            relay.finish(done)
        else:
            job.store.flush()
    return done


def main(arguments: list[str]) -> int:
    """Execute the run whose documents are in the folder given as the only argument."""
    try:
        done = run_ranks(read_payload(Path(arguments[0])))
    except MLRunLikeError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0 if done.status.state == "completed" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
